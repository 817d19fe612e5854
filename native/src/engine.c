/* The lexicon decoder of lexicon.py for hosts without Python; see engine.h. What it must answer is in
 * tests/golden/. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

/* ---- life ------------------------------------------------------------------------------- */

EDGECTC_API Engine *edgectc_engine_new(void) {
  Engine *engine = calloc(1, sizeof(Engine));
  if (!engine) return NULL;
  engine->options = (Options){1.0, 0.0, 1.0, 0.0, 0.5, 0.0, 1.0, 1.0, NAN, NAN, -3.0, NAN, 1.0, 20000.0, 128.0};
  engine->owns.share = 1e-5;
  engine->context = calloc(1, 1);
  if (!engine->context) {
    free(engine);
    return NULL;
  }
  return engine;
}

void edgectc_clear_found(Engine *engine) {
  for (int32_t i = 0; i < engine->n_found; i++) free(engine->found[i].text);
  free(engine->found);
  engine->found = NULL;
  engine->n_found = 0;
}

static void clear_own(Own *own) {
  free(own->text);
  free(own->letters);
}

EDGECTC_API void edgectc_engine_free(Engine *engine) {
  if (!engine) return;
  edgectc_clear_found(engine);
  if (engine->hidden) edgectc_overlay_clear(&engine->overlay, engine->hidden);
  for (int64_t i = 0; i < engine->owns.size; i++) clear_own(engine->owns.words + i);
  if (engine->has_words) edgectc_words_close(&engine->words);
  if (engine->has_lm) edgectc_lm_close(&engine->lm);
  void *held[] = {engine->overlay.overs, engine->overlay.letters, engine->owns.words, engine->symbols, engine->columns,
                  engine->keys, engine->trace, engine->context, engine->weights, engine->gain,
                  engine->bare, engine->below, engine->hidden};
  for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++) free(held[i]);
  free(engine);
}

EDGECTC_API const char *edgectc_engine_error(const Engine *engine) {
  return engine ? engine->why.text : "no engine: out of memory";
}

/* ---- what it is given ------------------------------------------------------------------- */

