/* What the way of a finger says of words; see trace.py. */
#include "light.h"

#include <math.h>

#include "search.h"

/* Of trace.py, like the names. */
#define WAY 0.2
#define SPAN 0.025
#define SWIFT 20.0
#define MOST 0.8
#define SURE 0.9
#define NEAR 0.2
#define IMPOSSIBLE 1e6

static double length_of(double x, double y) { return sqrt(x * x + y * y); }

double edgectc_heading(const double *points, int32_t n, const double *keys, int32_t K, double *ahead) {
  const double *end = points + 2 * (n - 1), *seconds = points + 2 * n;
  int32_t from = n - 1, since = n - 1;
  while (from > 0 && length_of(end[0] - points[2 * from], end[1] - points[2 * from + 1]) < WAY) from--;
  while (since > 0 && seconds[since] > seconds[n - 1] - SPAN) since--;
  double x = end[0] - points[2 * from], y = end[1] - points[2 * from + 1], length = length_of(x, y);
  double passed = seconds[n - 1] - seconds[since];
  double moved = length_of(end[0] - points[2 * since], end[1] - points[2 * since + 1]);
  double speed = passed > 0.0 ? moved / passed / SWIFT : 0.0;
  double swift = speed < IMPOSSIBLE ? speed * speed : 0.0; /* not of a time that is no number either */
  for (int32_t k = 0; k < K; k++) {
    double dx = keys[2 * k] - end[0], dy = keys[2 * k + 1] - end[1], distance = length_of(dx, dy);
    double scale = distance * length, cosine = scale > 0.0 ? (dx * x + dy * y) / scale : 0.0;
    double sure = SURE * distance / (distance + NEAR);
    ahead[k] = isnan(keys[2 * k]) ? 1.0 : (1.0 - sure * sure) / (1.0 + sure * sure - 2.0 * sure * cosine);
  }
  return MOST * swift / (1.0 + swift);
}

double edgectc_miss(const double *points, int32_t n_points, const double *keys,
                    const int32_t *letters, int32_t n, double *least) {
  int32_t counted = 0;
  for (int32_t i = 0; i < n; i++) {
    const double *key = keys + 2 * letters[i];
    if (isnan(key[0])) continue;
    /* least[t] becomes the smallest sum of squares of the letters so far, the last one at point t; a
     * letter may share the point of the one before it, but never lie before it. */
    double before = counted ? HUGE_VAL : 0.0;
    for (int32_t t = 0; t < n_points; t++) {
      double dx = points[2 * t] - key[0], dy = points[2 * t + 1] - key[1];
      if (counted && least[t] < before) before = least[t];
      least[t] = before + (dx * dx + dy * dy);
    }
    counted++;
  }
  double best = HUGE_VAL;
  for (int32_t t = 0; t < n_points; t++)
    if (counted && least[t] < best) best = least[t];
  return counted ? sqrt(best / counted) : 0.0;
}

#include "cold_end.h"
