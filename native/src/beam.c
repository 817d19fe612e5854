/* The prefix beam search of _beam_plain.py, compiled; that file is the oracle of this one.
 *
 * A search is a handle. It takes frames until a language model must score words, hands their list
 * over (edgectc_beam_asked), takes the scores (edgectc_beam_answer) and goes on.
 *
 * Re-entrant, no global state; of libc only malloc, realloc, free, memory functions, exp and log1p,
 * so that it compiles for Android and WebAssembly as it stands. All arrays are C-contiguous.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define STEPS 1e9   /* ranks closer than a billionth of a nat are one rank */
#define SLACK 1e-6  /* nats, on bounds; far above rounding */
#define SPARE 4096  /* prefixes beyond twice those in use, after which the unused are forgotten */

enum { DONE = 0, OUT_OF_MEMORY = -1 };

typedef struct {    /* see Trie in _beam_tables.py */
  const int32_t *first_child, *n_children, *token, *entry;
} Trie;

typedef struct {    /* see Tables in _beam_tables.py; the layout is that of _beam_native.py */
  Trie words, hot;  /* absent: first_child is NULL */
  const double *ahead, *settled, *partial;
  const int32_t *fail;
  double beam_threshold, token_threshold, lm_weight, word_score, unknown_score;
  double ahead_unknown, gain, end_gain;
  int32_t n_tokens, blank, boundary, constrain, asks, counts, beam_size, hot_start;
} Tables;

typedef struct {    /* a text begun: its tokens as a chain of parents; a parent comes first */
  double lm_sum, hot_sum, bonus, rank;
  int32_t parent, token, slot, word, lm, hot, words, unknown;
  int8_t in_word, barred, unscored, used;
} Prefix;

typedef struct {    /* emission of a token: the frame, and the emission before; -1 for none */
  double value;
  int32_t frame, before;
} Cell;

typedef struct {    /* a prefix in the beam: all its alignments and the best one, over the lead */
  double blank, last, total, blank_path, last_path;
  double value;     /* of the emission to be made, if fresh */
  int32_t prefix, blank_cell, last_cell;
  int32_t fresh;    /* 1: last_cell is the emission before one that is still to be made */
} Entry;

typedef struct {
  Tables tables;
  Prefix *prefixes;
  int32_t *table;   /* hash of (parent, token) to prefix, open addressing; -1 is free */
  Cell *cells;
  Entry *entries, *nexts, *spare;
  int64_t *keys, *scratch;
  int32_t *asked, *tokens;
  int64_t n_prefixes, prefix_room, prefix_limit, table_size;
  int64_t n_cells, cell_room;
  int64_t n_entries, n_nexts, room, n_asked, asked_room;
  double lead;      /* nats of the frames that were blank alone, the same for all */
  int32_t frame, at_rest; /* at rest: all prefixes end in blank */
} Search;

static int32_t trie_child(const Trie *trie, int32_t node, int32_t token) {
  int32_t low = trie->first_child[node], end = low + trie->n_children[node], high = end;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (trie->token[middle] < token) low = middle + 1;
    else high = middle;
  }
  return low < end && trie->token[low] == token ? low : -1;
}

static double log_add(double a, double b) {
  if (a < b) {
    double swap = a;
    a = b;
    b = swap;
  }
  return b == -HUGE_VAL ? a : a + log1p(exp(b - a));
}

static int64_t place_of(const Search *s, int32_t parent, int32_t token) {
  uint64_t key = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)token) * 0x9E3779B97F4A7C15u;
  int64_t mask = s->table_size - 1, at = (int64_t)(key >> 20) & mask;
  while (s->table[at] >= 0) {
    const Prefix *held = s->prefixes + s->table[at];
    if (held->parent == parent && held->token == token) break;
    at = (at + 1) & mask;
  }
  return at;
}

/* Makes the table anew, at most half full up to `size` prefixes. */
static int index_prefixes(Search *s, int64_t size) {
  int64_t wanted = 1024;
  while (wanted < 2 * size) wanted *= 2;
  if (wanted > s->table_size) {
    int32_t *grown = realloc(s->table, (size_t)wanted * sizeof(int32_t));
    if (!grown) return OUT_OF_MEMORY;
    s->table = grown;
    s->table_size = wanted;
  }
  memset(s->table, 0xff, (size_t)s->table_size * sizeof(int32_t));
  for (int32_t i = 1; i < s->n_prefixes; i++)
    s->table[place_of(s, s->prefixes[i].parent, s->prefixes[i].token)] = i;
  return DONE;
}

