/* Features of a swipe and scores of its keys: edgectc/networks/features/swipe.py says what each is
 * and why. All in key units from the centre of the keyboard; keys that are not in use are left out. */
#include "light.h"

#include <math.h>
#include <string.h>

#include "network_parts.h"

enum { POSITION = 18, KINEMATIC = 15, WAVES = 4 };
#define MIN_STEP 0.01f /* key units */
#define MIN_DT 1e-3f   /* seconds */
#define SPEED 10.0f    /* key units a second that map to one half */

static float *take(float *memory, uint64_t *size, uint64_t floats) {
  float *at = memory ? memory + *size : NULL;
  *size += edgectc_across(floats);
  return at;
}

void edgectc_keys_memory(struct edgectc_network *network, float *memory, uint64_t *size) {
  const Model *model = network->model;
  const Step *step = &model->steps[0];
  Keys *keys = &network->keys;
  uint64_t slots = model->columns, hidden = edgectc_across(step->tensors[0]->columns);
  uint64_t in = edgectc_across(step->tensors[2]->columns), across = step->tensors[4]->columns;
  uint64_t widest = in > edgectc_across(across) ? in : edgectc_across(across);
  uint64_t columns = edgectc_across(slots), frames = model->frames;
  keys->slot = (int32_t *)take(memory, size, slots);
  keys->x = take(memory, size, slots);
  keys->y = take(memory, size, slots);
  keys->mask = take(memory, size, slots);
  keys->in_codes = take(memory, size, slots * in);
  keys->out_codes = take(memory, size, columns * across);
  keys->work = take(memory, size, slots * (2 * PANEL + hidden + widest));
  keys->near = take(memory, size, frames * columns);
  keys->scores = take(memory, size, ((frames - 1) / model->stride + 1) * columns);
  keys->zeros = take(memory, size, widest > columns ? widest : columns);
}

/* Sines, cosines and the position itself of a key, as the network was trained with. */
static void position(float x, float y, float *out) {
  static const float waves[WAVES] = {3.14159265f, 1.57079633f, 0.785398163f, 0.392699082f};
  out[0] = x * 0.2f;
  out[1] = y;
  for (int i = 0; i < WAVES; i++) {
    out[2 + i] = (float)sin(x * waves[i]);
    out[6 + i] = (float)cos(x * waves[i]);
    out[10 + i] = (float)sin(y * waves[i]);
    out[14 + i] = (float)cos(y * waves[i]);
  }
}

/* A matrix product of n rows; `tensors` are the weights and the bias. */
static void dense(const Kernels *kernels, const Tensor *const tensors[2], const float *in,
                  size_t row, float *out, size_t out_row, int32_t n, int32_t flags) {
  Products p = {
    .in = in, .weights = (const float *)tensors[0]->at, .bias = (const float *)tensors[1]->at,
    .out = out, .row = (ptrdiff_t)row, .out_row = (ptrdiff_t)out_row, .rows = n,
    .columns = (int32_t)tensors[0]->columns, .taps = 1, .depth = (int32_t)tensors[0]->rows,
    .flags = flags,
  };
  kernels->products(&p);
}

/* Takes the keys in use, and where the keyboard's centre lies. */
static void place(Keys *keys, const float *centers, const float *mask, int32_t slots) {
  float sum[2] = {0.0f, 0.0f}, used = 0.0f;
  keys->n = 0;
  for (int32_t i = 0; i < slots; i++) {
    if (mask[i] == 0.0f) continue;
    keys->slot[keys->n] = i;
    keys->mask[keys->n++] = mask[i];
    used += mask[i];
    for (int k = 0; k < 2; k++) sum[k] += centers[2 * i + k] * mask[i];
  }
  keys->mask[keys->n] = 1.0f; /* the blank */
  for (int k = 0; k < 2; k++) keys->center[k] = sum[k] / (used > 1.0f ? used : 1.0f);
  for (int32_t i = 0; i < keys->n; i++) {
    keys->x[i] = (centers[2 * keys->slot[i]] - keys->center[0]) * keys->unit[0];
    keys->y[i] = (centers[2 * keys->slot[i] + 1] - keys->center[1]) * keys->unit[1];
  }
}

