/* Searches the words of an engine, and ranks those that it met. */
#include "light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define NEAR 32                   /* words as good as the last one wanted, beyond which ties are cut */
#define STATE_BYTES (1 << 26)     /* most memory for grown prefixes */
#define SLACK 1e-9                /* nats; scores closer than this are equal up to rounding */
#define MORE_SLACK 3.0            /* nats to search further down while a posterior is too wide */
#define MOST_WORDS 100000
#define SPELLINGS 2               /* looked for beyond the words wanted, where hotwords have several */

/* ---- searching -------------------------------------------------------------------------- */

typedef struct {                  /* what one search needs and writes */
  Lexicon lexicon;
  int64_t budget, room, n;
  Answer answer;
} Task;

/* Lays the engine's words, weights and options out as the search takes them. */
static Lexicon problem(const edgectc_engine *engine) {
  const Options *options = &engine->options;
  const Shared *shared = engine->shared;
  const Words *words = &shared->words;
  const Overlay *overlay = &engine->view->overlay;
  int free_spelling = !isnan(options->unknown_score);
  Lexicon lexicon = {
      .n_trees = overlay->live ? 2 : 1, .V = engine->n_columns, .K = words->K,
      .columns = engine->columns, .scale = options->acoustic_scale,
      .blank_penalty = options->blank_penalty, .letter_score = options->letter_score,
      .top = shared->top, .margin = isnan(options->margin) ? HUGE_VAL : options->margin,
      .beam_size = (int32_t)options->beam_size, .free_spelling = free_spelling,
      .free_spelling_budget = options->budget < 8.0 ? 1 : (int64_t)options->budget / 8,
      .free_spelling_score = free_spelling ? options->unknown_score : 0.0,
      .free_spelling_letter_score = options->letter_score + options->unknown_letter_score};
  lexicon.trees[0] = edgectc_tree(engine);
  lexicon.trees[1] = overlay->tree;
  lexicon.unsaid[0] = (Spellings){words->unsaid, words->unsaid_size};
  lexicon.unsaid[1] = (Spellings){overlay->unsaid, overlay->unsaid_size};
  return lexicon;
}

/* Whether the trace judges the words, too. */
static int is_judged(const edgectc_engine *engine, int32_t partial) {
  return engine->options.template_weight != 0.0 && !partial && engine->n_points;
}

/* Makes room for what a search of T frames writes. */
static int32_t prepare_task(edgectc_engine *engine, Task *task, int32_t T, int64_t compared, int32_t partial) {
  const Options *options = &engine->options;
  size_t room = (size_t)compared + NEAR, frames = (size_t)T;
  int32_t K = engine->shared->words.K;
  task->lexicon = problem(engine);
  task->budget = STATE_BYTES / (16 * ((int64_t)T + 1));
  if (options->budget < (double)task->budget) task->budget = (int64_t)options->budget;
  task->room = (int64_t)room;
  double width = options->posterior_width; /* NaN where no posterior is told */
  task->lexicon.alone = partial || isnan(width) || (is_judged(engine, partial) && width == 1.0);
  double *scores = edgectc_take(&engine->pool, (int64_t)room, sizeof(double) + (2 + 2 * (int64_t)T) * sizeof(int32_t), 1);
  double *ahead = edgectc_doubles(&engine->pool, K); /* where the finger is bound for */
  if (!scores || !ahead) return NO_MEMORY(engine);
  if (options->template_weight != 0.0 && engine->timed) {
    const double *keys = engine->path_keys ? engine->path_keys : engine->keys;
    task->lexicon.passing = edgectc_heading(engine->points, engine->n_points, keys, K, ahead);
    task->lexicon.ahead = ahead;
  }
  int32_t *numbers = (int32_t *)(scores + room);
  task->answer = (Answer){.words = numbers, .lengths = numbers + room, .letters = numbers + 2 * room,
                          .frames = numbers + (2 + frames) * room, .scores = scores};
  return EDGECTC_OK;
}

/* The largest share that words which were not looked at can have of all. */
static double unseen(const Answer *answer) {
  return 1.0 / (1.0 + exp(fmin(700.0, answer->log_sum - answer->log_rest)));
}

