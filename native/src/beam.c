/* The prefix beam search of beam_numpy.py, compiled; that file is the oracle of this one.
 *
 * A search is a handle. It takes frames until a language model must score words, hands their list
 * over (edgectc_beam_asked), takes the scores (edgectc_beam_answer) and goes on.
 *
 * Re-entrant, no global state; of libc only malloc, realloc, free, memory functions, exp and log1p,
 * so that it compiles for Android and WebAssembly as it stands. All arrays are C-contiguous.
 */
#include "beam_places.h"
#include "beam_prefixes.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

static int room_for_nexts(Search *s, int64_t wanted) {
  if (wanted <= s->room) return DONE;
  int64_t room = 2 * wanted;
  Entry *nexts = realloc(s->nexts, (size_t)room * sizeof(Entry));
  if (nexts) s->nexts = nexts;
  int64_t *keys = realloc(s->keys, (size_t)room * sizeof(int64_t));
  if (keys) s->keys = keys;
  int64_t *scratch = realloc(s->scratch, (size_t)room * sizeof(int64_t));
  if (scratch) s->scratch = scratch;
  if (!nexts || !keys || !scratch) return OUT_OF_MEMORY;
  s->room = room;
  return DONE;
}

static double best_path(const Entry *e, int32_t *cell) {
  if (e->last_path >= e->blank_path) {
    *cell = e->last_cell;
    return e->last_path;
  }
  *cell = e->blank_cell;
  return e->blank_path;
}

/* Adds the alignments in which `token` follows those of `from`; `again`: its last token is the same,
 * which is a new one only over a blank; else it is the old one going on (`stay`). */
static void arrive(Entry *after, const Entry *from, int again, double value) {
  int32_t cell = from->blank_cell;
  double path = (again ? from->blank_path : best_path(from, &cell)) + value;
  after->last = log_add(after->last, (again ? from->blank : from->total) + value);
  if (path > after->last_path) {
    after->last_path = path;
    after->last_cell = cell;
    after->value = value;
    after->fresh = 1;
  }
}

/* Returns the entry after a frame whose prefix was in the beam; `allowed` says if its last token may
 * be emitted: once more, or now for the first time after its parent, which may be in the beam too. */
static Entry stay(const Search *s, const Entry *e, const double *row, double blank, int allowed) {
  const Prefix *p = s->prefixes + e->prefix;
  int32_t token = p->token, cell;
  double path = best_path(e, &cell);
  Entry after = {e->total + blank, -HUGE_VAL, e->total + blank, path + blank, -HUGE_VAL, 0.0,
                 e->prefix, cell, -1, 0, e->lent};
  if (!allowed) return after;
  double value = row[token], mass = e->total;
  if (token != s->tables.boundary) {
    mass = e->last;
    path = e->last_path;
    cell = e->last_cell;
  } /* else: a boundary after a boundary, even over a blank, says nothing new */
  after.last = mass + value;
  after.last_path = path + value;
  after.last_cell = cell;
  if (cell >= 0 && value > s->cells[cell].value) {
    after.last_cell = s->cells[cell].before;
    after.value = value;
    after.fresh = 1;
  }
  /* No bound is asked here: what is in the beam has all its alignments, those that come from a parent
   * of any rank too. */
  if (p->parent >= 0) {
    const Prefix *parent = s->prefixes + p->parent;
    const Entry *from = parent->slot >= 0 ? s->entries + parent->slot : NULL;
    if (from && (e->lent || !from->lent || completes(s, p)))
      arrive(&after, from, token == parent->token, value);
  }
  after.total = log_add(after.blank, after.last);
  return after;
}

/* Adds the child `made` of entry `e` to nexts unless it is impossible or in the beam and not only lent. */
static void grow(Search *s, const Entry *e, int32_t made, double value) {
  const Prefix *child = s->prefixes + made;
  if (child->barred || child->unscored || child->bonus == -HUGE_VAL) return;
  if (child->slot >= 0 && (e->lent || !s->entries[child->slot].lent)) return;
  int lent = e->lent && !completes(s, child);
  Entry *after = s->nexts + s->n_nexts;
  *after = (Entry){-HUGE_VAL, -HUGE_VAL, 0.0, -HUGE_VAL, -HUGE_VAL, 0.0, made, -1, -1, 0, lent};
  arrive(after, e, child->token == s->prefixes[e->prefix].token, value);
  after->total = after->last;
  s->n_nexts += after->last > -HUGE_VAL;
}

