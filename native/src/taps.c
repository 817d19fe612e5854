/* See taps.h. A beam over the tree of the lexicon and that of what user and context lay over it; what a prefix scores
 * is bounded by the likeliest word below it. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "taps.h"

/* Held against real touch-downs of dev users over 2,353 words of held-out text at spreads of 0 to 0.5 keys, one at a time: none
 * of the other values tried was better at all. Of words that were right as typed KEPT lets less than 0.1 % be changed; 4
 * would have a point more right at 0.4 keys, and 0.12 % changed. bench/taps.py tells how well they do on other people. */
#define SPREAD 0.40           /* of taps, in keys: the standard deviation on each axis */
#define TAIL 0.03             /* share of taps that are three times as far away */
#define MISSED -6.5           /* nats: a letter without a tap */
#define DOUBLED -5.5          /* a key that is tapped twice for one letter */
#define SWAPPED -6.0          /* two letters in the wrong order */
#define STRAY -9.0            /* a tap that is no letter */
#define UNKNOWN -9.0          /* prior of what is no word ... */
#define UNKNOWN_LETTER -2.2   /* ... and of each of its letters */
#ifndef KEPT                  /* bench/taps.py has others */
#define KEPT 5.0              /* how much likelier another word must be than a right one that was typed */
#endif
#define RANGE 16.0            /* nats under the best prefix from which on none is followed */
enum { WIDTH = 400, ROOM = 4 * WIDTH, SPELLINGS = 48 };

double edgectc_tap_score(double dx, double dy) {
  double r = (dx * dx + dy * dy) / (2.0 * SPREAD * SPREAD);
  return log((1.0 - TAIL) * exp(-r) + TAIL / 9.0 * exp(-r / 9.0));
}

typedef struct {              /* a prefix of words */
  int32_t node, letters;
  double score, bound;        /* of the taps so far; with the best word below */
} Prefix;

typedef struct {              /* prefixes that have used up the same taps; the best ones once it is full */
  Prefix *at;                 /* (ROOM) */
  void *room;                 /* to sort them in */
  int32_t n;
  double best;
} Layer;

typedef struct {              /* one tree and its words */
  const Tree *tree;
  edgectc_engine *engine;
  int over;                   /* the tree of the overlay */
  const double *scores;       /* (taps, K) of each tap on each letter */
  int32_t n, K;
} Search;

typedef struct {              /* a found spelling */
  double score;
  int64_t entry;
  int32_t over;
} Found;

typedef struct {
  Found best[SPELLINGS];      /* the best first */
  int32_t n;
} Finds;

/* ---- words and what they weigh ---------------------------------------------------------- */

/* Returns what makes weights of words, which count lm_weight times, nats again. */
static double nats(const edgectc_engine *engine) {
  return engine->options.lm_weight > 0.0 ? 1.0 / engine->options.lm_weight : 1.0;
}

/* Returns the prior of the best word at or below a node. */
static double ahead(const Search *search, int32_t node) {
  const Tree *tree = search->tree;
  return nats(search->engine) * (log(edgectc_bound(tree->bare, node)) + tree->top);
}

/* Returns the prior of a word's spelling, which ends at a node that many letters deep. */
static double prior(const Search *search, int64_t entry, int32_t letters) {
  int64_t word = search->over ? entry : edgectc_words_of(&search->engine->shared->words, entry).first;
  return nats(search->engine) * (edgectc_weight(search->tree, word, letters) - search->engine->options.letter_score * letters);
}

/* Takes a spelling in, once. */
static void find(Finds *finds, double score, int64_t entry, int32_t over) {
  int32_t i = 0;
  for (; i < finds->n; i++)
    if (finds->best[i].entry == entry && finds->best[i].over == over) break;
  if (i < finds->n && finds->best[i].score >= score) return;
  if (i == finds->n && finds->n < SPELLINGS) finds->n++;
  else if (i == finds->n && finds->best[--i].score >= score) return;
  for (; i > 0 && finds->best[i - 1].score < score; i--) finds->best[i] = finds->best[i - 1];
  finds->best[i] = (Found){score, entry, over};
}

/* Returns the spelling that ends at a node, -1 for none and for one that is hidden. */
static int64_t ends(const Search *search, int32_t node) {
  int64_t entry = node ? edgectc_entry_at(&search->tree->nodes, node) : -1;
  return entry >= 0 && search->tree->hidden && edgectc_hidden(search->tree->hidden, entry) ? -1 : entry;
}

