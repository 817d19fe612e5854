/* Which prefixes get a place in the beam: what one that comes must rank, and the best of all. */
#ifndef EDGECTC_BEAM_PLACES_H
#define EDGECTC_BEAM_PLACES_H

#include "beam_prefixes.h"

/* What a new prefix must rank at least, and one in which a hotword is begun. */
typedef struct {
  double own, lent;
} Floors;

/* Whether the child of `e` by `token` may get a place. `most` bounds its rank and holds the greatest gain
 * of hotwords for each step: one, or two if the token begins a word and so ends the one before. */
static int may_stay(const Tables *t, const Entry *e, int32_t hot, int begins, int32_t token, int32_t word,
                    double most, Floors floors) {
  if (!t->hot.first_child) return most >= floors.own;
  double lift = t->lift && word >= 0 ? t->lift[word] : 0.0, settled = 0.0;
  if (most + lift < floors.lent) return 0;
  if (begins) {
    hot = hot_step(t, hot, t->boundary);
    settled = t->settled[hot];
    most -= t->hot_gain;
  }
  hot = hot_step(t, hot, token); /* the hotwords of this very child: few have any */
  settled += t->settled[hot];
  most += settled - t->hot_gain;
  if (t->partial[hot] > 0 && most + t->partial[hot] + lift >= floors.lent) return 1;
  return most >= floors.own && (!e->lent || settled > 0);
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

/* Gives a place to the `size` largest keys of at least `least`, of equals to the older: sets them to
 * INT64_MAX. Keys of INT64_MIN get none. */
static void choose(Search *s, int64_t size, int64_t least) {
  int64_t n = 0, ties = size;
  if (size <= 0) return;
  for (int64_t i = 0; i < s->n_nexts; i++)
    if (s->keys[i] >= least && s->keys[i] > INT64_MIN && s->keys[i] < INT64_MAX)
      s->scratch[n++] = s->keys[i];
  if (n > size) {
    int64_t edge = nth_largest(s->scratch, n, size);
    for (int64_t i = 0; i < n; i++) ties -= s->scratch[i] > edge;
    least = edge;
  }
  for (int64_t i = 0; i < s->n_nexts; i++) {
    int64_t key = s->keys[i];
    if (key < least || key == INT64_MIN || key == INT64_MAX) continue;
    if (n <= size || key > least || ties-- > 0) s->keys[i] = INT64_MAX;
  }
}

#endif
