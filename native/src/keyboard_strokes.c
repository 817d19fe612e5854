/* A word in strokes, taps and swipes in any order: what the network says of each swipe, and what taps say of letters, one
 * after another as one signal, which is searched like that of a swipe. */
#include "cold.h"

#include <math.h>
#include <string.h>

#include "keyboard.h"

#define NEVER -80.0f     /* log of what has no share */

static int32_t refuse(edgectc_keyboard *keyboard, const char *text) {
  return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, text);
}

/* Makes room for `more` rows behind the `n` that are there; NULL if there is no memory. */
static float *room_behind(edgectc_keyboard *keyboard, int32_t n, int32_t more) {
  size_t columns = (size_t)keyboard->artifact.resampling.slots + 1;
  if (n + more > keyboard->strokes_room) {
    int32_t room = 2 * (n + more);
    float *grown = edgectc_more(keyboard->strokes, room, (int64_t)columns, sizeof *grown);
    if (!grown) return NULL;
    keyboard->strokes = grown, keyboard->strokes_room = room;
  }
  return keyboard->strokes + (size_t)n * columns;
}

/* Writes that no letter is here: what parts two strokes, so that the same letter may come twice. */
static void write_blank(float *row, int32_t slots) {
  for (int32_t k = 0; k < slots; k++) row[k] = NEVER;
  row[slots] = 0.0f;
}

/* Writes which letters a tap may mean, in the letter area. */
static void write_tap(const edgectc_keyboard *keyboard, const edgectc_point *tap, float *row) {
  const Board *board = &keyboard->board;
  int32_t slots = (int32_t)keyboard->artifact.resampling.slots;
  double best = -HUGE_VAL, sum = 0.0;
  for (int32_t k = 0; k <= slots; k++) row[k] = NEVER;
  for (int32_t k = 0; k < board->n; k++) {
    row[k] = (float)edgectc_tap_score((tap->x - board->centers[2 * k]) / board->width, (tap->y - board->centers[2 * k + 1]) / board->height);
    best = fmax(best, row[k]);
  }
  for (int32_t k = 0; k < board->n; k++) sum += exp(row[k] - best);
  for (int32_t k = 0; k < board->n; k++) row[k] = (float)fmax(row[k] - best - log(sum), NEVER);
}

/* Writes the rows of a stroke behind the `n` that are there; returns how many there are then. */
static int32_t add(edgectc_keyboard *keyboard, int32_t n, const edgectc_point *points, int32_t length) {
  int32_t slots = (int32_t)keyboard->artifact.resampling.slots, rows = 1, frames;
  if (!edgectc_keyboard_points(keyboard, points, length)) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  if (length > 1 && (rows = edgectc_keyboard_rows(keyboard, length, &frames)) < 0) return rows;
  float *to = room_behind(keyboard, n, rows + 1);
  if (!to) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  if (n) write_blank(to, slots), to += slots + 1;
  if (length == 1) write_tap(keyboard, keyboard->points, to);
  else memcpy(to, keyboard->log_probs, (size_t)rows * ((size_t)slots + 1) * sizeof *to);
  return n + (n > 0) + rows;
}

static int32_t search(edgectc_keyboard *keyboard, const edgectc_point *points, const int32_t *lengths, int32_t n, int32_t moving,
                      edgectc_word *words, int32_t most) {
  int32_t rows = 0;
  for (int32_t i = 0; rows >= 0 && i < n; points += lengths[i++]) rows = add(keyboard, rows, points, lengths[i]);
  return rows < 0 ? rows : edgectc_languages_search(keyboard, keyboard->strokes, rows, NULL, 0, moving, words, most);
}

int32_t edgectc_keyboard_strokes(edgectc_keyboard *keyboard, const edgectc_point *points, const int32_t *lengths, int32_t n,
                                 int32_t flags, edgectc_word *words, int32_t most) {
  int32_t taps = 0;
  if (!keyboard->network || !(keyboard->wide > 0.0)) return refuse(keyboard, "give the keys before strokes");
  if (flags & ~EDGECTC_MOVING) return refuse(keyboard, "an unknown flag");
  if (most < 1 || n < 0) return refuse(keyboard, "ask for one word or more, of strokes");
  if (n > MOST_TAPS) return refuse(keyboard, "a word has at most 64 strokes");
  keyboard->reason = "";
  for (int32_t i = 0, at = 0; i < n; at += lengths[i++]) {
    if (lengths[i] < 1 || lengths[i] > INT32_MAX / 2 - at) return refuse(keyboard, "a stroke has at least one point");
    taps += lengths[i] == 1;
    if (lengths[i] == 1 && !(fabs(points[at].x - keyboard->left) <= 100.0 * keyboard->wide && fabs(points[at].y - keyboard->top) <= 100.0 * keyboard->high))
      return refuse(keyboard, "a tap lies nowhere near the keys");
  }
  if (taps == n) return edgectc_keyboard_tap(keyboard, points, n, flags, words, most);
  if (n == 1) return edgectc_keyboard_swipe(keyboard, points, *lengths, flags, words, most);
  atomic_store(&keyboard->state, RUNS);
  int32_t status = search(keyboard, points, lengths, n, flags & EDGECTC_MOVING, words, most);
  if (atomic_exchange(&keyboard->state, IDLE) != CANCELLED) return status;
  return edgectc_refuse(&keyboard->why, EDGECTC_CANCELLED, "cancelled by another thread");
}

#include "cold_end.h"
