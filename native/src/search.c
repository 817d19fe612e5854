/* The lexicon decoder of lexicon.py, compiled: the exact search of prefix_search.py, its fall-back beam,
 * the free spelling of free_spelling.py and the alignment of alignment.py, which are its oracles.
 *
 * Best first: a prefix with nearly the highest bound is grown next, so there are words to beat soon.
 * The search ends when no bound left reaches the n-th best word found.
 *
 * Re-entrant, no global state; of libc only malloc, calloc, realloc, free, memcpy, memmove, memset, exp, log
 * and sqrt, so that it compiles for Android and WebAssembly as it stands. All arrays are C-contiguous.
 */
#include "light.h"

#include "lattice.h"

typedef struct {
  double score;
  int64_t slot;
  int32_t word;           /* entry, counted on over the trees; -1 for a free spelling */
} Word;

typedef struct {
  Word *words;            /* every word scored that may be among the best */
  int64_t size, room;
  double *best;           /* the nbest highest scores, smallest first */
  int32_t nbest;
  double slack, margin, top;
  double last;            /* lifted weight under which a word is not among the nbest */
  double floor;           /* and a bound under which nothing is looked for */
  double sum, rest;       /* lifted weight of all words scored, and at most of all others */
} Found;

/* ---- words ------------------------------------------------------------------------------ */

/* Keeps a word; raises the floor when it is among the best. */
static int keep(Found *found, Word word) {
  if (found->size == found->room) {
    int64_t room = found->room ? 2 * found->room : 256;
    Word *words = edgectc_more(found->words, room, 1, sizeof(Word));
    if (!words) return OUT_OF_MEMORY;
    found->words = words;
    found->room = room;
  }
  found->words[found->size++] = word;
  if (word.score <= found->best[0]) return DONE; /* a tie, kept for the ranking: the floor stays */
  int32_t i = 0;
  for (; i + 1 < found->nbest && found->best[i + 1] < word.score; i++)
    found->best[i] = found->best[i + 1];
  found->best[i] = word.score;
  /* Bounds are compared as they are computed, lifted and relative to `top`: no logarithm a prefix.
   * The slack keeps words whose score equals the last one wanted up to rounding. */
  double lift = LIFT - found->slack - found->top;
  found->last = exp(found->best[0] + lift);
  found->floor = exp(found->best[found->nbest - 1] - found->margin + lift);
  if (found->floor < found->last) found->floor = found->last;
  return DONE;
}

/* Has the memory fetched that growing a prefix will need. */
static void foresee(const Tree *tree, int32_t node) {
  int32_t first = tree->nodes.first_child[node];
  PREFETCH(tree->gain + first);
  if (tree->nodes.letter) PREFETCH(tree->nodes.letter + first);
  PREFETCH(tree->bare + first);
  int32_t entry = edgectc_entry_at(&tree->nodes, node);
  if (entry >= 0 && tree->hidden) PREFETCH(tree->hidden + (entry >> 3));
}

/* The same for the entries that are probably taken next, from a place in the queue: what lies behind another address is fetched
 * an entry later. */
static inline void foresee_next(const Tree *tree, const Lattice *lattice, const Queue *queue, int32_t place) {
  if (place < 0) return;
  const Entry *entries = queue->held.entries, *one = entries + place;
  PREFETCH(tree->nodes.first_child + one->node);
  PREFETCH(tree->nodes.ends + (one->node >> 6));
  if (lattice->size < 400) return; /* all states are in the cache */
  const double *states = lattice->slots[one->parent > 0 ? one->parent : 0].states;
  for (int32_t t = 0; t < lattice->P; t += 8) PREFETCH(states + t);
  if (one->next < 0) return;
  const Entry *two = entries + one->next;
  PREFETCH(lattice->slots + (two->parent > 0 ? two->parent : 0));
  if (two->next >= 0) PREFETCH(entries + two->next);
}

/* The letters at or below a node, one bit each. Most nodes are deep, and have few below: these are looked at. Those of one
 * depth stand together, as the tree is breadth first. */
