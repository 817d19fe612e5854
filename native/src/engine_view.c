/* The words as a search sees them: weighed, and with an overlay of what user and context change. */
#include "light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define RANGE 600.0 /* nats between the lightest and the heaviest word that float bounds can hold */

/* ---- weights and bounds ----------------------------------------------------------------- */

Tree edgectc_tree(const edgectc_engine *engine) {
  const Shared *shared = engine->shared;
  const Words *words = &shared->words;
  const uint16_t *gain = shared->bounds + 1;
  return (Tree){.nodes = words->tree, .gain = gain, .bare = gain + words->nodes, .top = shared->top, .rise = 1.0,
                .below = shared->below, .known = (int32_t)(words->nodes / DEEP), .weights = shared->weights,
                .code = words->code, .beyond = words->beyond,
                .letter_score = engine->options.letter_score, .hidden = engine->hidden, .entries = words->entries,
                .several = words->several, .before = words->before, .more = shared->more,
                .n_several = words->n_several, .most = shared->most};
}

/* Weighs values, or words without codes; returns how many there are, or OUT_OF_MEMORY. */
static int64_t weigh_values(Shared *shared, double lm_weight) {
  const Words *words = &shared->words;
  int64_t n = words->code ? words->n_values : words->words;
  double *weights = edgectc_more(shared->weights, n, 1, sizeof *weights);
  if (!weights) return OUT_OF_MEMORY;
  shared->weights = weights;
  shared->rarest = HUGE_VAL;
  for (int64_t i = 0; i < n; i++) {
    double log_prob = words->code ? words->value[i] / 1e4 : edgectc_words_log_prob(words, i);
    weights[i] = lm_weight * log_prob;
    if (log_prob < shared->rarest) shared->rarest = log_prob;
  }
  return n;
}

/* Finds the heaviest and the lightest entry; then, given what each value is of the heaviest, the bounds of single entries. */
static void weigh_entries(Shared *shared, const Tree *tree, const double *shares) {
  const Words *words = &shared->words;
  uint16_t *gain = shared->bounds + 1, *bare = gain + words->nodes;
  int64_t entry = 0, several = 0, level_end = 1;
  double paid = 1.0;
  for (int32_t node = 0, depth = 0; node < words->nodes; node++) {
    if (node == level_end) paid = exp(tree->letter_score * ++depth), level_end = tree->nodes.first_child[node];
    gain[node] = bare[node] = 0;
    if (!(tree->nodes.ends[node >> 6] >> (node & 63) & 1)) continue;
    int64_t word = entry + words->beyond[several]; /* the first one, and so the most frequent */
    if (several < words->n_several && words->several[several] == entry) several++;
    entry++; /* entries come in the order of their nodes */
    if (shares) {
      double share = shares[tree->code ? tree->code[word] : word];
      bare[node] = edgectc_bound_up(share);
      gain[node] = edgectc_bound_up(share * paid);
      continue;
    }
    double weight = edgectc_weight(tree, word, depth);
    if (weight > shared->top) shared->top = weight;
    if (weight < shared->lightest) shared->lightest = weight;
  }
}

/* Tells what all words of entries of several weigh together. */
static void add_up(Shared *shared, double lm_weight) {
  const Words *words = &shared->words;
  shared->most = 1.0;
  for (int64_t i = 0; i < words->n_several; i++) {
    Range range = edgectc_words_of(words, words->several[i]);
    double more = 1.0, log_prob = edgectc_words_log_prob(words, range.first);
    while (++range.first < range.last) more += exp(lm_weight * (edgectc_words_log_prob(words, range.first) - log_prob));
    shared->more[i] = more;
    if (more > shared->most) shared->most = more;
  }
}

/* Bounds every node by the best at or below it, from the last node to the first. Rounding up keeps the order of weights, so the
 * greatest of rounded-up gains is the rounded-up gain of the greatest weight: one exp a value is enough. */
static void bound_nodes(Shared *shared, const Tree *tree) {
  const int32_t *first_child = tree->nodes.first_child;
  uint16_t *gain = shared->bounds + 1, *bare = gain + shared->words.nodes;
  for (int32_t node = 0; node < tree->known; node++) shared->below[node] = 1u << (edgectc_letter(&tree->nodes, node) & 31);
  for (int32_t node = (int32_t)shared->words.nodes - 1, parent = node; node > 0; node--) { /* children follow their parents */
    while (first_child[parent] > node) parent--;
    if (gain[node] > gain[parent]) gain[parent] = gain[node];
    if (bare[node] > bare[parent]) bare[parent] = bare[node];
    if (parent < tree->known) shared->below[parent] |= edgectc_below(tree, node);
  }
}

