/* A network in memory: opened over its file, which is checked once, and run without allocating. */
#include "light.h"

#include <stdlib.h>
#include <string.h>

#include "edgectc.h"
#include "network_parts.h"

#if defined(EDGECTC_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(EDGECTC_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define MOST_MEMORY ((uint64_t)1 << 28) /* bytes */

static int32_t fail(edgectc_network *network, const char *why) {
  strcpy(network->error, why);
  return EDGECTC_BAD_INPUT;
}

#ifdef EDGECTC_X86
static int has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#ifdef EDGECTC_AVX512
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif
#endif

#ifdef EDGECTC_ARM64
#if defined(__APPLE__)
static int has_dotprod(void) {
  int has = 0;
  size_t size = sizeof has;
  return !sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, NULL, 0) && has;
}
#elif defined(__linux__)
static int has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; } /* HWCAP_ASIMDDP */
#elif defined(_WIN32)
__declspec(dllimport) int IsProcessorFeaturePresent(unsigned long feature);
static int has_dotprod(void) { return IsProcessorFeaturePresent(43); } /* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE */
#else
static int has_dotprod(void) { return 0; }
#endif
#endif

const Kernels *edgectc_kernels(const char *name) {
  const Kernels *found[4];
  int n = 0;
#ifdef EDGECTC_X86
#ifdef EDGECTC_AVX512
  if (has_avx512()) found[n++] = &edgectc_kernels_avx512;
#endif
  if (has_avx2()) found[n++] = &edgectc_kernels_avx2;
#endif
#ifdef EDGECTC_ARM64
  if (has_dotprod()) found[n++] = &edgectc_kernels_dotprod;
  found[n++] = &edgectc_kernels_neon;
#endif
  found[n++] = &edgectc_kernels_vectors;
#ifndef EDGECTC_NO_PORTABLE
  found[n++] = &edgectc_kernels_portable;
#endif
  if (!name || !*name) return found[0];
  for (int i = 0; i < n; i++)
    if (strcmp(found[i]->name, name) == 0) return found[i];
  return NULL;
}

edgectc_network *edgectc_network_new(void) {
  edgectc_network *network = calloc(1, sizeof *network);
  if (network) network->kernels = edgectc_kernels(NULL);
  return network;
}

void edgectc_network_free(edgectc_network *network) {
  if (!network) return;
  free(network->memory);
  free(network->model);
  free(network);
}

const char *edgectc_network_error(const edgectc_network *network) { return network->error; }

const char *edgectc_network_kernels(const edgectc_network *network) { return network->kernels->name; }

int32_t edgectc_network_choose(edgectc_network *network, const char *name) {
  const Kernels *kernels = edgectc_kernels(name);
  if (!kernels) return fail(network, "there are no such kernels here, or this processor lacks them");
  network->kernels = kernels;
  network->keys.ready = 0;
  return EDGECTC_OK;
}

/* Lays all that a run needs into `memory`, or only adds it up; `size` is in floats. */
static void lay(edgectc_network *network, float *memory, uint64_t *size) {
  const Model *model = network->model;
  uint64_t codes = 0;
  *size = 0;
  for (uint32_t i = 0; i < model->n_values; i++) {
    const Value *value = &model->values[i];
    if (!value->channels) continue;
    uint64_t row = edgectc_across(value->channels);
    if (i == model->steps[0].out) row += PANEL; /* columns that features write beyond their own */
    uint64_t rows = 2 * value->padding + (model->frames - 1) / value->stride + 1;
    network->values[i].at = memory ? memory + *size : NULL;
    network->values[i].row = (size_t)row;
    *size += rows * row;
    codes = rows * row > codes ? rows * row : codes;
  }
  for (uint32_t i = 0; i < model->n_steps; i++) {
    const Step *step = &model->steps[i];
    if (step->kind != STEP_CONVOLUTION || !(step->flags & FLAG_INT8)) continue;
    network->sums[i] = memory ? (int32_t *)(memory + *size) : NULL;
    *size += edgectc_across(step->tensors[0]->columns);
  }
  network->codes = memory ? (uint8_t *)(memory + *size) : NULL;
  *size += edgectc_across(codes / sizeof(float) + 1);
  edgectc_keys_memory(network, memory, size);
}

/* Sums the columns of int8 weights, which the code of zero is taken out with. */
static void add_up(edgectc_network *network) {
  for (uint32_t i = 0; i < network->model->n_steps; i++) {
    const Tensor *weights = network->model->steps[i].tensors[0];
    if (!network->sums[i]) continue;
    const int8_t *at = (const int8_t *)weights->at;
    for (size_t column = 0; column < edgectc_across(weights->columns); column += PANEL)
      for (size_t row = 0; row < weights->rows; row += 4)
        for (size_t j = 0; j < PANEL; j++)
          for (int k = 0; k < 4; k++) network->sums[i][column + j] += *at++;
  }
}

int32_t edgectc_network_open(edgectc_network *network, const uint8_t *bytes, size_t size) {
  if (network->memory) return fail(network, "the network is open; make another for another file");
  uint64_t floats;
  Model *model = malloc(sizeof *model);
  if (!model) return fail(network, "no memory"), EDGECTC_NO_MEMORY;
  if (edgectc_network_read(model, bytes, size, network->error) < 0) {
    free(model);
    return EDGECTC_BAD_INPUT;
  }
  network->model = model;
  lay(network, NULL, &floats);
  int large = floats > MOST_MEMORY / sizeof(float);
  if (!large) network->memory = calloc((size_t)floats + PANEL, sizeof(float));
  if (!network->memory) {
    network->model = NULL;
    free(model);
    fail(network, large ? "the network needs more than 256 MB" : "no memory");
    return large ? EDGECTC_BAD_INPUT : EDGECTC_NO_MEMORY;
  }
  size_t off = (uintptr_t)network->memory % 64;
  lay(network, (float *)((char *)network->memory + (off ? 64 - off : 0)), &floats);
  add_up(network);
  return EDGECTC_OK;
}