void edgectc_keys_codes(struct edgectc_network *network, const float *centers, const float *mask,
                        const float size[2]) {
  const Step *first = &network->model->steps[0];
  const Step *last = &network->model->steps[network->model->n_steps - 1];
  const Kernels *kernels = network->kernels;
  Keys *keys = &network->keys;
  int32_t slots = (int32_t)network->model->columns - 1;
  for (int k = 0; k < 2; k++) keys->unit[k] = 1.0f / (size[k] > 1e-2f ? size[k] : 1e-2f);
  place(keys, centers, mask, slots);
  size_t hidden = edgectc_across(first->tensors[0]->columns), positions = 2 * PANEL;
  size_t in = first->tensors[2]->columns, out = first->tensors[4]->columns;
  float *codes = keys->work + (size_t)slots * positions, *made = codes + (size_t)slots * hidden;
  for (int32_t i = 0; i < keys->n; i++)
    position(keys->x[i], keys->y[i], keys->work + (size_t)i * positions);
  dense(kernels, first->tensors, keys->work, positions, codes, hidden, keys->n, FLAG_RELU);

  size_t row = edgectc_across(in), n = (size_t)keys->n;
  dense(kernels, first->tensors + 2, codes, hidden, made, row, keys->n, 0);
  for (size_t column = 0; column < row; column += PANEL)
    for (size_t i = 0; i < n; i++)
      memcpy(keys->in_codes + column * n + i * PANEL, made + i * row + column, PANEL * sizeof(float));

  row = edgectc_across(out);
  dense(kernels, first->tensors + 4, codes, hidden, made, row, keys->n, 0);
  memcpy(made + n * row, last->tensors[0]->at, out * sizeof(float)); /* the blank is one more key */
  float scale = (float)(1.0 / sqrt((double)out));
  memset(keys->out_codes, 0, edgectc_across(n + 1) * out * sizeof(float));
  for (size_t i = 0; i < n + 1; i++)
    for (size_t k = 0; k < out; k++)
      keys->out_codes[i / PANEL * out * PANEL + k * PANEL + i % PANEL] = made[i * row + k] * scale;
  keys->ready = 1;
}

static float clamp(float value, float low, float high) {
  return value < low ? low : value > high ? high : value;
}

/* How the finger went on from a frame: direction, pace, time; and the step itself. */
static void move(const Keys *keys, const float *frame, float moves[4], float step[2]) {
  step[0] = (frame[3] - frame[0]) * keys->unit[0];
  step[1] = (frame[4] - frame[1]) * keys->unit[1];
  float dt = clamp(frame[5] - frame[2], 0.0f, 2.0f);
  float distance = (float)sqrt(step[0] * step[0] + step[1] * step[1] + MIN_STEP * MIN_STEP);
  float speed = distance / (dt > MIN_DT ? dt : MIN_DT);
  moves[0] = step[0] / distance;
  moves[1] = step[1] / distance;
  moves[2] = speed / (speed + SPEED);
  moves[3] = dt / (dt + 0.02f);
}

void edgectc_swipe_features(struct edgectc_network *network, const float *frames, int32_t n) {
  const Step *first = &network->model->steps[0];
  Keys *keys = &network->keys;
  const Rows *rows = &network->values[first->out];
  float *out = rows->at + network->model->values[first->out].padding * rows->row;
  float before[4] = {0}, step[2] = {0}, factor = -0.5f / (first->number * first->number);
  size_t columns = edgectc_across((size_t)keys->n);
  for (int32_t t = 0; t < n; t++) {
    const float *frame = frames + 3 * (size_t)t;
    float *row = out + (size_t)t * rows->row, after[4] = {0}, next[2] = {0}, point[2];
    for (int k = 0; k < 2; k++) point[k] = (frame[k] - keys->center[k]) * keys->unit[k];
    if (t + 1 < n) move(keys, frame, after, next);
    row[0] = clamp(point[0] * 0.2f, -4.0f, 4.0f);
    row[1] = clamp(point[1], -4.0f, 4.0f);
    for (int k = 0; k < 2; k++) row[2 + k] = clamp(step[k], -3.0f, 3.0f);
    memcpy(row + 4, before, sizeof before);
    memcpy(row + 8, after, sizeof after);
    row[12] = before[0] * after[0] + before[1] * after[1];
    row[13] = before[0] * after[1] - before[1] * after[0];
    row[14] = 1.0f;
    memcpy(before, after, sizeof before);
    memcpy(step, next, sizeof step);
    network->kernels->near(keys->x, keys->y, keys->mask, keys->n, point, factor,
                           keys->near + (size_t)t * columns);
  }
  Products p = {
    .in = keys->near, .weights = keys->in_codes, .bias = keys->zeros, .out = out + KINEMATIC,
    .row = (ptrdiff_t)columns, .out_row = (ptrdiff_t)rows->row, .rows = n,
    .columns = (int32_t)first->tensors[2]->columns, .taps = 1, .depth = keys->n,
  };
  network->kernels->products(&p);
}

int edgectc_key_scores(struct edgectc_network *network, const Step *step, const float *in,
                        size_t row, int32_t n, float *log_probs) {
  const Model *model = network->model;
  Keys *keys = &network->keys;
  size_t columns = edgectc_across((size_t)keys->n + 1);
  Products p = {
    .in = in, .weights = keys->out_codes, .bias = keys->zeros, .out = keys->scores,
    .row = (ptrdiff_t)row, .out_row = (ptrdiff_t)columns, .rows = n, .columns = keys->n + 1,
    .taps = 1, .depth = (int32_t)model->values[step->in].channels,
  };
  network->kernels->products(&p);
  int good = 1;
  for (int32_t t = 0; t < n; t++) {
    float *scores = keys->scores + (size_t)t * columns;
    good &= edgectc_usable(scores, (size_t)keys->n + 1);
    float *out = log_probs + (size_t)t * model->columns;
    float unused = network->kernels->scores(scores, keys->mask, keys->n + 1, step->number);
    for (uint32_t i = 0; i < model->columns; i++) out[i] = unused;
    for (int32_t i = 0; i < keys->n; i++) out[keys->slot[i]] = scores[i];
    out[model->columns - 1] = scores[keys->n];
  }
  return good;
}

#include "cold_end.h"
