/* The reference cases of an artifact, run where it will run. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"

typedef struct {              /* one case, as the manifest holds it */
  Span layout, trace, log_probs, points; /* the arrays in base64; points NULL for none */
  double length;
} Case;

static Span read_array(Json *json) {
  Span key, found = {NULL, NULL};
  if (edgectc_json_peek(json) == 'n') return edgectc_json_any(json), found;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (edgectc_json_is(key, "base64")) found = edgectc_json_string(json);
    else edgectc_json_any(json);
  }
  return found;
}

static Case read_case(Json *json) {
  Case one = {.length = 0.0};
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (edgectc_json_is(key, "layout")) one.layout = edgectc_json_string(json);
    else if (edgectc_json_is(key, "length")) one.length = edgectc_json_number(json);
    else if (edgectc_json_is(key, "trace")) one.trace = read_array(json);
    else if (edgectc_json_is(key, "log_probs")) one.log_probs = read_array(json);
    else if (edgectc_json_is(key, "points")) one.points = read_array(json);
    else edgectc_json_any(json);
  }
  if (!one.layout.at || !one.trace.at || !one.log_probs.at) json->wrong = 1;
  return one;
}

static int32_t refuse(edgectc_keyboard *keyboard, const char *text) {
  return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, text);
}

static float *decoded(Span text, size_t *size) {
  size_t room = (size_t)(text.end - text.at) / 4 * 3;
  uint8_t *bytes = malloc(room + 1);
  ptrdiff_t n = bytes ? edgectc_base64(text, bytes, room) : -1;
  *size = n < 0 ? 0 : (size_t)n;
  return (float *)(void *)bytes;
}

/* Compares the frames that points become with those that were stored. */
static int32_t compare_points(edgectc_keyboard *keyboard, const Case *one, const Board *board, const float *trace) {
  size_t size;
  if (!one->points.at) return EDGECTC_OK;
  double *points = (double *)(void *)decoded(one->points, &size);
  int32_t length = -1;
  if (points) length = edgectc_keyboard_resample(keyboard, (edgectc_point *)(void *)points, (int32_t)(size / 24), board);
  free(points);
  if (length < 0 || length != (int32_t)one->length) return refuse(keyboard, "self-test: a trace gets another number of frames");
  for (int32_t i = 0; i < 3 * length; i++)
    if (!(fabsf(keyboard->frames[i] - trace[i]) <= 1e-5f)) return refuse(keyboard, "self-test: a trace gets other frames");
  return EDGECTC_OK;
}

/* Compares log_probs (rows, keys and blank) where the trained network calls a token likely enough. */
static int32_t compare_log_probs(edgectc_keyboard *keyboard, const float *expected, int32_t rows, int32_t keys) {
  const Artifact *artifact = &keyboard->artifact;
  int32_t columns = (int32_t)artifact->resampling.slots + 1;
  double least = artifact->likely > 0.0 ? log(artifact->likely) : -HUGE_VAL;
  for (int32_t t = 0; t < rows; t++)
    for (int32_t k = 0; k <= keys; k++) {
      double value = keyboard->log_probs[(size_t)t * (size_t)columns + (size_t)(k < keys ? k : columns - 1)];
      double wanted = expected[t * (keys + 1) + k];
      if (wanted >= least && !(fabs(value - wanted) <= artifact->atol))
        return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "self-test: log_probs differ by %d thousandths of a nat, more than the model's own limit",
                              (long long)(fabs(value - wanted) < 1e6 ? 1000.0 * fabs(value - wanted) : 1e9));
    }
  return EDGECTC_OK;
}

static int32_t run_case(edgectc_keyboard *keyboard, const Case *one, const Board *board) {
  size_t trace_size, size;
  float *trace = decoded(one->trace, &trace_size), *expected = decoded(one->log_probs, &size);
  int32_t status = EDGECTC_OK, rows = -1;
  int whole = trace && expected && one->length >= 1 && one->length <= keyboard->artifact.resampling.max_frames &&
              trace_size >= (size_t)one->length * 3 * sizeof(float);
  int32_t length = whole ? (int32_t)one->length : 0;
  if (!whole) status = refuse(keyboard, "self-test: a reference case is malformed");
  if (whole) status = edgectc_keyboard_show(keyboard, board);
  if (whole && status == EDGECTC_OK) status = compare_points(keyboard, one, board, trace);
  if (whole && status == EDGECTC_OK) {
    rows = edgectc_network_run(keyboard->network, trace, length, keyboard->log_probs);
    if (rows < 0 || size != (size_t)rows * (size_t)(board->n + 1) * sizeof(float)) status = refuse(keyboard, "self-test: log_probs of another shape");
    else status = compare_log_probs(keyboard, expected, rows, board->n);
  }
  free(trace);
  free(expected);
  return status;
}

int32_t edgectc_keyboard_test(edgectc_keyboard *keyboard) {
  Board board;
  Span name;
  int32_t cases = 0, status = EDGECTC_OK;
  if (!keyboard->network) return refuse(keyboard, "open a model first");
  int32_t slots = (int32_t)keyboard->artifact.resampling.slots;
  if (!edgectc_board_new(&board, slots)) status = edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  Json json = edgectc_json(keyboard->artifact.reference);
  if (status == EDGECTC_OK) edgectc_json_object(&json);
  while (status == EDGECTC_OK && edgectc_json_member(&json, &name)) {
    Case one = read_case(&json);
    if (json.wrong) break;
    status = edgectc_board_named(&board, slots, keyboard->artifact.layouts, one.layout, &keyboard->why);
    if (status == EDGECTC_OK) status = run_case(keyboard, &one, &board);
    cases++;
  }
  edgectc_board_free(&board);
  if (status == EDGECTC_OK && (json.wrong || cases < 1)) status = refuse(keyboard, "self-test: the model has no reference case that can be read");
  /* The network has the keys of the last case: it gets its own back. */
  int32_t shown = keyboard->wide > 0.0 ? edgectc_keyboard_show(keyboard, &keyboard->board) : EDGECTC_OK;
  return status < 0 ? status : shown;
}

#include "cold_end.h"
