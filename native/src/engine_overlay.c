/* Words laid over a lexicon: those of the user, and those that a context makes likelier. The words of
 * words.py, which is its oracle. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2") /* -O3 makes twice as much of it, and nothing faster */
#endif

#include "light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

static void hide(uint8_t *hidden, int64_t entry, int hides) {
  hidden[entry >> 3] = (uint8_t)((hidden[entry >> 3] & ~(1 << (entry & 7))) | hides << (entry & 7));
}

/* ---- which words, and how heavy --------------------------------------------------------- */

/* What the user's words make of a frequency. */
static double personal(const Own *own, double share, double log_prob) {
  if (!own) return log_prob;
  double total = exp(log_prob) + share * own->count;
  return own->hidden || total == 0.0 ? -HUGE_VAL : log(total) + own->boost;
}

static double gain_of(const Following *following, const char *normal, size_t size) {
  int32_t number = following ? edgectc_number(following->words, normal, size) : -1;
  return number >= 0 && !isnan(following->gains[number]) ? following->gains[number] : 0.0;
}

typedef struct {              /* what words are weighed with */
  const Words *words;
  const Following *following;
  const Options *options;
  Pool *pool;                 /* of what is needed meanwhile */
  double share, rarest;       /* rarest: the least frequency of a word */
} Scale;

typedef struct {              /* what is known of one text: by the user, and as a hotword */
  const Own *own;             /* or NULL */
  double hot;
} Held;

/* What entries of a spelling, `group` (n), know of a text; notes in `known` which they are. */
static Held held(const Own *const *group, int64_t n, const char *text, size_t size, char *known) {
  Held found = {NULL, 0.0};
  for (int64_t i = 0; i < n; i++) {
    if (strlen(group[i]->text) != size || memcmp(group[i]->text, text, size)) continue;
    known[i] = 1;
    if (group[i]->favoured) found.hot += group[i]->hot;
    else found.own = group[i];
  }
  return found;
}

/* Adds a word to the spelling that was taken in last. */
static int offer(Overlay *overlay, const Options *options, double log_prob, double gain, double hot, int64_t word) {
  Over *over = overlay->overs + overlay->size - 1;
  if (!(log_prob > -HUGE_VAL)) return DONE;
  if (overlay->n_shown == overlay->shown_room) {
    int64_t room = overlay->shown_room ? 2 * overlay->shown_room : 64;
    Shown *shown = realloc(overlay->shown, (size_t)room * sizeof(Shown));
    if (!shown) return OUT_OF_MEMORY;
    overlay->shown = shown;
    overlay->shown_room = room;
  }
  double weight = options->lm_weight * log_prob + options->context_weight * gain +
                  options->letter_score * over->n_letters + hot;
  overlay->shown[overlay->n_shown++] = (Shown){word, weight, log_prob, gain, hot};
  over->n_shown++;
  if (weight > over->weight) over->weight = weight;
  return DONE;
}

/* Whether the user hides a word, in whatever case. */
static int is_hidden(const Own *const *group, int64_t n, const char *normal, size_t size) {
  for (int64_t i = 0; i < n; i++)
    if (group[i]->hidden && strlen(group[i]->normal) == size && !memcmp(group[i]->normal, normal, size)) return 1;
  return 0;
}

/* Adds a word of the lexicon as the user's `group` (n) changes it; notes in `known` whose it is. */
static int offer_word(Overlay *overlay, const Scale *scale, const Own *const *group, int64_t n,
                      int64_t entry, int64_t word, char *known) {
  size_t size;
  Pool *pool = scale->pool;
  int64_t now = pool->now, used = pool->used;
  char *text = edgectc_words_text(scale->words, word, entry, &size, pool);
  char *normal = text ? edgectc_chars(pool, 2 * size) : NULL;
  int status = normal ? DONE : OUT_OF_MEMORY;
  if (status == DONE) {
    size_t length = edgectc_fold(text, size, normal);
    Held of = held(group, n, text, size, known);
    double log_prob = personal(of.own, scale->share, edgectc_words_log_prob(scale->words, word));
    if (!is_hidden(group, n, normal, length))
      status = offer(overlay, scale->options, log_prob, gain_of(scale->following, normal, length), of.hot, word);
  }
  edgectc_take_back(pool, now, used);
  return status;
}

