/* What the beam search keeps: prefixes by parent and token, and the emissions of best alignments. */
#ifndef EDGECTC_BEAM_PREFIXES_H
#define EDGECTC_BEAM_PREFIXES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 1e9   /* ranks closer than a billionth of a nat are one rank */
#define MOST 4e18   /* steps; ranks of over 4e9 nats are one rank, as whole numbers hold no more */
#define SLACK 1e-6  /* nats, on bounds; far above rounding */
#define SPARE 4096  /* prefixes beyond twice those in use, after which the unused are forgotten */

enum { DONE = 0, OUT_OF_MEMORY = -1 };
enum { BEGINS = 1, ENDS = 2, MAY_END = 4 }; /* bits of marks, see Pieces in beam_tables.py */

typedef struct {    /* see Trie in beam_tables.py */
  const int32_t *first_child, *n_children, *token, *entry;
} Trie;

typedef struct {    /* see Tables in beam_tables.py; the layout is that of beam_native.py */
  Trie words, hot;  /* absent: first_child is NULL */
  const double *ahead, *settled, *partial, *lift;
  const int32_t *fail;
  const uint8_t *alone;
  const int32_t *marks, *start, *letters; /* of pieces; absent: NULL */
  double beam_threshold, token_threshold, lm_weight, word_score, unknown_score;
  double ahead_unknown, gain, end_gain, hot_gain, unknown_length;
  int32_t n_tokens, blank, boundary, constrain, asks, counts, beam_size, hot_start, hot_size;
} Tables;

typedef struct {    /* a text begun: its tokens as a chain of parents; a parent comes first */
  double lm_sum, hot_sum, bonus, rank;
  double promise;   /* nats of a hotword that is begun; 0 for none */
  int32_t parent, token, slot, word, lm, hot, words, unknown;
  int32_t in_word;  /* tokens of the word that is open */
  int32_t after;    /* the parent, or that with its word ended, where this token begins a word */
  int8_t barred, unscored, used;
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
  int32_t lent;     /* 1: kept for a begun hotword alone, see `prune` */
} Entry;

