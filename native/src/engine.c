/* The lexicon decoder of lexicon.py as a library: what it is given, and how long it lives; see edgectc.h.
 * What it must answer is in tests/golden/. */
#include "cold.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define MOST_NATS 700.0 /* of a hotword, up or down: exp of it is still a double */

/* ---- life ------------------------------------------------------------------------------- */

EDGECTC_API uint32_t edgectc_abi(void) { return EDGECTC_ABI; }

EDGECTC_API edgectc_engine *edgectc_engine_new(void) {
  edgectc_engine *engine = calloc(1, sizeof(edgectc_engine));
  if (!engine) return NULL;
  engine->options = DEFAULT_OPTIONS;
  engine->owns.share = 1e-5;
  engine->most_views = 1;
  engine->context = calloc(1, 1);
  if (!engine->context) {
    free(engine);
    return NULL;
  }
  return engine;
}

static void close_shared(Shared *shared) {
  if (!shared || --shared->users > 0) return;
  edgectc_words_close(&shared->words);
  free(shared->bounds);
  free(shared->below);
  free(shared->weights);
  free(shared->more);
  free(shared);
}

static void close_lm(edgectc_engine *engine) {
  edgectc_following_close(&engine->following);
  if (engine->lm && --engine->lm->users == 0) {
    edgectc_lm_close(engine->lm);
    free(engine->lm);
  }
  engine->lm = NULL;
}

EDGECTC_API void edgectc_engine_free(edgectc_engine *engine) {
  if (!engine) return;
  edgectc_clear_ranked(engine);
  edgectc_forget_views(engine);
  edgectc_owns_close(&engine->owns);
  close_lm(engine);
  close_shared(engine->shared);
  edgectc_pool_close(&engine->pool);
  void *held[] = {engine->views, engine->columns, engine->keys, engine->points, engine->path_keys, engine->context,
                  engine->hidden};
  for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++) free(held[i]);
  free(engine);
}

static void *copy_of(const void *bytes, size_t size) {
  void *copy = bytes ? malloc(size) : NULL;
  return copy ? memcpy(copy, bytes, size) : NULL;
}

EDGECTC_API edgectc_engine *edgectc_engine_sibling(edgectc_engine *engine) {
  if (!engine->shared) {
    REFUSE(engine, "give the lexicon before there are siblings");
    return NULL;
  }
  if (edgectc_weigh(engine) < 0) return NULL;
  edgectc_engine *sibling = edgectc_engine_new();
  if (!sibling) return NULL;
  size_t K = (size_t)engine->shared->words.K;
  sibling->options = engine->options;
  sibling->owns.share = engine->owns.share;
  sibling->most_views = engine->most_views;
  sibling->shared = engine->shared;
  sibling->shared->users++;
  sibling->hidden = calloc((size_t)engine->shared->words.entries / 8 + 1, 1);
  sibling->n_columns = engine->n_columns;
  sibling->columns = copy_of(engine->columns, (K + 1) * sizeof(int32_t));
  sibling->keys = copy_of(engine->keys, 2 * K * sizeof(double));
  sibling->width = engine->width;
  sibling->height = engine->height;
  int failed = !sibling->hidden || (engine->columns && !sibling->columns) || (engine->keys && !sibling->keys);
  if (!failed && engine->lm) {
    sibling->lm = engine->lm;
    sibling->lm->users++;
    failed = edgectc_following(&sibling->following, &engine->lm->words) != DONE;
  }
  if (!failed) return sibling;
  edgectc_engine_free(sibling);
  return NULL;
}

EDGECTC_API const char *edgectc_engine_error(const edgectc_engine *engine) {
  return engine ? engine->why.text : "no engine: out of memory";
}

/* ---- lexicon and language model --------------------------------------------------------- */