/* Adds the child of `e` in which `token` begins a word and so ends the one before. */
static int begin_word(Search *s, const Entry *e, int32_t token, double value, Floors floors) {
  const Tables *t = &s->tables;
  const Prefix *p = s->prefixes + e->prefix;
  double most = e->total + p->bonus + t->end_gain + t->gain - t->ahead[0] + value;
  int32_t word = 0;
  if (t->words.first_child) {
    word = word_step(t, 0, token);
    if (word < 0 && t->constrain) return DONE;
    most += word >= 0 ? t->ahead[word] : t->ahead_unknown;
  }
  if (!may_stay(t, e, p->hot, 1, token, word, most, floors)) return DONE;
  int32_t ended = child_of(s, e->prefix, e->prefix, t->n_tokens, 0);
  if (ended < 0) return OUT_OF_MEMORY;
  const Prefix *held = s->prefixes + ended;
  if (held->barred || held->unscored || held->bonus == -HUGE_VAL) return DONE;
  int32_t made = child_of(s, e->prefix, ended, token, word);
  if (made < 0) return OUT_OF_MEMORY;
  grow(s, e, made, value);
  return DONE;
}

/* Adds all that can follow entry `i` to nexts and is not in the beam, or only lent; what must fall under
 * the floors is skipped. */
static int extend(Search *s, int64_t i, const double *row, int32_t n_tokens, Floors floors) {
  const Tables *t = &s->tables;
  Entry e = s->entries[i];
  Prefix p = s->prefixes[e.prefix];
  double reach = e.total + p.bonus + t->gain, end_reach = e.total + p.bonus + t->end_gain;
  int is_word = t->words.first_child && p.word >= 0 && t->words.entry[p.word] >= 0;
  for (int32_t k = 0; k < n_tokens; k++) {
    int32_t token = s->tokens[k], word = 0;
    double value = row[token];
    if (token == t->blank) continue;
    if (t->marks && p.in_word && token != t->boundary) {
      int32_t bits = t->marks[token];
      int goes_on = !(bits & BEGINS || t->marks[p.token] & ENDS);
      if ((!goes_on || (bits & MAY_END && is_word)) && begin_word(s, &e, token, value, floors))
        return OUT_OF_MEMORY;
      if (!goes_on) continue;
    }
    /* `reach` is the most that a child can rank that comes anew: the mass of all alignments so far, no
     * hotword or word bonus beyond the greatest one, the best word still below. Under the floor it
     * cannot stay, so it is not even made: most of what could follow ends here, before any table is
     * looked at. */
    double most = reach + value;
    if (token == t->boundary) {
      if (!p.in_word) continue;
      most = end_reach + value;
    } else if (t->words.first_child) {
      word = word_step(t, p.word, token);
      if (word < 0 && t->constrain) continue;
      most += word >= 0 ? t->ahead[word] : t->ahead_unknown;
    }
    if (!may_stay(t, &e, p.hot, 0, token, word, most, floors)) continue;
    int32_t made = child_of(s, e.prefix, e.prefix, token, word);
    if (made < 0) return OUT_OF_MEMORY;
    grow(s, &e, made, value);
  }
  return DONE;
}

/* Keeps the best prefixes, in order of age. Returns how many, 0 if none is possible.
 *
 * Their places are given as if there were no begun hotwords. Others in which one is begun may be lent
 * `hot_size` further places, by the rank that it promises. What follows them is lent too, until the
 * hotword is complete, and gives nothing to the others: so a hotword that is in no text changes none. */
