/* Weighs the words of an engine, searches, and ranks what was found. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define NEAR 32                   /* words as good as the last one wanted, beyond which ties are cut */
#define RANGE 600.0               /* nats between the lightest and the heaviest word */
#define STATE_BYTES (1 << 26)     /* most memory for grown prefixes */
#define SLACK 1e-9                /* nats; scores closer than this are equal up to rounding */
#define MORE_SLACK 3.0            /* nats to search further down while a posterior is too wide */
#define MOST_WORDS 1000

/* ---- weights and bounds ----------------------------------------------------------------- */

/* Weighs every entry, and bounds every node by the best below it, from the last node to the first. */
static int32_t weigh(Engine *engine) {
  const Words *words = &engine->words;
  const Options *options = &engine->options;
  size_t nodes = (size_t)words->nodes;
  double *best = malloc(2 * nodes * sizeof(double)), *bare = best + nodes;
  if (!best) return NO_MEMORY(engine);
  /* Depths, from the root on: `bare` holds them until it is needed. */
  bare[0] = 0.0;
  for (int64_t node = 0; node < words->nodes; node++)
    for (int32_t i = 0; i < words->n_children[node]; i++) bare[words->first_child[node] + i] = bare[node] + 1.0;
  engine->top = -HUGE_VAL;
  engine->lightest = HUGE_VAL;
  for (int64_t node = words->nodes - 1; node >= 0; node--) {
    double own = -HUGE_VAL, letters = bare[node];
    uint16_t letter = words->letter[node];
    uint32_t below = letter < 32 ? 1u << letter : 0u;
    if (words->word[node] >= 0) {
      int32_t entry = words->word[node];
      double log_prob = words->log_prob[words->first_word[entry]] / 1e4;
      own = options->lm_weight * log_prob + options->letter_score * letters;
      engine->weights[entry] = own;
      if (own > engine->top) engine->top = own;
      if (own < engine->lightest) engine->lightest = own;
    }
    best[node] = own;
    bare[node] = own - options->letter_score * letters;
    for (int32_t i = 0; i < words->n_children[node]; i++) {
      int64_t child = words->first_child[node] + i;
      if (best[child] > best[node]) best[node] = best[child];
      if (bare[child] > bare[node]) bare[node] = bare[child];
      below |= engine->below[child];
    }
    engine->below[node] = below;
  }
  for (size_t node = 0; node < nodes; node++) {
    engine->gain[node] = edgectc_gain(best[node], engine->top);
    engine->bare[node] = edgectc_gain(bare[node], engine->top);
  }
  free(best);
  engine->weighed = 1;
  return EDGECTC_OK;
}

/* Makes weights and overlay those of now. */
static int32_t refresh(Engine *engine) {
  if (!engine->weighed) {
    int32_t status = weigh(engine);
    if (status < 0) return status;
    engine->laid = 0;
  }
  if (engine->laid) return EDGECTC_OK;
  edgectc_overlay_clear(&engine->overlay, engine->hidden);
  Grammar *lm = engine->has_lm && *engine->context ? &engine->lm : NULL;
  const Options *options = &engine->options;
  engine->shift = lm ? options->context_weight * edgectc_lm_after(lm, engine->context) : 0.0;
  Weights weights = {options->lm_weight, options->letter_score, options->context_weight};
  int32_t status = edgectc_overlay(&engine->overlay, &engine->words, &engine->owns, lm, &weights,
                                   engine->top, engine->hidden, &engine->why);
  if (status < 0) return status;
  double high = engine->top, low = engine->lightest;
  for (int64_t i = 0; i < engine->overlay.live; i++) {
    double weight = engine->overlay.overs[i].weight;
    if (weight > high) high = weight;
    if (weight < low) low = weight;
  }
  if (!(high - low < RANGE)) return REFUSE(engine, "the words' weights lie over 600 nats apart");
  engine->laid = 1;
  return EDGECTC_OK;
}

/* ---- searching -------------------------------------------------------------------------- */

typedef struct {                  /* what one search needs and writes */
  Lexicon lexicon;
  double *log_probs;
  int64_t budget, room, n;
  Answer answer;
  void *memory;
} Task;

