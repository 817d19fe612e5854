/* The lexicon decoder of lexicon.py, compiled: the exact search of _search.py, its fall-back beam,
 * the free spelling of _spelling.py and the alignment of _alignment.py, which are its oracles.
 *
 * Best first: the prefix with the highest bound is grown next, so the search ends as soon as the
 * best bound left is under the n-th best word found.
 *
 * Re-entrant, no global state; of libc only malloc, calloc, realloc, free, memset, exp and log, so that it
 * compiles for Android and WebAssembly as it stands. All arrays are C-contiguous.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define LIFT 600.0       /* see _search.py */
#define TINY 1e-290
#define EASY 200         /* prefixes that are grown before bounds are tightened */
#define TOLERANCE 1e-3   /* see _checks.py */

enum { DONE = 0, OUT_OF_MEMORY = -1, BAD_INPUT = -2, OUT_OF_BUDGET = 1 };

typedef struct {         /* see Tree in _search.py */
  const int32_t *first_child, *word;
  const uint16_t *n_children, *letter;
  const double *gain;    /* (M) exp(best weight at or below the node - top) */
  const double *bare;    /* (M) the same, of weights without letter_score; NULL if that is 0 */
  const uint32_t *below; /* (M) letters at or below the node, one bit each; NULL if K > 32 */
  const double *weights; /* (entries) */
  const uint8_t *hidden; /* (entries), or NULL */
  int64_t entries;
} Tree;

typedef struct {
  Tree trees[2];
  int32_t n_trees;
  int32_t V, K;           /* columns of log_probs; letters in use */
  const int32_t *columns; /* (K + 1) column of each letter, then that of the blank */
  double scale;           /* acoustic_scale */
  double letter_score;
  double top;             /* natural log that gains are relative to */
  int32_t beam_size;
  int32_t spell;          /* whether to look for a spelling that is no word, too */
  int64_t spell_budget;   /* prefixes to grow for it */
  double spell_score, spell_letter_score;
} Lexicon;

typedef struct {          /* a prefix that waits to be grown */
  double bound;           /* lifted probability of starting with it, times its gain */
  int32_t node, parent;
  int32_t letter;         /* ~letter once the bound is tight, see tighten() */
} Entry;

typedef struct {
  Entry *entries;
  int64_t size, room;
} Heap;

typedef struct {          /* a prefix that was grown */
  int32_t node, parent, letter;
  double said;            /* lifted probability that the frames spell it or a beginning of it */
  double paid;            /* exp(letter_score) for each of its letters */
} Slot;

typedef struct {          /* one utterance */
  int32_t T, K;
  double *logs;           /* (T, K+1) natural log, blank last */
  double *letters;        /* (K, T) lifted probability of each letter */
  double *onward;         /* (K, T) the same, and anything after that frame */
  double *paying;         /* (K, T) the same, each letter after it times exp(letter_score) */
  double *blank;          /* (T) */
  double *sums;           /* (4, 256, T) lifted probability of the letters of 8 bits; or NULL */
  double *states;         /* (slots, 2, T+1): first 0..t frames spell it; and end in blank */
  Slot *slots;
  int64_t size, room;
  double mass;            /* natural log of what other tokens took, over all frames */
  double pay;             /* exp(letter_score) */
} Lattice;

typedef struct {
  double score;
  int64_t slot;
  int32_t word;           /* entry, counted on over the trees; -1 for a free spelling */
} Word;

typedef struct {
  Word *words;            /* every word scored */
  int64_t size, room;
  double *best;           /* the nbest highest scores, smallest first */
  int32_t nbest;
  double slack, top;
  double floor;           /* lifted bound under which nothing is wanted */
  double sum, rest;       /* lifted weight of all words scored, and at most of all others */
} Found;

/* ---- heap ------------------------------------------------------------------------------- */

