/* The words of several languages as one list. The rules of edgectc/decoding/mixing.py, which is their oracle. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"

enum { MOST_FOLDED = 2048 /* bytes of a normal form that are compared */ };

int edgectc_found_room(edgectc_keyboard *keyboard, int32_t most) {
  int64_t wanted = (int64_t)most * keyboard->n_languages;
  if (wanted <= keyboard->found_room) return 1;
  Found *grown = wanted > INT32_MAX ? NULL : edgectc_more(keyboard->found, wanted, 1, sizeof *grown + SORTING(Found));
  if (grown) keyboard->found = grown, keyboard->found_room = (int32_t)wanted;
  return grown != NULL;
}

/* Writes the normal form of a word; returns its bytes. */
static size_t folded(const char *text, char *out) {
  size_t size = strlen(text);
  return edgectc_fold(text, size < MOST_FOLDED / 2 ? size : MOST_FOLDED / 2, out);
}

static int are_alike(const char *a, const char *b) {
  char folds[2][MOST_FOLDED];
  size_t size = folded(a, folds[0]);
  return size == folded(b, folds[1]) && !memcmp(folds[0], folds[1], size);
}

void edgectc_found_take(edgectc_keyboard *keyboard, int32_t held, const edgectc_word *words, int32_t n, int32_t language, double more) {
  for (int32_t i = 0; i < n; i++) {
    char fold[MOST_FOLDED];
    Found *found = keyboard->found + held + i;
    *found = (Found){words[i], edgectc_hash(fold, folded(words[i].text, fold)), language, held + i, 1};
    found->word.score += more;
    for (int32_t j = 0; j < held + i && found->alike == held + i; j++)
      if (keyboard->found[j].hash == found->hash && are_alike(keyboard->found[j].word.text, words[i].text))
        found->alike = keyboard->found[j].alike;
  }
}

static int by_score(const void *left, const void *right) {
  const edgectc_word *a = &((const Found *)left)->word, *b = &((const Found *)right)->word;
  if (a->score != b->score) return a->score < b->score ? 1 : -1;
  return strcmp(a->text, b->text);
}

/* A word that several languages have, but for its case, is left to the one where it is best; to the first of equals. */
int32_t edgectc_found_join(edgectc_keyboard *keyboard, int32_t n) {
  Found *found = keyboard->found;
  int32_t kept = 0;
  for (int32_t i = 0; i < n; i++) {
    int32_t best = i;
    for (int32_t j = 0; j < n; j++)
      if (found[j].alike == found[i].alike &&
          (found[j].word.score > found[best].word.score ||
           (found[j].word.score == found[best].word.score && found[j].language < found[best].language)))
        best = j;
    found[i].kept = found[best].language == found[i].language;
  }
  for (int32_t i = 0; i < n; i++)
    if (found[i].kept) found[kept++] = found[i];
  edgectc_sort(found, (size_t)kept, sizeof *found, by_score, found + n);
  return kept;
}

/* Writes what an engine ranked, but a free spelling that another language has as a word, or leaves unsaid. */
static int32_t write_words(const edgectc_keyboard *keyboard, const edgectc_engine *engine, int32_t n, edgectc_word *words) {
  int32_t kept = 0;
  for (int32_t i = 0; i < n; i++) {
    edgectc_word *word = words + kept;
    word->text = edgectc_engine_text(engine, i);
    word->score = edgectc_engine_figure(engine, i, EDGECTC_SCORE);
    word->probability = edgectc_engine_figure(engine, i, EDGECTC_PROBABILITY);
    word->exact = edgectc_engine_figure(engine, i, EDGECTC_EXACT) == 1.0;
    int free = isnan(edgectc_engine_figure(engine, i, EDGECTC_LEXICON));
    kept += !free || !edgectc_languages_know(keyboard, word->text, engine);
  }
  return kept;
}

/* Ranks the words of one language. */
static int32_t search(edgectc_keyboard *keyboard, edgectc_engine *engine, const float *log_probs, int32_t rows, const float *trace,
                      int32_t length, int32_t moving, edgectc_word *words, int32_t most) {
  int32_t status = edgectc_engine_trace(engine, trace, length);
  if (status == EDGECTC_OK) status = edgectc_engine_search(engine, log_probs, rows, most, moving);
  if (status < 0) return edgectc_refuse(&keyboard->why, status, "%s", edgectc_engine_error(engine));
  return write_words(keyboard, engine, status, words);
}

/* What all words that were compared weigh, where the best of the joined ones weighs 1: of each language, what its first
 * word weighs and which share that was; words of two languages were compared twice. */
typedef struct {
  double top, temperature, sum;
} Compared;

static double mass(const Compared *compared, double score) { return exp((score - compared->top) / compared->temperature); }

int32_t edgectc_languages_search(edgectc_keyboard *keyboard, const float *log_probs, int32_t rows, const float *trace,
                                 int32_t length, int32_t moving, edgectc_word *words, int32_t most) {
  const Options *options = &keyboard->languages->engine->options;
  Compared compared = {-HUGE_VAL, options->temperature, 0.0};
  int32_t n = 0;
  if (keyboard->n_languages == 1)
    return search(keyboard, keyboard->languages->engine, log_probs, rows, trace, length, moving, words, most);
  if (!edgectc_found_room(keyboard, most)) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    const Language *language = keyboard->languages + i;
    if (language->rests) continue;
    if (edgectc_keyboard_cancelled(keyboard)) return EDGECTC_CANCELLED;
    int32_t found = search(keyboard, language->engine, log_probs, rows, trace, length, moving, words, most);
    if (found < 0) return found;
    edgectc_found_take(keyboard, n, words, found, i, options->lm_weight * language->log_share);
    n += found;
  }
  for (int32_t i = 0; i < n; i++) compared.top = fmax(compared.top, keyboard->found[i].word.score);
  for (int32_t i = 0, last = -1; i < n; i++) {
    const Found *found = keyboard->found + i;
    double weight = mass(&compared, found->word.score);
    compared.sum -= weight;
    if (found->language == last || !(found->word.probability > 0.0)) continue;
    compared.sum += weight / found->word.probability;
    last = found->language;
  }
  n = edgectc_found_join(keyboard, n);
  for (int32_t i = 0; i < n; i++) compared.sum += mass(&compared, keyboard->found[i].word.score);
  for (int32_t i = 0; i < n && i < most; i++) {
    words[i] = keyboard->found[i].word;
    words[i].probability = mass(&compared, words[i].score) / compared.sum;
  }
  return n < most ? n : most;
}

#include "cold_end.h"
