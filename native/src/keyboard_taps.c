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

/* Writes n words that were found, with their shares of each other. */
static int32_t told(const edgectc_keyboard *keyboard, int32_t n, edgectc_word *words) {
  double sum = 0.0;
  for (int32_t i = 0; i < n; i++) words[i] = keyboard->found[i].word, sum += exp(words[i].score - words->score);
  for (int32_t i = 0; i < n; i++) words[i].probability = exp(words[i].score - words->score) / sum;
  return n;
}

/* Takes in what a language found, or says that there was no memory; returns how many words of all there are. */
static int32_t take(edgectc_keyboard *keyboard, int32_t held, int32_t found, const Language *language) {
  const Taps *taps = &language->taps;
  if (found < 0) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  for (int32_t i = 0; i < found; i++) {
    edgectc_word word = {taps->words[i].text, taps->words[i].score, 0.0, 0};
    edgectc_found_take(keyboard, held + i, &word, 1, (int32_t)(language - keyboard->languages), language->log_share);
  }
  return held + found;
}

/* Leaves a word that was typed, the best of its language, alone against those of the others, too. */
static void keep_typed(edgectc_keyboard *keyboard, int32_t n) {
  Found *found = keyboard->found, *typed = NULL;
  double best = -HUGE_VAL;
  for (int32_t i = 0; i < n; i++) {
    const Language *language = keyboard->languages + found[i].language;
    int first = i == 0 || found[i - 1].language != found[i].language;
    if (first && language->taps.keeps) found[i].word.score = language->taps.typed_score + language->log_share;
    if (first && language->taps.keeps && (!typed || found[i].word.score > typed->word.score)) typed = found + i;
    best = fmax(best, found[i].word.score);
  }
  if (typed && typed->word.score < best && edgectc_tap_keeps(typed->word.score, best)) typed->word.score = best + 1e-9;
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
  if (!edgectc_found_room(keyboard, most)) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  int32_t held = 0, moving = flags & EDGECTC_MOVING;
  for (Language *one = keyboard->languages; held >= 0 && one < keyboard->languages + keyboard->n_languages; one++)
    if (!one->rests) held = take(keyboard, held, edgectc_taps(&one->taps, one->engine, places, n, letters, nearest, moving, most), one);
  if (held < 0) return held;
  if (keyboard->n_languages > 1) keep_typed(keyboard, held), held = edgectc_found_join(keyboard, held);
  return told(keyboard, held < most ? held : most, words);
}

/* Completes letters in one language; returns how many words there are of all. */
static int32_t complete(edgectc_keyboard *keyboard, int32_t held, Language *language, const char *begun, int32_t most) {
  char spelled[4 * MOST_LETTERS + 1];
  uint16_t letters[MOST_LETTERS];
  const Words *lexicon = &language->engine->shared->words;
  size_t size = edgectc_spelled(lexicon, begun, spelled, sizeof spelled);
  int32_t n = size ? edgectc_words_spell(lexicon, spelled, size, letters) : 0;
  if ((*begun && !size) || n < 0) return held; /* no word begins so */
  return take(keyboard, held, edgectc_complete(&language->taps, language->engine, letters, n, most), language);
}

int32_t edgectc_keyboard_complete(edgectc_keyboard *keyboard, const char *begun, edgectc_word *words, int32_t most) {
  int32_t held = 0;
  if (!keyboard->network || !(keyboard->wide > 0.0)) return refuse(keyboard, "give the keys before words are completed");
  if (most < 1) return refuse(keyboard, "ask for one word or more");
  int32_t status = edgectc_keyboard_prepare(keyboard);
  if (status < 0) return status;
  if (!edgectc_found_room(keyboard, most)) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  for (Language *one = keyboard->languages; held >= 0 && one < keyboard->languages + keyboard->n_languages; one++)
    if (!one->rests) held = complete(keyboard, held, one, begun, most);
  if (held < 0) return held;
  if (keyboard->n_languages > 1) held = edgectc_found_join(keyboard, held);
  return told(keyboard, held < most ? held : most, words);
}

const char *edgectc_keyboard_typed(const edgectc_keyboard *keyboard) {
  const Language *one = keyboard->languages; /* one that does not rest; all are told the same taps */
  while (one < keyboard->languages + keyboard->n_languages - 1 && one->rests) one++;
  return one->taps.typed;
}

#include "cold_end.h"