static int push(Heap *heap, Entry entry) {
  if (heap->size == heap->room) {
    int64_t room = heap->room ? 2 * heap->room : 256;
    Entry *grown = realloc(heap->entries, (size_t)room * sizeof(Entry));
    if (!grown) return OUT_OF_MEMORY;
    heap->entries = grown;
    heap->room = room;
  }
  int64_t i = heap->size++;
  while (i > 0 && heap->entries[(i - 1) / 2].bound < entry.bound) {
    heap->entries[i] = heap->entries[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap->entries[i] = entry;
  return DONE;
}

static Entry pop(Heap *heap) {
  Entry top = heap->entries[0], last = heap->entries[--heap->size];
  int64_t i = 0;
  for (;;) {
    int64_t child = 2 * i + 1;
    if (child >= heap->size) break;
    if (child + 1 < heap->size && heap->entries[child + 1].bound > heap->entries[child].bound)
      child++;
    if (heap->entries[child].bound <= last.bound) break;
    heap->entries[i] = heap->entries[child];
    i = child;
  }
  heap->entries[i] = last;
  return top;
}

/* ---- lattice ---------------------------------------------------------------------------- */

/* Checks one row; writes its (K + 1) natural logs, normalised over all V tokens, and the same as
 * probabilities among themselves. Returns the log of the mass they have of all V, -inf for none, or
 * NaN if the row is no distribution. `work` holds V doubles. */
static double read_row(const Lexicon *lexicon, const double *row, double *logs, double *probs,
                       double *work) {
  int32_t V = lexicon->V, K = lexicon->K;
  double highest = -HUGE_VAL, plain = 0.0, all = 0.0, used = 0.0, scale = lexicon->scale;
  for (int32_t v = 0; v < V; v++) {
    if (!(row[v] < HUGE_VAL)) return NAN; /* NaN or +Inf */
    if (row[v] > highest) highest = row[v];
  }
  if (highest == -HUGE_VAL) return NAN;
  for (int32_t v = 0; v < V; v++) plain += work[v] = exp(row[v] - highest);
  if (!(fabs(log(plain) + highest) <= TOLERANCE)) return NAN;
  all = plain;
  if (scale != 1.0) {
    all = 0.0;
    for (int32_t v = 0; v < V; v++) all += work[v] = exp(scale * (row[v] - highest));
  }
  double total = log(all) + scale * highest, shift = scale * highest;
  for (int32_t k = 0; k <= K; k++) {
    used += probs[k] = work[lexicon->columns[k]];
    logs[k] = scale * row[lexicon->columns[k]] - total;
  }
  if (used < 1e-250) { /* next to nothing is left for them, and few of its digits */
    double most = -HUGE_VAL;
    for (int32_t k = 0; k <= K; k++)
      if (logs[k] > most) most = logs[k];
    if (most == -HUGE_VAL) return -HUGE_VAL;
    shift = most + total;
    used = 0.0;
    for (int32_t k = 0; k <= K; k++) used += probs[k] = exp(logs[k] - most);
  }
  for (int32_t k = 0; k <= K; k++) probs[k] /= used;
  return log(used) + shift - total;
}

/* Makes the lattice and the root's state; *possible is 0 if a frame allows no letter or blank. */
static int prepare(Lattice *lattice, const Lexicon *lexicon, const double *log_probs, int32_t T,
                   int *possible) {
  int32_t K = lexicon->K;
  double lift = LIFT / T;
  lattice->T = T;
  lattice->K = K;
  lattice->room = 32;
  lattice->size = 1;
  lattice->logs = malloc((size_t)(K + 1) * T * sizeof(double));
  lattice->letters = malloc((size_t)K * T * sizeof(double));
  lattice->onward = malloc((size_t)K * T * sizeof(double));
  lattice->blank = malloc((size_t)T * sizeof(double));
  lattice->states = malloc((size_t)lattice->room * 2 * (T + 1) * sizeof(double));
  lattice->slots = malloc((size_t)lattice->room * sizeof(Slot));
  double *work = malloc((size_t)(K + 1 + lexicon->V) * sizeof(double));
  if (!lattice->logs || !lattice->letters || !lattice->onward || !lattice->blank ||
      !lattice->states || !lattice->slots || !work) {
    free(work);
    return OUT_OF_MEMORY;
  }
  *possible = 1;
  double *root = lattice->states, *probs = work, *scratch = work + K + 1;
  double up = exp(lift), rest = exp(lift * (T - 1));
  root[0] = root[T + 1] = 1.0;
  for (int32_t t = 0; t < T; t++) {
    double *logs = lattice->logs + (int64_t)t * (K + 1);
    double mass = read_row(lexicon, log_probs + (int64_t)t * lexicon->V, logs, probs, scratch);
    if (isnan(mass)) {
      free(work);
      return BAD_INPUT;
    }
    if (mass == -HUGE_VAL) *possible = 0; /* the rows after it are still to be checked */
    if (!*possible) continue;
    lattice->mass += mass;
    for (int32_t k = 0; k < K; k++) {
      double p = probs[k] * up;
      lattice->letters[(int64_t)k * T + t] = p;
      lattice->onward[(int64_t)k * T + t] = p * rest;
    }
    rest /= up;
    lattice->blank[t] = probs[K] * up;
    root[t + 1] = root[T + 2 + t] = root[t] * lattice->blank[t];
  }
  free(work);
  lattice->slots[0] = (Slot){0, -1, -1, 0.0, 1.0};
  return DONE;
}

/* Sums over all that may follow a letter, each further letter times exp(letter_score): the other
 * bound of a prefix. It knows how many letters the signal has room for, where the first one takes
 * letter_score for as many as the longest word below. */
static int prepare_paying(Lattice *lattice) {
  int32_t T = lattice->T, K = lattice->K;
  double *after = malloc((size_t)K * sizeof(double)); /* from a letter at frame t on, lifted */
  lattice->paying = malloc((size_t)K * T * sizeof(double));
  if (!after || !lattice->paying) {
    free(after);
    return OUT_OF_MEMORY;
  }
  double after_blank = 1.0;
  for (int32_t k = 0; k < K; k++) after[k] = 1.0;
  for (int32_t t = T - 1; t >= 0; t--) {
    double all = 0.0;
    for (int32_t k = 0; k < K; k++) {
      double *held = lattice->paying + (int64_t)k * T + t;
      *held = lattice->letters[(int64_t)k * T + t] * after[k];
      all += *held;
    }
    double blank = lattice->blank[t] * after_blank;
    for (int32_t k = 0; k < K; k++) {
      double held = lattice->paying[(int64_t)k * T + t];
      after[k] = blank + held + lattice->pay * (all - held);
    }
    after_blank = blank + lattice->pay * all;
  }
  free(after);
  return DONE;
}

/* Where a child with this letter continues: the state of any ending, or of one in blank. */
static const double *before(const Lattice *lattice, int64_t slot, int32_t letter) {
  int same = lattice->slots[slot].letter == letter;
  return lattice->states + (2 * slot + same) * (lattice->T + 1);
}

/* Lifted probability of starting with the prefix of `slot` and then `letter`; `onward` tells what
 * comes after. */
static double starts(const Lattice *lattice, const double *onward, int64_t slot, int32_t letter) {
  const double *from = before(lattice, slot, letter);
  const double *p = onward + (int64_t)letter * lattice->T;
  double sum = 0.0;
  for (int32_t t = 0; t < lattice->T; t++) sum += from[t] * p[t];
  return sum;
}

/* Tabulates the probability of any set of letters, byte by byte of its bits. */
static int tabulate(Lattice *lattice) {
  int32_t T = lattice->T, K = lattice->K;
  lattice->sums = calloc((size_t)4 * 256 * T, sizeof(double));
  if (!lattice->sums) return OUT_OF_MEMORY;
  for (int32_t k = 0; k < K; k++) {
    double *table = lattice->sums + (int64_t)(k / 8) * 256 * T;
    const double *p = lattice->letters + (int64_t)k * T;
    int32_t bit = 1 << k % 8;
    for (int32_t rest = 0; rest < bit; rest++) /* sets whose highest letter is k */
      for (int32_t t = 0; t < T; t++)
        table[(int64_t)(bit + rest) * T + t] = table[(int64_t)rest * T + t] + p[t];
  }
  return DONE;
}

/* The bound of an entry, if the frames after its last letter began may only hold blank, that
 * letter, and letters that some word below still has. */
static double tighten(const Lattice *lattice, const Tree *tree, Entry entry) {
  int32_t T = lattice->T;
  uint32_t letters = tree->below[entry.node] | 1u << entry.letter;
  const double *from = before(lattice, entry.parent, entry.letter);
  const double *p = lattice->letters + (int64_t)entry.letter * T;
  const double *a = lattice->sums + (int64_t)(letters & 255) * T;
  const double *b = lattice->sums + (int64_t)(256 + (letters >> 8 & 255)) * T;
  const double *c = lattice->sums + (int64_t)(512 + (letters >> 16 & 255)) * T;
  const double *d = lattice->sums + (int64_t)(768 + (letters >> 24)) * T;
  double after = 1.0, sum = 0.0;
  for (int32_t t = T - 1; t >= 0; t--) {
    sum += from[t] * p[t] * after;
    after *= lattice->blank[t] + a[t] + b[t] + c[t] + d[t];
  }
  return sum;
}

/* Makes the state of a prefix; returns its slot, or OUT_OF_MEMORY. */
static int64_t grow(Lattice *lattice, int32_t node, int32_t parent, int32_t letter) {
  int32_t T = lattice->T;
  if (lattice->size == lattice->room) {
    int64_t room = 2 * lattice->room;
    double *states = realloc(lattice->states, (size_t)room * 2 * (T + 1) * sizeof(double));
    if (!states) return OUT_OF_MEMORY;
    lattice->states = states;
    Slot *slots = realloc(lattice->slots, (size_t)room * sizeof(Slot));
    if (!slots) return OUT_OF_MEMORY;
    lattice->slots = slots;
    lattice->room = room;
  }
  int64_t slot = lattice->size++;
  const double *from = before(lattice, parent, letter);
  const double *p = lattice->letters + (int64_t)letter * T;
  double *any = lattice->states + 2 * slot * (T + 1), *ended = any + T + 1;
  double in_letter = 0.0, in_blank = 0.0;
  any[0] = ended[0] = 0.0;
  for (int32_t t = 0; t < T; t++) {
    in_blank = lattice->blank[t] * (in_blank + in_letter);
    in_letter = p[t] * (in_letter + from[t]);
    ended[t + 1] = in_blank;
    any[t + 1] = in_blank + in_letter;
  }
  const Slot *from_slot = lattice->slots + parent;
  lattice->slots[slot] = (Slot){node, parent, letter, from_slot->said + any[T],
                                from_slot->paid * lattice->pay};
  return slot;
}

/* Lifted probability that all frames spell the prefix of a slot. */
static double spelled(const Lattice *lattice, int64_t slot) {
  return lattice->states[2 * slot * (lattice->T + 1) + lattice->T];
}

/* ---- words ------------------------------------------------------------------------------ */

/* Keeps a word; raises the floor when it is among the best. */
static int keep(Found *found, Word word, double lifted) {
  if (found->size == found->room) {
    int64_t room = found->room ? 2 * found->room : 256;
    Word *words = realloc(found->words, (size_t)room * sizeof(Word));
    if (!words) return OUT_OF_MEMORY;
    found->words = words;
    found->room = room;
  }
  found->words[found->size++] = word;
  found->sum += lifted;
  if (word.score <= found->best[0]) return DONE;
  int32_t i = 0;
  for (; i + 1 < found->nbest && found->best[i + 1] < word.score; i++)
    found->best[i] = found->best[i + 1];
  found->best[i] = word.score;
  if (found->best[0] > -HUGE_VAL) found->floor = exp(found->best[0] - found->slack - found->top + LIFT);
  return DONE;
}

/* Scores the word that ends at a grown slot, if any. */
static int score(Found *found, const Tree *tree, int64_t base, const Lattice *lattice,
                 int64_t slot, int unfinished) {
  int32_t word = tree->word[lattice->slots[slot].node];
  double lifted = unfinished ? lattice->slots[slot].said : spelled(lattice, slot);
  if (word < 0 || !(lifted > TINY) || (tree->hidden && tree->hidden[word]) ||
      tree->weights[word] == -HUGE_VAL)
    return DONE;
  double value = log(lifted) - LIFT + tree->weights[word];
  return keep(found, (Word){value, slot, (int32_t)(base + word)},
              lifted * exp(tree->weights[word] - found->top));
}

/* Puts the children of a slot on the heap, but those that are not wanted. */
static int branch(const Tree *tree, const Lattice *lattice, Heap *heap, Found *found, int64_t slot,
                  int unfinished) {
  Slot at = lattice->slots[slot];
  int paying = lattice->paying && tree->bare && !unfinished;
  double paid = at.paid * lattice->pay;
  int32_t first = tree->first_child[at.node];
  for (int32_t child = first; child < first + tree->n_children[at.node]; child++) {
    int32_t letter = tree->letter[child];
    double bound = starts(lattice, lattice->onward, slot, letter);
    if (unfinished) bound += at.said;
    bound *= tree->gain[child];
    if (paying && bound >= found->floor) {
      double other = starts(lattice, lattice->paying, slot, letter) * paid * tree->bare[child];
      if (other < bound) bound = other;
    }
    if (bound < found->floor)
      found->rest += bound;
    else if (bound > 0.0 && push(heap, (Entry){bound, child, (int32_t)slot, letter}))
      return OUT_OF_MEMORY;
  }
  return DONE;
}

static int search(const Tree *tree, int64_t base, Lattice *lattice, Heap *heap, Found *found,
                  int64_t budget, int unfinished) {
  int status = DONE;
  heap->size = 0;
  lattice->slots[0].said = unfinished ? spelled(lattice, 0) : 0.0;
  if (branch(tree, lattice, heap, found, 0, unfinished)) return OUT_OF_MEMORY;
  while (heap->size && heap->entries[0].bound >= found->floor) {
    if (lattice->size > budget) {
      status = OUT_OF_BUDGET;
      break;
    }
    Entry entry = pop(heap);
    if (entry.letter < 0) {
      entry.letter = ~entry.letter;
    } else if (lattice->size > EASY && tree->below) {
      /* Only now, as most entries never come up. */
      if (!lattice->sums && tabulate(lattice)) return OUT_OF_MEMORY;
      double bound = tighten(lattice, tree, entry);
      if (unfinished) bound += lattice->slots[entry.parent].said;
      bound *= tree->gain[entry.node];
      if (entry.bound < bound) bound = entry.bound;
      if (bound < found->floor) {
        found->rest += bound;
        continue;
      }
      if (heap->size && bound < heap->entries[0].bound) {
        if (push(heap, (Entry){bound, entry.node, entry.parent, ~entry.letter}))
          return OUT_OF_MEMORY;
        continue;
      }
    }
    int64_t slot = grow(lattice, entry.node, entry.parent, entry.letter);
    if (slot < 0 || score(found, tree, base, lattice, slot, unfinished) ||
        branch(tree, lattice, heap, found, slot, unfinished))
      return OUT_OF_MEMORY;
  }
  for (int64_t i = 0; i < heap->size; i++) found->rest += heap->entries[i].bound;
  return status;
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
  int64_t made = 0;
  memset(beam->table, -1, (size_t)(beam->mask + 1) * sizeof(int32_t));
  for (int64_t i = 0; i < n; i++) {
    Alive at = beam->now[i];
    int32_t own = at.node ? tree->letter[at.node] : -1;
    Alive *stays = find(beam, &made, at.node, at.path);
    stays->path = at.path;
    stays->in_blank += (at.in_letter + at.in_blank) * lattice->blank[t];
    if (own >= 0) stays->in_letter += at.in_letter * lattice->letters[(int64_t)own * lattice->T + t];
    int32_t first = tree->first_child[at.node];
    for (int32_t child = first; child < first + tree->n_children[at.node]; child++) {
      int32_t letter = tree->letter[child];
      double from = letter == own ? at.in_blank : at.in_blank + at.in_letter;
      double p = from * lattice->letters[(int64_t)letter * lattice->T + t];
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
    double bound = (at->in_letter + at->in_blank) * tree->gain[at->node];
    if (bound > 0.0 && push(heap, (Entry){bound, (int32_t)i, 0, 0})) return OUT_OF_MEMORY;
  }
  int64_t n = 0;
  while (n < beam_size && heap->size) {
    Alive at = beam->next[pop(heap).node];
    if (at.path < 0) {
      beam->steps[beam->n_steps] = (Step){at.node, -2 - at.path, tree->letter[at.node]};
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
  return parent < 0 ? parent
                    : grow(lattice, steps[step].node, (int32_t)parent, steps[step].letter);
}

/* The time-synchronous beam over one tree: scores, each over all alignments, what survives it. */
static int narrow(const Tree *tree, int64_t base, Lattice *lattice, Heap *heap, Found *found,
                  int32_t beam_size, int unfinished) {
  int64_t room = (int64_t)beam_size * (lattice->K + 2), size = 1024;
  while (size < 2 * room) size *= 2;
  Beam beam = {malloc((size_t)room * sizeof(Alive)), malloc((size_t)room * sizeof(Alive)),
               malloc((size_t)size * sizeof(int32_t)), NULL, size - 1, 1};
  beam.steps = malloc(((size_t)beam_size * lattice->T + 1) * sizeof(Step));
  int64_t n = OUT_OF_MEMORY;
  if (beam.now && beam.next && beam.table && beam.steps) {
    beam.now[0] = (Alive){0, 0, 0.0, 1.0};
    beam.steps[0] = (Step){0, -1, -1};
    n = 1;
    for (int32_t t = 0; t < lattice->T && n >= 0; t++)
      n = prune(&beam, tree, heap, advance(&beam, tree, lattice, n, t), beam_size);
    for (int64_t i = 0; i < n; i++) {
      if (tree->word[beam.now[i].node] < 0) continue;
      int64_t slot = regrow(lattice, beam.steps, beam.now[i].path);
      int32_t word = (int32_t)(base + tree->word[beam.now[i].node]);
      int known = 0;
      for (int64_t j = 0; j < found->size && !known; j++) known = found->words[j].word == word;
      if (slot < 0 || (!known && score(found, tree, base, lattice, slot, unfinished))) {
        n = OUT_OF_MEMORY;
        break;
      }
    }
  }
  free(beam.now);
  free(beam.next);
  free(beam.table);
  free(beam.steps);
  return n < 0 ? OUT_OF_MEMORY : DONE;
}

/* ---- free spelling ---------------------------------------------------------------------- */

static int32_t child_with(const Tree *tree, int32_t node, int32_t letter) {
  if (node < 0) return -1;
  int32_t first = tree->first_child[node];
  for (int32_t child = first; child < first + tree->n_children[node]; child++)
    if (tree->letter[child] == letter) return child;
  return -1;
}

/* Whether the letters of a slot are a word of any tree, hidden ones too. */
static int is_word(const Lexicon *lexicon, const Lattice *lattice, int64_t slot, int32_t *letters) {
  int32_t n = 0;
  for (int64_t at = slot; at > 0; at = lattice->slots[at].parent)
    letters[n++] = lattice->slots[at].letter;
  for (int32_t i = 0; i < lexicon->n_trees; i++) {
    const Tree *tree = lexicon->trees + i;
    int32_t node = 0;
    for (int32_t j = n - 1; j >= 0; j--) node = child_with(tree, node, letters[j]);
    if (node > 0 && tree->word[node] >= 0) return 1;
  }
  return 0;
}

/* Finds the best spelling that is no word, if it is among the best of all. */
static int spell(const Lexicon *lexicon, Lattice *lattice, Heap *heap, Found *found,
                 int32_t *letters) {
  double gain = exp(lexicon->spell_score - found->top), each = exp(lexicon->spell_letter_score);
  int64_t slot = 0, limit = lattice->size + lexicon->spell_budget;
  int32_t n = 0; /* letters of `slot` */
  heap->size = 0;
  for (;;) {
    double worth = gain;
    for (int32_t i = 0; i <= n; i++) worth *= each;
    for (int32_t letter = 0; letter < lattice->K; letter++) {
      double bound = starts(lattice, lattice->onward, slot, letter) * worth;
      if (bound > 0.0 && bound >= found->floor &&
          push(heap, (Entry){bound, n + 1, (int32_t)slot, letter}))
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
      double value = log(lifted) - LIFT + lexicon->spell_score + n * lexicon->spell_letter_score;
      Word *held = found->size && found->words[found->size - 1].word < 0
                       ? found->words + found->size - 1 : NULL;
      if (held && held->score < value) {
        held->score = value;
        held->slot = slot;
      } else if (!held && keep(found, (Word){value, slot, -1}, 0.0)) {
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
 * Writes one frame a letter; returns how many, or OUT_OF_MEMORY. `work` holds T * (2T + 1) bytes
 * and `row` 3 * (2T + 1) doubles.
 */
static int32_t align(const Lattice *lattice, int64_t slot, int8_t *came, double *row,
                     int32_t *label, int32_t *frames) {
  int32_t T = lattice->T, K = lattice->K, n = 0;
  for (int64_t at = slot; at > 0; at = lattice->slots[at].parent) n++;
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
  return n;
}

typedef struct {          /* what a decoding writes */
  int32_t *words;         /* (room) entry counted on over the trees; -1 for a free spelling */
  double *scores;         /* (room) */
  int32_t *lengths;       /* (room) letters of each */
  int32_t *letters;       /* (room, T) */
  int32_t *frames;        /* (room, T) where each letter is surest */
  double *about;          /* whether no better word was missed; and no better free spelling;
                             natural log of the sum over words found; and at most of the rest;
                             natural log of all frames being blank */
} Answer;

static int64_t report(const Lexicon *lexicon, const Lattice *lattice, const Found *found,
                      int unfinished, int64_t room, Answer *out) {
  int32_t T = lattice->T;
  int8_t *came = malloc((size_t)T * (2 * T + 1));
  double *row = malloc((size_t)2 * (2 * T + 1) * sizeof(double));
  int64_t n = came && row ? 0 : OUT_OF_MEMORY;
  for (int64_t i = 0; n >= 0 && i < found->size && n < room; i++) {
    const Word *word = found->words + i;
    if (word->score < found->best[0] - found->slack) continue;
    out->words[n] = word->word;
    out->scores[n] = word->score + lattice->mass;
    int32_t *label = out->letters + n * T, *frames = out->frames + n * T;
    out->lengths[n] = 0;
    /* The word of an unfinished signal may have more letters than the signal has frames. */
    if (!unfinished) out->lengths[n] = align(lattice, word->slot, came, row, label, frames);
    n++;
  }
  free(came);
  free(row);
  double shift = lattice->mass + lexicon->top - LIFT;
  out->about[2] = log(found->sum) + shift;
  out->about[3] = log(found->rest) + shift;
  out->about[4] = log(spelled(lattice, 0)) - LIFT + lattice->mass;
  return n;
}

/* Finds the nbest best words and those closer than slack to the last of them.
 *
 * log_probs (T, V) are checked: BAD_INPUT if a row is not a distribution. Returns how many words
 * were written, in no order; a negative number is an error. `unfinished` ranks by the probability
 * that the frames spell the word or any beginning of it, and writes no frames. After `budget`
 * prefixes the search gives up its proof, and the beam goes on.
 */
EXPORT int64_t edgectc_decode(const Lexicon *lexicon, const double *log_probs, int32_t T,
                              int32_t nbest, double slack, int64_t budget, int32_t unfinished,
                              int64_t room, Answer *out) {
  Lattice lattice = {0};
  Heap heap = {0};
  Found found = {0};
  lattice.pay = exp(lexicon->letter_score);
  int possible = 0, status = OUT_OF_MEMORY;
  for (int i = 0; i < 5; i++) out->about[i] = i < 2 ? 1.0 : -HUGE_VAL;
  int64_t n = OUT_OF_MEMORY, base = 0;
  found.best = malloc((size_t)nbest * sizeof(double));
  if (found.best) status = prepare(&lattice, lexicon, log_probs, T, &possible);
  if (status == DONE && possible && lexicon->letter_score != 0.0) status = prepare_paying(&lattice);
  found.nbest = nbest;
  found.slack = slack;
  found.top = lexicon->top;
  for (int32_t i = 0; found.best && i < nbest; i++) found.best[i] = -HUGE_VAL;
  for (int32_t i = 0; i < lexicon->n_trees; i++) base += lexicon->trees[i].entries;
  for (int32_t i = lexicon->n_trees - 1; possible && status >= 0 && i >= 0; i--) {
    const Tree *tree = lexicon->trees + i; /* the largest tree last, when there are words to beat */
    base -= tree->entries;
    status = search(tree, base, &lattice, &heap, &found, budget, unfinished);
    if (status == OUT_OF_BUDGET) {
      out->about[0] = 0.0;
      status = narrow(tree, base, &lattice, &heap, &found, lexicon->beam_size, unfinished);
    }
  }
  if (possible && status >= 0 && lexicon->spell && !unfinished) {
    status = spell(lexicon, &lattice, &heap, &found, out->letters);
    if (status == OUT_OF_BUDGET) out->about[1] = 0.0;
  }
  n = status < 0 ? status : 0;
  if (possible && status >= 0)
    n = report(lexicon, &lattice, &found, unfinished, room, out);
  free(found.best);
  free(found.words);
  free(heap.entries);
  free(lattice.logs);
  free(lattice.letters);
  free(lattice.onward);
  free(lattice.blank);
  free(lattice.paying);
  free(lattice.sums);
  free(lattice.states);
  free(lattice.slots);
  return n;
}
