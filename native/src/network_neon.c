/* The kernels for 64-bit ARM: tiles of 6 rows and 16 columns, 24 of 32 registers of sums. */
#include "network.h"

#ifdef EDGECTC_ARM64
#include <arm_neon.h>

#define NAME(x) neon_##x
#define TARGET
#include "network_math.h"

#define ROWS 6
#define PANELS 1
#define WIDTH 4
#define FLOATS float32x4_t
#define LOAD vld1q_f32
#define STORE vst1q_f32
#define ALL vdupq_n_f32
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
#define TIMES vmulq_f32
#define PLUS vaddq_f32
#define GREATER vmaxq_f32
#define LESSER vminq_f32
#define MORE_ROWS(tile, pieces)                         \
  ROW_CASE(tile, pieces, 2) ROW_CASE(tile, pieces, 3)   \
  ROW_CASE(tile, pieces, 4) ROW_CASE(tile, pieces, 5)
#include "network_tiles.h"

const Kernels edgectc_kernels_neon = {
  "neon", 255, neon_products, edgectc_integers, edgectc_quantize, neon_near, neon_scores,
};
#else
typedef int edgectc_no_neon;
#endif
