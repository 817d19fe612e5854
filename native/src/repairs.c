/* See swipe.h. The rules are those of edgectc/data/repairs.py; docs/host_contract.md states them. */
#include "light.h"

#include "exact.h"
#include "swipe.h"

enum { MOST_POINTS = 6 }; /* of another finger */
static const double TIMES_STEP = 2.0, KEYS_PER_MS = 0.06, INNER = 0.5, STILL = 0.25 + 1e-9;

typedef struct {
  double width, height;
} Key;

static double apart(Key key, const edgectc_point *a, const edgectc_point *b) {
  return edgectc_distance(b->x / key.width - a->x / key.width, b->y / key.height - a->y / key.height);
}

static int jumps(double length, double least, const edgectc_point *a, const edgectc_point *b) {
  return length > least && length > KEYS_PER_MS * (b->t_ms - a->t_ms);
}

/* Returns the point after a run of another finger that begins at `first`, else `first`. */
static int32_t own_from(Key key, const edgectc_point *points, int32_t n, const edgectc_point *last, int32_t first,
                        double least) {
  double there = apart(key, last, points + first);
  if (!jumps(there, least, last, points + first)) return first;
  for (int32_t k = first + 1; k < n && k <= first + MOST_POINTS; k++) {
    double step = apart(key, points + k - 1, points + k);
    double back = apart(key, last, points + k);
    if (jumps(step, least, points + k - 1, points + k) && back < there && back < step) return k;
    if (step > INNER * there) return first;
  }
  return first;
}

static int32_t own_points(Key key, edgectc_point *points, int32_t n, double jump_keys) {
  int32_t kept = 1;
  double before = 0.0;
  for (int32_t k = 1; k < n; k++) {
    const edgectc_point *last = points + kept - 1;
    double least = TIMES_STEP * before > jump_keys ? TIMES_STEP * before : jump_keys;
    k = own_from(key, points, n, last, k, least);
    before = apart(key, last, points + k);
    points[kept++] = points[k];
  }
  return kept;
}

static void spread_times(edgectc_point *points, int32_t n) {
  for (int32_t i = 0, j; i < n; i = j) {
    for (j = i + 1; j < n && points[j].t_ms == points[i].t_ms;) j++;
    double start = points[i].t_ms, span = j < n ? points[j].t_ms - start : 0.0;
    for (int32_t k = i + 1; k < j; k++) points[k].t_ms = start + span * (k - i) / (j - i);
  }
}

static void shorten_rests(Key key, edgectc_point *points, int32_t n, double rest_ms, double *times) {
  for (int32_t i = 0; i < n; i++) times[i] = points[i].t_ms;
  for (int32_t i = 0, j; i < n - 1; i = j) {
    for (j = i; j < n - 1 && apart(key, points + i, points + j + 1) <= STILL;) j++;
    double span = times[j] - times[i], share = span > rest_ms ? rest_ms / span : 1.0;
    if (j == i) j++;
    for (int32_t k = i; k < j; k++) {
      double step = (times[k + 1] - times[k]) * share;
      points[k + 1].t_ms = points[k].t_ms + (step < rest_ms ? step : rest_ms);
    }
  }
}

int32_t edgectc_swipe_repair(const Resampling *resampling, edgectc_point *points, int32_t n, double key_width,
                             double key_height, double *scratch) {
  Key key = {key_width, key_height};
  if (resampling->jump_keys > 0.0) n = own_points(key, points, n, resampling->jump_keys);
  if (resampling->spread_times) spread_times(points, n);
  if (resampling->rest_ms > 0.0) shorten_rests(key, points, n, resampling->rest_ms, scratch);
  return n;
}

#include "cold_end.h"
