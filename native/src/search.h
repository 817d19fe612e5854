/* The compiled search: what it takes and what it writes. */
#ifndef EDGECTC_SEARCH_H
#define EDGECTC_SEARCH_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Returns the bytes of rows * columns values, 0 if they are over `most`: on a 32-bit machine a size_t
 * cannot count all that the ranges of options, frames and letters allow. */
static inline size_t edgectc_bytes(uint64_t rows, uint64_t columns, size_t size, size_t most) {
  if (columns && rows > most / columns) return 0;
  return rows * columns > most / size ? 0 : (size_t)(rows * columns) * size;
}

/* Makes room for rows * columns values, or more room; NULL if there is no memory. */
static inline void *edgectc_more(void *held, int64_t rows, int64_t columns, size_t size) {
  size_t bytes = edgectc_bytes((uint64_t)rows, (uint64_t)columns, size, SIZE_MAX / 2);
  return bytes ? realloc(held, bytes) : NULL;
}

static inline void *edgectc_room(int64_t rows, int64_t columns, size_t size) {
  return edgectc_more(NULL, rows, columns, size);
}

enum { DONE = 0, OUT_OF_MEMORY = -1, BAD_INPUT = -2, OUT_OF_BUDGET = 1 };

typedef struct {         /* see Trie in tries.py: M nodes, breadth first */
  const int32_t *first_child;    /* (M + 1) the children of a node are first_child[node] to
                                    first_child[node + 1] */
  const uint8_t *letter;         /* (M) letter on the way into each node, or NULL */
  const uint16_t *wide_letter;   /* (M) the same of more than 255 letters, or NULL */
  const uint64_t *ends;          /* (M / 64, rounded up) whether an entry ends at a node */
  const int32_t *ends_before;    /* (M / 64, rounded up) entries that end before each 64 nodes */
} Nodes;

static inline int32_t edgectc_letter(const Nodes *nodes, int64_t node) {
  return nodes->wide_letter ? nodes->wide_letter[node] : nodes->letter[node];
}