uint32_t edgectc_below(const Tree *tree, int32_t node) {
  if (node < tree->known) return tree->below[node];
  const int32_t *first_child = tree->nodes.first_child;
  uint32_t letters = 0;
  for (int32_t end = node + 1; node < end; end = first_child[end], node = first_child[node])
    for (int32_t i = node; i < end; i++) letters |= 1u << (edgectc_letter(&tree->nodes, i) & 31);
  return letters;
}

/* The number of the first entry of a tree. */
static int64_t base_of(const Lexicon *lexicon, int32_t tree) { return tree ? lexicon->trees[0].entries : 0; }

/* What takes all the time, for any processor and for one with AVX2. */
#define NAME(x) x
#define TARGET
#define CLEAR ((void)0)
#define MADD(a, b, c) ((a) * (b) + (c))
#define EVERY(x) (x)
#if defined(__GNUC__)
#define LANES 2
#else
#define LANES 1
#endif
#include "cold_end.h" /* not the search itself */
#include "search_loop.h"
#include "light.h"

#if defined(__GNUC__) && defined(__x86_64__)
#undef NAME
#undef TARGET
#undef LANES
#undef CLEAR
#undef MADD
#undef EVERY
#define NAME(x) avx2_##x
#define TARGET __attribute__((target("avx2,fma")))
#define MADD(a, b, c) (NAME(Lanes))_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define EVERY(x) _mm256_set1_pd(x)
#define CLEAR __builtin_ia32_vzeroupper()
#define LANES 4
#include "search_loop.h"
#endif

/* The search for this processor. */
static int search_trees(const Lexicon *lexicon, Lattice *lattice, Queue *queue, Found *found, int64_t budget,
                        int partial) {
#if defined(__GNUC__) && defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2_search(lexicon, lattice, queue, found, budget, partial);
#endif
  return search(lexicon, lattice, queue, found, budget, partial);
}

/* ---- beam ------------------------------------------------------------------------------- */

typedef struct {     /* a prefix alive at one frame */
  int32_t node, path;
  double in_letter, in_blank;
} Alive;

typedef struct {     /* one step of a prefix, so that its letters can be told */
  int32_t node, parent, letter;
} Step;

typedef struct {
  Alive *now, *next; /* beam_size * (K + 1) of each */
  int32_t *table;    /* node to place in next, by hashing; -1 is free */
  Step *steps;
  int64_t mask, n_steps;
} Beam;

static Alive *find(Beam *beam, int64_t *n, int32_t node, int32_t path) {
  uint32_t hash = (uint32_t)node * 2654435761u;
  int64_t i = (hash ^ hash >> 15) & beam->mask;
  while (beam->table[i] >= 0 && beam->next[beam->table[i]].node != node) i = (i + 1) & beam->mask;
  if (beam->table[i] < 0) {
    beam->table[i] = (int32_t)*n;
    beam->next[(*n)++] = (Alive){node, path, 0.0, 0.0};
  }
  return beam->next + beam->table[i];
}

/* Takes one frame: what is alive, and what follows from it. A path of -1 is a step to be made. */
static int64_t advance(Beam *beam, const Tree *tree, const Lattice *lattice, int64_t n, int32_t t) {
  int64_t made = 0, place = place_of(lattice, t);
  memset(beam->table, -1, (size_t)(beam->mask + 1) * sizeof(int32_t));
  for (int64_t i = 0; i < n; i++) {
    Alive at = beam->now[i];
    int32_t own = at.node ? edgectc_letter(&tree->nodes, at.node) : -1;
    Alive *stays = find(beam, &made, at.node, at.path);
    stays->path = at.path;
    stays->in_blank += (at.in_letter + at.in_blank) * lattice->blank[place];
    if (own >= 0) stays->in_letter += at.in_letter * lattice->letters[(int64_t)own * lattice->P + place];
    const int32_t *first = tree->nodes.first_child + at.node;
    for (int32_t child = first[0]; child < first[1]; child++) {
      int32_t letter = edgectc_letter(&tree->nodes, child);
      /* A letter follows itself only over a blank; without one it is the same letter still. */
      double from = letter == own ? at.in_blank : at.in_blank + at.in_letter;
      double p = from * lattice->letters[(int64_t)letter * lattice->P + place];
      if (p > 0.0) find(beam, &made, child, -2 - at.path)->in_letter += p;
    }
  }
  return made;
}

