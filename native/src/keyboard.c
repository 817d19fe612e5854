/* Finger in, words out: the steps of docs/host_contract.md over one network and one engine. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"

enum { MOST_TEXT = 1024 /* bytes before the cursor that are looked at: more words than a model knows */ };

static int32_t refuse(edgectc_keyboard *keyboard, const char *text) {
  return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, text);
}

static int32_t no_memory(edgectc_keyboard *keyboard) {
  return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
}

/* Passes on what the engine or network refused. */
static int32_t passed(edgectc_keyboard *keyboard, int32_t status, const char *error) {
  return status < 0 ? edgectc_refuse(&keyboard->why, status, "%s", error) : status;
}

static int32_t by_network(edgectc_keyboard *keyboard, int32_t status) {
  return passed(keyboard, status, edgectc_network_error(keyboard->network));
}

/* ---- life ------------------------------------------------------------------------------- */

edgectc_keyboard *edgectc_keyboard_new(void) {
  edgectc_keyboard *keyboard = calloc(1, sizeof *keyboard);
  if (keyboard) keyboard->reason = "", keyboard->owns.share = 1e-5;
  return keyboard;
}

/* Lets go of the model. */
static void close_model(edgectc_keyboard *keyboard) {
  edgectc_network_free(keyboard->network);
  edgectc_languages_close(keyboard);
  edgectc_board_free(&keyboard->board);
  void *held[] = {keyboard->frames, keyboard->log_probs, keyboard->floats, keyboard->symbols, keyboard->places};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) free(held[i]);
  keyboard->network = NULL;
  keyboard->board = (Board){0};
  keyboard->frames = keyboard->log_probs = keyboard->floats = NULL;
  keyboard->symbols = NULL;
  keyboard->places = NULL;
}

void edgectc_keyboard_free(edgectc_keyboard *keyboard) {
  if (!keyboard) return;
  close_model(keyboard);
  edgectc_owns_close(&keyboard->owns);
  free(keyboard->points);
  free(keyboard->arc);
  free(keyboard->strokes);
  free(keyboard->found);
  free(keyboard);
}

const char *edgectc_keyboard_error(const edgectc_keyboard *keyboard) {
  return keyboard ? keyboard->why.text : "no keyboard: out of memory";
}

const char *edgectc_keyboard_reason(const edgectc_keyboard *keyboard) { return keyboard->reason; }

/* ---- opening ---------------------------------------------------------------------------- */

static int32_t make_room(edgectc_keyboard *keyboard) {
  const Resampling *r = &keyboard->artifact.resampling;
  size_t columns = (size_t)edgectc_network_size(keyboard->network, EDGECTC_COLUMNS);
  size_t frames = (size_t)edgectc_network_size(keyboard->network, EDGECTC_FRAMES);
  if ((double)frames != r->max_frames || (double)columns != r->slots + 1.0)
    return refuse(keyboard, "the model's manifest does not fit its network");
  keyboard->frames = malloc(frames * 3 * sizeof(float));
  keyboard->log_probs = malloc(frames * columns * sizeof(float));
  keyboard->floats = malloc(columns * 3 * sizeof(float));
  keyboard->symbols = malloc(columns * sizeof(int32_t));
  keyboard->places = calloc(columns * 2, sizeof(double));
  int failed = !keyboard->frames || !keyboard->log_probs || !keyboard->floats || !keyboard->symbols ||
               !keyboard->places || !edgectc_board_new(&keyboard->board, (int32_t)r->slots);
  return failed ? no_memory(keyboard) : EDGECTC_OK;
}

static int32_t open_model(edgectc_keyboard *keyboard, edgectc_file model, edgectc_file lexicon,
                          edgectc_file language_model) {
  Artifact *artifact = &keyboard->artifact;
  Complaint *why = &keyboard->why;
  int32_t status = edgectc_artifact(artifact, model.at, model.size, why);
  if (status == EDGECTC_OK)
    status = by_network(keyboard, edgectc_network_open(keyboard->network, model.at, model.size));
  if (status == EDGECTC_OK) status = make_room(keyboard);
  if (status != EDGECTC_OK || !lexicon.at) return status;
  status = edgectc_same(lexicon.at, lexicon.size, artifact->lexicon, "lexicon", why);
  if (status == EDGECTC_OK && language_model.at)
    status = edgectc_same(language_model.at, language_model.size, artifact->language_model, "language model", why);
  return status == EDGECTC_OK ? edgectc_language_open(keyboard, "own", lexicon, language_model) : status;
}