/* Sets what follows from a prefix's own terms: bonus and rank. */
static void settle(const Tables *t, Prefix *p) {
  double bonus = t->word_score * p->words + t->unknown_score * p->unknown;
  if (t->asks) bonus += t->lm_weight * p->lm_sum;
  p->bonus = bonus + p->hot_sum;
  p->rank = p->bonus + (p->word >= 0 ? t->ahead[p->word] : t->ahead_unknown);
  p->rank += t->hot.first_child ? t->partial[p->hot] : 0.0;
}

static int ask(Search *s, int32_t prefix) {
  if (s->n_asked == s->asked_room) {
    int64_t room = s->asked_room ? 2 * s->asked_room : 256;
    int32_t *grown = realloc(s->asked, (size_t)room * sizeof(int32_t));
    if (!grown) return OUT_OF_MEMORY;
    s->asked = grown;
    s->asked_room = room;
  }
  s->asked[s->n_asked++] = prefix;
  return DONE;
}

/* Fills a new prefix; one that ends no word is barred, one with a new word may be unscored. */
static void begin(const Tables *t, const Prefix *parent, Prefix *child) {
  int ends = child->token == t->boundary || t->boundary < 0;
  if (child->token == t->boundary) {
    int32_t row = -1;
    if (t->words.first_child && parent->word >= 0) row = t->words.entry[parent->word];
    child->barred = row < 0 && t->constrain;
    child->unknown += t->words.first_child && row < 0;
    child->in_word = 0;
  } else if (t->boundary >= 0) {
    child->in_word = 1;
  }
  if (ends) {
    child->words += t->counts;
    child->unscored = t->asks && !child->barred;
  }
  if (t->hot.first_child) {
    int32_t node = parent->hot, next;
    while ((next = trie_child(&t->hot, node, child->token)) < 0 && node) node = t->fail[node];
    child->hot = next < 0 ? 0 : next;
    child->hot_sum += t->settled[child->hot];
  }
}

/* Returns the prefix one token longer, whose vocabulary node is `word`, or OUT_OF_MEMORY. */
static int32_t child_of(Search *s, int32_t parent, int32_t token, int32_t word) {
  int64_t place = place_of(s, parent, token);
  if (s->table[place] >= 0) return s->table[place];
  if (s->n_prefixes == s->prefix_room) {
    int64_t room = 2 * s->prefix_room;
    if (room > INT32_MAX) return OUT_OF_MEMORY;
    Prefix *grown = realloc(s->prefixes, (size_t)room * sizeof(Prefix));
    if (!grown) return OUT_OF_MEMORY;
    s->prefixes = grown;
    s->prefix_room = room;
  }
  if (2 * (s->n_prefixes + 1) > s->table_size) {
    if (index_prefixes(s, 2 * s->n_prefixes)) return OUT_OF_MEMORY;
    place = place_of(s, parent, token);
  }
  int32_t made = (int32_t)s->n_prefixes++;
  Prefix *child = s->prefixes + made;
  *child = s->prefixes[parent];
  child->parent = parent;
  child->token = token;
  child->slot = -1;
  child->unscored = 0;
  child->word = word;
  begin(&s->tables, s->prefixes + parent, child);
  settle(&s->tables, child);
  s->table[place] = made;
  if (child->unscored && ask(s, made)) return OUT_OF_MEMORY;
  return made;
}

/* Forgets the prefixes that are in no text of the beam. */
static int forget_prefixes(Search *s) {
  for (int64_t i = 0; i < s->n_prefixes; i++) s->prefixes[i].used = i == 0;
  for (int64_t e = 0; e < s->n_entries; e++)
    for (int32_t i = s->entries[e].prefix; !s->prefixes[i].used; i = s->prefixes[i].parent)
      s->prefixes[i].used = 1;
  int32_t *moved = malloc((size_t)s->n_prefixes * sizeof(int32_t));
  if (!moved) return OUT_OF_MEMORY;
  int32_t kept = 0;
  for (int64_t i = 0; i < s->n_prefixes; i++) {
    if (!s->prefixes[i].used) continue;
    moved[i] = kept;
    s->prefixes[kept] = s->prefixes[i];
    if (kept) s->prefixes[kept].parent = moved[s->prefixes[kept].parent];
    kept++;
  }
  s->n_prefixes = kept;
  s->prefix_limit = 2 * (int64_t)kept + SPARE;
  for (int64_t e = 0; e < s->n_entries; e++) s->entries[e].prefix = moved[s->entries[e].prefix];
  free(moved);
  return index_prefixes(s, s->n_prefixes);
}