static inline int32_t edgectc_count_bits(uint64_t bits) {
#if defined(__GNUC__)
  return __builtin_popcountll(bits);
#else
  bits -= bits >> 1 & 0x5555555555555555u;
  bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
  return (int32_t)(((bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u >> 56);
#endif
}

/* Returns the entry that ends at a node, or -1: they are numbered in the order of their nodes. */
static inline int32_t edgectc_entry_at(const Nodes *nodes, int64_t node) {
  uint64_t held = nodes->ends[node >> 6] >> (node & 63);
  if (!(held & 1)) return -1;
  uint64_t lower = nodes->ends[node >> 6] & (((uint64_t)1 << (node & 63)) - 1);
  return nodes->ends_before[node >> 6] + edgectc_count_bits(lower);
}

typedef struct {         /* see Tree in prefix_search.py */
  Nodes nodes;
  const uint16_t *gain;  /* (M) exp(best weight at or below the node - top), see edgectc_bound; one value stands before them */
  const uint16_t *bare;  /* (M) the same, of weights without letter_score */
  double top, rise;      /* rise: exp(top - that of the search) */
  const uint32_t *below; /* (known) letters at or below the first nodes, one bit each; of the letters under 32 */
  int32_t known;
  const double *weights; /* of each entry, or of its first word, without letter_score; of values where there are codes */
  const uint16_t *code;  /* (words) the value of each, or NULL */
  const int32_t *beyond; /* (n_several + 1) words beyond the first of each entry, before these; or NULL */
  double letter_score;   /* that the weights lack */
  const uint8_t *hidden; /* (entries) a bit of each, or NULL */
  int64_t entries;
  const int32_t *several; /* (n_several) entries of more than one word, ascending */
  const int32_t *before; /* (entries / AMONG + 2) how many of them come before each AMONG entries; or NULL */
  const double *more;    /* (n_several) what all words of each weigh together, in shares of the heaviest */
  int64_t n_several;
  double most;           /* the greatest of `more`, at least 1 */
} Tree;

/* Returns the natural log of what the first word of an entry of so many letters weighs; of an overlay the entry itself. */
static inline double edgectc_weight(const Tree *tree, int64_t word, int32_t letters) {
  return tree->weights[tree->code ? tree->code[word] : word] + tree->letter_score * letters;
}

static inline int edgectc_hidden(const uint8_t *hidden, int64_t entry) { return hidden[entry >> 3] >> (entry & 7) & 1; }

#define AMONG 256

/* Returns how many entries of several words come before an entry; see Tree. */
static inline int64_t edgectc_several_before(const int32_t *several, const int32_t *before, int64_t n, int64_t entry) {
  const int32_t *at = several;
  if (before) at += before[entry / AMONG], n = before[entry / AMONG + 1] - before[entry / AMONG];
  for (; n > 1; n -= n / 2) at += at[n / 2 - 1] < entry ? n / 2 : 0;
  return at - several + (n && *at < entry);
}

/* Returns the letters at or below a node, one bit each. */
uint32_t edgectc_below(const Tree *tree, int32_t node);

#define NO_BOUND 0x7F80 /* more than a float holds */

/* Returns the upper half of a float above what is no less than 0. */
static inline uint16_t edgectc_bound_up(double value) {
  float rounded = (float)value;
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  return bits >> 16 < NO_BOUND ? (uint16_t)((bits >> 16) + 1) : NO_BOUND;
}

/* Returns such a bound as a number. The value before it is read as the lower half, which only raises it: so no instruction is
 * spent on a float that takes half the memory. Little-endian. */
static inline double edgectc_bound(const uint16_t *bounds, int64_t node) {
  float value;
  memcpy(&value, bounds + node - 1, sizeof value);
  return value;
}

typedef struct {
  const uint16_t *at;     /* letters behind their number, one spelling after another */
  int64_t size;
} Spellings;

/* Whether these letters are one of the spellings. */
int edgectc_is_unsaid(const Spellings *unsaid, const uint16_t *letters, int32_t n);

typedef struct {
  Tree trees[2];
  int32_t n_trees;
  int32_t V, K;           /* columns of log_probs; letters in use */
  const int32_t *columns; /* (K + 1) column of each letter, then that of the blank */
  double scale;           /* acoustic_scale */
  double blank_penalty;   /* nats taken from the blank after scaling */
  double letter_score;
  double top;             /* natural log that gains are relative to */
  double margin;          /* nats under the best word from which on words are not looked for */
  int32_t alone;          /* whether nobody asks for log_rest: bounds are of one word, and fewer prefixes are grown */
  int32_t beam_size;
  int32_t free_spelling;  /* whether to look for a spelling that is no word, too */
  int64_t free_spelling_budget;   /* prefixes to grow for it */
  double free_spelling_score, free_spelling_letter_score;
  Spellings unsaid[2];    /* those that are never free ones: the lexicon's, and the user's */
  double passing;         /* of a partial signal: probability that the finger is between two keys */
  const double *ahead;    /* (K) how much likelier its direction is if each letter comes next; NULL: passing is 0 */
} Lexicon;

typedef struct {          /* a piece of memory */
  double *at;
  int64_t size;
} Block;

enum { SLOTS, WORDS, WAITING, HEAP, TOPS, ARRAYS };

typedef struct {          /* memory of one search after another, which stays for the next; all 0 at first */
  Block *blocks;
  int64_t size;           /* of them */
  int64_t now, used;      /* the block that is being filled, and how far */
  struct {
    void *at;
    int64_t room;
  } arrays[ARRAYS];       /* those that grow while a search goes on */
} Pool;

/* The next block that has room for n doubles, from its start on; NULL if there is no memory. */
double *edgectc_next_block(Pool *pool, int64_t n);

/* Room for n doubles until the pool is emptied: memory that comes and goes costs more than what is computed in it. */
static inline double *edgectc_doubles(Pool *pool, int64_t n) {
  if (pool->now >= pool->size || pool->blocks[pool->now].size - pool->used < n) return edgectc_next_block(pool, n);
  double *room = pool->blocks[pool->now].at + pool->used;
  pool->used += n;
  return room;
}

/* The same for rows * columns values of any kind. */
void *edgectc_take(Pool *pool, int64_t rows, int64_t columns, size_t size);
/* The same for `size` bytes and a zero. */
static inline char *edgectc_chars(Pool *pool, size_t size) { return (char *)edgectc_doubles(pool, (int64_t)(size / sizeof(double)) + 1); }

/* Takes back all that was taken after a place, (now, used) of then. */
static inline void edgectc_take_back(Pool *pool, int64_t now, int64_t used) { pool->now = now, pool->used = used; }

/* Gives memory back that the largest searches took beyond the rest. */
void edgectc_pool_trim(Pool *pool);
void edgectc_pool_close(Pool *pool);

#define SORTING(type) (sizeof(type) + 2 * sizeof(void *)) /* bytes a value that sorting takes */

/* Sorts n values of whole pointers in `room`, n times SORTING of their type; equal ones keep their order, on every platform. */
void edgectc_sort(void *values, size_t n, size_t size, int (*compare)(const void *, const void *), void *room);

typedef struct {          /* what a decoding writes */
  int32_t *words;         /* (room) entry counted on over the trees; -1 for a free spelling */
  double *scores;         /* (room) */
  int32_t *lengths;       /* (room) letters of each */
  int32_t *letters;       /* (room, T); none of a partial signal */
  int32_t *frames;        /* (room, T) where each letter is surest */
  int32_t exact;          /* whether no better word was missed */
  int32_t free_spelling_exact; /* and no better free spelling */
  double log_sum, log_rest; /* natural log of the sum over words scored; and at most of the rest, infinite if nobody asks */
  double log_blank;       /* natural log of all frames being blank */
} Answer;

/* Finds the nbest best words and those closer than slack to the last of them. Of words that are
 * more than margin under the best one, only those that were met on the way.
 *
 * log_probs (T, V) are checked: BAD_INPUT if a row is not a distribution. Returns how many words
 * were written, in no order; a negative number is an error. `partial` ranks by the probability
 * that the frames spell the word or any beginning of it, and writes no frames. After `budget`
 * prefixes the search gives up its proof, and the beam goes on.
 */
int64_t edgectc_lexicon_search(const Lexicon *lexicon, Pool *pool, const double *log_probs, int32_t T,
                              int32_t nbest, double slack, int64_t budget, int32_t partial,
                              int64_t room, Answer *out);

/* Writes, for each of K letters, how much likelier the direction of a finger is at the end of points
 * (n, 2), with n seconds after them, if that letter is the next one; returns the probability that it is between two keys.
 * See trace.py. The letter's key is keys (K, 2), NaN for none. */
double edgectc_heading(const double *points, int32_t n, const double *keys, int32_t K, double *ahead);

/* By how many keys points (n_points, 2) miss letters, rows of keys (K, 2), as a root mean square; see
 * trace.py. A letter whose key is NaN has no say. `least` holds n_points. */
double edgectc_miss(const double *points, int32_t n_points, const double *keys,
                           const int32_t *letters, int32_t n, double *least);

#endif
