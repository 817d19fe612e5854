/* Words laid over a lexicon: those of the user, and those that a context makes likelier. The words of
 * _words.py, which is its oracle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

float edgectc_gain(double weight, double top) {
  float gain = (float)exp(weight - top);
  return gain > 0.0f ? nextafterf(gain, HUGE_VALF) : gain;
}

/* ---- which words, and how heavy --------------------------------------------------------- */

/* What the user's words make of a frequency. */
static double personal(const Own *own, double share, double log_prob) {
  if (!own) return log_prob;
  double total = exp(log_prob) + share * own->count;
  return own->hidden || total == 0.0 ? -HUGE_VAL : log(total) + own->boost;
}

static int same_letters(const Own *own, const Over *over) {
  return own->n_letters == over->n_letters &&
         !memcmp(own->letters, over->letters, (size_t)own->n_letters * sizeof(uint16_t));
}

static const Own *own_of(const Owns *owns, const Over *over, const char *text, size_t size) {
  for (int64_t i = 0; i < owns->size; i++)
    if (same_letters(owns->words + i, over) && strlen(owns->words[i].text) == size &&
        !memcmp(owns->words[i].text, text, size))
      return owns->words + i;
  return NULL;
}

static double said_of(const Grammar *lm, const char *lower, size_t size) {
  int32_t number = lm ? edgectc_lm_number(lm, lower, size) : 0;
  return number && !isnan(lm->named[number]) ? lm->named[number] : 0.0;
}

typedef struct {
  double weight, log_prob;
  int64_t shown;
} Best;

static void weigh(Best *best, const Over *over, const Weights *weights, double log_prob, double said,
                  int64_t shown) {
  if (!(log_prob > -HUGE_VAL)) return;
  double weight = weights->lm_weight * log_prob + weights->context_weight * said +
                  weights->letter_score * over->n_letters;
  if (weight > best->weight || (weight == best->weight && log_prob > best->log_prob))
    *best = (Best){weight, log_prob, shown};
}

/* Chooses the word of a spelling that weighs most. */
static int best_word(Over *over, const Words *words, const Owns *owns, int mine, const Grammar *lm,
                     const Weights *weights) {
  Best best = {-HUGE_VAL, -HUGE_VAL, -1};
  int64_t first = over->entry < 0 ? 0 : words->first_word[over->entry];
  int64_t last = over->entry < 0 ? 0 : words->first_word[over->entry + 1];
  for (int64_t word = first; word < last; word++) {
    size_t size = edgectc_words_text(words, word, over->entry, NULL);
    char *text = malloc(2 * size + 1), *lower = text + size;
    if (!text) return OUT_OF_MEMORY;
    edgectc_words_text(words, word, over->entry, text);
    edgectc_lower(text, size, lower);
    const Own *own = mine ? own_of(owns, over, text, size) : NULL;
    double log_prob = personal(own, owns->share, words->log_prob[word] / 1e4);
    weigh(&best, over, weights, log_prob, said_of(lm, lower, size), word);
    free(text);
  }
  for (int64_t i = 0; mine && i < owns->size; i++) {
    const Own *own = owns->words + i;
    if (!same_letters(own, over)) continue;
    size_t size = strlen(own->text);
    int known = 0;
    for (int64_t word = first; word < last && !known; word++) {
      char *text = malloc(edgectc_words_text(words, word, over->entry, NULL) + 1);
      if (!text) return OUT_OF_MEMORY;
      known = edgectc_words_text(words, word, over->entry, text) == size && !memcmp(text, own->text, size);
      free(text);
    }
    if (known) continue;
    weigh(&best, over, weights, personal(own, owns->share, -HUGE_VAL), said_of(lm, own->lower, size),
          -2 - i);
  }
  over->weight = best.weight;
  over->shown = best.shown;
  return DONE;
}

/* Takes another word in; NULL if there is no memory. */
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
  *over = (Over){letters, overlay->n_letters, n, entry, -1, -HUGE_VAL};
  overlay->n_letters += n;
  return over;
}

static int gather(Overlay *overlay, const Words *words, const Owns *owns, const Grammar *lm,
                  const Weights *weights, uint8_t *hidden) {
  for (int64_t i = 0; i < owns->size; i++) {
    const Own *own = owns->words + i;
    int64_t entry = edgectc_words_entry(words, own->letters, own->n_letters), j = 0;
    if (entry >= 0 && hidden[entry]) continue; /* another word of the user is spelled the same */
    for (; entry < 0 && j < i && !(owns->words[j].n_letters == own->n_letters &&
         !memcmp(owns->words[j].letters, own->letters, (size_t)own->n_letters * sizeof(uint16_t)));) j++;
    if (entry < 0 && j < i) continue;
    Over *over = add(overlay, own->letters, own->n_letters, entry);
    if (!over) return OUT_OF_MEMORY;
    if (entry >= 0) hidden[entry] = 1;
    if (best_word(over, words, owns, 1, lm, weights)) return OUT_OF_MEMORY;
  }
  for (int64_t i = 0; lm && i < lm->n_told; i++) {
    size_t size;
    uint16_t letters[MOST_LETTERS];
    const char *text = edgectc_lm_text(lm, lm->told[i], &size);
    int32_t *known = lm->entries + lm->told[i];
    if (*known == -2) *known = (int32_t)edgectc_words_find(words, text, size);
    int64_t entry = *known;
    if (entry < 0 || hidden[entry]) continue;
    int32_t n = edgectc_words_spell(words, text, size, letters);
    if (n < 1) n = edgectc_words_letters(words, entry, letters); /* it is not written as it is spelled */
    Over *over = add(overlay, letters, n, entry);
    if (!over) return OUT_OF_MEMORY;
    hidden[entry] = 1;
    int64_t word = words->first_word[entry];
    if (words->first_word[entry + 1] - word == 1) { /* as most are: it is the one that was named */
      Best best = {-HUGE_VAL, -HUGE_VAL, -1};
      weigh(&best, over, weights, words->log_prob[word] / 1e4, lm->named[lm->told[i]], word);
      over->weight = best.weight;
      over->shown = best.shown;
    } else if (best_word(over, words, owns, 0, lm, weights)) {
      return OUT_OF_MEMORY;
    }
  }
  for (int64_t i = 0; i < overlay->size; i++)
    overlay->overs[i].letters = overlay->letters + overlay->overs[i].start;
  return DONE;
}