static int64_t prune(Search *s) {
  const Tables *t = &s->tables;
  int64_t top = INT64_MIN, least = INT64_MIN, n_old = s->n_entries;
  for (int64_t i = 0; i < s->n_nexts; i++) {
    const Entry *after = s->nexts + i;
    double rank = after->total + s->prefixes[after->prefix].rank;
    s->keys[i] = !after->lent && rank > -HUGE_VAL ? key_of(rank) : INT64_MIN;
    if (s->keys[i] > top) top = s->keys[i];
  }
  if (top == INT64_MIN) return 0;
  if (t->beam_threshold < HUGE_VAL) least = top - (int64_t)(t->beam_threshold * STEPS);
  choose(s, t->beam_size, least);
  if (t->hot_size) {
    for (int64_t i = n_old; i < s->n_nexts; i++) { /* one that was lent may have a place of its own now */
      int32_t slot = s->prefixes[s->nexts[i].prefix].slot;
      if (slot >= 0 && s->keys[i] == INT64_MAX) s->nexts[slot].total = -HUGE_VAL;
    }
    for (int64_t i = 0; i < s->n_nexts; i++) {
      const Prefix *p = s->prefixes + s->nexts[i].prefix;
      double rank = s->nexts[i].total + p->rank + p->promise;
      if (s->keys[i] == INT64_MAX) continue;
      s->keys[i] = INT64_MIN;
      if (p->promise > 0 && rank > -HUGE_VAL && (i < n_old || p->slot < 0)) {
        s->keys[i] = key_of(rank);
        s->nexts[i].lent = 1;
      }
    }
    choose(s, t->hot_size, least);
  }
  for (int64_t i = 0; i < n_old; i++) s->prefixes[s->entries[i].prefix].slot = -1;
  s->n_entries = 0;
  s->at_rest = 0;
  for (int64_t i = 0; i < s->n_nexts; i++) {
    if (s->keys[i] < INT64_MAX) continue;
    Entry entry = s->nexts[i];
    s->prefixes[entry.prefix].slot = (int32_t)s->n_entries;
    if (entry.fresh) {
      s->cells[s->n_cells] = (Cell){entry.value, s->frame, entry.last_cell};
      entry.last_cell = (int32_t)s->n_cells++;
      entry.fresh = 0;
    }
    s->entries[s->n_entries++] = entry;
  }
  return s->n_entries;
}

/* All prefixes end in blank; their order stays. */
static int64_t only_blank(Search *s, double value) {
  s->lead += value;
  for (int64_t i = 0; i < s->n_entries && !s->at_rest; i++) {
    Entry *e = s->entries + i;
    int32_t cell;
    e->blank_path = best_path(e, &cell);
    e->blank_cell = cell;
    e->blank = e->total;
    e->last = e->last_path = -HUGE_VAL;
    e->last_cell = -1;
  }
  s->at_rest = 1;
  return s->n_entries;
}

/* Takes one frame with the tokens of at least `threshold`, and the most likely one.
 *
 * Returns how many prefixes it leaves; 0, and nothing is changed, if no prefix can take one of the
 * tokens or if words were asked for, which `n_asked` tells; or OUT_OF_MEMORY.
 */
static int64_t take_frame(Search *s, const double *row, double threshold) {
  const Tables *t = &s->tables;
  int32_t n_tokens = 0, top = 0;
  for (int32_t v = 1; v < t->n_tokens; v++)
    if (row[v] > row[top]) top = v;
  for (int32_t v = 0; v < t->n_tokens; v++)
    if ((row[v] >= threshold || v == top) && row[v] > -HUGE_VAL) s->tokens[n_tokens++] = v;
  double blank = -HUGE_VAL;
  for (int32_t k = 0; k < n_tokens; k++)
    if (s->tokens[k] == t->blank) blank = row[t->blank];
  /* Sure silence, as most frames of speech models are, changes no order: one addition does it. */
  if (n_tokens == 1 && s->tokens[0] == t->blank) return only_blank(s, blank);
  int64_t ways = t->marks ? 2 : 1; /* a token goes on with a word, or begins one, or both */
  if (room_for_nexts(s, s->n_entries * (ways * n_tokens + 1) + 1) ||
      room_for_cells(s, (int64_t)t->beam_size + t->hot_size)) /* before nexts point to cells */
    return OUT_OF_MEMORY;
  /* A prefix that stays keeps its place by all that it has after this frame, so those ranks bound what
   * a new one needs; computed first, they spare most of the work of `extend`. */
  double best = -HUGE_VAL, last = HUGE_VAL;
  int64_t n_free = 0;
  for (int64_t i = 0; i < s->n_entries; i++) {
    const Entry *e = s->entries + i;
    const Prefix *p = s->prefixes + e->prefix;
    int allowed = p->token >= 0 && p->token < t->n_tokens && p->token != t->blank &&
                  (row[p->token] >= threshold || p->token == top) && row[p->token] > -HUGE_VAL;
    Entry after = stay(s, e, row, blank, allowed);
    s->nexts[i] = after;
    if (e->lent) continue;
    double rank = after.total + p->rank;
    if (rank > best) best = rank;
    if (rank < last) last = rank;
    n_free++;
  }
  s->n_nexts = s->n_entries;
  Floors floors = {best - t->beam_threshold - SLACK, best - t->beam_threshold - SLACK};
  /* In a full beam, each prefix that comes must replace one. */
  if (n_free == t->beam_size && last - SLACK > floors.own) floors.own = last - SLACK;
  for (int64_t i = 0; i < s->n_entries; i++)
    if (extend(s, i, row, n_tokens, floors)) return OUT_OF_MEMORY;
  if (s->n_asked) return 0; /* words end here that are not scored yet: the caller scores them, and again */
  return prune(s);
}

