/* The kernels in vectors of 128 bits that every compiler here knows: SSE2, WebAssembly, 32-bit ARM.
 * Tiles of 2 rows and 16 columns, 8 of 16 registers of sums. Where pairs of 16-bit products are one
 * instruction, int8 has them, in tiles of 8 columns; elsewhere it is that of the plain set. */
#include "network.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#define NAME(x) vectors_##x
#define TARGET
#include "network_math.h"

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourWhole __attribute__((vector_size(16)));

static inline Four vectors_load(const float *at) {
  Four value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline Four vectors_greater(Four a, Four b) {
  FourWhole first = a > b;
  return (Four)((first & (FourWhole)a) | (~first & (FourWhole)b));
}

#if defined(__wasm_simd128__) || defined(__SSE2__)
#define HAS_INT8
#define INTEGERS Halves
#define PIECES_INT8 2 /* each is two registers of sums */
#define LOAD_INT8 vectors_load_halves
#define ALL_INT8 vectors_all_halves
#define NO_INTEGERS ((Halves){{0}, {0}})
#define DOT vectors_dot
#define REST(sum, zero, sums) (vectors_joined(sum) - (zero) * vectors_load_whole(sums))
#define TO_FLOATS(sum) __builtin_convertvector(sum, Four)
#define STORE_CODES vectors_store_codes

static inline Four vectors_lesser(Four a, Four b) {
  FourWhole first = a < b;
  return (Four)((first & (FourWhole)a) | (~first & (FourWhole)b));
}

static inline FourWhole vectors_load_whole(const void *at) {
  FourWhole value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* Four columns of int8. Of weights: the first two columns and the others, as 16-bit numbers; of codes: the same twice; of sums:
 * two a column, which are joined at the end. */
typedef struct {
  FourWhole low, high;
} Halves;

#if defined(__wasm_simd128__)
static inline FourWhole vectors_pairs(FourWhole a, FourWhole b) { return (FourWhole)wasm_i32x4_dot_i16x8((v128_t)a, (v128_t)b); }

static inline Halves vectors_load_halves(const int8_t *at) {
  return (Halves){(FourWhole)wasm_i16x8_load8x8(at), (FourWhole)wasm_i16x8_load8x8(at + 8)};
}

static inline Halves vectors_all_halves(int32_t four) {
  FourWhole wide = (FourWhole)wasm_u16x8_extend_low_u8x16(wasm_i32x4_splat(four));
  return (Halves){wide, wide};
}

static inline FourWhole vectors_joined(Halves sum) {
  v128_t low = (v128_t)sum.low, high = (v128_t)sum.high;
  return (FourWhole)wasm_i32x4_shuffle(low, high, 0, 2, 4, 6) + (FourWhole)wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
}

static inline FourWhole vectors_nearest(Four value) {
  return (FourWhole)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)value));
}
#else
static inline FourWhole vectors_pairs(FourWhole a, FourWhole b) { return (FourWhole)_mm_madd_epi16((__m128i)a, (__m128i)b); }

static inline Halves vectors_load_halves(const int8_t *at) {
  __m128i signs = _mm_loadu_si128((const __m128i *)at);
  return (Halves){(FourWhole)_mm_srai_epi16(_mm_unpacklo_epi8(signs, signs), 8), (FourWhole)_mm_srai_epi16(_mm_unpackhi_epi8(signs, signs), 8)};
}

static inline Halves vectors_all_halves(int32_t four) {
  FourWhole wide = (FourWhole)_mm_unpacklo_epi8(_mm_set1_epi32(four), _mm_setzero_si128());
  return (Halves){wide, wide};
}

static inline FourWhole vectors_joined(Halves sum) {
  __m128 low = _mm_castsi128_ps((__m128i)sum.low), high = _mm_castsi128_ps((__m128i)sum.high);
  return (FourWhole)_mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0))) +
         (FourWhole)_mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));
}

static inline FourWhole vectors_nearest(Four value) { return (FourWhole)_mm_cvtps_epi32((__m128)value); }
#endif

static inline Halves vectors_dot(Halves sum, Halves codes, Halves weights) {
  return (Halves){sum.low + vectors_pairs(codes.low, weights.low), sum.high + vectors_pairs(codes.high, weights.high)};
}

static inline void vectors_store_codes(uint8_t *out, Four value, int32_t zero, int32_t levels) {
  Four most = {1e4f, 1e4f, 1e4f, 1e4f};
  value = vectors_lesser(vectors_greater(value, -most), most); /* NaN too becomes a number */
  FourWhole code = vectors_nearest(value) + zero;
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(code[i] < 0 ? 0 : code[i] > levels ? levels : code[i]);
}
#endif

#define ROWS 2
#define PANELS 1
#define WIDTH 4
#define FLOATS Four
#define LOAD vectors_load
#define STORE(at, value) memcpy(at, &(value), sizeof(Four))
#define ALL(x) ((Four){x, x, x, x})
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define TIMES(a, b) ((a) * (b))
#define PLUS(a, b) ((a) + (b))
#define GREATER vectors_greater
#define LESSER vectors_lesser
#define MORE_ROWS(tile, pieces)
#include "network_tiles.h"

#ifndef HAS_INT8
#define vectors_integers edgectc_integers
#define vectors_quantize edgectc_quantize
#endif

const Kernels edgectc_kernels_vectors = {
  "vectors", 255, vectors_products, vectors_integers, vectors_quantize, vectors_near,
  vectors_scores,
};
