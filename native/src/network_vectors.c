/* The kernels in vectors of 128 bits that every compiler here knows: SSE2, WebAssembly, 32-bit ARM.
 * Tiles of 2 rows and 16 columns, 8 of 16 registers of sums. int8 is that of the plain set. */
#include "network.h"

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

#define ROWS 2
#define PANELS 1
#define WIDTH 4
#define FLOATS Four
#define LOAD vectors_load
#define STORE(at, value) memcpy(at, &(value), sizeof(Four))
#define ALL(x) ((Four){x, x, x, x})
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define PLUS(a, b) ((a) + (b))
#define GREATER vectors_greater
#define MORE_ROWS(tile, pieces)
#include "network_tiles.h"

const Kernels edgectc_kernels_vectors = {
  "vectors", 255, vectors_products, edgectc_integers, edgectc_quantize, vectors_near,
  vectors_scores,
};
