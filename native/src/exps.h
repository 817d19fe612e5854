/* exp of a row of scores, of all columns at once where the processor can. */
#ifndef EDGECTC_EXPS_H
#define EDGECTC_EXPS_H

#include <math.h>
#include <stdint.h>

#define LEAST_EXP -708.0 /* below, exp is no normal number */

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

/* exp(x), x at most 0: 2^n times the Taylor series of the rest, which is at most ln 2 / 2 and needs 13 terms. */
__attribute__((target("avx2,fma"))) static inline __m256d avx2_exp(__m256d x) {
  static const double terms[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                 1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5,         1.0,
                                 1.0};
  __m256d least = _mm256_set1_pd(LEAST_EXP), kept = _mm256_cmp_pd(x, least, _CMP_GE_OQ), sum = _mm256_set1_pd(1.0 / 6227020800.0);
  x = _mm256_max_pd(x, least);
  __m256d n = _mm256_round_pd(_mm256_mul_pd(x, _mm256_set1_pd(1.4426950408889634)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  /* ln 2 in two parts, the first of which is short. */
  x = _mm256_fnmadd_pd(n, _mm256_set1_pd(0x1.62e42fefa3800p-1), x);
  x = _mm256_fnmadd_pd(n, _mm256_set1_pd(0x1.ef35793c76730p-45), x);
  for (int i = 0; i < 13; i++) sum = _mm256_fmadd_pd(sum, x, _mm256_set1_pd(terms[i]));
  __m256i power = _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n)), 52);
  return _mm256_and_pd(_mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(sum), power)), kept);
}

__attribute__((target("avx2,fma"))) static double avx2_exps(const double *row, int32_t n, double highest, double scale,
                                                            double *out) {
  __m256d sum = _mm256_setzero_pd(), up = _mm256_set1_pd(highest), times = _mm256_set1_pd(scale);
  double parts[4];
  for (int32_t v = 0; v < n; v += 4) {
    int32_t left = n - v;
    for (int i = 0; i < 4; i++) parts[i] = i < left ? row[v + i] : -HUGE_VAL;
    __m256d from = left < 4 ? _mm256_loadu_pd(parts) : _mm256_loadu_pd(row + v);
    __m256d exps = avx2_exp(_mm256_mul_pd(times, _mm256_sub_pd(from, up)));
    sum = _mm256_add_pd(sum, exps);
    _mm256_storeu_pd(parts, exps);
    for (int i = 0; i < 4 && i < left; i++) out[v + i] = parts[i];
  }
  _mm256_storeu_pd(parts, sum);
  return parts[0] + parts[1] + (parts[2] + parts[3]);
}
#endif

/* Writes exp(scale * (row - highest)) of n columns and returns their sum. */
static SMALL double exps(const double *row, int32_t n, double highest, double scale, double *out) {
#if defined(__GNUC__) && defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_exps(row, n, highest, scale, out);
#endif
  double sum = 0.0;
  /* Columns without meaning hold -10,000, and no call is the faster. */
  for (int32_t v = 0; v < n; v++) {
    double x = scale * (row[v] - highest);
    sum += out[v] = x < LEAST_EXP ? 0.0 : exp(x);
  }
  return sum;
}

#endif
