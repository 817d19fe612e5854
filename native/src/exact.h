/* Include first in a file whose doubles decide, as at which point a rest ends or how many frames there are: each
 * operation rounds as it is written, so every compiler and processor comes to Python's bits. The flags of build.json
 * let sums be reordered for the network's dot products, and of b / w - a / w Clang makes (b - a) / w. */
#ifndef EDGECTC_EXACT_H
#define EDGECTC_EXACT_H

#include <math.h>

#if defined(__clang__)
#pragma clang fp reassociate(off) contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("no-associative-math", "fp-contract=off")
#endif

/* Returns sqrt(x^2 + y^2): a hypot of the C library has its own last bit on each platform. */
static inline double edgectc_distance(double x, double y) { return sqrt(x * x + y * y); }

#endif