/* Keeps the best of the next frame's prefixes and notes how they came. */
static int64_t prune(Beam *beam, const Tree *tree, Heap *heap, int64_t made, int32_t beam_size) {
  heap->size = 0;
  for (int64_t i = 0; i < made; i++) {
    Alive *at = beam->next + i;
    double bound = (at->in_letter + at->in_blank) * edgectc_bound(tree->gain, at->node);
    if (bound > 0.0 && push(heap, (Entry){bound, (int32_t)i, 0, 0, -1})) return OUT_OF_MEMORY;
  }
  int64_t n = 0;
  while (n < beam_size && heap->size) {
    Alive at = beam->next[pop(heap).node];
    if (at.path < 0) {
      beam->steps[beam->n_steps] = (Step){at.node, -2 - at.path, edgectc_letter(&tree->nodes, at.node)};
      at.path = (int32_t)beam->n_steps++;
    }
    beam->now[n++] = at;
  }
  return n;
}

/* Grows the prefix of a step, all its letters anew; returns the slot. */
static int64_t regrow(Lattice *lattice, const Step *steps, int32_t step) {
  if (step == 0) return 0;
  int64_t parent = regrow(lattice, steps, steps[step].parent);
  return parent < 0 ? parent : grow(lattice, steps[step].node, (int32_t)parent, steps[step].letter);
}

/* The time-synchronous beam over one tree: scores, each over all alignments, what survives it. */
static int narrow(const Tree *tree, int64_t base, Lattice *lattice, Heap *heap, Found *found,
                  int32_t beam_size, int partial) {
  int64_t room = (int64_t)beam_size * (lattice->K + 2), size = 1024;
  while (size < 2 * room) size *= 2;
  Pool *pool = lattice->pool;
  Beam beam = {edgectc_take(pool, room, 1, sizeof(Alive)), edgectc_take(pool, room, 1, sizeof(Alive)),
               edgectc_take(pool, size, 1, sizeof(int32_t)), NULL, size - 1, 1};
  beam.steps = edgectc_take(pool, (int64_t)beam_size * lattice->T + 1, 1, sizeof(Step));
  int64_t n = OUT_OF_MEMORY;
  if (beam.now && beam.next && beam.table && beam.steps) {
    beam.now[0] = (Alive){0, 0, 0.0, 1.0};
    beam.steps[0] = (Step){0, -1, -1};
    n = 1;
    for (int32_t t = 0; t < lattice->T && n >= 0; t++)
      n = prune(&beam, tree, heap, advance(&beam, tree, lattice, n, t), beam_size);
    for (int64_t i = 0; i < n; i++) {
      int32_t entry = edgectc_entry_at(&tree->nodes, beam.now[i].node);
      if (entry < 0) continue;
      int64_t slot = regrow(lattice, beam.steps, beam.now[i].path);
      int32_t word = (int32_t)(base + entry);
      int known = 0;
      for (int64_t j = 0; j < found->size && !known; j++) known = found->words[j].word == word;
      int64_t kept = found->size;
      double sum = found->sum;
      if (slot < 0 || (!known && score(found, tree, base, lattice, slot, partial))) {
        n = OUT_OF_MEMORY;
        break;
      }
      if (found->size == kept) found->sum = sum; /* the search may have met and counted it */
    }
  }
  return n < 0 ? OUT_OF_MEMORY : DONE;
}

/* ---- free spelling ---------------------------------------------------------------------- */