static int32_t prepare_task(Engine *engine, Task *task, const float *log_probs, int32_t T, int64_t weighed) {
  const Options *options = &engine->options;
  const Words *words = &engine->words;
  size_t V = (size_t)engine->n_columns, room = (size_t)weighed + NEAR, frames = (size_t)T;
  int free_spelling = !isnan(options->unknown_score);
  task->lexicon = (Lexicon){
      .n_trees = engine->overlay.live ? 2 : 1, .V = engine->n_columns, .K = words->K,
      .columns = engine->columns, .scale = options->acoustic_scale,
      .blank_penalty = options->blank_penalty, .letter_score = options->letter_score,
      .top = engine->top, .margin = isnan(options->margin) ? HUGE_VAL : options->margin,
      .beam_size = (int32_t)options->beam_size, .spell = free_spelling,
      .spell_budget = options->budget < 8.0 ? 1 : (int64_t)options->budget / 8,
      .spell_score = free_spelling ? options->unknown_score : 0.0,
      .spell_letter_score = options->letter_score + options->unknown_letter_score};
  task->lexicon.trees[0] = (Tree){words->first_child, words->word, words->n_children, words->letter,
                                  engine->gain, options->letter_score != 0.0 ? engine->bare : NULL,
                                  words->K <= 32 ? engine->below : NULL, engine->weights,
                                  engine->hidden, words->entries};
  task->lexicon.trees[1] = engine->overlay.tree;
  task->budget = STATE_BYTES / (16 * ((int64_t)T + 1));
  if (options->budget < (double)task->budget) task->budget = (int64_t)options->budget;
  task->room = (int64_t)room;
  size_t reals = frames * V + room + 5, whole = (2 + 2 * frames) * room;
  task->memory = malloc(reals * sizeof(double) + whole * sizeof(int32_t));
  if (!task->memory) return NO_MEMORY(engine);
  task->log_probs = task->memory;
  double *scores = task->log_probs + frames * V;
  int32_t *numbers = (int32_t *)(task->log_probs + reals);
  task->answer = (Answer){.words = numbers, .lengths = numbers + room, .letters = numbers + 2 * room,
                          .frames = numbers + (2 + frames) * room, .scores = scores, .about = scores + room};
  for (size_t i = 0; i < frames * V; i++) task->log_probs[i] = log_probs[i];
  return EDGECTC_OK;
}

/* The largest share that words which were not looked at can have of all. */
static double unseen(const Answer *answer) {
  return 1.0 / (1.0 + exp(fmin(700.0, answer->about[2] - answer->about[3])));
}

static int32_t search(Engine *engine, Task *task, int32_t T, int64_t weighed, int32_t unfinished) {
  double slack = SLACK, width = unfinished ? 1.0 : engine->options.posterior_width;
  for (;; slack += MORE_SLACK) {
    task->n = edgectc_decode(&task->lexicon, task->log_probs, T, (int32_t)weighed, slack, task->budget,
                             unfinished, task->room, &task->answer);
    if (task->n == OUT_OF_MEMORY) return NO_MEMORY(engine);
    if (task->n < 0)
      return REFUSE(engine, "the network's answer is no distribution: NaN, infinite, or not log_softmax");
    if (!task->n || task->answer.about[0] == 0.0 || unseen(&task->answer) <= width) return EDGECTC_OK;
  }
}

/* Makes the text of a found word; NULL if there is no memory. */
static char *shown(const Engine *engine, const Task *task, int64_t i, int32_t T) {
  const Words *words = &engine->words;
  int64_t word = task->answer.words[i], entry = word, first;
  if (word < 0) { /* a free spelling */
    int32_t n = task->answer.lengths[i];
    char *text = malloc((size_t)n * 4 + 1), *end = text;
    for (int32_t j = 0; text && j < n; j++)
      end += edgectc_put_utf8(words->letters[task->answer.letters[i * T + j]], end);
    if (text) *end = 0;
    return text;
  }
  if (word >= words->entries) {
    const Over *over = engine->overlay.overs + (word - words->entries);
    if (over->shown < -1) {
      const char *own = engine->owns.words[-2 - over->shown].text;
      char *text = malloc(strlen(own) + 1);
      return text ? strcpy(text, own) : NULL;
    }
    entry = over->entry;
    first = over->shown;
  } else {
    first = words->first_word[entry];
  }
  size_t size = edgectc_words_text(words, first, entry, NULL);
  char *text = malloc(size + 1);
  if (!text) return NULL;
  edgectc_words_text(words, first, entry, text);
  text[size] = 0;
  return text;
}

typedef struct {
  double key;                     /* rounded, so that words equal up to rounding come in one order */
  double score;
  char *text;
  int64_t place;
} Ranked;

static int by_rank(const void *left, const void *right) {
  const Ranked *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return strcmp(a->text, b->text);
}

/* The nth highest of n values, -inf if there are fewer; `sorted` holds n. */
static double highest(const double *values, int64_t n, int64_t nth, double *sorted) {
  if (n < nth) return -HUGE_VAL;
  for (int64_t i = 0; i < n; i++) { /* insertion: there are few */
    int64_t j = i;
    for (; j > 0 && sorted[j - 1] < values[i]; j--) sorted[j] = sorted[j - 1];
    sorted[j] = values[i];
  }
  return sorted[nth - 1];
}