EDGECTC_API int32_t edgectc_engine_lexicon(Engine *engine, const uint8_t *bytes, size_t size) {
  if (engine->has_words) return REFUSE(engine, "an engine takes one lexicon; make another engine");
  int32_t status = edgectc_words_open(&engine->words, bytes, size, &engine->why);
  if (status < 0) return status;
  size_t nodes = (size_t)engine->words.nodes, entries = (size_t)engine->words.entries;
  engine->weights = malloc(entries * sizeof(double));
  engine->gain = malloc(nodes * sizeof(float));
  engine->bare = malloc(nodes * sizeof(float));
  engine->below = malloc(nodes * sizeof(uint32_t));
  engine->hidden = calloc(entries, 1);
  engine->has_words = 1;
  if (!engine->weights || !engine->gain || !engine->bare || !engine->below || !engine->hidden)
    return NO_MEMORY(engine);
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_language_model(Engine *engine, const uint8_t *bytes, size_t size) {
  Grammar lm;
  if (bytes) {
    int32_t status = edgectc_lm_open(&lm, bytes, size, &engine->why);
    if (status < 0) return status;
  }
  if (engine->has_lm) edgectc_lm_close(&engine->lm);
  engine->has_lm = bytes != NULL;
  if (bytes) engine->lm = lm;
  engine->laid = 0;
  return EDGECTC_OK;
}

enum { ANY, AT_LEAST_0, ABOVE_0, COUNT, SHARE, ANY_OR_NONE, ABOVE_0_OR_NONE };

EDGECTC_API int32_t edgectc_engine_option(Engine *engine, const char *name, double value) {
  Options *held = &engine->options;
  const struct {
    const char *name;
    double *value;
    int kind;
  } known[] = {
      {"lm_weight", &held->lm_weight, AT_LEAST_0},
      {"letter_score", &held->letter_score, ANY},
      {"acoustic_scale", &held->acoustic_scale, ABOVE_0},
      {"blank_penalty", &held->blank_penalty, ANY},
      {"context_weight", &held->context_weight, AT_LEAST_0},
      {"template_weight", &held->template_weight, AT_LEAST_0},
      {"temperature", &held->temperature, ABOVE_0},
      {"weighed", &held->weighed, COUNT},
      {"margin", &held->margin, ABOVE_0_OR_NONE},
      {"unknown_score", &held->unknown_score, ANY_OR_NONE},
      {"unknown_letter_score", &held->unknown_letter_score, ANY},
      {"no_word_score", &held->no_word_score, ANY_OR_NONE},
      {"posterior_width", &held->posterior_width, SHARE},
      {"budget", &held->budget, COUNT},
      {"beam_size", &held->beam_size, COUNT},
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
    if (strcmp(name, known[i].name)) continue;
    int kind = known[i].kind, finite = value > -HUGE_VAL && value < HUGE_VAL;
    int fits = kind == ANY_OR_NONE       ? finite || isnan(value)
               : kind == ABOVE_0_OR_NONE ? (finite && value > 0.0) || isnan(value)
               : kind == ANY             ? finite
               : kind == COUNT ? finite && value >= 1.0 && value <= 1e9 && value == floor(value)
               : kind == SHARE ? finite && value > 0.0 && value <= 1.0
                               : finite && value >= 0.0 && (kind == AT_LEAST_0 || value > 0.0);
    if (!fits) return REFUSE(engine, "the preset's %s has a value out of range", name);
    *known[i].value = value;
    engine->weighed = engine->laid = 0;
    return EDGECTC_OK;
  }
  return REFUSE(engine, "the preset has the key '%s', which this engine does not know; upgrade it", name);
}

EDGECTC_API int32_t edgectc_engine_columns(Engine *engine, const int32_t *symbols,
                                           const double *centres, int32_t n, double width,
                                           double height) {
  if (!engine->has_words) return REFUSE(engine, "give the lexicon before the columns");
  if (n < 1 || n > 65536) return REFUSE(engine, "%d columns, expected 1 to 65536", (long long)n);
  if (centres && !(width > 0.0 && height > 0.0)) return REFUSE(engine, "the size of a key is not above 0");
  int32_t K = engine->words.K;
  int32_t *columns = malloc((size_t)(K + 1) * sizeof(int32_t));
  double *keys = malloc((size_t)K * 2 * sizeof(double));
  if (!columns || !keys) {
    free(columns);
    free(keys);
    return NO_MEMORY(engine);
  }
  int32_t twice = 0, missing = 0;
  memset(columns, -1, (size_t)(K + 1) * sizeof(int32_t));
  for (int32_t column = 0; column < n; column++) {
    int32_t k = symbols[column] == -1 ? K : 0;
    while (k < K && engine->words.letters[k] != symbols[column]) k++;
    if (k == K && symbols[column] != -1) continue;
    twice |= columns[k] >= 0;
    columns[k] = column;
    if (k == K || !centres) continue;
    keys[2 * k] = centres[2 * column] / width;
    keys[2 * k + 1] = centres[2 * column + 1] / height;
  }
  for (int32_t k = K; k >= 0; k--)
    if (columns[k] < 0) missing = k < K ? engine->words.letters[k] : -1;
  if (missing || twice) {
    char letter[5] = {0};
    if (missing > 0) edgectc_put_utf8(missing, letter);
    free(columns);
    free(keys);
    if (twice) return REFUSE(engine, "a letter or the blank has two columns");
    if (missing < 0) return REFUSE(engine, "no column is the blank");
    return REFUSE(engine, "this layout has no key for '%s', which words of the lexicon need", letter);
  }
  free(engine->columns);
  free(engine->keys);
  engine->columns = columns;
  engine->keys = keys;
  if (!centres) free(keys), engine->keys = NULL;
  engine->n_columns = n;
  engine->width = width;
  engine->height = height;
  return EDGECTC_OK;
}

static void forget(Owns *owns, int64_t i) {
  clear_own(owns->words + i);
  owns->words[i] = owns->words[--owns->size];
}

EDGECTC_API int32_t edgectc_engine_word(Engine *engine, const char *text, const char *spelled,
                                        double count, double boost, int32_t hidden) {
  Owns *owns = &engine->owns;
  uint16_t letters[MOST_LETTERS];
  if (!engine->has_words) return REFUSE(engine, "give the lexicon before the user's words");
  int32_t n = edgectc_words_spell(&engine->words, spelled, strlen(spelled), letters);
  if (n < 1 || !*text || strpbrk(text, "\r\n"))
    return REFUSE(engine, "'%s' cannot be spelled with the letters of the lexicon", text);
  if (!(count >= 0.0 && count < HUGE_VAL && fabs(boost) <= 100.0))
    return REFUSE(engine, "'%s' needs a count of at least 0 and a boost within 100 nats", text);
  engine->laid = 0;
  for (int64_t i = 0; i < owns->size; i++)
    if (!strcmp(owns->words[i].text, text)) {
      forget(owns, i);
      break;
    }
  if (count == 0.0 && boost == 0.0 && !hidden) return EDGECTC_OK;
  size_t size = strlen(text);
  if (owns->size == owns->room) {
    int64_t room = owns->room ? 2 * owns->room : 64;
    Own *words = realloc(owns->words, (size_t)room * sizeof(Own));
    if (!words) return NO_MEMORY(engine);
    owns->words = words;
    owns->room = room;
  }
  Own own = {malloc(2 * size + 2), NULL, malloc((size_t)n * sizeof(uint16_t)), n, count, boost, hidden};
  if (!own.text || !own.letters) {
    clear_own(&own);
    return NO_MEMORY(engine);
  }
  own.lower = own.text + size + 1;
  memcpy(own.text, text, size + 1);
  edgectc_lower(text, size, own.lower);
  own.lower[size] = 0;
  memcpy(own.letters, letters, (size_t)n * sizeof(uint16_t));
  owns->words[owns->size++] = own;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_share(Engine *engine, double share) {
  if (!(share > 0.0 && share < 1.0)) return REFUSE(engine, "a share lies between 0 and 1");
  engine->owns.share = share;
  engine->laid = 0;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_context(Engine *engine, const char *words) {
  if (*words && !engine->has_lm) return REFUSE(engine, "a context needs a language model");
  if (!strcmp(words, engine->context)) return EDGECTC_OK;
  size_t size = strlen(words) + 1;
  char *held = malloc(size);
  if (!held) return NO_MEMORY(engine);
  memcpy(held, words, size);
  free(engine->context);
  engine->context = held;
  engine->laid = 0;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_trace(Engine *engine, const float *trace, int32_t length) {
  float *held = NULL;
  if (trace) {
    if (length < 1) return REFUSE(engine, "a trace has at least one frame");
    held = malloc((size_t)length * 3 * sizeof(float));
    if (!held) return NO_MEMORY(engine);
    memcpy(held, trace, (size_t)length * 3 * sizeof(float));
  }
  free(engine->trace);
  engine->trace = held;
  engine->trace_length = trace ? length : 0;
  return EDGECTC_OK;
}

/* ---- what it found ---------------------------------------------------------------------- */

EDGECTC_API const char *edgectc_engine_text(const Engine *engine, int32_t place) {
  return place >= 0 && place < engine->n_found ? engine->found[place].text : NULL;
}

EDGECTC_API double edgectc_engine_figure(const Engine *engine, int32_t place, int32_t figure) {
  if (place < 0 || place >= engine->n_found) return NAN;
  const Hypothesis *one = engine->found + place;
  const double figures[] = {one->score, one->probability, one->low, one->high, one->exact};
  return figure >= 0 && figure < 5 ? figures[figure] : NAN;
}