int edgectc_is_unsaid(const Spellings *unsaid, const uint16_t *letters, int32_t n) {
  const uint16_t *end = unsaid->at + unsaid->size;
  for (const uint16_t *at = unsaid->at; at < end; at += *at + 1)
    if (*at == n && !memcmp(at + 1, letters, (size_t)n * sizeof *letters)) return 1;
  return 0;
}

/* Whether the letters of a slot are a word of any tree, hidden ones too. */
static int is_word(const Lexicon *lexicon, const Lattice *lattice, int64_t slot, uint16_t *letters) {
  int32_t n = length_of(lattice, slot), left = n;
  for (int64_t at = slot; at > 0; at = lattice->slots[at].parent) letters[--left] = (uint16_t)lattice->slots[at].letter;
  for (int32_t i = 0; i < lexicon->n_trees; i++) {
    const Tree *tree = lexicon->trees + i;
    int32_t node = 0;
    for (int32_t j = 0; j < n; j++) node = child_with(tree, node, letters[j]);
    if (node > 0 && edgectc_entry_at(&tree->nodes, node) >= 0) return 1;
  }
  return edgectc_is_unsaid(lexicon->unsaid, letters, n) || edgectc_is_unsaid(lexicon->unsaid + 1, letters, n);
}

/* Finds the best spelling that is no word, if it is among the best of all. */
static int spell_freely(const Lexicon *lexicon, Lattice *lattice, Heap *heap, Found *found,
                 uint16_t *letters) {
  /* From here on bounds are relative to the heavier of words and spellings, or a high score would overflow. */
  double top = fmax(found->top, lexicon->free_spelling_score);
  found->floor *= exp(found->top - top);
  found->top = top;
  double gain = exp(lexicon->free_spelling_score - top), each = exp(lexicon->free_spelling_letter_score);
  int64_t slot = 0, limit = lattice->size + lexicon->free_spelling_budget;
  int32_t n = 0; /* letters of `slot` */
  heap->size = 0;
  for (;;) {
    /* letter_score + unknown_letter_score <= 0, so more letters never weigh more: what a prefix weighs
     * bounds all spellings that go on from it. */
    double worth = gain;
    for (int32_t i = 0; i <= n; i++) worth *= each;
    for (int32_t letter = 0; letter < lattice->K; letter++) {
      double bound = starts(lattice, lattice->onward, before(lattice, slot, letter), letter) * worth;
      if (bound > 0.0 && bound >= found->floor &&
          push(heap, (Entry){bound, n + 1, (int32_t)slot, letter, -1}))
        return OUT_OF_MEMORY;
    }
    /* The first one found is not the best yet: it only raises the bar for the others. */
    if (!heap->size || heap->entries[0].bound < found->floor) return DONE;
    if (lattice->size > limit) return OUT_OF_BUDGET;
    Entry entry = pop(heap);
    n = entry.node;
    slot = grow(lattice, 0, entry.parent, entry.letter);
    if (slot < 0) return OUT_OF_MEMORY;
    double lifted = spelled(lattice, slot);
    if (lifted > TINY && !is_word(lexicon, lattice, slot, letters)) {
      double value = log(lifted) - LIFT + lexicon->free_spelling_score + n * lexicon->free_spelling_letter_score;
      Word *held = found->size ? found->words + found->size - 1 : NULL;
      if (held && held->word >= 0) held = NULL;
      if (held && held->score < value) {
        held->score = value;
        held->slot = slot;
      } else if (!held && keep(found, (Word){value, slot, -1})) {
        return OUT_OF_MEMORY;
      }
      double bar = exp(value - found->slack - found->top + LIFT);
      if (bar > found->floor) found->floor = bar; /* only one spelling is wanted */
    }
  }
}

/* ---- results ---------------------------------------------------------------------------- */

/* Best CTC alignment of the letters of a slot: the frame where its path is surest of each.
 *
 * Writes one frame a letter. With S states, two a letter and one more, `came` holds T * S bytes and `row` 2 * S doubles.
 */