/* Searches; again with more slack, so further down, while too much may lie in words not looked at. */
static int32_t search(edgectc_engine *engine, Task *task, const double *log_probs, int32_t T,
                      int64_t compared, int32_t partial) {
  double slack = SLACK, width = partial ? 1.0 : engine->options.posterior_width;
  if (isnan(width)) width = 1.0;
  for (;; slack += MORE_SLACK) {
    task->n = edgectc_lexicon_search(&task->lexicon, &engine->pool, log_probs, T, (int32_t)compared, slack,
                                     task->budget, partial, task->room, &task->answer);
    if (task->n == OUT_OF_MEMORY) return NO_MEMORY(engine);
    if (task->n < 0)
      return REFUSE(engine, "the network's answer is no distribution: NaN, infinite, or not log_softmax");
    if (!task->n || !task->answer.exact || unseen(&task->answer) <= width) return EDGECTC_OK;
  }
}

/* The overlay's word of a found entry, or NULL for one of the lexicon. */
static const Over *over_of(const edgectc_engine *engine, int64_t word) {
  int64_t place = word - engine->shared->words.entries;
  return place < 0 ? NULL : engine->view->overlay.overs + place;
}

/* How many words a found spelling has. */
static int64_t count_words(const edgectc_engine *engine, int64_t word) {
  const Over *over = word < 0 ? NULL : over_of(engine, word);
  if (word < 0) return 1; /* a free spelling */
  if (over) return over->n_shown;
  Range range = edgectc_words_of(&engine->shared->words, word);
  return range.last - range.first;
}

/* The i-th word of a found spelling of so many letters, and the weight of the heaviest. */
static Shown word_of(const edgectc_engine *engine, const Tree *tree, int64_t entry, int32_t letters, int64_t i, double *heaviest) {
  const Words *words = &engine->shared->words;
  const Over *over = over_of(engine, entry);
  if (over) {
    *heaviest = over->weight;
    return engine->view->overlay.shown[over->first_shown + i];
  }
  int64_t first = edgectc_words_of(words, entry).first, word = first + i;
  double log_prob = edgectc_words_log_prob(words, word);
  *heaviest = edgectc_weight(tree, first, letters);
  double less = i ? engine->options.lm_weight * (log_prob - edgectc_words_log_prob(words, first)) : 0.0;
  return (Shown){word, *heaviest + less, log_prob, 0.0, 0.0};
}

/* Makes the text of letters; NULL if there is no memory. */
static char *spelled(edgectc_engine *engine, const int32_t *letters, int32_t n) {
  char *text = edgectc_chars(&engine->pool, 4 * (size_t)n), *end = text;
  for (int32_t j = 0; text && j < n; j++) end += edgectc_put_utf8(engine->shared->words.letters[letters[j]], end);
  if (text) *end = 0;
  return text;
}

/* Makes the text of a word of a found spelling, whose letters are NULL where nobody knows them; NULL if there is no memory. */
static char *text_of(edgectc_engine *engine, int64_t word, int64_t found, const int32_t *letters, int32_t n) {
  if (word < -1) {
    const char *own = engine->owns.words[-2 - word].text;
    char *text = edgectc_chars(&engine->pool, strlen(own));
    return text ? strcpy(text, own) : NULL;
  }
  const Words *words = &engine->shared->words;
  if (letters && (found < 0 || edgectc_words_odd(words, word) < 0)) return spelled(engine, letters, n);
  const Over *over = over_of(engine, found);
  int64_t entry = over ? over->entry : found;
  size_t size;
  return edgectc_words_text(words, word, entry, &size, &engine->pool);
}

typedef struct {
  double key;                     /* rounded, so that words equal up to rounding come in one order */
  double score, miss;
  Shown shown;                    /* terms of its weight; all 0 for a free spelling */
  char *text;
  int64_t place;                  /* of its spelling in the answer */
} Ranked;

static int by_rank(const void *left, const void *right) {
  const Ranked *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->text ? strcmp(a->text, b->text) : 0; /* all have one, or none */
}

static int downwards(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a < b) - (a > b);
}