/* The frequency of a word that the lexicon lacks: none; of a hotword that of the most frequent word of the entry
 * that differs in its case alone, else that of the rarest word. Writes it; OUT_OF_MEMORY where there is none. */
static int frequency(const Scale *scale, int64_t entry, const char *normal, double hot, double *log_prob) {
  *log_prob = -HUGE_VAL;
  if (!(hot > 0.0)) return DONE;
  Range range = entry < 0 ? (Range){0, 0} : edgectc_words_of(scale->words, entry);
  for (int64_t word = range.first; word < range.last; word++) { /* the most frequent comes first */
    size_t size;
    int64_t now = scale->pool->now, used = scale->pool->used;
    char *text = edgectc_words_text(scale->words, word, entry, &size, scale->pool);
    if (!text) return OUT_OF_MEMORY;
    int alike = edgectc_folds_to(text, size, normal, strlen(normal));
    edgectc_take_back(scale->pool, now, used);
    if (!alike) continue;
    *log_prob = edgectc_words_log_prob(scale->words, word);
    return DONE;
  }
  *log_prob = scale->rarest;
  return DONE;
}

/* Adds the words of the spelling that was taken in last that the lexicon lacks: those of the `group` (n) that are not
 * known yet. */
static int offer_others(Overlay *overlay, const Scale *scale, const Own *const *group, int64_t n, const Owns *owns,
                        char *known) {
  int64_t entry = overlay->overs[overlay->size - 1].entry;
  for (int64_t i = 0; i < n; i++) {
    const char *normal = group[i]->normal;
    size_t size = strlen(normal);
    if (known[i] || is_hidden(group, n, normal, size)) continue;
    Held of = held(group, n, group[i]->text, strlen(group[i]->text), known);
    double log_prob;
    if (frequency(scale, entry, normal, of.hot, &log_prob)) return OUT_OF_MEMORY;
    log_prob = personal(of.own, scale->share, log_prob);
    double gain = gain_of(scale->following, normal, size);
    if (offer(overlay, scale->options, log_prob, gain, of.hot, -2 - (group[i] - owns->words))) return OUT_OF_MEMORY;
  }
  return DONE;
}

/* Adds all words of the spelling that was taken in last: the lexicon's, and the user's `group` (n). */
static int offer_all(Overlay *overlay, const Scale *scale, const Own *const *group, int64_t n, const Owns *owns) {
  const Words *words = scale->words;
  int64_t entry = overlay->overs[overlay->size - 1].entry;
  Range range = entry < 0 ? (Range){0, 0} : edgectc_words_of(words, entry);
  int64_t now = scale->pool->now, used = scale->pool->used;
  char *known = edgectc_chars(scale->pool, (size_t)n); /* whether the lexicon has the word of the user */
  int status = known ? DONE : OUT_OF_MEMORY;
  if (known) memset(known, 0, (size_t)n);
  for (int64_t word = range.first; status == DONE && word < range.last; word++)
    status = offer_word(overlay, scale, group, n, entry, word, known);
  if (status == DONE && n) status = offer_others(overlay, scale, group, n, owns, known);
  edgectc_take_back(scale->pool, now, used);
  return status;
}

/* Takes another spelling in; NULL if there is no memory. */
static Over *add(Overlay *overlay, const uint16_t *letters, int32_t n, int64_t entry) {
  if (overlay->n_letters + n > overlay->letter_room) {
    int64_t room = 2 * overlay->letter_room + 1024;
    uint16_t *grown = realloc(overlay->letters, (size_t)room * sizeof(uint16_t));
    if (!grown) return NULL;
    overlay->letters = grown;
    overlay->letter_room = room;
  }
  if (overlay->size == overlay->room) {
    int64_t room = overlay->room ? 2 * overlay->room : 64;
    Over *overs = realloc(overlay->overs, (size_t)room * sizeof(Over));
    if (!overs) return NULL;
    overlay->overs = overs;
    overlay->room = room;
  }
  memcpy(overlay->letters + overlay->n_letters, letters, (size_t)n * sizeof(uint16_t));
  Over *over = overlay->overs + overlay->size++;
  *over = (Over){letters, overlay->n_letters, n, 0, overlay->n_shown, entry, -HUGE_VAL};
  overlay->n_letters += n;
  return over;
}

