/* The kernels for AVX2 with FMA: tiles of 6 rows and 16 columns, 12 of 16 registers of sums.
 *
 * Activations have 127 steps in int8 here: a byte times a byte and its neighbour must fit int16. */
#include "network.h"

#ifdef EDGECTC_X86
#include <immintrin.h>

#define NAME(x) avx2_##x
#define TARGET __attribute__((target("avx2,fma")))
#include "network_math.h"

#define ROWS 6
#define PANELS 1
#define WIDTH 8
#define FLOATS __m256
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define ALL _mm256_set1_ps
#define MULTIPLY_ADD _mm256_fmadd_ps
#define TIMES _mm256_mul_ps
#define PLUS _mm256_add_ps
#define GREATER _mm256_max_ps
#define LESSER _mm256_min_ps
#define MORE_ROWS(tile, pieces)                         \
  ROW_CASE(tile, pieces, 2) ROW_CASE(tile, pieces, 3)   \
  ROW_CASE(tile, pieces, 4) ROW_CASE(tile, pieces, 5)

#define HAS_INT8
#define INTEGERS __m256i
#define LOAD_INT8(at) _mm256_loadu_si256((const __m256i *)(at))
#define ALL_INT8 _mm256_set1_epi32
#define NO_INTEGERS _mm256_setzero_si256()
#define DOT avx2_dot
#define REST(sum, zero, sums) \
  _mm256_sub_epi32(sum, _mm256_mullo_epi32(_mm256_set1_epi32(zero), LOAD_INT8(sums)))
#define TO_FLOATS _mm256_cvtepi32_ps
#define STORE_CODES avx2_store_codes

TARGET static inline __m256i avx2_dot(__m256i sum, __m256i codes, __m256i weights) {
  __m256i pairs = _mm256_maddubs_epi16(codes, weights);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

TARGET static inline void avx2_store_codes(uint8_t *out, __m256 value, int32_t zero, int32_t levels) {
  __m256i code = _mm256_add_epi32(_mm256_cvtps_epi32(value), _mm256_set1_epi32(zero));
  code = _mm256_min_epi32(code, _mm256_set1_epi32(levels));
  __m128i low = _mm256_castsi256_si128(code), high = _mm256_extracti128_si256(code, 1);
  __m128i words = _mm_packs_epi32(low, high);
  _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}

#include "network_tiles.h"

const Kernels edgectc_kernels_avx2 = {
  "avx2", 127, avx2_products, avx2_integers, avx2_quantize, avx2_near, avx2_scores,
};
#else
typedef int edgectc_no_avx2;
#endif
