/* A finger's trace: whether it can be used, and its frames. docs/host_contract.md, sections 1 and 2. */
#ifndef EDGECTC_SWIPE_H
#define EDGECTC_SWIPE_H

#include "artifact.h"

/* Returns why points (n) in the letter area cannot be used, NULL if they can. */
const char *edgectc_swipe_reason(const edgectc_point *points, int32_t n);

/* Returns what a reason means, in words to show. */
const char *edgectc_swipe_text(const char *reason);

/* Takes out of points (n) what a screen or a hand put in, where they lie: another finger, a coarse clock, rests.
 * Returns how many are left. `scratch` has room for n. */
int32_t edgectc_swipe_repair(const Resampling *resampling, edgectc_point *points, int32_t n, double key_width,
                             double key_height, double *scratch);

/* Returns how many frames the points get. `arc` (n) receives the length of the path up to each, in keys. */
int32_t edgectc_swipe_length(const Resampling *resampling, const edgectc_point *points, int32_t n,
                             double key_width, double key_height, double *arc);

/* Writes frames (length, 3): x, y and seconds, evenly in a blend of time and arc length. `arc` is used up. */
void edgectc_swipe_frames(const Resampling *resampling, const edgectc_point *points, int32_t n, double *arc,
                          int32_t length, float *frames);

#endif