typedef struct {
  Tables tables;
  Prefix *prefixes;
  int32_t *table;   /* hash of (after, token) to prefix, open addressing; -1 is free */
  Cell *cells;
  Entry *entries, *nexts, *spare;
  int64_t *keys, *scratch;
  int32_t *asked, *tokens;
  int64_t n_prefixes, prefix_room, prefix_limit, table_size; /* the latter a power of 2 */
  int64_t n_cells, cell_room;
  int64_t n_entries, n_nexts, room, n_asked, asked_room;
  double lead;      /* nats of the frames that were blank alone, the same for all */
  int32_t frame, at_rest; /* at rest: all prefixes end in blank */
  int32_t table_shift;    /* leaves as many of 64 bits as number the table */
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

/* The node of the words after one more token, -1 for none. */
static int32_t word_step(const Tables *t, int32_t node, int32_t token) {
  if (node < 0) return -1;
  if (!t->start) return trie_child(&t->words, node, token);
  for (int32_t k = t->start[token]; k < t->start[token + 1] && node >= 0; k++)
    node = trie_child(&t->words, node, t->letters[k]);
  return node;
}

static int ends_word(const Tables *t, int32_t token) {
  return token == t->boundary || token == t->n_tokens;
}

static double log_add(double a, double b) {
  if (a < b) {
    double swap = a;
    a = b;
    b = swap;
  }
  return b == -HUGE_VAL ? a : a + log1p(exp(b - a));
}

/* A rank in whole numbers of a billionth of a nat: equal up to rounding is equal on every machine, and
 * then the older prefix stays. */
static int64_t key_of(double rank) {
  double steps = rank * STEPS + (rank > 0 ? 0.5 : -0.5);
  return (int64_t)(steps > MOST ? MOST : steps < -MOST ? -MOST : steps);
}

/* Whether hotwords that add to the score end with this prefix, or with the word before its own. */
static int completes(const Search *s, const Prefix *p) {
  const Tables *t = &s->tables;
  if (!t->hot.first_child) return 0;
  double settled = t->settled[p->hot];
  if (p->after != p->parent) settled += t->settled[s->prefixes[p->after].hot];
  return settled > 0;
}

static int64_t place_of(const Search *s, int32_t after, int32_t token) {
  uint64_t key = ((uint64_t)(uint32_t)after << 32 | (uint32_t)token) * 0x9E3779B97F4A7C15u;
  /* The highest bits alone depend on all of both numbers (Knuth, The Art of Computer Programming, 6.4). */
  int64_t mask = s->table_size - 1, at = (int64_t)(key >> s->table_shift);
  while (s->table[at] >= 0) {
    const Prefix *held = s->prefixes + s->table[at];
    if (held->after == after && held->token == token) break;
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
    for (s->table_shift = 64; wanted > 1; wanted /= 2) s->table_shift--;
  }
  memset(s->table, 0xff, (size_t)s->table_size * sizeof(int32_t));
  for (int32_t i = 1; i < s->n_prefixes; i++)
    s->table[place_of(s, s->prefixes[i].after, s->prefixes[i].token)] = i;
  return DONE;
}

/* Sets what follows from a prefix's own terms: bonus and rank. */
static void settle(const Tables *t, Prefix *p) {
  double bonus = t->word_score * p->words + t->unknown_score * p->unknown;
  if (t->asks) bonus += t->lm_weight * p->lm_sum;
  p->bonus = bonus + p->hot_sum;
  double ahead = p->word >= 0 ? t->ahead[p->word] : t->ahead_unknown;
  p->rank = p->bonus + ahead;
  p->promise = t->hot.first_child ? t->partial[p->hot] : 0.0;
  if (p->promise > 0 && t->lift && p->word >= 0) p->promise += t->lift[p->word];
  int alone = p->word >= 0 && t->alone && t->alone[p->word];
  if ((p->word < 0 || alone) && ahead < 0 && p->in_word > t->unknown_length) {
    double more = ahead * (p->in_word / t->unknown_length - 1);
    p->rank += more;
    if (alone && p->promise > 0) p->promise -= more; /* a begun hotword has its own places as before */
  }
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

/* The node of the hotwords after one more token. */
static int32_t hot_step(const Tables *t, int32_t node, int32_t token) {
  int32_t next;
  while ((next = trie_child(&t->hot, node, token)) < 0 && node) node = t->fail[node];
  return next < 0 ? 0 : next;
}

/* Fills a new prefix; one that ends no word is barred, one with a new word may be unscored. */
static void begin(const Tables *t, const Prefix *parent, const Prefix *after, Prefix *child) {
  int ended = ends_word(t, child->token), ends = ended || t->boundary < 0;
  if (ended) {
    int32_t row = -1;
    if (t->words.first_child && parent->word >= 0) row = t->words.entry[parent->word];
    child->barred = row < 0 && t->constrain;
    child->unknown += t->words.first_child && row < 0;
    child->in_word = 0;
  } else if (t->boundary >= 0) {
    child->in_word++;
  }
  if (ends) {
    child->words += t->counts;
    child->unscored = t->asks && !child->barred;
  }
  if (t->hot.first_child) {
    int32_t token = child->token < t->n_tokens ? child->token : t->boundary;
    child->hot = hot_step(t, after->hot, token);
    child->hot_sum += t->settled[child->hot];
  }
}

/* Returns the prefix one token longer, whose vocabulary node is `word`, or OUT_OF_MEMORY. The token V
 * ends a word without being emitted. `after` is the parent, or that with its word ended. */
static int32_t child_of(Search *s, int32_t parent, int32_t after, int32_t token, int32_t word) {
  int64_t place = place_of(s, after, token);
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
    place = place_of(s, after, token);
  }
  int32_t made = (int32_t)s->n_prefixes++;
  Prefix *child = s->prefixes + made;
  *child = s->prefixes[after];
  child->parent = parent;
  child->after = after;
  child->token = token;
  child->slot = -1;
  child->unscored = 0;
  child->word = word;
  begin(&s->tables, s->prefixes + parent, s->prefixes + after, child);
  settle(&s->tables, child);
  s->table[place] = made;
  if (child->unscored && ask(s, made)) return OUT_OF_MEMORY;
  return made;
}

/* Forgets the prefixes that are in no text of the beam. */
static int forget_prefixes(Search *s) {
  for (int64_t i = 0; i < s->n_prefixes; i++) s->prefixes[i].used = i == 0;
  for (int64_t e = 0; e < s->n_entries; e++)
    for (int32_t i = s->entries[e].prefix; !s->prefixes[i].used; i = s->prefixes[i].parent) {
      s->prefixes[i].used = 1;
      if (s->prefixes[i].after != s->prefixes[i].parent) s->prefixes[s->prefixes[i].after].used = 1;
    }
  int32_t *moved = malloc((size_t)s->n_prefixes * sizeof(int32_t));
  if (!moved) return OUT_OF_MEMORY;
  int32_t kept = 0;
  for (int64_t i = 0; i < s->n_prefixes; i++) {
    if (!s->prefixes[i].used) continue;
    moved[i] = kept;
    s->prefixes[kept] = s->prefixes[i];
    if (kept) {
      s->prefixes[kept].parent = moved[s->prefixes[kept].parent];
      s->prefixes[kept].after = moved[s->prefixes[kept].after];
    }
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

#endif
