/* The network inside a native artifact: its file (docs/native_format.md), read in place, and the
 * kernels that run it. Nothing here is for callers; ../include/edgectc.h is. */
#ifndef EDGECTC_NETWORK_H
#define EDGECTC_NETWORK_H

#include <stddef.h>
#include <stdint.h>

enum {
  PANEL = 16,          /* columns of weights that lie together */
  MOST_STEPS = 512,
  MOST_TENSORS = 4096,
  MOST_VALUES = 16,
  MOST_SIZE = 65536,   /* frames, channels, rows of a matrix: sums of int8 products fit int32 */
  MOST_PADDING = 4096, /* frames before and after a value */
  STEP_TENSORS = 6,
  WHY = 200, /* bytes of a message */
};

/* Kinds of steps. */
enum { STEP_SWIPE = 1, STEP_CONVOLUTION = 2, STEP_KEY_SCORES = 3 };
/* Of a convolution: max(value, 0); added to what `out` holds; weights in int8. */
enum { FLAG_RELU = 1, FLAG_ADD = 2, FLAG_INT8 = 4 };
/* Kinds of tensors: rows of floats; panels of floats; panels of int8 in groups of four rows. */
enum { TENSOR_ROWS = 1, TENSOR_PANELS = 2, TENSOR_INT8 = 3 };

typedef struct {
  uint32_t type, rows, columns;
  const uint8_t *at;
} Tensor;

typedef struct {
  uint32_t kind, in, out, flags, kernel, dilation, stride;
  const Tensor *tensors[STEP_TENSORS]; /* NULL: none */
  float number;                        /* reach of the features, bound of the scores */
} Step;

/* What a step gives and another takes: one row of `channels` floats a frame. */
typedef struct {
  uint32_t channels, stride, padding; /* input frames per frame; rows of zeros on both sides */
} Value;

typedef struct {
  uint32_t frames, channels, columns, stride, window; /* `frames`: the most that go in */
  uint32_t n_steps, n_tensors, n_values;
  Step steps[MOST_STEPS];
  Tensor tensors[MOST_TENSORS];
  Value values[MOST_VALUES];
} Model;

/* Reads a file in place and checks all of it; returns 0, or -2 and says why. */
int32_t edgectc_network_read(Model *model, const uint8_t *bytes, size_t size, char why[WHY]);

/* out (rows, columns) = in times weights + bias, where row r of `in` is `taps` pieces of `depth`
 * floats, piece k at in + r * row + k * tap. All distances are in elements. `bias` has as many
 * values as the panels have columns, and so has a row of `out`. */
typedef struct {
  const float *in, *weights, *bias;
  float *out;
  ptrdiff_t row, tap, out_row;
  int32_t rows, columns, taps, depth, flags;
} Products;

/* The same of integers: in = step * (code - zero); a weight is scale[column] * code. `depth` is a
 * multiple of four, `sums` holds the sum of each column of codes. */
typedef struct {
  const uint8_t *in;
  const int8_t *weights;
  const float *scale, *bias;
  const int32_t *sums;
  float *out, step;
  ptrdiff_t row, tap, out_row;
  int32_t rows, columns, taps, depth, flags, zero;
} IntegerProducts;

/* How an instruction set does it. */
typedef struct {
  const char *name;
  int32_t levels; /* of an activation in int8, less one */
  void (*products)(const Products *);
  void (*integers)(const IntegerProducts *);
  /* Writes codes of n floats, a multiple of 16: least and largest value, 0 among them, are 0 and
   * `levels`. */
  void (*quantize)(const float *in, size_t n, int32_t levels, uint8_t *out, float *step,
                   int32_t *zero);
  /* out[k] = exp(factor * squared distance to point k) * mask[k]. */
  void (*near)(const float *x, const float *y, const float *mask, int32_t n, const float point[2],
               float factor, float *out);
  /* In place: log_softmax of bound * tanh(score / bound) * mask + (mask - 1) * 1e4. Returns what a
   * score of -1e4 becomes. */
  float (*scores)(float *row, const float *mask, int32_t n, float bound);
} Kernels;

/* Those of the plain set, for sets that have none of their own. */
void edgectc_integers(const IntegerProducts *p);
void edgectc_quantize(const float *in, size_t n, int32_t levels, uint8_t *out, float *step,
                      int32_t *zero);

#if defined(__wasm_simd128__)
#define EDGECTC_NO_PORTABLE /* whoever runs this file has vectors: there is nothing to fall back from */
#endif
extern const Kernels edgectc_kernels_portable, edgectc_kernels_vectors, edgectc_kernels_avx2,
    edgectc_kernels_avx512, edgectc_kernels_neon, edgectc_kernels_dotprod;

/* Returns the step between two codes of activations from `low` <= 0 to `high` >= 0, never 0, and the
 * code of 0. */
static inline float edgectc_code_step(float low, float high, int32_t levels, int32_t *zero) {
  float step = (high - low) / (float)levels;
  *zero = 0;
  if (!(step > 1e-30f && step < 1e30f)) return 1.0f; /* nothing but zeros, or no numbers at all */
  *zero = (int32_t)(-low / step + 0.5f);
  return step;
}

/* Returns the kernels of a name, the fastest ones for "" or NULL, NULL where they cannot run. */
const Kernels *edgectc_kernels(const char *name);

#if defined(__x86_64__) && !defined(EDGECTC_PORTABLE)
#define EDGECTC_X86 1
#if !defined(__ANDROID__) /* 40 KB of code that no phone has a use for */
#define EDGECTC_AVX512 1
#endif
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(EDGECTC_PORTABLE)
#define EDGECTC_ARM64 1
#endif

#endif