static void align(const Lattice *lattice, int64_t slot, int8_t *came, double *row,
                     int32_t *label, int32_t *frames) {
  int32_t T = lattice->T, K = lattice->K, n = length_of(lattice, slot);
  int32_t S = 2 * n + 1, i = n;
  for (int64_t at = slot; at > 0; at = lattice->slots[at].parent)
    label[--i] = lattice->slots[at].letter;
  double *now = row, *next = row + S;
  for (int32_t s = 0; s < S; s++) now[s] = -HUGE_VAL;
  now[0] = lattice->logs[K];
  now[1] = lattice->logs[label[0]];
  for (int32_t t = 1; t < T; t++) {
    const double *logs = lattice->logs + (int64_t)t * (K + 1);
    for (int32_t s = 0; s < S; s++) {
      int32_t letter = s / 2;
      double best = now[s];
      int8_t from = 0;
      if (s > 0 && now[s - 1] > best) best = now[s - 1], from = 1;
      if (s % 2 && letter > 0 && label[letter] != label[letter - 1] && now[s - 2] > best)
        best = now[s - 2], from = 2;
      next[s] = best + logs[s % 2 ? label[letter] : K];
      came[(int64_t)t * S + s] = from;
    }
    double *swap = now;
    now = next;
    next = swap;
  }
  int32_t s = now[S - 2] > now[S - 1] ? S - 2 : S - 1; /* of equal paths the earlier one */
  for (i = 0; i < n; i++) frames[i] = -1;
  for (int32_t t = T - 1; t >= 0; t--) {
    if (s % 2) {
      int32_t letter = s / 2, held = frames[letter];
      const double *column = lattice->logs + label[letter];
      if (held < 0 || column[(int64_t)t * (K + 1)] >= column[(int64_t)held * (K + 1)])
        frames[letter] = t;
    }
    if (t > 0) s -= came[(int64_t)t * S + s];
  }
}

/* How many letters the longest word has that is reported. */
static int32_t longest(const Lattice *lattice, const Found *found) {
  int32_t most = 0;
  for (int64_t i = 0; i < found->size; i++) {
    int32_t n = length_of(lattice, found->words[i].slot);
    if (n > most && found->words[i].score >= found->best[0] - found->slack) most = n;
  }
  return most;
}

static int64_t report(const Lexicon *lexicon, const Lattice *lattice, const Found *found, int partial,
                      int64_t room, Answer *out) {
  int32_t T = lattice->T;
  int64_t S = partial ? 1 : 2 * (int64_t)longest(lattice, found) + 1; /* nothing partial is aligned */
  int8_t *came = edgectc_take(lattice->pool, T, S, 1);
  double *row = edgectc_doubles(lattice->pool, 2 * S);
  int64_t n = came && row ? 0 : OUT_OF_MEMORY;
  for (int64_t i = 0; n >= 0 && i < found->size && n < room; i++) {
    const Word *word = found->words + i;
    if (word->score < found->best[0] - found->slack) continue;
    out->words[n] = word->word;
    out->scores[n] = word->score + lattice->mass;
    int32_t *label = out->letters + n * T, *frames = out->frames + n * T;
    out->lengths[n] = length_of(lattice, word->slot);
    /* The word of a partial signal may have more letters than the signal has frames. */
    if (!partial) align(lattice, word->slot, came, row, label, frames);
    n++;
  }
  double shift = lattice->mass + lexicon->top - LIFT;
  out->log_sum = log(found->sum) + shift;
  out->log_rest = lexicon->alone ? HUGE_VAL : log(found->rest * most_more(lexicon)) + shift;
  out->log_blank = log(spelled(lattice, 0)) - LIFT + lattice->mass;
  return n;
}

/* Lends the arrays that grow. */
static void lend(Pool *pool, Lattice *lattice, Found *found, Queue *queue, Heap *heap) {
  lattice->slots = pool->arrays[SLOTS].at, lattice->room = pool->arrays[SLOTS].room;
  found->words = pool->arrays[WORDS].at, found->room = pool->arrays[WORDS].room;
  queue->held.entries = pool->arrays[WAITING].at, queue->held.room = pool->arrays[WAITING].room;
  heap->entries = pool->arrays[HEAP].at, heap->room = pool->arrays[HEAP].room;
}