int32_t edgectc_network_size(const edgectc_network *network, int32_t which) {
  const Model *model = network->model;
  if (!model) return EDGECTC_BAD_INPUT;
  switch (which) {
    case EDGECTC_FRAMES: return (int32_t)model->frames;
    case EDGECTC_CHANNELS: return (int32_t)model->channels;
    case EDGECTC_COLUMNS: return (int32_t)model->columns;
    case EDGECTC_STRIDE: return (int32_t)model->stride;
    default: return EDGECTC_BAD_INPUT;
  }
}

int edgectc_usable(const float *values, size_t n) {
  int good = 1;
  for (size_t i = 0; i < n; i++) good &= values[i] > -1e15f && values[i] < 1e15f;
  return good;
}

int32_t edgectc_network_keys(edgectc_network *network, const float *centers, const float *mask,
                             float width, float height) {
  if (!network->model) return fail(network, "open a file first");
  size_t slots = network->model->columns - 1;
  float size[2] = {width, height};
  if (!edgectc_usable(centers, 2 * slots) || !edgectc_usable(mask, slots) || !edgectc_usable(size, 2))
    return fail(network, "a key is not finite");
  edgectc_keys_codes(network, centers, mask, size);
  return EDGECTC_OK;
}

/* Zeroes the rows after frame n that a convolution sees. */
static void end_value(edgectc_network *network, uint32_t value, int32_t n) {
  const Rows *rows = &network->values[value];
  size_t padding = network->model->values[value].padding;
  memset(rows->at + (padding + (size_t)n) * rows->row, 0, padding * rows->row * sizeof(float));
}

static void convolve(edgectc_network *network, uint32_t i, int32_t in_frames, int32_t out_frames) {
  const Step *step = &network->model->steps[i];
  const Value *values = network->model->values;
  const Rows *in = &network->values[step->in], *out = &network->values[step->out];
  size_t first = (values[step->in].padding - (size_t)(step->kernel / 2) * step->dilation) * in->row;
  int32_t columns = (int32_t)step->tensors[0]->columns;
  int32_t depth = (int32_t)(step->tensors[0]->rows / step->kernel);
  float *to = out->at + values[step->out].padding * out->row;
  ptrdiff_t row = (ptrdiff_t)(in->row * step->stride), tap = (ptrdiff_t)(in->row * step->dilation);
  if (!(step->flags & FLAG_INT8)) {
    end_value(network, step->in, in_frames);
    Products p = {
      .in = in->at + first, .weights = (const float *)step->tensors[0]->at,
      .bias = (const float *)step->tensors[1]->at, .out = to, .row = row, .tap = tap,
      .out_row = (ptrdiff_t)out->row, .rows = out_frames, .columns = columns,
      .taps = (int32_t)step->kernel, .depth = depth, .flags = (int32_t)step->flags,
    };
    network->kernels->products(&p);
    return;
  }
  size_t padding = values[step->in].padding * in->row, n = (size_t)in_frames * in->row;
  IntegerProducts p = {
    .in = network->codes + first, .weights = (const int8_t *)step->tensors[0]->at,
    .bias = (const float *)step->tensors[1]->at, .scale = (const float *)step->tensors[2]->at,
    .sums = network->sums[i], .out = to, .row = row, .tap = tap, .out_row = (ptrdiff_t)out->row,
    .rows = out_frames, .columns = columns, .taps = (int32_t)step->kernel, .depth = depth,
    .flags = (int32_t)step->flags,
  };
  network->kernels->quantize(in->at + padding, n, network->kernels->levels,
                             network->codes + padding, &p.step, &p.zero);
  memset(network->codes, p.zero, padding);
  memset(network->codes + padding + n, p.zero, padding);
  network->kernels->integers(&p);
}

static int32_t frames_of(const Model *model, uint32_t value, int32_t length) {
  return (length - 1) / (int32_t)model->values[value].stride + 1;
}

int32_t edgectc_network_run(edgectc_network *network, const float *frames, int32_t length,
                            float *log_probs) {
  const Model *model = network->model;
  if (!model || !network->keys.ready) return fail(network, "open a file and give its keys first");
  if (length < 0 || length > (int32_t)model->frames)
    return fail(network, "the length is negative, or more than the network takes");
  if (!edgectc_usable(frames, (size_t)length * model->channels)) return fail(network, "a frame is not finite");
  if (length == 0) return 0;
  edgectc_swipe_features(network, frames, length);
  uint32_t last = model->n_steps - 1;
  for (uint32_t i = 1; i < last; i++) {
    const Step *step = &model->steps[i];
    convolve(network, i, frames_of(model, step->in, length), frames_of(model, step->out, length));
  }
  const Step *step = &model->steps[last];
  const Rows *rows = &network->values[step->in];
  int32_t n = frames_of(model, step->in, length);
  const float *in = rows->at + model->values[step->in].padding * rows->row;
  if (!edgectc_key_scores(network, step, in, rows->row, n, log_probs))
    return fail(network, "an activation is not finite");
  return n;
}

#include "cold_end.h"