/* ---- prefixes --------------------------------------------------------------------------- */

static int by_bound(const void *left, const void *right) {
  const Prefix *a = left, *b = right;
  if (a->bound != b->bound) return a->bound < b->bound ? 1 : -1;
  return (a->node > b->node) - (a->node < b->node);
}

/* Keeps the best prefixes of a layer, each node once. */
static void narrow(Layer *layer) {
  enum { SLOTS = 4 * ROOM };
  static const int32_t factor = (int32_t)0x9E3779B1u;
  int32_t seen[SLOTS] = {0}, kept = 0;
  edgectc_sort(layer->at, (size_t)layer->n, sizeof *layer->at, by_bound, layer->room);
  for (int32_t i = 0; i < layer->n && kept < WIDTH && layer->at[i].bound > layer->best - RANGE; i++) {
    uint32_t slot = ((uint32_t)layer->at[i].node * (uint32_t)factor >> 8) % SLOTS;
    while (seen[slot] && seen[slot] != layer->at[i].node + 1) slot = (slot + 1) % SLOTS;
    if (seen[slot]) continue;
    seen[slot] = layer->at[i].node + 1;
    layer->at[kept++] = layer->at[i];
  }
  layer->n = kept;
}

static void push(const Search *search, Layer *layer, int32_t node, int32_t letters, double score) {
  double bound = score + ahead(search, node);
  if (!(bound > layer->best - RANGE)) return;
  if (bound > layer->best) layer->best = bound;
  if (layer->n == ROOM) narrow(layer);
  layer->at[layer->n++] = (Prefix){node, letters, score, bound};
}

/* Follows a prefix by tap i, and by two where they are swapped. */
static void follow(const Search *search, const Prefix *prefix, int32_t i, Layer *next, Layer *after) {
  const Nodes *nodes = &search->tree->nodes;
  const double *now = search->scores + (size_t)i * (size_t)search->K, *then = now + search->K;
  int32_t node = prefix->node, letters = prefix->letters;
  push(search, next, node, letters, prefix->score + STRAY);
  if (node) push(search, next, node, letters, prefix->score + DOUBLED + now[edgectc_letter(nodes, node)]);
  for (int32_t c = nodes->first_child[node]; c < nodes->first_child[node + 1]; c++) {
    push(search, next, c, letters + 1, prefix->score + now[edgectc_letter(nodes, c)]);
    if (prefix->score + SWAPPED + ahead(search, c) < next->best - RANGE) continue; /* the likelier one of the two below */
    for (int32_t d = nodes->first_child[c]; d < nodes->first_child[c + 1]; d++) {
      push(search, next, d, letters + 2, prefix->score + MISSED + now[edgectc_letter(nodes, d)]);
      if (i + 1 < search->n)
        push(search, after, d, letters + 2, prefix->score + SWAPPED + now[edgectc_letter(nodes, d)] + then[edgectc_letter(nodes, c)]);
    }
  }
}

/* ---- ends ------------------------------------------------------------------------------- */

/* Finds the words that end where the taps do. */
static void finish(const Search *search, const Layer *layer, Finds *finds) {
  const Nodes *nodes = &search->tree->nodes;
  for (int32_t i = 0; i < layer->n; i++) {
    const Prefix *prefix = layer->at + i;
    int64_t entry = ends(search, prefix->node);
    if (entry >= 0) find(finds, prefix->score + prior(search, entry, prefix->letters), entry, search->over);
    for (int32_t c = nodes->first_child[prefix->node]; c < nodes->first_child[prefix->node + 1]; c++)
      if ((entry = ends(search, c)) >= 0) find(finds, prefix->score + MISSED + prior(search, entry, prefix->letters + 1), entry, search->over);
  }
}