/* Writes the terms of a word's score. */
static void explain(const edgectc_engine *engine, const Task *task, const Ranked *ranked, double *figures) {
  const Lexicon *lexicon = &task->lexicon;
  double weight = ranked->shown.weight, score = ranked->score + engine->options.template_weight * ranked->miss;
  if (task->answer.words[ranked->place] < 0) {
    weight = lexicon->free_spelling_score + lexicon->free_spelling_letter_score * task->answer.lengths[ranked->place];
  } else {
    figures[EDGECTC_LEXICON] = ranked->shown.log_prob;
    if (engine->view->speaks) figures[EDGECTC_CONTEXT] = engine->view->others + ranked->shown.gain;
  }
  figures[EDGECTC_CTC] = score - weight;
}

/* Writes the least and the most that a word can have of all words together. */
static void bound_posterior(const Answer *answer, double score, double *figures) {
  double high = exp(fmin(0.0, score - answer->log_sum));
  figures[EDGECTC_POSTERIOR_HIGH] = high;
  figures[EDGECTC_POSTERIOR_LOW] = high / (1.0 + exp(fmin(700.0, answer->log_rest - answer->log_sum)));
}

typedef struct {                  /* how words are ranked */
  int64_t compared;               /* words among which probability is shared */
  int32_t nbest, partial, judged; /* judged: by the trace */
  double floor;                   /* no word that was not met scores more */
} Ranking;

/* Keeps the best as the answer of the engine. */
static int32_t keep(edgectc_engine *engine, const Task *task, Ranked *ranked, const Ranking *ranking, int32_t T) {
  const Answer *answer = &task->answer;
  double sum = 0.0, temperature = engine->options.temperature;
  int told = !ranking->partial && !isnan(engine->options.posterior_width);
  for (int64_t i = 0; i < ranking->compared; i++)
    sum += exp((ranked[i].score - ranked[0].score) / temperature);
  for (int64_t i = 0; i < ranking->compared && i < ranking->nbest; i++) {
    int64_t place = ranked[i].place;
    Hypothesis *kept = engine->ranked + engine->n_ranked;
    int32_t n = ranking->partial ? 0 : answer->lengths[place];
    int exact = answer->words[place] < 0 ? answer->free_spelling_exact : answer->exact;
    kept->frames = edgectc_take(&engine->pool, n + 1, 1, sizeof(int32_t));
    if (!kept->frames) return OUT_OF_MEMORY;
    memcpy(kept->frames, answer->frames + place * T, (size_t)n * sizeof(int32_t));
    kept->n_frames = n;
    kept->text = ranked[i].text;
    engine->n_ranked++;
    for (int figure = 0; figure < EDGECTC_FIGURES; figure++) kept->figures[figure] = NAN;
    kept->figures[EDGECTC_SCORE] = ranked[i].score + engine->view->shift;
    kept->figures[EDGECTC_PROBABILITY] = exp((ranked[i].score - ranked[0].score) / temperature) / sum;
    kept->figures[EDGECTC_EXACT] = exact && ranked[i].score >= ranking->floor;
    kept->hot = ranked[i].shown.hot != 0.0 ? ranked[i].shown.hot : NAN;
    explain(engine, task, ranked + i, kept->figures);
    if (ranking->judged) kept->figures[EDGECTC_TEMPLATE] = -ranked[i].miss;
    else if (told && answer->words[place] >= 0) bound_posterior(answer, ranked[i].score, kept->figures);
  }
  return EDGECTC_OK;
}

/* Scores every word of what the search met, after the trace had its say. */
static int32_t score_all(edgectc_engine *engine, const Task *task, Ranked *ranked, int judged, int32_t T) {
  const Answer *answer = &task->answer;
  const double *keys = engine->path_keys ? engine->path_keys : engine->keys;
  double *least = edgectc_doubles(&engine->pool, engine->n_points + 1);
  int64_t n = 0;
  if (!least) return OUT_OF_MEMORY;
  for (int64_t i = 0; i < task->n; i++) {
    const int32_t *letters = answer->letters + i * T;
    int64_t found = answer->words[i];
    double miss = 0.0;
    if (judged) miss = edgectc_miss(engine->points, engine->n_points, keys, letters, answer->lengths[i], least);
    for (int64_t j = 0; j < count_words(engine, found); j++, n++) {
      double heaviest = 0.0;
      Shown shown = found < 0 ? (Shown){0} : word_of(engine, task->lexicon.trees, found, answer->lengths[i], j, &heaviest);
      double score = answer->scores[i] + (shown.weight - heaviest) - engine->options.template_weight * miss;
      ranked[n] = (Ranked){-rint(score / SLACK), score, miss, shown, NULL, i};
    }
  }
  return EDGECTC_OK;
}

