/* The exact lexicon search of _trie.py, and the alignment of lexicon.py, compiled.
 *
 * Best first: the prefix with the highest bound is grown next, so the search ends as soon as the
 * best bound left is under the n-th best word found. Bounds, scores and scaling are those of
 * _trie.py, which is the oracle of this file.
 *
 * Re-entrant, no global state; of libc only malloc, realloc, free, exp and log, so that it compiles
 * for Android and WebAssembly as it stands. All arrays are C-contiguous.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define LIFT 600.0  /* see _trie.py */
#define TINY 1e-290

enum { DONE = 0, OUT_OF_MEMORY = -1, OUT_OF_BUDGET = -2 };

typedef struct {      /* see Trie in _trie.py */
  const int32_t *first_child, *n_children, *letter, *word;
  const double *gain; /* exp(best weight at or below the node - weight_top) */
} Trie;

typedef struct {      /* a prefix that waits to be grown */
  double bound;       /* lifted probability of starting with it, times its gain */
  int32_t node, parent;
} Entry;

typedef struct {
  Entry *entries;
  int64_t size, room;
} Heap;

typedef struct {      /* one utterance */
  int32_t T, K;
  double *letters;    /* (K, T) lifted probability of each letter */
  double *onward;     /* (K, T) the same, and anything after that frame */
  double *blank;      /* (T) */
  double *states;     /* (slots, 2, T+1): first 0..t frames spell the prefix; and end in blank */
  int32_t *nodes;     /* (slots) node of each state */
  int64_t slots, room;
} Lattice;

typedef struct {
  double *scores;     /* every word scored */
  int32_t *words;
  int64_t size, room;
  double *best;       /* the nbest highest scores, smallest first */
  double floor;       /* lifted bound under which nothing is wanted */
} Found;

