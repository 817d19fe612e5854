/* The words as a search sees them: weighed, and with an overlay of what user and context change. */
#include "light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define RANGE 600.0 /* nats between the lightest and the heaviest word that float bounds can hold */

/* ---- weights and bounds ----------------------------------------------------------------- */

/* Weighs the entries; `depth` (nodes) becomes how many letters lead to each node. */
static void weigh_entries(Shared *shared, const Options *options, double *depth) {
  const Words *words = &shared->words;
  shared->top = -HUGE_VAL;
  shared->lightest = shared->rarest = HUGE_VAL;
  depth[0] = 0.0;
  const Nodes *tree = &words->tree;
  int64_t several = 0, entry = 0, first = 0;
  shared->most = 1.0;
  for (int64_t node = 0; node < words->nodes; node++) {
    for (int32_t child = tree->first_child[node]; child < tree->first_child[node + 1]; child++)
      depth[child] = depth[node] + 1.0;
    if (!(tree->ends[node >> 6] >> (node & 63) & 1)) continue;
    double log_prob = edgectc_words_log_prob(words, first);
    double weight = options->lm_weight * log_prob + options->letter_score * depth[node];
    if (log_prob < shared->rarest) shared->rarest = log_prob;
    if (weight > shared->top) shared->top = weight;
    if (weight < shared->lightest) shared->lightest = weight;
    shared->weights[entry] = weight;
    first++;
    if (several < words->n_several && words->several[several] == entry) {
      int64_t last = first + words->beyond[several + 1] - words->beyond[several];
      double more = 1.0;
      for (; first < last; first++) {
        double other = edgectc_words_log_prob(words, first);
        more += exp(options->lm_weight * (other - log_prob));
        if (other < shared->rarest) shared->rarest = other;
      }
      shared->more[several++] = more;
      if (more > shared->most) shared->most = more;
    }
    entry++; /* entries come in the order of their nodes */
  }
}

/* Bounds every node by the best at or below it, from the last node to the first, as children follow
 * their parents. Rounding up keeps the order of weights, so the greatest of rounded-up gains is the
 * rounded-up gain of the greatest weight: one exp an entry is enough. */
static void bound_nodes(Shared *shared, const Options *options, const double *depth) {
  const Nodes *tree = &shared->words.tree;
  int64_t entry = shared->words.entries;
  for (int64_t node = shared->words.nodes - 1; node >= 0; node--) {
    int32_t letter = edgectc_letter(tree, node);
    uint32_t below = letter < 32 ? 1u << letter : 0u;
    float gain = 0.0f, bare = 0.0f;
    if (tree->ends[node >> 6] >> (node & 63) & 1) {
      double weight = shared->weights[--entry];
      gain = edgectc_gain(weight, shared->top);
      if (options->letter_score != 0.0)
        bare = edgectc_gain(weight - options->letter_score * depth[node], shared->top);
    }
    for (int32_t child = tree->first_child[node]; child < tree->first_child[node + 1]; child++) {
      if (shared->gain[child] > gain) gain = shared->gain[child];
      if (shared->bare[child] > bare) bare = shared->bare[child];
      below |= shared->below[child];
    }
    shared->gain[node] = gain;
    shared->bare[node] = bare;
    shared->below[node] = below;
  }
}

int32_t edgectc_weigh(edgectc_engine *engine) {
  Shared *shared = engine->shared;
  if (shared->weighed) return EDGECTC_OK;
  double *depth = malloc((size_t)shared->words.nodes * sizeof(double)); /* too much to be kept */
  if (!depth) return NO_MEMORY(engine);
  weigh_entries(shared, &engine->options, depth);
  bound_nodes(shared, &engine->options, depth);
  free(depth);
  shared->weighed = 1;
  return EDGECTC_OK;
}

/* ---- views ------------------------------------------------------------------------------ */

/* Hides the lexicon's entries that the view of now lays words over, or shows them again. */
static void hide(edgectc_engine *engine, uint8_t hidden) {
  if (!engine->view) return;
  const Overlay *overlay = &engine->view->overlay;
  for (int64_t i = 0; i < overlay->size; i++)
    if (overlay->overs[i].entry >= 0) engine->hidden[overlay->overs[i].entry] = hidden;
}

void edgectc_use_view(edgectc_engine *engine, View *view) {
  hide(engine, 0);
  engine->view = view;
  hide(engine, 1);
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
  int held = shared->bare[0] < HUGE_VALF;
  if (overlay->live && overlay->tree.bare) held &= overlay->tree.bare[0] < HUGE_VALF;
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