int32_t edgectc_weigh(edgectc_engine *engine) {
  Shared *shared = engine->shared;
  if (shared->weighed) return EDGECTC_OK;
  int64_t n = weigh_values(shared, engine->options.lm_weight);
  double *shares = n < 0 ? NULL : edgectc_room(n, 1, sizeof *shares); /* may be too much to be kept */
  if (!shares) return NO_MEMORY(engine);
  Tree tree = edgectc_tree(engine);
  shared->top = -HUGE_VAL, shared->lightest = HUGE_VAL;
  weigh_entries(shared, &tree, NULL);
  for (int64_t i = 0; i < n; i++) shares[i] = exp(shared->weights[i] - shared->top);
  weigh_entries(shared, &tree, shares);
  free(shares);
  add_up(shared, engine->options.lm_weight);
  bound_nodes(shared, &tree);
  shared->weighed = 1;
  return EDGECTC_OK;
}

/* ---- views ------------------------------------------------------------------------------ */

void edgectc_use_view(edgectc_engine *engine, View *view) {
  if (engine->view) edgectc_overlay_hide(&engine->view->overlay, engine->hidden, 0);
  engine->view = view;
  if (view) edgectc_overlay_hide(&view->overlay, engine->hidden, 1);
}

static void drop(edgectc_engine *engine, int32_t place) {
  edgectc_overlay_close(&engine->views[place].overlay);
  free(engine->views[place].context);
  engine->n_views--;
  memmove(engine->views + place, engine->views + place + 1,
          (size_t)(engine->n_views - place) * sizeof(View));
}

void edgectc_forget_views(edgectc_engine *engine) {
  edgectc_use_view(engine, NULL);
  while (engine->n_views) drop(engine, engine->n_views - 1);
}

int32_t edgectc_kept_view(edgectc_engine *engine, const char *context) {
  for (int32_t i = 0; i < engine->n_views; i++)
    if (!strcmp(engine->views[i].context, context)) {
      edgectc_use_view(engine, engine->views + i);
      return 1;
    }
  return 0;
}

/* Whether float bounds can hold the weights of the lexicon and of what is laid over it. */
static int is_narrow(const Shared *shared, const Overlay *overlay) {
  double high = shared->top, low = shared->lightest;
  for (int64_t i = 0; i < overlay->live; i++) {
    double weight = overlay->overs[i].weight;
    if (weight > high) high = weight;
    if (weight < low) low = weight;
  }
  /* Where letters cost, weights without them may be more than a float holds. */
  int held = shared->bounds[1 + shared->words.nodes] < NO_BOUND;
  if (overlay->live) held &= overlay->tree.bare[0] < NO_BOUND;
  return high - low < RANGE && held;
}

int32_t edgectc_make_view(edgectc_engine *engine, const Following *following, double others) {
  Shared *shared = engine->shared;
  edgectc_use_view(engine, NULL);
  while (engine->n_views >= engine->most_views) drop(engine, 0);
  if (!engine->views) engine->views = calloc((size_t)engine->most_views, sizeof(View));
  size_t size = strlen(engine->context) + 1;
  View view = {.context = malloc(size), .others = others, .speaks = following != NULL,
               .shift = following ? engine->options.context_weight * others : 0.0};
  if (!engine->views || !view.context) {
    free(view.context);
    return NO_MEMORY(engine);
  }
  memcpy(view.context, engine->context, size);
  int32_t status = edgectc_overlay(&view.overlay, &shared->words, &engine->owns, following,
                                   &engine->options, shared->top, shared->rarest, engine->hidden, &engine->pool, &engine->why);
  if (status < 0) {
    free(view.context);
    return status;
  }
  view.narrow = is_narrow(shared, &view.overlay);
  engine->view = engine->views + engine->n_views++;
  *engine->view = view;
  return EDGECTC_OK;
}

int32_t edgectc_refresh(edgectc_engine *engine) {
  int32_t status = edgectc_weigh(engine);
  if (status < 0) return status;
  if (!engine->view && !edgectc_kept_view(engine, engine->context)) {
    const Following *following = engine->lm && *engine->context ? &engine->following : NULL;
    if (!following && *engine->context)
      return REFUSE(engine, "what the language model says after the context is to be given again");
    double others = following ? edgectc_lm_after(engine->lm, engine->context, &engine->following) : 0.0;
    status = edgectc_make_view(engine, following, others);
    if (status < 0) return status;
  }
  if (!engine->view->narrow)
    return edgectc_refuse(&engine->why, EDGECTC_TOO_WIDE, "the words' weights lie over 600 nats apart");
  return EDGECTC_OK;
}

#include "cold_end.h"