/* Finds the words that begin as the taps do: the prefix that promises most is followed until it is a word. */
static int complete(const Search *search, Layer *layer, Finds *finds, int32_t most) {
  const Nodes *nodes = &search->tree->nodes;
  int32_t n = layer->n, room = layer->n + 1024, found = 0;
  Pool *pool = &search->engine->pool;
  Prefix *heap = edgectc_take(pool, room, 1, sizeof *heap); /* a plain list: what is taken is the best of it */
  if (!heap) return OUT_OF_MEMORY;
  memcpy(heap, layer->at, (size_t)n * sizeof *heap);
  while (n && found < 3 * most) {
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
      if (heap[i].bound > heap[best].bound) best = i;
    Prefix prefix = heap[best];
    heap[best] = heap[--n];
    if (prefix.node < 0) { /* a word by itself */
      found++;
      find(finds, prefix.bound, -1 - prefix.node, search->over);
      continue;
    }
    int32_t first = nodes->first_child[prefix.node], children = nodes->first_child[prefix.node + 1] - first;
    if (n + children + 1 > room) {
      room = 2 * room + children;
      Prefix *grown = edgectc_take(pool, room, 1, sizeof *heap);
      if (!grown) return OUT_OF_MEMORY;
      heap = memcpy(grown, heap, (size_t)n * sizeof *heap);
    }
    int64_t entry = ends(search, prefix.node);
    if (entry >= 0) {
      double score = prefix.score + prior(search, entry, prefix.letters);
      heap[n++] = (Prefix){(int32_t)(-1 - entry), prefix.letters, score, score};
    }
    for (int32_t c = first; children--; c++)
      heap[n++] = (Prefix){c, prefix.letters + 1, prefix.score, prefix.score + ahead(search, c)};
  }
  return DONE;
}

/* Searches one tree. */
static int search_tree(const Search *search, int32_t moving, int32_t most, Finds *finds) {
  Layer layers[3];
  Prefix *memory = edgectc_take(&search->engine->pool, 3, ROOM, sizeof *memory);
  void *room = edgectc_take(&search->engine->pool, ROOM, 1, SORTING(Prefix));
  if (!memory || !room) return OUT_OF_MEMORY;
  for (int i = 0; i < 3; i++) layers[i] = (Layer){memory + i * ROOM, room, 0, -HUGE_VAL};
  push(search, layers, 0, 0, 0.0);
  for (int32_t i = 0; i < search->n; i++) {
    Layer *now = layers + i % 3, *next = layers + (i + 1) % 3, *after = layers + (i + 2) % 3;
    after->n = 0, after->best = -HUGE_VAL;
    narrow(now);
    for (int32_t k = 0; k < now->n; k++) follow(search, now->at + k, i, next, after);
  }
  Layer *last = layers + search->n % 3;
  narrow(last);
  int status = moving ? complete(search, last, finds, most) : DONE;
  if (!moving) finish(search, last, finds);
  return status;
}

/* ---- texts ------------------------------------------------------------------------------ */

/* Copies a text, which the host may pass on to a call that changes the user's words. */
static const char *copied(edgectc_engine *engine, const char *text) {
  char *copy = edgectc_chars(&engine->pool, strlen(text));
  return copy ? strcpy(copy, text) : NULL;
}

/* Adds a word; returns its place, or OUT_OF_MEMORY. */
static int32_t add(Taps *taps, edgectc_engine *engine, const char *text, double score) {
  if (!text) return OUT_OF_MEMORY;
  for (int32_t i = 0; i < taps->n; i++)
    if (strcmp(taps->words[i].text, text) == 0) {
      if (score > taps->words[i].score) taps->words[i].score = score;
      return i;
    }
  if (taps->n == taps->room) {
    int32_t room = taps->room ? 2 * taps->room : 64;
    Tapped *grown = edgectc_take(&engine->pool, room, 1, sizeof *grown);
    if (!grown) return OUT_OF_MEMORY;
    if (taps->n) memcpy(grown, taps->words, (size_t)taps->n * sizeof *grown);
    taps->words = grown, taps->room = room;
  }
  taps->words[taps->n] = (Tapped){text, score};
  return taps->n++;
}

/* How many words a found spelling has. */
static int64_t count_words(const edgectc_engine *engine, const Found *found) {
  if (found->over) return engine->view->overlay.overs[found->entry].n_shown;
  Range range = edgectc_words_of(&engine->shared->words, found->entry);
  return range.last - range.first;
}