/* Starts a search. The arrays of `tables` must outlive it; the struct itself is copied. */
EXPORT void *edgectc_beam_new(const Tables *tables) {
  Search *s = malloc(sizeof(Search));
  if (!s) return NULL;
  memset(s, 0, sizeof(Search));
  s->tables = *tables;
  s->prefix_room = s->prefix_limit = SPARE;
  s->prefixes = malloc((size_t)s->prefix_room * sizeof(Prefix));
  s->entries = malloc(((size_t)tables->beam_size + (size_t)tables->hot_size + 1) * sizeof(Entry));
  s->tokens = malloc((size_t)tables->n_tokens * sizeof(int32_t));
  if (!s->prefixes || !s->entries || !s->tokens || index_prefixes(s, 0)) {
    free(s->prefixes);
    free(s->entries);
    free(s->tokens);
    free(s->table);
    free(s);
    return NULL;
  }
  Prefix root = {0};
  root.parent = -1;
  root.token = tables->boundary;
  root.hot = tables->hot_start;
  settle(tables, &root);
  s->prefixes[0] = root;
  s->n_prefixes = 1;
  s->entries[0] = (Entry){0.0, -HUGE_VAL, 0.0, 0.0, -HUGE_VAL, 0.0, 0, -1, -1, 0, 0};
  s->n_entries = 1;
  return s;
}

EXPORT void edgectc_beam_free(void *search) {
  Search *s = search;
  free(s->prefixes);
  free(s->table);
  free(s->cells);
  free(s->entries);
  free(s->nexts);
  free(s->keys);
  free(s->scratch);
  free(s->asked);
  free(s->tokens);
  free(s);
}

/* Takes frames of log_probs (T, V) until all are taken or words must be scored.
 *
 * Returns how many were taken, or OUT_OF_MEMORY, after which the search is good for nothing but
 * edgectc_beam_free. While edgectc_beam_asked is above 0, nothing but an answer may follow.
 */
EXPORT int64_t edgectc_beam_push(void *search, const double *log_probs, int64_t T) {
  Search *s = search;
  for (int64_t t = 0; t < T; t++) {
    const double *row = log_probs + t * s->tables.n_tokens;
    if (s->n_prefixes > s->prefix_limit && forget_prefixes(s)) return OUT_OF_MEMORY;
    int64_t left = take_frame(s, row, s->tables.token_threshold);
    if (left == 0 && !s->n_asked) left = take_frame(s, row, -HUGE_VAL);
    if (left < 0) return OUT_OF_MEMORY;
    if (s->n_asked) return t;
    if (left == 0) s->n_entries = 0;
    s->frame++;
  }
  return T;
}

static int32_t row_of(const Search *s, const Prefix *parent) {
  const Trie *words = &s->tables.words;
  return s->tables.boundary >= 0 && words->first_child && parent->word >= 0
             ? words->entry[parent->word] : -1;
}

/* Returns the size of the list of words to score, and writes it where `room` is enough.
 *
 * For each: language model state, row in the vocabulary or -1, number of tokens, tokens. The tokens
 * of a word with a row are left out (their number is 0).
 */
