/* Words of taps. The noisy channel of spelling correction, on places instead of letters: where a tap lies is
 * Gaussian around its key, in key units, with heavy tails; letters are missed, doubled and swapped, and taps are too
 * many. Source: Kernighan, Church, Gale, "A spelling correction program based on a noisy channel model", 1990;
 * Goodman et al., "Language modeling for soft keyboards", 2002. */
#ifndef EDGECTC_TAPS_H
#define EDGECTC_TAPS_H

#include "engine_parts.h"

enum { MOST_TAPS = 64 };

typedef struct {              /* a word of taps */
  const char *text;           /* in the engine's pool */
  double score;               /* natural log, of taps and word together */
} Tapped;

typedef struct {
  Tapped *words;              /* (n of room) best first; in the engine's pool */
  int32_t n, room;
  char typed[4 * MOST_TAPS + 1]; /* what the nearest keys spell */
  int32_t keeps;              /* whether the best word is what was typed ... */
  double typed_score;         /* ... and what it scored before it was left alone */
} Taps;

/* Ranks words of n taps, (n, 2) in key units, for an engine that is made ready; `letters` (n) are the code points of
 * the nearest keys, with the score of each tap on it, `nearest` (n). `moving`: the word goes on. At most `most` words
 * are kept, until the engine ranks others. Returns how many, or OUT_OF_MEMORY. */
int32_t edgectc_taps(Taps *taps, edgectc_engine *engine, const double *places, int32_t n,
                     const int32_t *letters, const double *nearest, int32_t moving, int32_t most);

/* Ranks words that begin with n letters, numbers of the lexicon's; of none, the next word. Without a channel: a score is
 * the word's prior. Returns as above. */
int32_t edgectc_complete(Taps *taps, edgectc_engine *engine, const uint16_t *letters, int32_t n, int32_t most);

/* Says whether a word that was typed is left alone, though the best other one scores so much. */
int edgectc_tap_keeps(double typed, double best);

/* Returns the log of a tap's density that many key widths and heights away, over that on the key itself. */
double edgectc_tap_score(double dx, double dy);

#endif
