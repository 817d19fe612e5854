/* Elementwise functions that a compiler vectorises, and the rows that use them. Included once an
 * instruction set, with NAME and TARGET defined. Arguments are bounded before they become integers,
 * so that NaN and infinity do no harm. */
#include <math.h>
#include <string.h>

#ifndef EDGECTC_MASKED
#define EDGECTC_MASKED 1e4f /* subtracted from the score of an unused slot, as in training */
#endif

/* exp(x), relative error below |x| * 1.2e-7 + 3e-7: 2^t with the fraction of t in a polynomial. */
TARGET static inline float NAME(exponential)(float x) {
  float t = x * 1.44269504f;
  t = t > -126.0f ? t : -126.0f;
  t = t < 126.0f ? t : 126.0f;
  int32_t whole = (int32_t)(t + (t < 0.0f ? -0.5f : 0.5f));
  float f = t - (float)whole;
  float p = 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  int32_t bits = (whole + 127) * (1 << 23);
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

TARGET static void NAME(near)(const float *x, const float *y, const float *mask, int32_t n,
                              const float point[2], float factor, float *out) {
  for (int32_t k = 0; k < n; k++) {
    float dx = point[0] - x[k], dy = point[1] - y[k];
    out[k] = NAME(exponential)((dx * dx + dy * dy) * factor) * mask[k];
  }
}

TARGET static float NAME(scores)(float *row, const float *mask, int32_t n, float bound) {
  float most = -2.0f * EDGECTC_MASKED, twice = 2.0f / bound;
  for (int32_t k = 0; k < n; k++) {
    float tanh_of = 1.0f - 2.0f / (NAME(exponential)(row[k] * twice) + 1.0f);
    row[k] = bound * tanh_of * mask[k] + (mask[k] - 1.0f) * EDGECTC_MASKED;
  }
  for (int32_t k = 0; k < n; k++) most = row[k] > most ? row[k] : most;
  float sum = 0.0f;
  for (int32_t k = 0; k < n; k++) sum += NAME(exponential)(row[k] - most);
  float all = most + (float)log(sum);
  for (int32_t k = 0; k < n; k++) row[k] -= all;
  return -EDGECTC_MASKED - all;
}