int32_t edgectc_keyboard_open(edgectc_keyboard *keyboard, edgectc_file model, edgectc_file lexicon,
                              edgectc_file language_model) {
  if (keyboard->network) return refuse(keyboard, "the keyboard is open; make another for another model");
  if (!model.at) return refuse(keyboard, "give the bytes of a model and of its lexicon");
  if (language_model.at && !lexicon.at) return refuse(keyboard, "a language model comes with its lexicon");
  keyboard->network = edgectc_network_new();
  int32_t status = EDGECTC_NO_MEMORY;
  if (!keyboard->network) no_memory(keyboard);
  else status = open_model(keyboard, model, lexicon, language_model);
  if (status < 0) close_model(keyboard);
  keyboard->wide = 0.0;
  return status < 0 ? status : EDGECTC_OK;
}

/* ---- keys ------------------------------------------------------------------------------- */

int32_t edgectc_keyboard_show(edgectc_keyboard *keyboard, const Board *board) {
  int32_t slots = (int32_t)keyboard->artifact.resampling.slots;
  float *centers = keyboard->floats, *mask = centers + 2 * slots;
  for (int32_t k = 0; k < slots; k++) {
    mask[k] = k < board->n;
    for (int i = 0; i < 2; i++) centers[2 * k + i] = k < board->n ? (float)board->centers[2 * k + i] : 0.0f;
  }
  return by_network(keyboard, edgectc_network_keys(keyboard->network, centers, mask, (float)board->width, (float)board->height));
}

int32_t edgectc_keyboard_keys(edgectc_keyboard *keyboard, const edgectc_key *keys, int32_t n) {
  double area[4];
  Board board;
  if (!keyboard->n_languages) return refuse(keyboard, "open a model, with a language, before there are keys");
  int32_t slots = (int32_t)keyboard->artifact.resampling.slots;
  if (!edgectc_board_new(&board, slots)) {
    edgectc_board_free(&board);
    return no_memory(keyboard);
  }
  int32_t status = edgectc_board_of(&board, slots, keys, n, area, &keyboard->why);
  if (status == EDGECTC_OK) {
    for (int32_t k = 0; k < slots; k++) keyboard->symbols[k] = k < board.n ? board.letters[k] : 0;
    keyboard->symbols[slots] = -1;
    memcpy(keyboard->places, board.centers, (size_t)board.n * 2 * sizeof(double));
    status = edgectc_languages_place(keyboard, &board);
  }
  if (status == EDGECTC_OK) status = edgectc_keyboard_show(keyboard, &board);
  if (status != EDGECTC_OK) {
    edgectc_board_free(&board);
    return status;
  }
  edgectc_board_free(&keyboard->board);
  keyboard->board = board;
  keyboard->left = area[0], keyboard->top = area[1], keyboard->wide = area[2], keyboard->high = area[3];
  return EDGECTC_OK;
}

/* ---- swipes ----------------------------------------------------------------------------- */

/* Returns the end of a text, no more than MOST_TEXT bytes of it, from the start of a character on. */
static const char *end_of(const char *text, int32_t *whole) {
  size_t size = strlen(text);
  if (size <= MOST_TEXT) return text;
  text += size - MOST_TEXT;
  while ((*text & 0xC0) == 0x80) text++;
  *whole = 0;
  return text;
}

/* Notes the last words of a text, whatever sentence they are of. */
static void hear(edgectc_keyboard *keyboard, const char *text) {
  char words[4 * MOST_TEXT];
  if (edgectc_said(text, words, sizeof words) > (int32_t)sizeof words) *words = 0;
  size_t size = strlen(words);
  const char *from = words + (size < MOST_HEARD ? 0 : size - MOST_HEARD + 1);
  if (from > words && from[-1] != '\n') from = strchr(from, '\n') ? strchr(from, '\n') + 1 : words + size;
  memcpy(keyboard->heard, from, strlen(from) + 1);
  edgectc_languages_hear(keyboard);
}

int32_t edgectc_keyboard_before(edgectc_keyboard *keyboard, const char *text, int32_t whole) {
  char words[4 * MOST_TEXT];
  int32_t status = EDGECTC_OK;
  if (!keyboard->network) return refuse(keyboard, "open a model first");
  text = end_of(text, &whole);
  edgectc_context(text, whole, words, sizeof words);
  if (keyboard->n_languages > 1) hear(keyboard, text);
  for (Language *one = keyboard->languages; status == EDGECTC_OK && one < keyboard->languages + keyboard->n_languages; one++)
    if (one->has_language_model)
      status = passed(keyboard, edgectc_engine_context(one->engine, words), edgectc_engine_error(one->engine));
  return status;
}