EXPORT int64_t edgectc_beam_asked(const void *search, int32_t *out, int64_t room) {
  const Search *s = search;
  int64_t size = 0;
  for (int64_t i = 0; i < s->n_asked; i++) {
    const Prefix *child = s->prefixes + s->asked[i], *parent = s->prefixes + child->parent;
    int32_t row = row_of(s, parent), ends = ends_word(&s->tables, child->token);
    int32_t n = row >= 0 ? 0 : ends ? parent->in_word : 1;
    if (size + 3 + n <= room) {
      int32_t *to = out + size + 3, at = n;
      to[-3] = parent->lm;
      to[-2] = row;
      to[-1] = n;
      if (n && !ends) to[0] = child->token;
      for (const Prefix *p = parent; ends && at > 0; p = s->prefixes + p->parent)
        to[--at] = p->token;
    }
    size += 3 + n;
  }
  return size;
}

/* Takes the states after the words of edgectc_beam_asked and their log_probs, in its order. */
EXPORT void edgectc_beam_answer(void *search, const int32_t *states, const double *log_probs) {
  Search *s = search;
  for (int64_t i = 0; i < s->n_asked; i++) {
    Prefix *child = s->prefixes + s->asked[i];
    child->lm = states[i];
    child->lm_sum += log_probs[i];
    child->unscored = 0;
    settle(&s->tables, child);
  }
  s->n_asked = 0;
}

/* Ends the word of each prefix, which may ask for scores. Returns the prefixes of the beam. */
EXPORT int64_t edgectc_beam_end(void *search) {
  Search *s = search;
  for (int64_t i = 0; i < s->n_entries; i++) {
    int32_t prefix = s->entries[i].prefix;
    if (s->prefixes[prefix].in_word && child_of(s, prefix, prefix, s->tables.boundary, 0) < 0)
      return OUT_OF_MEMORY;
  }
  return s->n_entries;
}

/* Writes what each prefix is as a whole text: 4 reals and 4 integers each, see Ending; text -1 is
 * none, -2 one that is only lent. To be called after edgectc_beam_end, when all words have scores. */
EXPORT void edgectc_beam_endings(const void *search, double *reals, int32_t *whole) {
  const Search *s = search;
  for (int64_t i = 0; i < s->n_entries; i++) {
    const Entry *e = s->entries + i;
    int32_t text = e->prefix, cell;
    if (s->prefixes[text].in_word) text = s->table[place_of(s, text, s->tables.boundary)];
    const Prefix *p = s->prefixes + text;
    reals[4 * i] = e->total + s->lead;
    reals[4 * i + 1] = best_path(e, &cell);
    reals[4 * i + 2] = p->lm_sum;
    reals[4 * i + 3] = p->hot_sum;
    /* A hotword that is begun and not complete is in no text. */
    int done = s->prefixes[e->prefix].in_word && !p->barred && completes(s, p);
    whole[4 * i] = e->lent && !done ? -2 : p->barred ? -1 : text;
    whole[4 * i + 1] = p->lm; /* of a barred one, before its last word */
    whole[4 * i + 2] = p->words;
    whole[4 * i + 3] = p->unknown;
  }
}

/* Returns the place of the prefix of highest rank, of equals the oldest; -1 if there is none. */
EXPORT int64_t edgectc_beam_best(const void *search) {
  const Search *s = search;
  int64_t best = -1, top = INT64_MIN;
  for (int64_t i = 0; i < s->n_entries; i++) {
    if (s->entries[i].lent) continue;
    int64_t key = key_of(s->entries[i].total + s->prefixes[s->entries[i].prefix].rank);
    if (best < 0 || key > top) {
      best = i;
      top = key;
    }
  }
  return best;
}

/* Returns how many tokens the prefix at a place has; writes them and their frames if they fit. */
EXPORT int64_t edgectc_beam_path(const void *search, int64_t place, int32_t *tokens,
                                 int32_t *frames, int64_t room) {
  const Search *s = search;
  const Entry *e = s->entries + place;
  int64_t n = 0;
  int32_t cell;
  for (int32_t p = e->prefix; p > 0; p = s->prefixes[p].parent) n++;
  if (n > room) return n;
  best_path(e, &cell);
  int64_t at = n;
  for (int32_t p = e->prefix; p > 0; p = s->prefixes[p].parent) {
    tokens[--at] = s->prefixes[p].token;
    frames[at] = cell < 0 ? -1 : s->cells[cell].frame;
    if (cell >= 0) cell = s->cells[cell].before;
  }
  return n;
}