static void keep(Engine *engine, const Task *task, Ranked *ranked, int64_t compared, int32_t nbest,
                 int judged, int32_t unfinished, double floor) {
  const double *about = task->answer.about;
  double sum = 0.0, heat = engine->options.temperature;
  for (int64_t i = 0; i < compared; i++) sum += exp((ranked[i].score - ranked[0].score) / heat);
  for (int64_t i = 0; i < compared && i < nbest; i++) {
    int64_t place = ranked[i].place;
    Hypothesis *one = engine->found + engine->n_found++;
    *one = (Hypothesis){ranked[i].text, ranked[i].score + engine->shift,
                        exp((ranked[i].score - ranked[0].score) / heat) / sum, NAN, NAN,
                        ranked[i].score >= floor && about[task->answer.words[place] < 0] != 0.0};
    ranked[i].text = NULL; /* it is the answer's now */
    if (!judged && !unfinished && task->answer.words[place] >= 0) {
      one->high = exp(fmin(0.0, task->answer.scores[place] - about[2]));
      one->low = one->high / (1.0 + exp(fmin(700.0, about[3] - about[2])));
    }
  }
}

/* Ranks what was found, after the trace had its say. */
static int32_t rank(Engine *engine, Task *task, int32_t T, int32_t nbest, int64_t weighed,
                    int32_t unfinished) {
  const Answer *answer = &task->answer;
  const double silence = engine->options.no_word_score, weight = engine->options.template_weight;
  int64_t n = task->n, compared = n < weighed ? n : weighed;
  if (!n) return 0;
  int judged = weight != 0.0 && !unfinished && engine->trace && engine->keys;
  int32_t status = EDGECTC_OK;
  size_t frames = (size_t)engine->trace_length;
  double *work = malloc(((size_t)n + 3 * frames + 1) * sizeof(double)), *points = work + n + frames;
  Ranked *ranked = calloc((size_t)n, sizeof(Ranked));
  engine->found = calloc((size_t)compared, sizeof(Hypothesis));
  if (!work || !ranked || !engine->found) status = OUT_OF_MEMORY;
  if (status == EDGECTC_OK && !isnan(silence) &&
      answer->about[4] + silence > highest(answer->scores, n, 1, work))
    n = 0;
  for (size_t t = 0; status == EDGECTC_OK && judged && t < frames; t++) {
    points[2 * t] = engine->trace[3 * t] / engine->width;
    points[2 * t + 1] = engine->trace[3 * t + 1] / engine->height;
  }
  for (int64_t i = 0; status == EDGECTC_OK && i < n; i++) {
    double lost = 0.0;
    if (judged)
      lost = weight * edgectc_miss(points, (int32_t)frames, engine->keys, answer->letters + i * T,
                                   answer->lengths[i], work);
    double score = answer->scores[i] - lost;
    ranked[i] = (Ranked){-rint(score / SLACK), score, shown(engine, task, i, T), i};
    if (!ranked[i].text) status = OUT_OF_MEMORY;
  }
  if (status == EDGECTC_OK && n) {
    qsort(ranked, (size_t)n, sizeof(Ranked), by_rank);
    /* No word that was not found scores more than this. */
    double floor = highest(answer->scores, n, 1, work) - task->lexicon.margin;
    double last = highest(answer->scores, n, weighed, work);
    if (floor < last) floor = last;
    keep(engine, task, ranked, compared, nbest, judged, unfinished, floor);
  }
  for (int64_t i = 0; ranked && i < n; i++) free(ranked[i].text);
  free(ranked);
  free(work);
  return status < 0 ? NO_MEMORY(engine) : engine->n_found;
}

EDGECTC_API int32_t edgectc_engine_search(Engine *engine, const float *log_probs, int32_t frames,
                                          int32_t nbest, int32_t unfinished) {
  edgectc_clear_found(engine);
  const Options *options = &engine->options;
  if (!engine->has_words || !engine->columns) return REFUSE(engine, "give the lexicon and the columns first");
  if (frames < 1 || frames > 65536) return REFUSE(engine, "log_probs have %d frames, expected 1 to 65536", (long long)frames);
  if (nbest < 1 || nbest > MOST_WORDS) return REFUSE(engine, "%d words are wanted, expected 1 to 1000", (long long)nbest);
  if (!isnan(options->unknown_score) && options->letter_score + options->unknown_letter_score > 0.0)
    return REFUSE(engine, "free spelling has no end where letter_score + unknown_letter_score is above 0");
  int64_t weighed = options->weighed > nbest ? (int64_t)options->weighed : nbest;
  if (weighed > MOST_WORDS) return REFUSE(engine, "weighed is over 1000");
  int32_t status = refresh(engine);
  if (status < 0) return status;
  Task task = {0};
  status = prepare_task(engine, &task, log_probs, frames, weighed);
  if (status >= 0) status = search(engine, &task, frames, weighed, unfinished);
  if (status >= 0) status = rank(engine, &task, frames, nbest, weighed, unfinished);
  free(task.memory);
  edgectc_engine_trace(engine, NULL, 0); /* it was of this signal alone */
  return status;
}