/* Forgets the emissions on no best alignment, and makes room for `more`. */
static int room_for_cells(Search *s, int64_t more) {
  if (s->n_cells + more <= s->cell_room) return DONE;
  int32_t *moved = malloc((size_t)(s->n_cells + 1) * sizeof(int32_t));
  if (!moved) return OUT_OF_MEMORY;
  memset(moved, 0xff, (size_t)(s->n_cells + 1) * sizeof(int32_t));
  for (int64_t e = 0; e < s->n_entries; e++) {
    for (int32_t c = s->entries[e].blank_cell; c >= 0 && moved[c] < 0; c = s->cells[c].before)
      moved[c] = 0;
    for (int32_t c = s->entries[e].last_cell; c >= 0 && moved[c] < 0; c = s->cells[c].before)
      moved[c] = 0;
  }
  int32_t kept = 0;
  for (int64_t c = 0; c < s->n_cells; c++) {
    if (moved[c] < 0) continue;
    Cell cell = s->cells[c];
    if (cell.before >= 0) cell.before = moved[cell.before];
    s->cells[kept] = cell;
    moved[c] = kept++;
  }
  s->n_cells = kept;
  for (int64_t e = 0; e < s->n_entries; e++) {
    Entry *entry = s->entries + e;
    if (entry->blank_cell >= 0) entry->blank_cell = moved[entry->blank_cell];
    if (entry->last_cell >= 0) entry->last_cell = moved[entry->last_cell];
  }
  free(moved);
  int64_t wanted = 2 * (s->n_cells + more);
  if (wanted <= s->cell_room) return DONE;
  if (wanted > INT32_MAX) return OUT_OF_MEMORY;
  Cell *grown = realloc(s->cells, (size_t)wanted * sizeof(Cell));
  if (!grown) return OUT_OF_MEMORY;
  s->cells = grown;
  s->cell_room = wanted;
  return DONE;
}

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

/* Returns the entry after a frame that adds no token; `allowed` says if its own may repeat. */
static Entry stay(const Search *s, const Entry *e, const double *row, double blank, int allowed) {
  int32_t token = s->prefixes[e->prefix].token, cell;
  double path = best_path(e, &cell);
  Entry after = {e->total + blank, -HUGE_VAL, 0.0, path + blank, -HUGE_VAL, 0.0,
                 e->prefix, cell, -1, 0};
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
  return after;
}

/* Adds all that can follow entry `i` to nexts; what must fall under `floor` is skipped. */
static int extend(Search *s, int64_t i, const double *row, int32_t n_tokens, double floor) {
  const Tables *t = &s->tables;
  Entry e = s->entries[i];
  Prefix p = s->prefixes[e.prefix];
  int32_t cell;
  double path = best_path(&e, &cell);
  double reach = e.total + p.bonus + t->gain, end_reach = e.total + p.bonus + t->end_gain;
  for (int32_t k = 0; k < n_tokens; k++) {
    int32_t token = s->tokens[k], word = 0;
    double value = row[token];
    if (token == t->blank) continue;
    if (token == t->boundary) {
      if (!p.in_word || end_reach + value < floor) continue;
    } else if (t->words.first_child) {
      word = p.word >= 0 ? trie_child(&t->words, p.word, token) : -1;
      if (word < 0 && t->constrain) continue;
      if (reach + (word >= 0 ? t->ahead[word] : t->ahead_unknown) + value < floor) continue;
    } else if (reach + value < floor) {
      continue;
    }
    int32_t made = child_of(s, e.prefix, token, word);
    if (made < 0) return OUT_OF_MEMORY;
    const Prefix *child = s->prefixes + made;
    double mass = (token == p.token ? e.blank : e.total) + value;
    if (child->barred || child->unscored || mass == -HUGE_VAL || child->bonus == -HUGE_VAL)
      continue;
    Entry *after = s->nexts + (child->slot >= 0 ? child->slot : s->n_nexts);
    if (child->slot >= 0) {
      after->last = log_add(after->last, mass);
    } else {
      *after = (Entry){-HUGE_VAL, mass, 0.0, -HUGE_VAL, -HUGE_VAL, 0.0, made, -1, -1, 0};
      s->n_nexts++;
    }
    double from = (token == p.token ? e.blank_path : path) + value;
    if (from > after->last_path) {
      after->last_path = from;
      after->last_cell = token == p.token ? e.blank_cell : cell;
      after->value = value;
      after->fresh = 1;
    }
  }
  return DONE;
}

