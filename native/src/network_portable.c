/* The kernels in plain C, by the textbook: what the other sets are held against, and their int8
 * where they have none of their own. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2") /* a quarter of the code: nothing waits for these where there are others */
#endif
#include <math.h>

#include "network.h"

#ifndef EDGECTC_NO_PORTABLE
#define NAME(x) portable_##x
#define TARGET
#include "network_math.h"

static void portable_products(const Products *p) {
  size_t rows = (size_t)p->taps * (size_t)p->depth;
  for (int32_t column = 0; column < p->columns; column += PANEL) {
    const float *panel = p->weights + (size_t)column * rows;
    for (int32_t r = 0; r < p->rows; r++) {
      const float *weight = panel;
      float sum[PANEL];
      for (int j = 0; j < PANEL; j++) sum[j] = p->bias[column + j];
      for (int32_t k = 0; k < p->taps; k++) {
        const float *in = p->in + r * p->row + k * p->tap;
        for (int32_t c = 0; c < p->depth; c++, weight += PANEL)
          for (int j = 0; j < PANEL; j++) sum[j] += in[c] * weight[j];
      }
      float *out = p->out + r * p->out_row + column;
      for (int j = 0; j < PANEL; j++) {
        float value = p->flags & FLAG_ADD ? out[j] + sum[j] : sum[j];
        out[j] = p->flags & FLAG_RELU && value < 0.0f ? 0.0f : value;
      }
    }
  }
}
#endif

void edgectc_integers(const IntegerProducts *p) {
  size_t rows = (size_t)p->taps * (size_t)p->depth;
  for (int32_t column = 0; column < p->columns; column += PANEL) {
    const int8_t *panel = p->weights + (size_t)column * rows;
    for (int32_t r = 0; r < p->rows; r++) {
      const int8_t *weight = panel;
      int32_t sum[PANEL] = {0};
      for (int32_t k = 0; k < p->taps; k++) {
        const uint8_t *in = p->in + r * p->row + k * p->tap;
        for (int32_t c = 0; c < p->depth; c += 4, weight += 4 * PANEL)
          for (int j = 0; j < PANEL; j++)
            for (int i = 0; i < 4; i++) sum[j] += in[c + i] * weight[4 * j + i];
      }
      float *out = p->out + r * p->out_row + column;
      for (int j = 0; j < PANEL; j++) {
        int32_t exact = sum[j] - p->zero * p->sums[column + j];
        float value = (float)exact * (p->scale[column + j] * p->step) + p->bias[column + j];
        value = p->flags & FLAG_ADD ? out[j] + value : value;
        out[j] = p->flags & FLAG_RELU && value < 0.0f ? 0.0f : value;
      }
    }
  }
}

void edgectc_quantize(const float *in, size_t n, int32_t levels, uint8_t *out, float *step,
                      int32_t *zero) {
  float low = 0.0f, high = 0.0f;
  for (size_t i = 0; i < n; i++) {
    low = in[i] < low ? in[i] : low;
    high = in[i] > high ? in[i] : high;
  }
  *step = edgectc_code_step(low, high, levels, zero);
  float inverse = 1.0f / *step;
  for (size_t i = 0; i < n; i++) {
    float code = (float)rint(in[i] * inverse) + (float)*zero;
    code = code > 0.0f ? code : 0.0f; /* NaN too */
    out[i] = (uint8_t)(code < (float)levels ? code : (float)levels);
  }
}

#ifndef EDGECTC_NO_PORTABLE
const Kernels edgectc_kernels_portable = {
  "portable", 255, portable_products, edgectc_integers, edgectc_quantize, portable_near,
  portable_scores,
};
#endif