static int push(Heap *heap, Entry entry) {
  if (heap->size == heap->room) {
    int64_t room = heap->room ? 2 * heap->room : 1024;
    Entry *grown = realloc(heap->entries, (size_t)room * sizeof(Entry));
    if (!grown) return OUT_OF_MEMORY;
    heap->entries = grown;
    heap->room = room;
  }
  int64_t i = heap->size++;
  while (i > 0 && heap->entries[(i - 1) / 2].bound < entry.bound) {
    heap->entries[i] = heap->entries[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap->entries[i] = entry;
  return DONE;
}

static Entry pop(Heap *heap) {
  Entry top = heap->entries[0], last = heap->entries[--heap->size];
  int64_t i = 0;
  for (;;) {
    int64_t child = 2 * i + 1;
    if (child >= heap->size) break;
    if (child + 1 < heap->size && heap->entries[child + 1].bound > heap->entries[child].bound)
      child++;
    if (heap->entries[child].bound <= last.bound) break;
    heap->entries[i] = heap->entries[child];
    i = child;
  }
  heap->entries[i] = last;
  return top;
}

/* Allocates the lattice of log_probs (T, K + 1), blank last, and the root's state. */
static int prepare(Lattice *lattice, const double *log_probs, int32_t T, int32_t K) {
  double lift = LIFT / T;
  lattice->T = T;
  lattice->K = K;
  lattice->room = 256;
  lattice->slots = 1;
  lattice->letters = malloc((size_t)K * T * sizeof(double));
  lattice->onward = malloc((size_t)K * T * sizeof(double));
  lattice->blank = malloc((size_t)T * sizeof(double));
  lattice->states = malloc((size_t)lattice->room * 2 * (T + 1) * sizeof(double));
  lattice->nodes = malloc((size_t)lattice->room * sizeof(int32_t));
  if (!lattice->letters || !lattice->onward || !lattice->blank || !lattice->states ||
      !lattice->nodes)
    return OUT_OF_MEMORY;
  double *root = lattice->states;
  root[0] = root[T + 1] = 1.0;
  lattice->nodes[0] = 0;
  for (int32_t t = 0; t < T; t++) {
    const double *row = log_probs + (int64_t)t * (K + 1);
    double rest = exp(lift * (T - 1 - t));
    for (int32_t k = 0; k < K; k++) {
      double p = exp(row[k] + lift);
      lattice->letters[(int64_t)k * T + t] = p;
      lattice->onward[(int64_t)k * T + t] = p * rest;
    }
    lattice->blank[t] = exp(row[K] + lift);
    root[t + 1] = root[T + 2 + t] = root[t] * lattice->blank[t];
  }
  return DONE;
}

/* Where a child with this letter continues: the state of any ending, or of one in blank. */
static const double *before(const Lattice *lattice, const Trie *trie, int32_t slot, int32_t letter) {
  int same = trie->letter[lattice->nodes[slot]] == letter;
  return lattice->states + ((int64_t)2 * slot + same) * (lattice->T + 1);
}

/* Makes the state of a waiting prefix; returns its slot, or OUT_OF_MEMORY. */
static int64_t grow(Lattice *lattice, const Trie *trie, Entry entry) {
  int32_t T = lattice->T, letter = trie->letter[entry.node];
  if (lattice->slots == lattice->room) {
    int64_t room = 2 * lattice->room;
    double *states = realloc(lattice->states, (size_t)room * 2 * (T + 1) * sizeof(double));
    if (!states) return OUT_OF_MEMORY;
    lattice->states = states;
    int32_t *nodes = realloc(lattice->nodes, (size_t)room * sizeof(int32_t));
    if (!nodes) return OUT_OF_MEMORY;
    lattice->nodes = nodes;
    lattice->room = room;
  }
  int64_t slot = lattice->slots++;
  const double *from = before(lattice, trie, entry.parent, letter);
  const double *p = lattice->letters + (int64_t)letter * T;
  double *any = lattice->states + 2 * slot * (T + 1), *ended = any + T + 1;
  double in_letter = 0.0, in_blank = 0.0;
  any[0] = ended[0] = 0.0;
  for (int32_t t = 0; t < T; t++) {
    in_blank = lattice->blank[t] * (in_blank + in_letter);
    in_letter = p[t] * (in_letter + from[t]);
    ended[t + 1] = in_blank;
    any[t + 1] = in_blank + in_letter;
  }
  lattice->nodes[slot] = entry.node;
  return slot;
}

/* Scores the word that ends here; raises the floor when it is among the best. */
static int score(Found *found, int32_t word, double lifted, const double *weights,
                 double weight_top, int32_t nbest, double slack) {
  if (word < 0 || !(lifted > TINY)) return DONE;
  if (found->size == found->room) {
    int64_t room = found->room ? 2 * found->room : 256;
    double *scores = realloc(found->scores, (size_t)room * sizeof(double));
    if (!scores) return OUT_OF_MEMORY;
    found->scores = scores;
    int32_t *words = realloc(found->words, (size_t)room * sizeof(int32_t));
    if (!words) return OUT_OF_MEMORY;
    found->words = words;
    found->room = room;
  }
  double value = log(lifted) - LIFT + weights[word];
  found->scores[found->size] = value;
  found->words[found->size++] = word;
  if (value <= found->best[0]) return DONE;
  int32_t i = 0;
  for (; i + 1 < nbest && found->best[i + 1] < value; i++) found->best[i] = found->best[i + 1];
  found->best[i] = value;
  if (found->best[0] > -HUGE_VAL)
    found->floor = exp(found->best[0] - slack - weight_top + LIFT);
  return DONE;
}

static int search(const Trie *trie, Lattice *lattice, Heap *heap, Found *found,
                  const double *weights, double weight_top, int32_t nbest, double slack,
                  int64_t budget) {
  int32_t T = lattice->T;
  int64_t slot = 0;
  for (;;) {
    int32_t node = lattice->nodes[slot], first = trie->first_child[node];
    for (int32_t child = first; child < first + trie->n_children[node]; child++) {
      int32_t letter = trie->letter[child];
      const double *from = before(lattice, trie, (int32_t)slot, letter);
      const double *p = lattice->onward + (int64_t)letter * T;
      double starts = 0.0;
      for (int32_t t = 0; t < T; t++) starts += from[t] * p[t];
      double bound = starts * trie->gain[child];
      if (bound > 0.0 && bound >= found->floor &&
          push(heap, (Entry){bound, child, (int32_t)slot}))
        return OUT_OF_MEMORY;
    }
    if (!heap->size || heap->entries[0].bound < found->floor) return DONE;
    if (lattice->slots > budget) return OUT_OF_BUDGET;
    Entry entry = pop(heap);
    slot = grow(lattice, trie, entry);
    if (slot < 0) return OUT_OF_MEMORY;
    double lifted = lattice->states[2 * slot * (T + 1) + T];
    int32_t word = trie->word[entry.node];
    if (score(found, word, lifted, weights, weight_top, nbest, slack)) return OUT_OF_MEMORY;
  }
}

/* Finds the nbest best words and those closer than slack to the last of them.
 *
 * trie arrays, weights, log_probs: see search() in _trie.py; gain is exp(best - weight_top) with
 * weight_top the largest weight, so that bounds need no logarithm. Writes at most `room` words and
 * scores, in no order. Returns how many were written, OUT_OF_MEMORY, or OUT_OF_BUDGET if more than
 * `budget` prefixes would have had to be grown.
 */
EXPORT int64_t edgectc_search(const int32_t *first_child, const int32_t *n_children,
                              const int32_t *letter, const int32_t *word, const double *gain,
                              const double *weights, double weight_top, const double *log_probs,
                              int32_t T, int32_t K, int32_t nbest, double slack, int64_t budget,
                              int64_t room, int32_t *words, double *scores) {
  Trie trie = {first_child, n_children, letter, word, gain};
  Lattice lattice = {0};
  Heap heap = {0};
  Found found = {0};
  int64_t n = OUT_OF_MEMORY;
  found.best = malloc((size_t)nbest * sizeof(double));
  if (found.best && prepare(&lattice, log_probs, T, K) == DONE) {
    for (int32_t i = 0; i < nbest; i++) found.best[i] = -HUGE_VAL;
    n = search(&trie, &lattice, &heap, &found, weights, weight_top, nbest, slack, budget);
    if (n == DONE)
      for (int64_t i = 0; i < found.size && n < room; i++)
        if (found.scores[i] >= found.best[0] - slack) {
          words[n] = found.words[i];
          scores[n++] = found.scores[i];
        }
  }
  free(found.best);
  free(found.scores);
  free(found.words);
  free(heap.entries);
  free(lattice.letters);
  free(lattice.onward);
  free(lattice.blank);
  free(lattice.states);
  free(lattice.nodes);
  return n;
}

/* Best CTC alignment of one label: the frame where its path is surest of each letter.
 *
 * log_probs (T, K + 1), blank last; label (n), n >= 1. Writes n frames. Returns 0, or -1 without
 * memory. T frames must be able to emit the label.
 */
EXPORT int64_t edgectc_align(const double *log_probs, int32_t T, int32_t K, const int32_t *label,
                             int32_t n, int32_t *frames) {
  int32_t S = 2 * n + 1;
  double *score = malloc((size_t)2 * S * sizeof(double));
  int8_t *came = malloc((size_t)T * S);
  if (!score || !came) {
    free(score);
    free(came);
    return OUT_OF_MEMORY;
  }
  double *now = score, *next = score + S;
  for (int32_t s = 0; s < S; s++) now[s] = -HUGE_VAL;
  now[0] = log_probs[K];
  now[1] = log_probs[label[0]];
  for (int32_t t = 1; t < T; t++) {
    const double *row = log_probs + (int64_t)t * (K + 1);
    for (int32_t s = 0; s < S; s++) {
      int32_t letter = s / 2;
      double best = now[s];
      int8_t from = 0;
      if (s > 0 && now[s - 1] > best) best = now[s - 1], from = 1;
      if (s % 2 && letter > 0 && label[letter] != label[letter - 1] && now[s - 2] > best)
        best = now[s - 2], from = 2;
      next[s] = best + row[s % 2 ? label[letter] : K];
      came[(int64_t)t * S + s] = from;
    }
    double *swap = now;
    now = next;
    next = swap;
  }
  int32_t s = now[S - 2] >= now[S - 1] ? S - 2 : S - 1;
  for (int32_t i = 0; i < n; i++) frames[i] = -1;
  for (int32_t t = T - 1; t >= 0; t--) {
    if (s % 2) {
      int32_t letter = s / 2, held = frames[letter];
      const double *column = log_probs + label[letter];
      if (held < 0 || column[(int64_t)t * (K + 1)] >= column[(int64_t)held * (K + 1)])
        frames[letter] = t;
    }
    if (t > 0) s -= came[(int64_t)t * S + s];
  }
  free(score);
  free(came);
  return DONE;
}