EDGECTC_API int32_t edgectc_engine_lexicon(edgectc_engine *engine, const uint8_t *bytes, size_t size) {
  if (engine->shared) return REFUSE(engine, "an engine takes one lexicon; make another engine");
  Shared *shared = calloc(1, sizeof(Shared));
  if (!shared) return NO_MEMORY(engine);
  shared->users = 1;
  int32_t status = edgectc_words_open(&shared->words, bytes, size, &engine->why);
  if (status < 0) {
    close_shared(shared);
    return status;
  }
  size_t nodes = (size_t)shared->words.nodes, entries = (size_t)shared->words.entries;
  shared->bounds = calloc(2 * nodes + 1, sizeof(uint16_t));
  shared->below = malloc((nodes / DEEP + 1) * sizeof(uint32_t));
  engine->hidden = calloc(entries / 8 + 1, 1);
  shared->more = malloc(((size_t)shared->words.n_several + 1) * sizeof(double));
  if (!shared->bounds || !shared->below || !engine->hidden || !shared->more) {
    close_shared(shared);
    free(engine->hidden);
    engine->hidden = NULL;
    return NO_MEMORY(engine);
  }
  engine->shared = shared;
  return EDGECTC_OK;
}

/* Refuses what would change the weights under another engine. */
static int32_t alone(edgectc_engine *engine) {
  if (engine->shared && engine->shared->users > 1)
    return REFUSE(engine, "engines that share a lexicon cannot be changed any more; make another engine");
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_log_probs(edgectc_engine *engine, const double *log_probs, int64_t n) {
  if (!engine->shared) return REFUSE(engine, "give the lexicon before its log_probs");
  if (alone(engine) < 0) return BAD_INPUT;
  if (n != engine->shared->words.words)
    return REFUSE(engine, "%d log_probs for %d words", (long long)n, (long long)engine->shared->words.words);
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(log_probs[i]) < HUGE_VAL)) return REFUSE(engine, "a log_prob is not finite");
  engine->shared->words.finer = log_probs;
  engine->shared->words.code = NULL; /* each word has its own */
  engine->shared->weighed = 0;
  edgectc_forget_views(engine);
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_language_model(edgectc_engine *engine, const uint8_t *bytes, size_t size) {
  if (bytes && edgectc_lm_check(bytes, size, &engine->why) < 0) return BAD_INPUT;
  return edgectc_language_model(engine, bytes, size);
}

int32_t edgectc_language_model(edgectc_engine *engine, const uint8_t *bytes, size_t size) {
  Grammar *lm = NULL;
  Following following = {0};
  if (alone(engine) < 0) return BAD_INPUT;
  if (bytes) {
    lm = malloc(sizeof(Grammar));
    if (!lm) return NO_MEMORY(engine);
    int32_t status = edgectc_lm_open(lm, bytes, size, &engine->why);
    if (status < 0) {
      free(lm);
      return status;
    }
    lm->users = 1;
    if (edgectc_following(&following, &lm->words)) {
      edgectc_lm_close(lm);
      free(lm);
      return NO_MEMORY(engine);
    }
  }
  edgectc_forget_views(engine);
  close_lm(engine);
  engine->lm = lm;
  engine->following = following;
  return EDGECTC_OK;
}

/* ---- options ---------------------------------------------------------------------------- */

static int fits(const Option *option, double value) {
  if (isnan(value)) return option->nullable;
  if (!(fabs(value) < HUGE_VAL) || (option->whole && value != floor(value))) return 0;
  return value <= option->most && (option->above ? value > option->least : value >= option->least);
}

EDGECTC_API int32_t edgectc_engine_option(edgectc_engine *engine, const char *name, double value) {
  for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(*OPTIONS); i++) {
    const Option *option = OPTIONS + i;
    if (strcmp(name, option->name)) continue;
    if (!fits(option, value)) return REFUSE(engine, "the preset's %s has a value out of range", name);
    if (alone(engine) < 0) return BAD_INPUT;
    *(double *)((char *)&engine->options + option->offset) = value;
    if (engine->shared) engine->shared->weighed = 0;
    edgectc_forget_views(engine);
    if (!option->now) return EDGECTC_OK;
    return edgectc_refuse(&engine->why, EDGECTC_RENAMED, "the option '%s' is called '%s' now; the old name still works",
                          name, option->now);
  }
  return REFUSE(engine, "the preset has the key '%s', which this engine does not know; upgrade it", name);
}

