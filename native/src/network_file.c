/* Reads a native artifact in place. The file may be anything: every size and place is looked at
 * before use, and what is accepted can be run on any input without reading or writing elsewhere. */
#include "cold.h"

#include <string.h>

#include "network_parts.h"

enum { HEADER = 64, ROW_TENSOR = 32, ROW_STEP = 64, VERSION = 1, BAD = -2 };

/* The whole file while it is read. */
typedef struct {
  const uint8_t *bytes;
  uint64_t size;
  char *why;
} Reader;

static int32_t bad(Reader *reader, const char *why) {
  strcpy(reader->why, why);
  return BAD;
}

static uint32_t number(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t long_number(const uint8_t *at) {
  return number(at) | (uint64_t)number(at + 4) << 32;
}

static int little_endian(void) {
  const uint32_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first;
}

static uint64_t panels(uint32_t columns) { return (columns + PANEL - 1) / PANEL; }

/* Returns the bytes of a tensor. */
static uint64_t tensor_size(const Tensor *tensor) {
  uint64_t rows = tensor->rows, across = panels(tensor->columns) * PANEL;
  return tensor->type == TENSOR_INT8 ? rows * across : rows * across * sizeof(float);
}

static int32_t read_tensors(Model *model, Reader *reader, const uint8_t *at) {
  for (uint32_t i = 0; i < model->n_tensors; i++, at += ROW_TENSOR) {
    Tensor *tensor = &model->tensors[i];
    tensor->type = number(at);
    tensor->rows = number(at + 4);
    tensor->columns = number(at + 8);
    uint64_t offset = long_number(at + 16), size = long_number(at + 24);
    if (tensor->type < TENSOR_ROWS || tensor->type > TENSOR_INT8) return bad(reader, "a tensor is of no known type");
    if (tensor->rows < 1 || tensor->rows > MOST_SIZE || tensor->columns < 1 ||
        tensor->columns > MOST_SIZE)
      return bad(reader, "a tensor has a size out of range");
    if (size != tensor_size(tensor)) return bad(reader, "a tensor has not the bytes of its shape");
    if (offset % 64 || offset > reader->size || size > reader->size - offset)
      return bad(reader, "a tensor lies outside the file");
    tensor->at = reader->bytes + offset;
    if (tensor->type != TENSOR_INT8 && !edgectc_usable((const float *)tensor->at, size / sizeof(float)))
      return bad(reader, "a weight is not finite");
  }
  return 0;
}

/* Says whether tensor i of a step has a type and shape. */
static int is(const Step *step, int i, uint32_t type, uint64_t rows, uint64_t columns) {
  const Tensor *tensor = step->tensors[i];
  return tensor && tensor->type == type && tensor->rows == rows && tensor->columns == columns;
}

/* Notes what a step gives; a value keeps its shape for good. */
static int32_t define(Model *model, Reader *reader, uint32_t value, uint64_t channels,
                      uint64_t stride) {
  if (value >= MOST_VALUES) return bad(reader, "a step names no value");
  Value *held = &model->values[value];
  if (channels < 1 || channels > MOST_SIZE || stride > MOST_SIZE)
    return bad(reader, "a value has a size out of range");
  if (held->channels && (held->channels != channels || held->stride != stride))
    return bad(reader, "two steps give a value of two shapes");
  held->channels = (uint32_t)channels;
  held->stride = (uint32_t)stride;
  if (value >= model->n_values) model->n_values = value + 1;
  return 0;
}

/* Features: key code (18, hidden), what a key adds to a frame, what a frame is compared with. */
static int32_t check_swipe(Model *model, Reader *reader, const Step *step, int first) {
  const Tensor *code = step->tensors[0], *in = step->tensors[2], *out = step->tensors[4];
  if (!first) return bad(reader, "features come first, and once");
  if (!code || !in || !out || model->channels != 3 || model->columns < 2)
    return bad(reader, "the features lack a tensor, or are of no swipe");
  uint32_t hidden = code->columns;
  if (!is(step, 0, TENSOR_PANELS, 18, hidden) || !is(step, 1, TENSOR_ROWS, 1, hidden) ||
      !is(step, 2, TENSOR_PANELS, hidden, in->columns) ||
      !is(step, 3, TENSOR_ROWS, 1, in->columns) ||
      !is(step, 4, TENSOR_PANELS, hidden, out->columns) ||
      !is(step, 5, TENSOR_ROWS, 1, out->columns))
    return bad(reader, "a tensor of the features has another shape");
  if (!(step->number > 1e-3f && step->number < 1e3f)) return bad(reader, "reach is out of range");
  return define(model, reader, step->out, 15 + (uint64_t)in->columns, 1);
}

static int32_t check_convolution(Model *model, Reader *reader, const Step *step) {
  const Tensor *weights = step->tensors[0];
  if (step->in >= MOST_VALUES || !model->values[step->in].channels || step->in == step->out)
    return bad(reader, "a convolution takes a value that no step gave");
  Value *in = &model->values[step->in];
  int integers = step->flags & FLAG_INT8 ? 1 : 0;
  if (step->flags > (FLAG_RELU | FLAG_ADD | FLAG_INT8)) return bad(reader, "a step has an unknown flag");
  if (step->kernel % 2 == 0 || step->kernel > MOST_PADDING || step->dilation < 1 ||
      step->dilation > MOST_PADDING || step->stride < 1 || step->stride > MOST_PADDING)
    return bad(reader, "a convolution has a kernel, dilation or stride out of range");
  uint64_t padding = (uint64_t)(step->kernel / 2) * step->dilation;
  if (padding > MOST_PADDING) return bad(reader, "a convolution reaches too far");
  uint64_t depth = integers ? (in->channels + 3) / 4 * 4 : in->channels;
  if (!weights || depth * step->kernel > MOST_SIZE ||
      !is(step, 0, integers ? TENSOR_INT8 : TENSOR_PANELS, depth * step->kernel, weights->columns) ||
      !is(step, 1, TENSOR_ROWS, 1, weights->columns) ||
      (integers && !is(step, 2, TENSOR_ROWS, 1, weights->columns)))
    return bad(reader, "a tensor of a convolution has another shape");
  if (step->flags & FLAG_ADD && (step->out >= MOST_VALUES || !model->values[step->out].channels))
    return bad(reader, "a convolution adds to a value that no step gave");
  if (padding > in->padding) in->padding = (uint32_t)padding;
  return define(model, reader, step->out, weights->columns, (uint64_t)in->stride * step->stride);
}

static int32_t check_scores(Model *model, Reader *reader, const Step *step, int last) {
  const Step *first = &model->steps[0];
  if (!last || first->kind != STEP_SWIPE) return bad(reader, "scores of keys come last, after features");
  uint32_t across = first->tensors[4]->columns;
  if (step->in >= MOST_VALUES || model->values[step->in].channels != across ||
      model->values[step->in].stride != model->stride || !is(step, 0, TENSOR_ROWS, 1, across))
    return bad(reader, "the scores take another shape");
  if (!(step->number > 1e-3f && step->number < 1e4f)) return bad(reader, "bound is out of range");
  return 0;
}

static void read_step(Step *step, const uint8_t *at) {
  step->kind = number(at);
  step->in = number(at + 4);
  step->out = number(at + 8);
  step->flags = number(at + 12);
  step->kernel = number(at + 16);
  step->dilation = number(at + 20);
  step->stride = number(at + 24);
  memcpy(&step->number, at + 28, sizeof step->number);
}

static int32_t read_steps(Model *model, Reader *reader, const uint8_t *at) {
  for (uint32_t i = 0; i < model->n_steps; i++, at += ROW_STEP) {
    Step *step = &model->steps[i];
    read_step(step, at);
    for (int k = 0; k < STEP_TENSORS; k++) {
      uint32_t tensor = number(at + 32 + 4 * k); /* from 1; 0 is none */
      if (tensor > model->n_tensors) return bad(reader, "a step names no tensor");
      step->tensors[k] = tensor ? &model->tensors[tensor - 1] : NULL;
    }
    int32_t done;
    switch (step->kind) {
      case STEP_SWIPE: done = check_swipe(model, reader, step, i == 0); break;
      case STEP_CONVOLUTION: done = check_convolution(model, reader, step); break;
      case STEP_KEY_SCORES: done = check_scores(model, reader, step, i + 1 == model->n_steps); break;
      default: done = bad(reader, "a step is of no known kind");
    }
    if (done < 0) return done;
  }
  if (model->steps[model->n_steps - 1].kind != STEP_KEY_SCORES)
    return bad(reader, "the last step gives no scores");
  return 0;
}

int32_t edgectc_network_read(Model *model, const uint8_t *bytes, size_t size, char why[WHY]) {
  Reader reader = {bytes, size, why};
  memset(model, 0, sizeof *model);
  if (!little_endian()) return bad(&reader, "this processor is big-endian, which no kernel here is for");
  if (!bytes || size < HEADER || memcmp(bytes, "edgectcN", 8) != 0)
    return bad(&reader, "the bytes are no native artifact");
  if ((uintptr_t)bytes % 4) return bad(&reader, "the bytes are not aligned to 4");
  if (number(bytes + 8) != VERSION) return bad(&reader, "the file is of another version; upgrade edgectc");
  model->n_tensors = number(bytes + 12);
  model->n_steps = number(bytes + 16);
  model->frames = number(bytes + 20);
  model->channels = number(bytes + 24);
  model->columns = number(bytes + 28);
  model->stride = number(bytes + 32);
  model->window = number(bytes + 36);
  uint64_t manifest = long_number(bytes + 40), length = long_number(bytes + 48);
  if (model->n_steps < 1 || model->n_steps > MOST_STEPS || model->n_tensors > MOST_TENSORS)
    return bad(&reader, "the file has too many steps or tensors, or none");
  uint64_t tables = HEADER + (uint64_t)model->n_tensors * ROW_TENSOR + (uint64_t)model->n_steps * ROW_STEP;
  if (tables > size || manifest < tables || manifest > size || length != size - manifest)
    return bad(&reader, "the file ends before its own end, or has more behind it");
  if (model->frames < 1 || model->frames > MOST_SIZE || model->columns < 1 ||
      model->columns > MOST_SIZE || model->stride < 1 || model->stride > MOST_PADDING ||
      model->window != 1)
    return bad(&reader, "a size in the header is out of range");
  reader.size = manifest; /* no tensor lies in the manifest */
  int32_t done = read_tensors(model, &reader, bytes + HEADER);
  if (done < 0) return done;
  return read_steps(model, &reader, bytes + HEADER + (size_t)model->n_tensors * ROW_TENSOR);
}

#include "cold_end.h"