/* Returns the text of the i-th word of a found spelling, NULL if there is no memory, and says its score. */
static const char *text_of(edgectc_engine *engine, const Found *found, int64_t i, double *score) {
  const Words *words = &engine->shared->words;
  size_t size;
  if (found->over) {
    const Over *over = engine->view->overlay.overs + found->entry;
    const Shown *shown = engine->view->overlay.shown + over->first_shown + i;
    *score = found->score + nats(engine) * (shown->weight - over->weight);
    if (shown->word < -1) return copied(engine, engine->owns.words[-2 - shown->word].text);
    return edgectc_words_text(words, shown->word, over->entry, &size, &engine->pool);
  }
  int64_t word = edgectc_words_of(words, found->entry).first + i;
  double less = i ? edgectc_words_log_prob(words, word) - edgectc_words_log_prob(words, word - i) : 0.0;
  *score = found->score + (engine->options.lm_weight > 0.0 ? less : 0.0);
  return edgectc_words_text(words, word, found->entry, &size, &engine->pool);
}

/* Returns whether the user taught a word, and writes it with just these letters: then it is what was meant by them. */
static int is_taught(const edgectc_engine *engine, const char *text, const char *typed) {
  const Own *own = edgectc_own(&engine->owns, text);
  return own && own->count > 0.0 && edgectc_folds_to(text, strlen(text), typed, strlen(typed));
}

/* Adds all words of a spelling; returns the place of the best one, or OUT_OF_MEMORY. One that was taught as it was typed is
 * better than the others. */
static int32_t add_words(Taps *taps, edgectc_engine *engine, const Found *found) {
  int32_t heaviest = 0, meant = -1, place;
  double score, most = -HUGE_VAL;
  for (int64_t i = 0; i < count_words(engine, found); i++) {
    const char *text = text_of(engine, found, i, &score);
    int taught = text && is_taught(engine, text, taps->typed);
    if ((place = add(taps, engine, text, score)) < 0) return OUT_OF_MEMORY;
    if (taught) meant = place;
    if (score > most) most = score, heaviest = place;
  }
  if (meant < 0 || meant == heaviest) return heaviest;
  taps->words[meant].score = fmax(taps->words[meant].score, most + 1e-9);
  return meant;
}

static int by_score(const void *left, const void *right) {
  const Tapped *a = left, *b = right;
  if (a->score != b->score) return a->score < b->score ? 1 : -1;
  return strcmp(a->text, b->text);
}

/* ---- what was typed --------------------------------------------------------------------- */

/* Returns the node of a tree that letters lead to, -1 for none. */
static int32_t node_of(const Nodes *nodes, const uint16_t *letters, int32_t n) {
  int32_t node = 0;
  for (int32_t i = 0; i < n; i++) {
    int32_t c = nodes->first_child[node], end = nodes->first_child[node + 1];
    while (c < end && edgectc_letter(nodes, c) != letters[i]) c++;
    if (c == end) return -1;
    node = c;
  }
  return node;
}

/* Finds the spelling that was typed in a tree and adds its prior; returns whether it is there. */
static int is_word(const Search *search, const uint16_t *typed, Found *found) {
  int32_t node = node_of(&search->tree->nodes, typed, search->n);
  found->entry = node < 0 ? -1 : ends(search, node);
  if (found->entry >= 0) found->score += prior(search, found->entry, search->n);
  return found->entry >= 0;
}

int edgectc_tap_keeps(double typed, double best) { return best - typed <= KEPT; }

/* Leaves a word that was typed alone, if no other one is much likelier; what is no word competes as such. */
static int32_t keep_typed(Taps *taps, const Search *searches, int32_t n_searches, const double *nearest) {
  uint16_t typed[MOST_TAPS];
  edgectc_engine *engine = searches->engine;
  int32_t n = searches->n, place = -1;
  double score = 0.0, best = -HUGE_VAL;
  int spelled = edgectc_words_spell(&engine->shared->words, taps->typed, strlen(taps->typed), typed) == n;
  for (int32_t i = 0; i < n; i++) score += nearest[i];
  for (int32_t i = 0; spelled && i < n_searches && place < 0; i++) {
    Found found = {score, -1, searches[i].over};
    if (!is_word(searches + i, typed, &found)) continue;
    if ((place = add_words(taps, engine, &found)) < 0) return OUT_OF_MEMORY;
  }
  if (place < 0) return add(taps, engine, taps->typed, score + UNKNOWN + UNKNOWN_LETTER * n);
  for (int32_t i = 0; i < taps->n; i++) best = fmax(best, taps->words[i].score);
  Tapped *word = taps->words + place;
  taps->keeps = edgectc_tap_keeps(word->score, best);
  taps->typed_score = word->score;
  if (word->score < best && taps->keeps) word->score = best + 1e-9;
  return place;
}