/* Keeps an array for the next search, but what only the largest took. */
static void keep_array(Pool *pool, int which, void *at, int64_t room, size_t size) {
  int64_t kept = MOST_KEPT / (int64_t)size;
  void *less = room > kept ? edgectc_more(at, kept, 1, size) : NULL; /* freed, it would not go back to the system */
  if (less) at = less, room = kept;
  pool->arrays[which].at = at, pool->arrays[which].room = room;
}

int64_t edgectc_lexicon_search(const Lexicon *lexicon, Pool *pool, const double *log_probs, int32_t T,
                              int32_t nbest, double slack, int64_t budget, int32_t partial,
                              int64_t room, Answer *out) {
  Lattice lattice = {0};
  Heap heap = {0};
  Queue queue = {0};
  Found found = {0};
  int64_t now = pool->now, used = pool->used;
  lattice.pool = pool;
  lend(pool, &lattice, &found, &queue, &heap);
  lattice.letter_score = lexicon->letter_score;
  lattice.pay = exp(lexicon->letter_score);
  lattice.carry = exp(-TO_COME - (costly(&lattice) ? 0.0 : lexicon->letter_score));
  int possible = 0, status = OUT_OF_MEMORY;
  out->exact = out->free_spelling_exact = 1;
  out->log_sum = out->log_rest = out->log_blank = -HUGE_VAL;
  int64_t n = OUT_OF_MEMORY;
  found.best = edgectc_doubles(pool, nbest);
  if (found.best) status = prepare(&lattice, lexicon, log_probs, T, &possible);
  head_for(&lattice, lexicon, partial);
  lattice.alone = lexicon->alone;
  if (status == DONE && possible && lattice.alone) status = look_onward(&lattice, lattice.onward, 1.0);
  if (status == DONE && possible && lexicon->letter_score != 0.0) {
    lattice.paying = edgectc_take(pool, lattice.K, lattice.P, sizeof(double));
    status = lattice.paying ? look_onward(&lattice, lattice.paying, lattice.pay) : OUT_OF_MEMORY;
  }
  found.nbest = nbest;
  found.slack = slack;
  found.margin = lexicon->margin;
  found.top = lexicon->top;
  for (int32_t i = 0; found.best && i < nbest; i++) found.best[i] = -HUGE_VAL;
  if (possible && status >= 0) status = search_trees(lexicon, &lattice, &queue, &found, budget, partial);
  /* A signal so flat that no floor helps: the proof is given up, and a beam of fixed width answers. */
  for (int32_t i = status == OUT_OF_BUDGET ? lexicon->n_trees - 1 : -1; i >= 0 && status != OUT_OF_MEMORY; i--) {
    out->exact = 0;
    status = narrow(lexicon->trees + i, base_of(lexicon, i), &lattice, &heap, &found, lexicon->beam_size, partial);
  }
  if (possible && status >= 0 && lexicon->free_spelling && !partial) {
    status = spell_freely(lexicon, &lattice, &heap, &found, (uint16_t *)out->letters);
    if (status == OUT_OF_BUDGET) out->free_spelling_exact = 0;
  }
  n = status < 0 ? status : 0;
  if (possible && status >= 0) n = report(lexicon, &lattice, &found, partial, room, out);
  keep_array(pool, SLOTS, lattice.slots, lattice.room, sizeof(Slot));
  keep_array(pool, WORDS, found.words, found.room, sizeof(Word));
  keep_array(pool, WAITING, queue.held.entries, queue.held.room, sizeof(Entry));
  keep_array(pool, HEAP, heap.entries, heap.room, sizeof(Entry));
  edgectc_take_back(pool, now, used);
  edgectc_pool_trim(pool);
  return n;
}

#include "cold_end.h"
