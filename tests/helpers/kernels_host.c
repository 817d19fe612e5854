/* kernels_host NAME: runs the kernels of an instruction set for another process, as one on another processor. It writes
 * `levels`; then each request is a letter, its numbers and its arrays, each array with its bytes (int64) in front, and is
 * answered by what is written. Exit code 3: this processor does not run them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

static void take(void *out, size_t size) {
  if (size && fread(out, 1, size, stdin) != size) exit(4);
}

typedef struct {
  void *at;
  int64_t size;
} Array;

static Array array(void) {
  Array read = {NULL, 0};
  take(&read.size, sizeof read.size);
  read.at = malloc((size_t)read.size + 1); /* just as large, so that a sanitizer sees what is written behind */
  if (!read.at) exit(4);
  take(read.at, (size_t)read.size);
  return read;
}

static void answer(const void *at, size_t size) {
  if (fwrite(at, 1, size, stdout) != size || fflush(stdout)) exit(4);
}

static void products(const Kernels *kernels) {
  int64_t far[3];
  int32_t n[5];
  take(far, sizeof far), take(n, sizeof n);
  Array in = array(), weights = array(), bias = array(), out = array();
  kernels->products(&(Products){in.at, weights.at, bias.at, out.at, (ptrdiff_t)far[0], (ptrdiff_t)far[1], (ptrdiff_t)far[2],
                                n[0], n[1], n[2], n[3], n[4]});
  answer(out.at, (size_t)out.size);
  free(in.at), free(weights.at), free(bias.at), free(out.at);
}

static void integers(const Kernels *kernels) {
  float step;
  int64_t far[3];
  int32_t n[6];
  take(&step, sizeof step), take(far, sizeof far), take(n, sizeof n);
  Array in = array(), weights = array(), scale = array(), bias = array(), sums = array(), out = array();
  kernels->integers(&(IntegerProducts){in.at, weights.at, scale.at, bias.at, sums.at, out.at, step, (ptrdiff_t)far[0],
                                       (ptrdiff_t)far[1], (ptrdiff_t)far[2], n[0], n[1], n[2], n[3], n[4], n[5]});
  answer(out.at, (size_t)out.size);
  free(in.at), free(weights.at), free(scale.at), free(bias.at), free(sums.at), free(out.at);
}

static void quantize(const Kernels *kernels) {
  float step;
  int32_t zero;
  Array in = array(), codes = array();
  kernels->quantize(in.at, (size_t)in.size / sizeof(float), kernels->levels, codes.at, &step, &zero);
  answer(codes.at, (size_t)codes.size), answer(&step, sizeof step), answer(&zero, sizeof zero);
  free(in.at), free(codes.at);
}

static void near(const Kernels *kernels) {
  float factor;
  take(&factor, sizeof factor);
  Array x = array(), y = array(), mask = array(), point = array(), out = array();
  kernels->near(x.at, y.at, mask.at, (int32_t)(x.size / (int64_t)sizeof(float)), point.at, factor, out.at);
  answer(out.at, (size_t)out.size);
  free(x.at), free(y.at), free(mask.at), free(point.at), free(out.at);
}

static void scores(const Kernels *kernels) {
  float bound;
  take(&bound, sizeof bound);
  Array row = array(), mask = array();
  float unused = kernels->scores(row.at, mask.at, (int32_t)(row.size / (int64_t)sizeof(float)), bound);
  answer(row.at, (size_t)row.size), answer(&unused, sizeof unused);
  free(row.at), free(mask.at);
}

int main(int argc, char **argv) {
  const Kernels *kernels = argc == 2 ? edgectc_kernels(argv[1]) : NULL;
  if (!kernels || strcmp(kernels->name, argv[1])) return 3;
  answer(&kernels->levels, sizeof kernels->levels);
  for (int request; (request = getchar()) != EOF;) {
    if (request == 'p') products(kernels);
    else if (request == 'i') integers(kernels);
    else if (request == 'q') quantize(kernels);
    else if (request == 'n') near(kernels);
    else if (request == 's') scores(kernels);
    else return 4;
  }
  return 0;
}