/* Returns the n-th largest of keys (from 1), which are reordered. */
static int64_t nth_largest(int64_t *keys, int64_t size, int64_t n) {
  int64_t low = 0, high = size - 1, wanted = n - 1;
  while (low < high) {
    int64_t pivot = keys[low + (high - low) / 2], i = low, j = high;
    while (i <= j) {
      while (keys[i] > pivot) i++;
      while (keys[j] < pivot) j--;
      if (i <= j) {
        int64_t swap = keys[i];
        keys[i++] = keys[j];
        keys[j--] = swap;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return keys[wanted];
}

/* Keeps the best prefixes, in order of age. Returns how many, 0 if none is possible. */
static int64_t prune(Search *s) {
  const Tables *t = &s->tables;
  int64_t alive = 0, top = INT64_MIN, kept = 0;
  for (int64_t i = 0; i < s->n_nexts; i++) {
    Entry *after = s->nexts + i;
    after->total = log_add(after->blank, after->last);
    double rank = after->total + s->prefixes[after->prefix].rank;
    if (!(rank > -HUGE_VAL)) continue;
    int64_t key = (int64_t)(rank * STEPS + (rank > 0 ? 0.5 : -0.5));
    if (key > top) top = key;
    s->keys[alive] = key;
    s->nexts[alive++] = *after;
  }
  if (!alive) return 0;
  int64_t least = INT64_MIN, ties = 0;
  if (t->beam_threshold < HUGE_VAL) least = top - (int64_t)(t->beam_threshold * STEPS);
  for (int64_t i = 0; i < alive; i++)
    if (s->keys[i] >= least) s->scratch[kept++] = s->keys[i];
  if (kept > t->beam_size) {
    least = nth_largest(s->scratch, kept, t->beam_size);
    ties = t->beam_size;
    for (int64_t i = 0; i < alive; i++) ties -= s->keys[i] > least;
  } else {
    ties = kept;
  }
  for (int64_t i = 0; i < s->n_entries; i++) s->prefixes[s->entries[i].prefix].slot = -1;
  s->n_entries = 0;
  s->at_rest = 0;
  for (int64_t i = 0; i < alive; i++) {
    if (s->keys[i] < least || (s->keys[i] == least && ties-- <= 0)) continue;
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
  if (n_tokens == 1 && s->tokens[0] == t->blank) return only_blank(s, blank);
  if (room_for_nexts(s, s->n_entries * ((int64_t)n_tokens + 1) + 1) ||
      room_for_cells(s, t->beam_size)) /* before nexts point to cells */
    return OUT_OF_MEMORY;
  double floor = -HUGE_VAL, last = HUGE_VAL;
  for (int64_t i = 0; i < s->n_entries; i++) {
    const Entry *e = s->entries + i;
    const Prefix *p = s->prefixes + e->prefix;
    int allowed = p->token >= 0 && p->token < t->n_tokens && p->token != t->blank &&
                  (row[p->token] >= threshold || p->token == top) && row[p->token] > -HUGE_VAL;
    Entry after = stay(s, e, row, blank, allowed);
    double rank = (after.blank > after.last ? after.blank : after.last) + p->rank;
    if (rank > floor) floor = rank;
    if (rank < last) last = rank;
    s->nexts[i] = after;
  }
  s->n_nexts = s->n_entries;
  floor -= t->beam_threshold;
  /* In a full beam, each prefix that comes must replace one. */
  if (s->n_entries == t->beam_size && last > floor) floor = last;
  floor -= SLACK;
  for (int64_t i = 0; i < s->n_entries; i++)
    if (extend(s, i, row, n_tokens, floor)) return OUT_OF_MEMORY;
  if (s->n_asked) return 0;
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
  s->entries = malloc(((size_t)tables->beam_size + 1) * sizeof(Entry));
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
  s->entries[0] = (Entry){0.0, -HUGE_VAL, 0.0, 0.0, -HUGE_VAL, 0.0, 0, -1, -1, 0};
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
    int32_t row = row_of(s, parent), n = 0, ends = child->token == s->tables.boundary;
    if (row < 0) {
      n = !ends;
      for (const Prefix *p = parent; ends && p->in_word; p = s->prefixes + p->parent) n++;
    }
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
    if (s->prefixes[prefix].in_word && child_of(s, prefix, s->tables.boundary, 0) < 0)
      return OUT_OF_MEMORY;
  }
  return s->n_entries;
}

/* Writes what each prefix is as a whole text: 4 reals and 4 integers each, see Ending; text -1 is
 * none. To be called after edgectc_beam_end, when all words have scores. */
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
    whole[4 * i] = p->barred ? -1 : text;
    whole[4 * i + 1] = p->lm;
    whole[4 * i + 2] = p->words;
    whole[4 * i + 3] = p->unknown;
  }
}

/* Returns the place of the prefix of highest rank, of equals the oldest; -1 if there is none. */
EXPORT int64_t edgectc_beam_best(const void *search) {
  const Search *s = search;
  int64_t best = -1, top = INT64_MIN;
  for (int64_t i = 0; i < s->n_entries; i++) {
    double rank = s->entries[i].total + s->prefixes[s->entries[i].prefix].rank;
    int64_t key = (int64_t)(rank * STEPS + (rank > 0 ? 0.5 : -0.5));
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