/* Brings n words into order; at least the first `shown` get their text, which orders those of one score. */
static int32_t put_in_order(edgectc_engine *engine, const Task *task, Ranked *ranked, int64_t n, int64_t shown, int partial,
                            int32_t T, void *room) {
  const Answer *answer = &task->answer;
  edgectc_sort(ranked, (size_t)n, sizeof(Ranked), by_rank, room);
  while (shown < n && shown > 0 && ranked[shown].key == ranked[shown - 1].key) shown++;
  for (int64_t i = 0; i < shown && i < n; i++) {
    int64_t place = ranked[i].place;
    const int32_t *letters = partial && answer->words[place] >= 0 ? NULL : answer->letters + place * T;
    ranked[i].text = text_of(engine, ranked[i].shown.word, answer->words[place], letters, answer->lengths[place]);
    if (!ranked[i].text) return OUT_OF_MEMORY;
  }
  edgectc_sort(ranked, (size_t)(shown < n ? shown : n), sizeof(Ranked), by_rank, room);
  return EDGECTC_OK;
}

/* Drops the hotwords whose text stands before in another spelling; returns how many words are left. */
static int64_t drop_twice(Ranked *ranked, int64_t n) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t before = ranked[i].shown.hot != 0.0 ? 0 : kept;
    while (before < kept && strcmp(ranked[before].text, ranked[i].text)) before++;
    if (before == kept) ranked[kept++] = ranked[i];
  }
  return kept;
}

static int32_t rank(edgectc_engine *engine, Task *task, int32_t T, int32_t nbest, int64_t compared,
                    int32_t partial) {
  const Answer *answer = &task->answer;
  const double silence = engine->options.no_word_score;
  int64_t n = task->n, words = 0;
  for (int64_t i = 0; i < n; i++) words += count_words(engine, answer->words[i]);
  Pool *pool = &engine->pool;
  double *sorted = edgectc_doubles(pool, n + 1);
  Ranked *ranked = edgectc_take(pool, words + 1, 1, sizeof(Ranked));
  void *room = edgectc_take(pool, words + 1, 1, SORTING(Ranked)); /* for scores, too */
  engine->ranked = edgectc_take(pool, words + 1, 1, sizeof(Hypothesis));
  if (!sorted || !ranked || !room || !engine->ranked) return NO_MEMORY(engine);
  memcpy(sorted, answer->scores, (size_t)n * sizeof(double));
  edgectc_sort(sorted, (size_t)n, sizeof(double), downwards, room);
  if (!n || answer->log_blank + silence > sorted[0]) return 0; /* silence is NaN where any word is better */
  Ranking ranking = {words < compared ? words : compared, nbest, partial, 0, sorted[0] - task->lexicon.margin};
  ranking.judged = is_judged(engine, partial);
  /* The trace only takes from a score: what still reaches the last score met beats all others. */
  if (n >= compared && sorted[compared - 1] > ranking.floor) ranking.floor = sorted[compared - 1];
  int32_t status = score_all(engine, task, ranked, ranking.judged, T);
  int64_t shown = engine->owns.renames ? words : nbest; /* whose text stands twice is told by their texts */
  if (status == EDGECTC_OK) status = put_in_order(engine, task, ranked, words, shown, partial, T, room);
  if (status == EDGECTC_OK) {
    int64_t distinct = engine->owns.renames ? drop_twice(ranked, words) : words;
    if (distinct < ranking.compared) ranking.compared = distinct;
    status = keep(engine, task, ranked, &ranking, T);
  }
  return status < 0 ? NO_MEMORY(engine) : engine->n_ranked;
}

/* ---- calls ------------------------------------------------------------------------------ */

