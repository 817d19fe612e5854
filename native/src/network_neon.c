/* The kernels for 64-bit ARM: tiles of 6 rows and 16 columns, 24 of 32 registers of sums. Those of processors with products
 * of bytes (ARMv8.2's sdot) differ in these alone.
 *
 * Products of bytes are those of two signed ones, so codes of activations go to 127 here. */
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
#define GREATER vmaxnmq_f32
#define LESSER vminnmq_f32
#define MORE_ROWS(tile, pieces)                         \
  ROW_CASE(tile, pieces, 2) ROW_CASE(tile, pieces, 3)   \
  ROW_CASE(tile, pieces, 4) ROW_CASE(tile, pieces, 5)

#define HAS_INT8
#define INTEGERS int32x4_t
#define LOAD_INT8(at) vreinterpretq_s32_s8(vld1q_s8(at))
#define ALL_INT8 vdupq_n_s32
#define NO_INTEGERS vdupq_n_s32(0)
#define DOT neon_dot
#define REST(sum, zero, sums) vmlsq_n_s32(sum, vld1q_s32(sums), zero)
#define TO_FLOATS vcvtq_f32_s32
#define STORE_CODES neon_store_codes

static inline int32x4_t neon_dot(int32x4_t sum, int32x4_t codes, int32x4_t weights) {
  int8x16_t a = vreinterpretq_s8_s32(codes), b = vreinterpretq_s8_s32(weights);
  int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  int16x8_t high = vmull_s8(vget_high_s8(a), vget_high_s8(b));
  return vpadalq_s16(sum, vpaddq_s16(low, high)); /* two products fit int16 */
}

static inline void neon_store_codes(uint8_t *out, float32x4_t value, int32_t zero, int32_t levels) {
  int32x4_t code = vqaddq_s32(vcvtnq_s32_f32(value), vdupq_n_s32(zero));
  code = vmaxq_s32(vminq_s32(code, vdupq_n_s32(levels)), vdupq_n_s32(0));
  uint16x4_t words = vreinterpret_u16_s16(vmovn_s32(code));
  uint32x2_t bytes = vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words)));
  vst1_lane_u32((uint32_t *)(void *)out, bytes, 0);
}

#include "network_tiles.h"

const Kernels edgectc_kernels_neon = {
  "neon", 127, neon_products, neon_integers, neon_quantize, neon_near, neon_scores,
};

/* ---- with products of bytes ------------------------------------------------------------- */

#undef NAME
#undef TARGET
#undef DOT
#define NAME(x) dotprod_##x
#if defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define DOT dotprod_dot
#define ONLY_INTEGERS

TARGET static inline int32x4_t dotprod_dot(int32x4_t sum, int32x4_t codes, int32x4_t weights) {
  return vdotq_s32(sum, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(weights));
}

#include "network_tiles.h"

const Kernels edgectc_kernels_dotprod = {
  "dotprod", 127, neon_products, dotprod_integers, neon_quantize, neon_near, neon_scores,
};
#else
typedef int edgectc_no_neon;
#endif
