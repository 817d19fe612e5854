/* The kernels for AVX-512 with its products of bytes (VNNI): tiles of 12 rows and 32 columns, 24 of
 * 32 registers of sums. */
#include "network.h"

#ifdef EDGECTC_AVX512
#include <immintrin.h>

#define NAME(x) avx512_##x
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")))
#include "network_math.h"

#define ROWS 12
#define PANELS 2
#define WIDTH 16
#define FLOATS __m512
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define ALL _mm512_set1_ps
#define MULTIPLY_ADD _mm512_fmadd_ps
#define TIMES _mm512_mul_ps
#define PLUS _mm512_add_ps
#define GREATER _mm512_max_ps
#define LESSER _mm512_min_ps
#define MORE_ROWS(tile, pieces)                         \
  ROW_CASE(tile, pieces, 4) ROW_CASE(tile, pieces, 8)   \
  ROW_CASE(tile, pieces, 9) ROW_CASE(tile, pieces, 10)  \
  ROW_CASE(tile, pieces, 11)
/* Fewer rows than 8 have only the shortest inputs: each case is a kilobyte of code or two. */
#define FITTING(rows) ((rows) >= 8 ? (rows) : (rows) >= 4 ? 4 : 1)

#define HAS_INT8
#define INTEGERS __m512i
#define LOAD_INT8 _mm512_loadu_si512
#define ALL_INT8 _mm512_set1_epi32
#define NO_INTEGERS _mm512_setzero_si512()
#define DOT _mm512_dpbusd_epi32
#define REST(sum, zero, sums) \
  _mm512_sub_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(zero), LOAD_INT8(sums)))
#define TO_FLOATS _mm512_cvtepi32_ps
#define STORE_CODES avx512_store_codes

TARGET static inline void avx512_store_codes(uint8_t *out, __m512 value, int32_t zero,
                                             int32_t levels) {
  __m512i code = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(zero));
  code = _mm512_min_epi32(code, _mm512_set1_epi32(levels));
  code = _mm512_max_epi32(code, _mm512_setzero_si512());
  _mm_storeu_si128((__m128i *)out, _mm512_cvtepi32_epi8(code));
}

#include "network_tiles.h"

const Kernels edgectc_kernels_avx512 = {
  "avx512", 255, avx512_products, avx512_integers, avx512_quantize, avx512_near, avx512_scores,
};
#else
typedef int edgectc_no_avx512;
#endif