static int compare_letters(const uint16_t *a, int32_t n_a, const uint16_t *b, int32_t n_b) {
  for (int32_t i = 0; i < n_a && i < n_b; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return n_a - n_b;
}

static int by_spelling(const void *left, const void *right) {
  const Own *a = *(const Own *const *)left, *b = *(const Own *const *)right;
  int order = compare_letters(a->letters, a->n_letters, b->letters, b->n_letters);
  return order ? order : strcmp(a->key, b->key);
}

/* Notes a spelling that no free one may be. */
static int hush(Overlay *overlay, const uint16_t *letters, int32_t n) {
  uint16_t *grown = realloc(overlay->unsaid, (size_t)(overlay->unsaid_size + n + 1) * sizeof(uint16_t));
  if (!grown) return OUT_OF_MEMORY;
  overlay->unsaid = grown;
  grown[overlay->unsaid_size] = (uint16_t)n;
  memcpy(grown + overlay->unsaid_size + 1, letters, (size_t)n * sizeof(uint16_t));
  overlay->unsaid_size += n + 1;
  return DONE;
}

/* Takes the user's words in, those of one spelling together. */
static int gather_owns(Overlay *overlay, const Scale *scale, const Owns *owns, uint8_t *hidden) {
  const Own **sorted = edgectc_take(scale->pool, owns->size + 1, 1, sizeof(Own *));
  void *room = edgectc_take(scale->pool, owns->size + 1, 1, SORTING(Own *));
  if (!sorted || !room) return OUT_OF_MEMORY;
  for (int64_t i = 0; i < owns->size; i++) sorted[i] = owns->words + i;
  edgectc_sort(sorted, (size_t)owns->size, sizeof(Own *), by_spelling, room);
  int status = DONE;
  for (int64_t i = 0, n; status == DONE && i < owns->size; i += n) {
    const Own *own = sorted[i];
    for (n = 1; i + n < owns->size; n++)
      if (compare_letters(own->letters, own->n_letters, sorted[i + n]->letters, sorted[i + n]->n_letters))
        break;
    int64_t entry = edgectc_words_entry(scale->words, own->letters, own->n_letters);
    Over *over = add(overlay, own->letters, own->n_letters, entry);
    status = over ? offer_all(overlay, scale, sorted + i, n, owns) : OUT_OF_MEMORY;
    int64_t at = 0;
    while (at < n && !sorted[i + at]->hidden) at++;
    if (status == DONE && at < n) status = hush(overlay, own->letters, own->n_letters);
    if (over && entry >= 0) hide(hidden, entry, 1);
  }
  return status;
}

/* Takes the words in that the context speaks of, but those whose spelling the user's already have. */
static int gather_following(Overlay *overlay, const Scale *scale, uint8_t *hidden) {
  const Words *words = scale->words;
  const Following *following = scale->following;
  for (int64_t i = 0; i < following->size; i++) {
    size_t size;
    uint16_t letters[MOST_LETTERS];
    int32_t number = following->numbers[i];
    const char *text = edgectc_word_at(following->words, number, &size);
    int32_t *known = following->entries + number;
    if (*known == -2) *known = (int32_t)edgectc_words_find(words, text, size);
    int64_t entry = *known;
    if (entry < 0 || edgectc_hidden(hidden, entry)) continue;
    int32_t n = edgectc_words_spell(words, text, size, letters);
    if (n < 1 || edgectc_words_entry(words, letters, n) != entry) /* it is not written as it is spelled */
      n = edgectc_words_letters(words, entry, letters);
    Over *over = add(overlay, letters, n, entry);
    if (!over) return OUT_OF_MEMORY;
    hide(hidden, entry, 1);
    Range range = edgectc_words_of(words, entry);
    int alone = range.last - range.first == 1; /* as most are: it is the one that was named */
    double log_prob = edgectc_words_log_prob(words, range.first);
    if (alone ? offer(overlay, scale->options, log_prob, following->gains[number], 0.0, range.first)
              : offer_all(overlay, scale, NULL, 0, NULL))
      return OUT_OF_MEMORY;
  }
  return DONE;
}

/* ---- their tree ------------------------------------------------------------------------- */

/* By letters; those that only hide come last. */
static int by_letters(const void *left, const void *right) {
  const Over *a = left, *b = right;
  int dead = (a->weight == -HUGE_VAL) - (b->weight == -HUGE_VAL);
  if (dead) return dead;
  return compare_letters(a->letters, a->n_letters, b->letters, b->n_letters);
}

typedef struct {      /* a tree that is being made, breadth first */
  int32_t *first_child, *ends_before;
  uint16_t *letter;
  uint64_t *ends;
  uint16_t *gain, *bare;
  uint32_t *below;
  double *weights;
  int64_t size;
} Growing;

/* Makes the nodes of overs[0..live], sorted by letters, and `ordered`: the same in the order of their nodes.
 * `low` and `high` are room for a number a node: overs[low..high] share the letters that lead to it. */
static void make_nodes(Growing *tree, const Over *overs, int64_t live, Over *ordered, int32_t *low, int32_t *high) {
  int64_t level_end = 1, entries = 0;
  int32_t depth = 0;
  low[0] = 0, high[0] = (int32_t)live;
  for (int64_t node = 0; node < tree->size; node++) {
    if (node == level_end) depth++, level_end = tree->size;
    if (node % 64 == 0) tree->ends_before[node / 64] = (int32_t)entries, tree->ends[node / 64] = 0;
    int32_t at = low[node], end = high[node];
    tree->first_child[node] = (int32_t)tree->size;
    if (at < end && overs[at].n_letters == depth) {
      ordered[entries++] = overs[at++];
      tree->ends[node / 64] |= (uint64_t)1 << node % 64;
    }
    while (at < end) {
      uint16_t letter = tree->letter[tree->size] = overs[at].letters[depth];
      low[tree->size] = at;
      while (at < end && overs[at].letters[depth] == letter) at++;
      high[tree->size++] = at;
    }
  }
  tree->first_child[tree->size] = (int32_t)tree->size;
}

/* Bounds every node by the best at or below it, from the last node to the first. */
static void bound_overs(Growing *tree, const Over *overs, int64_t live, double top, double letter_score) {
  for (int64_t node = tree->size - 1; node >= 0; node--) {
    uint16_t gain = 0, bare = 0;
    uint32_t below = 1u << (tree->letter[node] & 31);
    if (tree->ends[node / 64] >> node % 64 & 1) {
      const Over *over = overs + --live;
      tree->weights[live] = over->weight;
      gain = edgectc_bound_up(exp(over->weight - top));
      bare = edgectc_bound_up(exp(over->weight - letter_score * over->n_letters - top));
    }
    for (int32_t child = tree->first_child[node]; child < tree->first_child[node + 1]; child++) {
      if (tree->gain[child] > gain) gain = tree->gain[child];
      if (tree->bare[child] > bare) bare = tree->bare[child];
      below |= tree->below[child];
    }
    tree->below[node] = below;
    tree->gain[node] = gain;
    tree->bare[node] = bare;
  }
}

/* What all words of a spelling weigh together, in shares of the heaviest. */
static double together(const Overlay *overlay, const Over *over) {
  double sum = 0.0;
  for (int64_t i = 0; i < over->n_shown; i++)
    sum += exp(overlay->shown[over->first_shown + i].weight - over->weight);
  return sum;
}

/* Makes the tree of the live overs, which come into the order of their nodes; `nodes` is the most there are, and `ordered`
 * has room for the overs. */
static int grow_tree(Overlay *overlay, Growing *tree, int64_t nodes, Over *ordered, const Scale *scale, double top) {
  size_t live = (size_t)overlay->live;
  int32_t *low = edgectc_take(scale->pool, nodes, 2, sizeof(int32_t));
  if (!low) return OUT_OF_MEMORY;
  make_nodes(tree, overlay->overs, overlay->live, ordered, low, low + nodes);
  if (live) memcpy(overlay->overs, ordered, live * sizeof(Over));
  bound_overs(tree, overlay->overs, overlay->live, top, scale->options->letter_score);
  return DONE;
}

static int make_tree(Overlay *overlay, const Scale *scale, double top) {
  size_t nodes = 1;
  Over *room = edgectc_take(scale->pool, overlay->size + 1, 1, SORTING(Over));
  if (!room) return OUT_OF_MEMORY;
  edgectc_sort(overlay->overs, (size_t)overlay->size, sizeof(Over), by_letters, room);
  for (overlay->live = 0; overlay->live < overlay->size; overlay->live++) {
    if (overlay->overs[overlay->live].weight == -HUGE_VAL) break;
    nodes += (size_t)overlay->overs[overlay->live].n_letters;
  }
  size_t live = (size_t)overlay->live, blocks = (nodes + 63) / 64;
  /* Weights, what all words of a spelling weigh, and the ends; then numbers of four bytes and letters. */
  size_t wide = (2 * live + blocks) * 8, numbers = live + (nodes + 1) + blocks + nodes;
  char *memory = malloc(wide + numbers * 4 + 3 * nodes * 2);
  if (!memory) return OUT_OF_MEMORY;
  double own = top; /* of this tree */
  for (size_t i = 0; i < live; i++)
    if (overlay->overs[i].weight > own) own = overlay->overs[i].weight;
  Growing tree = {.size = 1, .weights = (double *)memory};
  overlay->memory = memory;
  double *more = tree.weights + live;
  tree.ends = (uint64_t *)(more + live);
  int32_t *several = (int32_t *)(tree.ends + blocks);
  tree.first_child = several + live;
  tree.ends_before = tree.first_child + nodes + 1;
  tree.below = (uint32_t *)(tree.ends_before + blocks);
  tree.letter = (uint16_t *)(tree.below + nodes); /* before the bounds, as one value must stand there */
  tree.gain = tree.letter + nodes;
  tree.bare = tree.gain + nodes;
  tree.letter[nodes - 1] = tree.gain[nodes - 1] = 0; /* what stands before bounds; there may be fewer nodes */
  tree.letter[0] = ROOT_LETTER;
  if (grow_tree(overlay, &tree, (int64_t)nodes, room, scale, own)) return OUT_OF_MEMORY;
  overlay->tree = (Tree){.nodes = {tree.first_child, NULL, tree.letter, tree.ends, tree.ends_before}, .gain = tree.gain,
                         .bare = tree.bare, .top = own, .rise = exp(own - top), .below = tree.below,
                         .known = (int32_t)tree.size, .weights = tree.weights, .entries = overlay->live,
                         .several = several, .more = more, .most = 1.0};
  for (int64_t i = 0; i < overlay->live; i++)
    if (overlay->overs[i].n_shown > 1) {
      several[overlay->tree.n_several] = (int32_t)i;
      double sum = more[overlay->tree.n_several++] = together(overlay, overlay->overs + i);
      if (sum > overlay->tree.most) overlay->tree.most = sum;
    }
  return DONE;
}

int32_t edgectc_overlay(Overlay *overlay, const Words *words, const Owns *owns,
                        const Following *following, const Options *options, double top, double rarest,
                        uint8_t *hidden, Pool *pool, Complaint *why) {
  Scale scale = {words, following, options, pool, owns->share, rarest};
  int64_t now = pool->now, used = pool->used;
  int status = gather_owns(overlay, &scale, owns, hidden);
  if (status == DONE && following) status = gather_following(overlay, &scale, hidden);
  for (int64_t i = 0; i < overlay->size; i++) /* the letters have moved as there were more of them */
    overlay->overs[i].letters = overlay->letters + overlay->overs[i].start;
  if (status == DONE) status = make_tree(overlay, &scale, top);
  edgectc_take_back(pool, now, used);
  if (status == DONE) return DONE;
  edgectc_overlay_hide(overlay, hidden, 0);
  edgectc_overlay_close(overlay);
  return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the words of this context");
}

void edgectc_overlay_hide(const Overlay *overlay, uint8_t *hidden, int hides) {
  for (int64_t i = 0; i < overlay->size; i++)
    if (overlay->overs[i].entry >= 0) hide(hidden, overlay->overs[i].entry, hides);
}

void edgectc_overlay_close(Overlay *overlay) {
  free(overlay->overs);
  free(overlay->shown);
  free(overlay->letters);
  free(overlay->unsaid);
  free(overlay->memory);
  memset(overlay, 0, sizeof(*overlay));
}

#include "cold_end.h"