/* ---- columns ---------------------------------------------------------------------------- */

/* Says why columns cannot be used: a letter or the blank that has none, or two. */
static int32_t refuse_columns(edgectc_engine *engine, const int32_t *columns, int32_t twice) {
  const Words *words = &engine->shared->words;
  if (twice) return REFUSE(engine, "a letter or the blank has two columns");
  for (int32_t k = 0; k < words->K; k++)
    if (columns[k] < 0) {
      char letter[5] = {0};
      edgectc_put_utf8(words->letters[k], letter);
      return REFUSE(engine, "this layout has no key for '%s', which words of the lexicon need", letter);
    }
  return columns[words->K] < 0 ? REFUSE(engine, "no column is the blank") : EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_columns(edgectc_engine *engine, const int32_t *symbols,
                                           const double *centres, int32_t n, double width,
                                           double height) {
  return edgectc_columns(engine, symbols, centres, n, width, height, NULL, 0);
}

int32_t edgectc_columns(edgectc_engine *engine, const int32_t *symbols, const double *centres, int32_t n, double width,
                        double height, const StandIn *others, int32_t n_others) {
  if (!engine->shared) return REFUSE(engine, "give the lexicon before the columns");
  if (n < 1 || n > 65536) return REFUSE(engine, "%d columns, expected 1 to 65536", (long long)n);
  if (centres && !(width > 0.0 && height > 0.0)) return REFUSE(engine, "the size of a key is not above 0");
  const Words *words = &engine->shared->words;
  int32_t K = words->K, twice = 0;
  int32_t *columns = malloc((size_t)(K + 1) * sizeof(int32_t));
  double *keys = malloc((size_t)K * 2 * sizeof(double));
  if (!columns || !keys) {
    free(columns);
    free(keys);
    return NO_MEMORY(engine);
  }
  memset(columns, -1, (size_t)(K + 1) * sizeof(int32_t));
  for (int32_t column = 0; column < n; column++) {
    int32_t k = symbols[column] == -1 ? K : 0;
    while (k < K && words->letters[k] != symbols[column]) k++;
    if (k == K && symbols[column] != -1) continue;
    twice |= columns[k] >= 0;
    columns[k] = column;
    if (k == K || !centres) continue;
    keys[2 * k] = centres[2 * column] / width;
    keys[2 * k + 1] = centres[2 * column + 1] / height;
  }
  for (int32_t i = 0; i < n_others; i++) { /* letters that are typed on the key of another one */
    int32_t k = 0, column = 0;
    while (k < K && words->letters[k] != others[i].letter) k++;
    while (column < n && symbols[column] != others[i].key) column++;
    if (k == K || column == n || columns[k] >= 0) continue;
    columns[k] = column;
    for (int axis = 0; centres && axis < 2; axis++) keys[2 * k + axis] = centres[2 * column + axis] / (axis ? height : width);
  }
  int32_t status = refuse_columns(engine, columns, twice);
  if (status < 0) {
    free(columns);
    free(keys);
    return status;
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

/* ---- the user's words ------------------------------------------------------------------- */

EDGECTC_API int32_t edgectc_engine_word(edgectc_engine *engine, const char *text, const char *spelled,
                                        double count, double boost, int32_t hidden) {
  uint16_t letters[MOST_LETTERS];
  if (!engine->shared) return REFUSE(engine, "give the lexicon before the user's words");
  int32_t n = edgectc_words_spell(&engine->shared->words, spelled, strlen(spelled), letters);
  if (n < 1 || !*text || strpbrk(text, "\r\n"))
    return REFUSE(engine, "'%s' cannot be spelled with the letters of the lexicon", text);
  if (!(count >= 0.0 && count < HUGE_VAL && fabs(boost) < HUGE_VAL))
    return REFUSE(engine, "'%s' needs a count of at least 0 and a finite boost", text);
  edgectc_forget_views(engine);
  if (count == 0.0 && boost == 0.0 && !hidden) {
    edgectc_owns_forget(&engine->owns, text);
    return EDGECTC_OK;
  }
  return edgectc_owns_put(&engine->owns, text, letters, n, count, boost, hidden) ? NO_MEMORY(engine) : EDGECTC_OK;
}

/* Whether a text is shown as these `n` letters are spelled, but for its case. */
static int is_spelled(const Words *words, const char *text, const uint16_t *letters, int32_t n) {
  char normal[8 * MOST_LETTERS];
  uint16_t own[MOST_LETTERS];
  size_t size = strlen(text);
  if (size > sizeof(normal) / 2) return 0;
  size = edgectc_fold(text, size, normal);
  return edgectc_words_spell(words, normal, size, own) == n && !memcmp(own, letters, (size_t)n * sizeof(uint16_t));
}

EDGECTC_API int32_t edgectc_engine_hotword(edgectc_engine *engine, const char *text, const char *spelled,
                                           double nats) {
  uint16_t letters[MOST_LETTERS];
  if (!engine->shared) return REFUSE(engine, "give the lexicon before the hotwords");
  const Words *words = &engine->shared->words;
  int32_t n = edgectc_words_spell(words, spelled, strlen(spelled), letters);
  if (n < 1 || !*text || strpbrk(text, "\r\n"))
    return REFUSE(engine, "'%s' cannot be spelled with the letters of the lexicon", text);
  if (!(fabs(nats) <= MOST_NATS)) return REFUSE(engine, "'%s' needs a weight of -700 to 700 nats", text);
  if (edgectc_owns_favour(&engine->owns, text, spelled, letters, n, nats)) return NO_MEMORY(engine);
  if (!is_spelled(words, text, letters, n)) engine->owns.renames = 1;
  edgectc_forget_views(engine);
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_share(edgectc_engine *engine, double share) {
  if (!(share > 0.0 && share < 1.0)) return REFUSE(engine, "a share lies between 0 and 1");
  if (share == engine->owns.share) return EDGECTC_OK;
  engine->owns.share = share;
  edgectc_forget_views(engine);
  return EDGECTC_OK;
}

/* ---- context ---------------------------------------------------------------------------- */

/* Sets the text of the context; its view is to be found or made. */
static int32_t set_context(edgectc_engine *engine, const char *words) {
  char *held = copy_of(words, strlen(words) + 1);
  if (!held) return NO_MEMORY(engine);
  free(engine->context);
  engine->context = held;
  edgectc_use_view(engine, NULL);
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_context(edgectc_engine *engine, const char *words) {
  if (*words && !engine->lm) return REFUSE(engine, "a context needs a language model");
  return strcmp(words, engine->context) ? set_context(engine, words) : EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_said_context(edgectc_engine *engine, const char *context,
                                                const char *words, const double *gains, int64_t n,
                                                double others) {
  if (!engine->shared) return REFUSE(engine, "give the lexicon before a context");
  if (!words) {
    if (!engine->shared->weighed || !edgectc_kept_view(engine, context)) return 0;
    View *view = engine->view;
    int32_t status = strcmp(context, engine->context) ? set_context(engine, context) : EDGECTC_OK;
    if (status < 0) return status;
    return engine->view == view || edgectc_kept_view(engine, context);
  }
  if (n < 0 || n > INT32_MAX || !(fabs(others) < HUGE_VAL)) return REFUSE(engine, "what a context says is not finite");
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(gains[i]) < HUGE_VAL)) return REFUSE(engine, "what a context says is not finite");
  Vocabulary vocabulary = {0};
  Following following = {0};
  int status = edgectc_vocabulary(&vocabulary, words, n ? strlen(words) : 0, n ? n : 1, 0);
  if (status == DONE) status = edgectc_following(&following, &vocabulary);
  for (int64_t i = 0; status == DONE && i < n; i++) following.gains[i] = gains[i], following.numbers[i] = (int32_t)i;
  following.size = n;
  if (status == DONE) status = edgectc_weigh(engine);
  if (status == DONE) status = set_context(engine, context);
  if (status == DONE) status = edgectc_make_view(engine, &following, others);
  edgectc_following_close(&following);
  edgectc_vocabulary_close(&vocabulary);
  if (status == OUT_OF_MEMORY) return NO_MEMORY(engine);
  return status == DONE ? EDGECTC_OK : REFUSE(engine, "expected %d words, one line feed between", (long long)n);
}

EDGECTC_API int32_t edgectc_engine_contexts(edgectc_engine *engine, int32_t n) {
  if (n < 1) return REFUSE(engine, "%d contexts to keep, expected at least 1", (long long)n);
  edgectc_forget_views(engine);
  free(engine->views);
  engine->views = NULL;
  engine->most_views = n;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_prepare(edgectc_engine *engine) {
  if (!engine->shared) return REFUSE(engine, "give the lexicon first");
  return edgectc_refresh(engine);
}

/* ---- trace ------------------------------------------------------------------------------ */

/* Forgets the points, and makes room for n others and their times; NULL if there is no memory, or none are wanted. */
static double *room_for_points(edgectc_engine *engine, int32_t n) {
  free(engine->path_keys);
  engine->path_keys = NULL;
  engine->timed = engine->n_points = 0;
  if (n <= engine->points_room) return n ? engine->points : NULL;
  int32_t room = n < 64 ? 64 : n;
  double *points = edgectc_more(engine->points, room, 3, sizeof(double));
  if (points) engine->points = points, engine->points_room = room;
  return points;
}

EDGECTC_API int32_t edgectc_engine_trace(edgectc_engine *engine, const float *trace, int32_t length) {
  room_for_points(engine, 0); /* no earlier trace outlives a call that fails */
  if (!trace || !engine->keys) return EDGECTC_OK; /* nothing to lay it among */
  if (length < 1) return REFUSE(engine, "a trace has at least one frame");
  double *points = room_for_points(engine, length);
  if (!points) return NO_MEMORY(engine);
  for (int32_t t = 0; t < length; t++) {
    points[2 * t] = trace[3 * t] / engine->width;
    points[2 * t + 1] = trace[3 * t + 1] / engine->height;
    points[2 * length + t] = trace[3 * t + 2];
  }
  engine->n_points = length;
  engine->timed = 1;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_path_times(edgectc_engine *engine, const double *seconds) {
  if (!engine->n_points) return REFUSE(engine, "give the path before its times");
  memcpy(engine->points + 2 * engine->n_points, seconds, (size_t)engine->n_points * sizeof(double));
  engine->timed = 1;
  return EDGECTC_OK;
}

EDGECTC_API int32_t edgectc_engine_path(edgectc_engine *engine, const double *points, int32_t n,
                                        const double *keys) {
  room_for_points(engine, 0);
  if (!engine->shared) return REFUSE(engine, "give the lexicon before a path");
  if (n < 1) return REFUSE(engine, "a path has at least one point");
  double *own = room_for_points(engine, n);
  engine->path_keys = own ? copy_of(keys, (size_t)engine->shared->words.K * 2 * sizeof(double)) : NULL;
  if (!engine->path_keys) return NO_MEMORY(engine);
  memcpy(own, points, (size_t)n * 2 * sizeof(double));
  engine->n_points = n;
  return EDGECTC_OK;
}

#include "cold_end.h"