/* ---- their tree ------------------------------------------------------------------------- */

/* By letters; those that only hide come last. */
static int by_letters(const void *left, const void *right) {
  const Over *a = left, *b = right;
  int dead = (a->weight == -HUGE_VAL) - (b->weight == -HUGE_VAL);
  if (dead) return dead;
  for (int32_t i = 0; i < a->n_letters && i < b->n_letters; i++)
    if (a->letters[i] != b->letters[i]) return a->letters[i] < b->letters[i] ? -1 : 1;
  return a->n_letters - b->n_letters;
}

typedef struct {      /* a tree that is being made */
  int32_t *first_child, *word;
  uint16_t *n_children, *letter;
  float *gain, *bare;
  uint32_t *below;
  double *weights;
  int64_t size;
  double top, letter_score;
} Growing;

typedef struct {
  double weight, bare;
  uint32_t letters;
} Below;

/* Makes what is below a node out of overs[low..high], which share their first `depth` letters. */
static Below make_node(Growing *tree, const Over *overs, int64_t node, int64_t low, int64_t high,
                       int32_t depth) {
  uint16_t letter = tree->letter[node];
  Below held = {-HUGE_VAL, -HUGE_VAL, letter < 32 ? 1u << letter : 0u};
  tree->word[node] = -1;
  tree->n_children[node] = 0;
  if (overs[low].n_letters == depth) {
    tree->word[node] = (int32_t)low;
    held.weight = overs[low].weight;
    held.bare = held.weight - tree->letter_score * depth;
    low++;
  }
  int64_t first = tree->size;
  tree->first_child[node] = (int32_t)first;
  for (int64_t i = low; i < high; i++)
    if (i == low || overs[i].letters[depth] != overs[i - 1].letters[depth]) {
      tree->letter[tree->size++] = overs[i].letters[depth];
      tree->n_children[node]++;
    }
  int64_t child = first;
  for (int64_t i = low; i < high; child++) {
    int64_t start = i;
    while (i < high && overs[i].letters[depth] == overs[start].letters[depth]) i++;
    Below below = make_node(tree, overs, child, start, i, depth + 1);
    if (below.weight > held.weight) held.weight = below.weight;
    if (below.bare > held.bare) held.bare = below.bare;
    held.letters |= below.letters;
  }
  tree->gain[node] = edgectc_gain(held.weight, tree->top);
  tree->bare[node] = edgectc_gain(held.bare, tree->top);
  tree->below[node] = held.letters;
  return held;
}

static int make_tree(Overlay *overlay, int32_t K, double letter_score, double top) {
  size_t nodes = 1;
  qsort(overlay->overs, (size_t)overlay->size, sizeof(Over), by_letters);
  for (overlay->live = 0; overlay->live < overlay->size; overlay->live++) {
    if (overlay->overs[overlay->live].weight == -HUGE_VAL) break;
    nodes += (size_t)overlay->overs[overlay->live].n_letters;
  }
  nodes += nodes % 2; /* so that all arrays are aligned */
  size_t live = (size_t)overlay->live;
  char *memory = malloc(live * sizeof(double) + nodes * (5 * 4 + 2 * 2));
  if (!memory) return OUT_OF_MEMORY;
  Growing tree = {.size = 1, .top = top, .letter_score = letter_score};
  overlay->memory = memory;
  tree.weights = (double *)memory;
  tree.first_child = (int32_t *)(memory + live * sizeof(double));
  tree.word = tree.first_child + nodes;
  tree.gain = (float *)(tree.word + nodes);
  tree.bare = tree.gain + nodes;
  tree.below = (uint32_t *)(tree.bare + nodes);
  tree.n_children = (uint16_t *)(tree.below + nodes);
  tree.letter = tree.n_children + nodes;
  tree.letter[0] = ROOT_LETTER;
  for (size_t i = 0; i < live; i++) tree.weights[i] = overlay->overs[i].weight;
  if (live) make_node(&tree, overlay->overs, 0, 0, overlay->live, 0);
  overlay->tree = (Tree){tree.first_child, tree.word, tree.n_children, tree.letter, tree.gain,
                         letter_score != 0.0 ? tree.bare : NULL, K <= 32 ? tree.below : NULL,
                         tree.weights, NULL, overlay->live};
  return DONE;
}

int32_t edgectc_overlay(Overlay *overlay, const Words *words, const Owns *owns, const Grammar *lm,
                        const Weights *weights, double top, uint8_t *hidden, Complaint *why) {
  if (gather(overlay, words, owns, lm, weights, hidden) ||
      make_tree(overlay, words->K, weights->letter_score, top)) {
    edgectc_overlay_clear(overlay, hidden);
    return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the words of this context");
  }
  return DONE;
}

void edgectc_overlay_clear(Overlay *overlay, uint8_t *hidden) {
  for (int64_t i = 0; i < overlay->size; i++)
    if (overlay->overs[i].entry >= 0) hidden[overlay->overs[i].entry] = 0;
  free(overlay->memory);
  overlay->memory = NULL;
  overlay->size = overlay->live = overlay->n_letters = 0;
}