/* ---- all of it -------------------------------------------------------------------------- */

/* Forgets what was ranked before. */
static void begin(Taps *taps, edgectc_engine *engine) {
  edgectc_clear_ranked(engine);
  *taps = (Taps){.words = NULL};
}

static void write_typed(Taps *taps, const int32_t *letters, int32_t n) {
  char *end = taps->typed;
  for (int32_t i = 0; i < n; i++) end += edgectc_put_utf8(letters[i], end);
  *end = 0;
}

/* Turns what was found into words, the best first; with taps that are no beginning, what they spell is one of them. */
static int32_t rank(Taps *taps, const Search *searches, int32_t n_searches, const Finds *finds, const double *nearest,
                    int32_t most) {
  int32_t status = DONE;
  for (int32_t i = 0; status >= 0 && i < finds->n; i++) status = add_words(taps, searches->engine, finds->best + i);
  if (status >= 0 && nearest) status = keep_typed(taps, searches, n_searches, nearest);
  void *room = edgectc_take(&searches->engine->pool, taps->n + 1, 1, SORTING(Tapped));
  if (status < 0 || !room) return taps->n = 0, OUT_OF_MEMORY;
  edgectc_sort(taps->words, (size_t)taps->n, sizeof *taps->words, by_score, room);
  return taps->n = taps->n < most ? taps->n : most;
}

/* Lays out searches of the trees of an engine, that of user and context first; returns how many there are. */
static int32_t both_trees(Search searches[2], const Tree *tree, edgectc_engine *engine, const double *scores, int32_t n) {
  int32_t K = engine->shared->words.K, n_searches = 0;
  const Tree *over = &engine->view->overlay.tree;
  if (over->entries) searches[n_searches++] = (Search){over, engine, 1, scores, n, K};
  searches[n_searches++] = (Search){tree, engine, 0, scores, n, K};
  return n_searches;
}

int32_t edgectc_taps(Taps *taps, edgectc_engine *engine, const double *places, int32_t n,
                     const int32_t *letters, const double *nearest, int32_t moving, int32_t most) {
  int32_t K = engine->shared->words.K;
  begin(taps, engine);
  double *scores = edgectc_take(&engine->pool, n + 1, K, sizeof(double));
  Finds finds = {.n = 0};
  if (!scores) return OUT_OF_MEMORY;
  for (int32_t i = 0; i < n; i++)
    for (int32_t k = 0; k < K; k++)
      scores[i * K + k] = edgectc_tap_score(places[2 * i] - engine->keys[2 * k], places[2 * i + 1] - engine->keys[2 * k + 1]);
  Tree tree = edgectc_tree(engine);
  Search searches[2];
  int32_t status = DONE, n_searches = both_trees(searches, &tree, engine, scores, n);
  if (!n && !moving) n_searches = 0; /* nothing was tapped */
  for (int32_t i = 0; status >= 0 && i < n_searches; i++) status = search_tree(searches + i, moving, most, &finds);
  write_typed(taps, letters, n);
  return status < 0 ? status : rank(taps, searches, n_searches, &finds, n && !moving ? nearest : NULL, most);
}

int32_t edgectc_complete(Taps *taps, edgectc_engine *engine, const uint16_t *letters, int32_t n, int32_t most) {
  Tree tree = edgectc_tree(engine);
  Search searches[2];
  Finds finds = {.n = 0};
  begin(taps, engine);
  int32_t status = DONE, n_searches = both_trees(searches, &tree, engine, NULL, n);
  for (int32_t i = 0; status >= 0 && i < n_searches; i++) {
    int32_t node = node_of(&searches[i].tree->nodes, letters, n);
    Prefix begun = {node, n, 0.0, node < 0 ? 0.0 : ahead(searches + i, node)};
    Layer layer = {&begun, NULL, 1, begun.bound};
    if (node >= 0) status = complete(searches + i, &layer, &finds, most);
  }
  return status < 0 ? status : rank(taps, searches, n_searches, &finds, NULL, most);
}

#include "cold_end.h"
