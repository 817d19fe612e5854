/* Taps of a keyboard: which keys they mean, and the words that they write; see taps.h. */
#include "cold.h"

#include <math.h>

#include "keyboard.h"
#include "spelling.h"

static int32_t refuse(edgectc_keyboard *keyboard, const char *text) {
  return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, text);
}

/* Turns a tap into key units; returns the letter of the nearest key and the score of the tap on it. */
static int32_t nearest_letter(const edgectc_keyboard *keyboard, const edgectc_point *tap, double place[2], double *score) {
  const Board *board = &keyboard->board;
  int32_t letter = 0;
  place[0] = (tap->x - keyboard->left) / keyboard->wide / board->width;
  place[1] = (tap->y - keyboard->top) / keyboard->high / board->height;
  *score = -HUGE_VAL;
  for (int32_t k = 0; k < board->n; k++) {
    double now = edgectc_tap_score(place[0] - board->centers[2 * k] / board->width, place[1] - board->centers[2 * k + 1] / board->height);
    if (now > *score) *score = now, letter = board->letters[k];
  }
  return letter;
}

/* Writes the words that were found, or says that there was no memory for them. */
static int32_t told(edgectc_keyboard *keyboard, int32_t found, edgectc_word *words) {
  if (found < 0) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  const Tapped *ranked = keyboard->taps.words;
  double sum = 0.0;
  for (int32_t i = 0; i < found; i++) sum += exp(ranked[i].score - ranked->score);
  for (int32_t i = 0; i < found; i++)
    words[i] = (edgectc_word){ranked[i].text, ranked[i].score, exp(ranked[i].score - ranked->score) / sum, 0};
  return found;
}

int32_t edgectc_keyboard_tap(edgectc_keyboard *keyboard, const edgectc_point *taps, int32_t n, int32_t flags,
                             edgectc_word *words, int32_t most) {
  double places[2 * MOST_TAPS + 2], nearest[MOST_TAPS + 1];
  int32_t letters[MOST_TAPS + 1];
  if (!keyboard->network || !(keyboard->wide > 0.0)) return refuse(keyboard, "give the keys before taps");
  if (flags & ~EDGECTC_MOVING) return refuse(keyboard, "an unknown flag");
  if (most < 1 || n < 0) return refuse(keyboard, "ask for one word or more, of taps");
  if (n > MOST_TAPS) return refuse(keyboard, "a word has at most 64 taps");
  for (int32_t i = 0; i < n; i++) {
    if (!(fabs(taps[i].x - keyboard->left) <= 100.0 * keyboard->wide && fabs(taps[i].y - keyboard->top) <= 100.0 * keyboard->high))
      return refuse(keyboard, "a tap lies nowhere near the keys");
    letters[i] = nearest_letter(keyboard, taps + i, places + 2 * i, nearest + i);
  }
  int32_t status = edgectc_keyboard_prepare(keyboard);
  if (status < 0) return status;
  int32_t found = edgectc_taps(&keyboard->taps, keyboard->engine, places, n, letters, nearest, flags & EDGECTC_MOVING, most);
  return told(keyboard, found, words);
}

int32_t edgectc_keyboard_complete(edgectc_keyboard *keyboard, const char *begun, edgectc_word *words, int32_t most) {
  char spelled[4 * MOST_LETTERS + 1];
  uint16_t letters[MOST_LETTERS];
  if (!keyboard->network || !(keyboard->wide > 0.0)) return refuse(keyboard, "give the keys before words are completed");
  if (most < 1) return refuse(keyboard, "ask for one word or more");
  int32_t status = edgectc_keyboard_prepare(keyboard);
  if (status < 0) return status;
  const Words *lexicon = &keyboard->engine->shared->words;
  size_t size = edgectc_spelled(lexicon, begun, spelled, sizeof spelled);
  if (*begun && !size) return 0; /* no word begins so */
  int32_t n = edgectc_words_spell(lexicon, spelled, size, letters);
  if (n < 0) return 0;
  return told(keyboard, edgectc_complete(&keyboard->taps, keyboard->engine, letters, n, most), words);
}

const char *edgectc_keyboard_typed(const edgectc_keyboard *keyboard) { return keyboard->taps.typed; }