int32_t edgectc_keyboard_prepare(edgectc_keyboard *keyboard) {
  int32_t status = EDGECTC_OK;
  if (!keyboard->n_languages) return refuse(keyboard, "open a model first");
  for (Language *one = keyboard->languages; status == EDGECTC_OK && one < keyboard->languages + keyboard->n_languages; one++)
    if (!one->rests) status = passed(keyboard, edgectc_engine_prepare(one->engine), edgectc_engine_error(one->engine));
  return status;
}

/* Makes room for n points; what is there stays. */
static int take_room(edgectc_keyboard *keyboard, int32_t n) {
  if (n <= keyboard->room) return 1;
  int32_t room = n < 512 ? 512 : n;
  edgectc_point *points = realloc(keyboard->points, (size_t)room * sizeof *points);
  if (points) keyboard->points = points;
  double *arc = points ? realloc(keyboard->arc, (size_t)room * sizeof *arc) : NULL;
  if (arc) keyboard->arc = arc, keyboard->room = room;
  return arc != NULL;
}

int32_t edgectc_keyboard_resample(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n,
                                  const Board *board) {
  const Resampling *r = &keyboard->artifact.resampling;
  keyboard->reason = "";
  const char *reason = edgectc_swipe_reason(points, n);
  if (reason) {
    keyboard->reason = reason;
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "%s: %s", reason, edgectc_swipe_text(reason));
  }
  if (!take_room(keyboard, n)) return no_memory(keyboard);
  edgectc_point *own = keyboard->points;
  if (points != own) memcpy(own, points, (size_t)n * sizeof *own);
  n = edgectc_swipe_repair(r, own, n, board->width, board->height, keyboard->arc);
  int32_t length = edgectc_swipe_length(r, own, n, board->width, board->height, keyboard->arc);
  edgectc_swipe_frames(r, own, n, keyboard->arc, length, keyboard->frames);
  return length;
}

int edgectc_keyboard_cancelled(edgectc_keyboard *keyboard) {
  return atomic_load_explicit(&keyboard->state, memory_order_relaxed) == CANCELLED;
}

int edgectc_keyboard_points(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n) {
  if (!take_room(keyboard, n)) return 0;
  for (int32_t i = 0; i < n; i++) {
    keyboard->points[i].x = edgectc_decimal((points[i].x - keyboard->left) / keyboard->wide);
    keyboard->points[i].y = edgectc_decimal((points[i].y - keyboard->top) / keyboard->high);
    keyboard->points[i].t_ms = points[i].t_ms;
  }
  return 1;
}

int32_t edgectc_keyboard_rows(edgectc_keyboard *keyboard, int32_t n, int32_t *length) {
  *length = edgectc_keyboard_resample(keyboard, keyboard->points, n, &keyboard->board);
  if (*length < 0) return *length;
  if (edgectc_keyboard_cancelled(keyboard)) return EDGECTC_CANCELLED;
  int32_t rows = by_network(keyboard, edgectc_network_run(keyboard->network, keyboard->frames, *length, keyboard->log_probs));
  if (rows < 0) return rows;
  keyboard->rows = rows;
  return edgectc_keyboard_cancelled(keyboard) ? EDGECTC_CANCELLED : rows;
}

/* Ranks words of the keyboard's own points (n). */
static int32_t swipe(edgectc_keyboard *keyboard, int32_t n, int32_t moving, edgectc_word *words, int32_t most) {
  int32_t length, rows = edgectc_keyboard_rows(keyboard, n, &length);
  if (rows < 0) return rows;
  return edgectc_languages_search(keyboard, keyboard->log_probs, rows, keyboard->frames, length, moving, words, most);
}

int32_t edgectc_keyboard_swipe(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n,
                               int32_t flags, edgectc_word *words, int32_t most) {
  if (!keyboard->network || !(keyboard->wide > 0.0)) return refuse(keyboard, "give the keys before a swipe");
  if (flags & ~EDGECTC_MOVING) return refuse(keyboard, "an unknown flag");
  if (most < 1 || n < 0) return refuse(keyboard, "ask for one word or more, of points");
  if (!edgectc_keyboard_points(keyboard, points, n)) return no_memory(keyboard);
  atomic_store(&keyboard->state, RUNS);
  int32_t status = swipe(keyboard, n, flags & EDGECTC_MOVING, words, most);
  if (atomic_exchange(&keyboard->state, IDLE) != CANCELLED) return status;
  return edgectc_refuse(&keyboard->why, EDGECTC_CANCELLED, "cancelled by another thread");
}

int32_t edgectc_keyboard_cancel(edgectc_keyboard *keyboard) {
  int runs = RUNS;
  return atomic_compare_exchange_strong(&keyboard->state, &runs, CANCELLED);
}

#include "cold_end.h"
