/* See swipe.h. The formulas are those of edgectc/data/frontends/swipe.py and edgectc/data/validation.py. */
#include "light.h"

#include "exact.h"

#include <string.h>

#include "swipe.h"

const char *edgectc_swipe_text(const char *reason) {
  static const char *const texts[][2] = {
    {"empty", "there is no point"},
    {"one_point", "one point has no path; handle it as a tap"},
    {"not_finite", "a coordinate or time is NaN or infinite"},
    {"pixel_coordinates", "the points lie far from the keys; give both in the same unit"},
    {"off_keyboard", "a point lies farther from the keys than a finger goes; check where they lie"},
    {"time_backwards", "a point is earlier than the one before; keep the order of the touch events"},
    {"time_constant", "all points have the same time; give the time of each touch event"},
    {"time_too_short", "the points last under 10 ms; give times in milliseconds, or handle them as a tap"},
    {"time_too_long", "the points last over a minute; give times in milliseconds"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strcmp(texts[i][0], reason) == 0) return texts[i][1];
  return reason;
}

static const double LEAST_MS = 10.0, MOST_MS = 60000.0, PIXELS_FROM = 5.0;

static const char *reason_of_times(const edgectc_point *points, int32_t n) {
  for (int32_t i = 1; i < n; i++)
    if (points[i].t_ms < points[i - 1].t_ms) return "time_backwards";
  double duration = points[n - 1].t_ms - points[0].t_ms;
  if (duration == 0.0) return "time_constant";
  if (duration < LEAST_MS) return "time_too_short";
  return duration > MOST_MS ? "time_too_long" : NULL;
}

const char *edgectc_swipe_reason(const edgectc_point *points, int32_t n) {
  int32_t far = 0, off = 0;
  if (n < 1) return "empty";
  if (n == 1) return "one_point";
  for (int32_t i = 0; i < n; i++) {
    double x = points[i].x, y = points[i].y;
    if (!(fabs(x) < HUGE_VAL && fabs(y) < HUGE_VAL && fabs(points[i].t_ms) < HUGE_VAL)) return "not_finite";
    far += fabs(x) > PIXELS_FROM || fabs(y) > PIXELS_FROM;
    off += x < -0.5 || x > 1.5 || y < -1.0 || y > 2.5;
  }
  if (2 * (int64_t)far > n) return "pixel_coordinates";
  return off ? "off_keyboard" : reason_of_times(points, n);
}

int32_t edgectc_swipe_length(const Resampling *resampling, const edgectc_point *points, int32_t n,
                             double key_width, double key_height, double *arc) {
  arc[0] = 0.0;
  for (int32_t i = 1; i < n; i++)
    arc[i] = arc[i - 1] + edgectc_distance((points[i].x - points[i - 1].x) / key_width,
                                            (points[i].y - points[i - 1].y) / key_height);
  double by_time = (points[n - 1].t_ms - points[0].t_ms) / resampling->ms_per_frame;
  double by_arc = arc[n - 1] / resampling->keys_per_frame;
  double length = ceil(by_time > by_arc ? by_time : by_arc);
  if (!(length > resampling->min_frames)) length = resampling->min_frames;
  return (int32_t)(length > resampling->max_frames ? resampling->max_frames : length);
}

/* Writes what lies between two points at `share` of the way; of a point itself, share is 0. */
static void put(const edgectc_point *points, int32_t i, double u, double step, double at, float *frame) {
  const edgectc_point *from = points + i, *to = from + (step > 0.0);
  double start = points[0].t_ms, way = at - u;
  double rise[3] = {to->x - from->x, to->y - from->y, (to->t_ms - start) / 1000.0 - (from->t_ms - start) / 1000.0};
  double base[3] = {from->x, from->y, (from->t_ms - start) / 1000.0};
  for (int k = 0; k < 3; k++) frame[k] = (float)(step > 0.0 ? rise[k] / step * way + base[k] : base[k]);
}

void edgectc_swipe_frames(const Resampling *resampling, const edgectc_point *points, int32_t n, double *arc,
                          int32_t length, float *frames) {
  double whole = arc[n - 1], start = points[0].t_ms, duration = points[n - 1].t_ms - start;
  double share = whole > 0.0 ? resampling->time_share : 1.0; /* a finger that rests has no arc to follow */
  double *u = arc;
  for (int32_t i = 0; i < n; i++)
    u[i] = share * (points[i].t_ms - start) / duration + (1.0 - share) * arc[i] / (whole > 1e-9 ? whole : 1e-9);
  double last = u[n - 1], step = last / (length - 1);
  int32_t j = 0;
  for (int32_t f = 0; f < length; f++) {
    double at = f < length - 1 ? f * step : last;
    while (j < n - 1 && u[j + 1] <= at) j++;
    put(points, j, u[j], j < n - 1 ? u[j + 1] - u[j] : 0.0, at, frames + 3 * f);
  }
}

#include "cold_end.h"