static int32_t ranked_words(edgectc_engine *engine, const double *log_probs, int32_t frames,
                            int32_t nbest, int32_t partial) {
  const Options *options = &engine->options;
  if (!engine->shared || !engine->columns) return REFUSE(engine, "give the lexicon and the columns first");
  if (frames < 1 || frames > 65536) return REFUSE(engine, "log_probs have %d frames, expected 1 to 65536", (long long)frames);
  if (nbest < 1 || nbest > MOST_WORDS) return REFUSE(engine, "%d words are wanted, expected 1 to 100000", (long long)nbest);
  if (!isnan(options->unknown_score) && options->letter_score + options->unknown_letter_score > 0.0)
    return REFUSE(engine, "free spelling has no end where letter_score + unknown_letter_score is above 0");
  int64_t compared = options->rescore_size > nbest ? (int64_t)options->rescore_size : nbest;
  if (compared > MOST_WORDS) return REFUSE(engine, "rescore_size is over 100000");
  int32_t status = edgectc_refresh(engine);
  if (status < 0) return status;
  Task task = {0};
  int64_t wanted = compared + (engine->owns.renames ? SPELLINGS : 0); /* several may be one word */
  status = prepare_task(engine, &task, frames, wanted, partial);
  if (status >= 0) status = search(engine, &task, log_probs, frames, wanted, partial);
  return status < 0 ? status : rank(engine, &task, frames, nbest, compared, partial);
}

/* Ends a search. */
static int32_t ended(edgectc_engine *engine, int32_t status) {
  if (status < 0) edgectc_clear_ranked(engine); /* some may be there where memory ran out */
  edgectc_engine_trace(engine, NULL, 0); /* it was of this signal alone */
  return status;
}

EDGECTC_API int32_t edgectc_engine_search_double(edgectc_engine *engine, const double *log_probs,
                                                 int32_t frames, int32_t nbest, int32_t partial) {
  edgectc_clear_ranked(engine);
  return ended(engine, ranked_words(engine, log_probs, frames, nbest, partial));
}

EDGECTC_API int32_t edgectc_engine_search(edgectc_engine *engine, const float *log_probs, int32_t frames,
                                          int32_t nbest, int32_t partial) {
  int64_t n = frames > 0 && frames <= 65536 ? (int64_t)frames * engine->n_columns : 0;
  edgectc_clear_ranked(engine);
  double *wide = edgectc_doubles(&engine->pool, n + 1);
  for (int64_t i = 0; wide && i < n; i++) wide[i] = log_probs[i];
  return ended(engine, wide ? ranked_words(engine, wide, frames, nbest, partial) : NO_MEMORY(engine));
}

/* ---- answers ---------------------------------------------------------------------------- */

void edgectc_clear_ranked(edgectc_engine *engine) {
  edgectc_take_back(&engine->pool, 0, 0);
  engine->ranked = NULL;
  engine->n_ranked = 0;
}

static const Hypothesis *at(const edgectc_engine *engine, int32_t place) {
  return place >= 0 && place < engine->n_ranked ? engine->ranked + place : NULL;
}

EDGECTC_API const char *edgectc_engine_text(const edgectc_engine *engine, int32_t place) {
  return at(engine, place) ? engine->ranked[place].text : NULL;
}

EDGECTC_API double edgectc_engine_figure(const edgectc_engine *engine, int32_t place, int32_t figure) {
  if (at(engine, place) && figure == EDGECTC_HOTWORD) return engine->ranked[place].hot;
  int known = at(engine, place) && figure >= 0 && figure < EDGECTC_FIGURES;
  return known ? engine->ranked[place].figures[figure] : NAN;
}

EDGECTC_API int32_t edgectc_engine_ranked(const edgectc_engine *engine, double *figures, int32_t *frames,
                                          int32_t room) {
  for (const Hypothesis *word = engine->ranked; word < engine->ranked + engine->n_ranked; word++) {
    memcpy(figures, word->figures, sizeof(word->figures));
    figures += EDGECTC_FIGURES;
    int32_t n = word->n_frames < room ? word->n_frames : room;
    if (n > 0) memcpy(frames + 1, word->frames, (size_t)n * sizeof(int32_t));
    *frames = word->n_frames;
    frames += 1 + (size_t)room;
  }
  return engine->n_ranked;
}

#include "cold_end.h"
