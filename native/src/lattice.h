/* The lattice of one utterance, in which a prefix is grown letter by letter over all frames at once. */
#ifndef EDGECTC_LATTICE_H
#define EDGECTC_LATTICE_H

#include <math.h>

#include "queues.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)0)
#endif

#if defined(__GNUC__)
#define NOT_INLINE __attribute__((noinline, unused))
#else
#define NOT_INLINE
#endif
#if defined(__wasm__)
#define SMALL NOT_INLINE
#else
#define SMALL inline
#endif

#include "exps.h"

#define ACROSS 7          /* vectors of letters that are computed at once: as many as registers hold */
#if defined(__wasm__)
#define MOST_ACROSS 0    /* letters whose bounds are computed at once; none: a page waits longer for the code */
#else
#define MOST_ACROSS 112  /* letters whose bounds are computed at once where enough of them follow; of more they never do */
#endif
#define LIFT 600.0       /* see prefix_search.py */
#define TINY 1e-290
#define MOST_KEPT 800000 /* bytes of an array that stay for the next search */
#define EASY 200         /* prefixes that are grown before bounds are tightened */
#define HARD 1000        /* the same where bounds are of one word, which are tight enough for most */
#define NO_LETTER 0xFFFF /* no letter has this number */
#define TOLERANCE 1e-3   /* see checks.py */
#define TO_COME 0.5      /* see prefix_search.py */
#define LEAST_SHARE 0.01 /* see trace.py */

/* The frames are cut into four parts of `quarter` frames, which lie side by side: frame t of part r is at
 * 4 * t + r. What one part computes does not wait for another, so four are computed at once. The frames that
 * fill up the last part change nothing: no letter in them, and a certain blank. */
#define PARTS 4

typedef struct {          /* a prefix that was grown */
  int32_t node, parent;
  uint16_t letter, tree;  /* the last one; the tree of its node */
  int32_t length;         /* letters */
  int32_t waiting;        /* entries of the queue that continue it */
  double *states;         /* (2, P): the frames before this one spell it; and end in blank */
  double spelled;         /* lifted probability that all frames spell it */
  double prefix_mass;     /* lifted probability that the frames spell it or a beginning of it, see below */
  double letter_bonus;    /* exp(letter_score) for each of its letters */
} Slot;

typedef struct {          /* one utterance; of (P) frames, see PARTS */
  int32_t T, K, P, quarter, width; /* width: K, and some more */
  double *logs;           /* (T, K+1) natural log, blank last; frame after frame */
  double *letters;        /* (K, P) lifted probability of each letter */
  double *onward;         /* (K, P) the same, and what may follow it, see `look_onward` */
  double *paying;         /* (K, P) the same, each letter after it times exp(letter_score) */
  int alone;              /* whether bounds are of each word by itself, not of all below a prefix together */
  double *across;         /* (P, width) `onward` or `paying`, frame after frame: what bounds the children of a slot; or NULL */
  double *onsets;         /* (width) of one slot, see `onsets_of` */
  double *blank;          /* (P) */
  double *sums;           /* (4, 256, P) lifted probability of the letters of 8 bits, in the last
                             256 that of the blank, too; or NULL */
  uint8_t *summed;        /* (4, 256) whether they are there; most sets are never asked for */
  Slot *slots;
  double *spare;          /* states that nobody continues any more, each with the address of the next; or NULL */
  int64_t size, room;
  Pool *pool;             /* where all of it lies, but the slots */
  double mass;            /* natural log of what other tokens took, over all frames */
  double pay;             /* exp(letter_score) */
  double carry;           /* what a beginning keeps of its mass for a letter that is still to come */
  double letter_score;
  double passing;         /* see Lexicon; 0 of a finished signal */
  const double *ahead;    /* (K) */
  double loose;           /* what the bounds of a partial signal are times, see `head_for` */
  double last_mass;       /* as `mass`, of the last frame */
  double before_last;     /* what a state at the last frame is times, lifted as all frames are */
} Lattice;

/* While the signal goes on a word counts by its beginnings. One of k letters is paid for k letters, and
 * the others of n cost TO_COME each: P(first k) * pay^k * exp(-TO_COME * (n - k)). Where letters pay,
 * prefix_mass is the sum of these over pay^n, so that `weights`, which pay for all n, and their bounds
 * stay what they are. Where they cost (`costly`) it is the sum itself, on weights without letter_score.
 * So neither outgrows the range of a double. */
static int costly(const Lattice *lattice) { return lattice->letter_score < 0.0; }

/* ---- lattice ---------------------------------------------------------------------------- */

/* Checks one row; writes its (K + 1) natural logs, normalised over all V tokens, and the same as
 * probabilities among themselves. Returns the log of the mass they have of all V, -inf for none, or
 * NaN if the row is no distribution. `work` holds V doubles. */
static double read_row(const Lexicon *lexicon, const double *row, double *logs, double *probs,
                       double *work) {
  int32_t V = lexicon->V, K = lexicon->K;
  double highest = -HUGE_VAL, used = 0.0, scale = lexicon->scale;
  for (int32_t v = 0; v < V; v++) {
    if (!(row[v] < HUGE_VAL)) return NAN; /* NaN or +Inf */
    if (row[v] > highest) highest = row[v];
  }
  if (highest == -HUGE_VAL) return NAN;
  double all = exps(row, V, highest, 1.0, work);
  if (!(fabs(log(all) + highest) <= TOLERANCE)) return NAN;
  if (scale != 1.0) all = exps(row, V, highest, scale, work);
  int32_t blank = lexicon->columns[K];
  all -= work[blank];
  work[blank] *= exp(-lexicon->blank_penalty);
  all += work[blank];
  double total = log(all) + scale * highest, shift = scale * highest;
  for (int32_t k = 0; k <= K; k++) {
    used += probs[k] = work[lexicon->columns[k]];
    logs[k] = scale * row[lexicon->columns[k]] - total;
  }
  logs[K] -= lexicon->blank_penalty;
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

/* Where a frame lies. */
static int32_t place_of(const Lattice *lattice, int32_t t) {
  return t % lattice->quarter * PARTS + t / lattice->quarter;
}

/* Makes the lattice and the root's state; *possible is 0 if a frame allows no letter or blank. */
static int prepare(Lattice *lattice, const Lexicon *lexicon, const double *log_probs, int32_t T,
                   int *possible) {
  int32_t K = lexicon->K;
  double lift = LIFT / T;
  lattice->T = T;
  lattice->K = K;
  lattice->quarter = (T + 2 * PARTS - 1) / (2 * PARTS) * 2; /* even: two frames are taken at once */
  lattice->size = 1;
  int32_t P = lattice->P = PARTS * lattice->quarter;
  Pool *pool = lattice->pool;
  lattice->logs = edgectc_take(pool, K + 1, T, sizeof(double));
  lattice->letters = edgectc_take(pool, K, P, sizeof(double));
  lattice->onward = edgectc_take(pool, K, P, sizeof(double));
  lattice->blank = edgectc_doubles(pool, P);
  lattice->width = (K + 4 * ACROSS - 1) / (4 * ACROSS) * (4 * ACROSS);
  lattice->onsets = edgectc_doubles(pool, lattice->width);
  double *root = edgectc_doubles(pool, 2 * (int64_t)P);
  double *work = edgectc_doubles(pool, (int64_t)K + 1 + lexicon->V);
  if (!lattice->slots) {
    lattice->room = 256;
    lattice->slots = edgectc_room(lattice->room, 1, sizeof(Slot));
  }
  if (!lattice->logs || !lattice->letters || !lattice->onward || !lattice->blank || !lattice->onsets || !root || !lattice->slots || !work)
    return OUT_OF_MEMORY;
  *possible = 1;
  double *probs = work, *scratch = work + K + 1;
  /* At frame t all is kept times exp(LIFT * t / T): products of hundreds of small probabilities would
   * underflow, and logarithms in the inner loop would cost ten times as much. */
  double up = exp(lift), rest = exp(lift * (T - 1)), silent = 1.0;
  for (int32_t t = 0; t < P; t++) {
    int32_t place = place_of(lattice, t);
    if (t >= T) {
      for (int32_t k = 0; k < K; k++)
        lattice->letters[(int64_t)k * P + place] = lattice->onward[(int64_t)k * P + place] = 0.0;
      lattice->blank[place] = 1.0;
      root[place] = root[P + place] = 0.0;
      continue;
    }
    double *logs = lattice->logs + (int64_t)t * (K + 1);
    double mass = read_row(lexicon, log_probs + (int64_t)t * lexicon->V, logs, probs, scratch);
    if (isnan(mass)) return BAD_INPUT;
    if (mass == -HUGE_VAL) *possible = 0; /* the rows after it are still to be checked */
    if (!*possible) continue;
    lattice->mass += mass;
    lattice->last_mass = mass;
    for (int32_t k = 0; k < K; k++) {
      double p = probs[k] * up;
      lattice->letters[(int64_t)k * P + place] = p;
      lattice->onward[(int64_t)k * P + place] = p * rest; /* of anything that may follow: all of it is 1 */
    }
    rest /= up;
    lattice->blank[place] = probs[K] * up;
    root[place] = root[P + place] = silent;
    silent *= lattice->blank[place];
  }
  lattice->slots[0] = (Slot){0, -1, NO_LETTER, 0, 0, 0, root, silent, 0.0, 1.0};
  return DONE;
}

/* Where the finger is bound for. The letter of the last frame may be one that it only passes: then a
 * beginning counts by what the frames before that one spell, and the next letter by its direction. Fewer frames
 * begin with a prefix less often than all of them do, so bounds rise by that direction at most; where letters
 * cost, the frame that is left out may have cost one. What other tokens took of that frame is not missing. */
static NOT_INLINE void head_for(Lattice *lattice, const Lexicon *lexicon, int partial) {
  lattice->loose = 1.0;
  if (!partial || !lexicon->ahead) return;
  double most = 0.0, share = exp(lattice->last_mass);
  for (int32_t k = 0; k < lexicon->K; k++)
    if (lexicon->ahead[k] > most) most = lexicon->ahead[k];
  lattice->passing = lexicon->passing;
  lattice->ahead = lexicon->ahead;
  double passing = lattice->passing / (share > LEAST_SHARE ? share : LEAST_SHARE);
  lattice->before_last = passing * exp(LIFT / lattice->T);
  if (costly(lattice)) most /= lattice->pay;
  lattice->loose = 1.0 - lattice->passing + passing * most;
}

/* Writes to table (K, P) the lifted probability of each letter at each frame and of what may follow it, each further letter
 * times `pay`: anything, or what no single word can exceed. A word goes on to one next letter and not to any, so the
 * likeliest at each frame is counted in place of their sum. Sloppy strokes spell many strings with no word among them:
 * all together they are likely, and each is not. */
static int look_onward(Lattice *lattice, double *table, double pay) {
  int32_t P = lattice->P, K = lattice->K;
  double *after = edgectc_doubles(lattice->pool, K); /* from a letter at frame t on */
  if (!after) return OUT_OF_MEMORY;
  double after_blank = 1.0;
  for (int32_t k = 0; k < K; k++) after[k] = 1.0;
  for (int32_t t = P - 1; t >= 0; t--) {
    int32_t place = place_of(lattice, t);
    double all = 0.0, best = 0.0, second = 0.0;
    for (int32_t k = 0; k < K; k++) {
      double begins = table[(int64_t)k * P + place] = lattice->letters[(int64_t)k * P + place] * after[k];
      all += begins;
    }
    for (int32_t k = 0; lattice->alone && k < K; k++) {
      double begins = table[(int64_t)k * P + place];
      if (begins > second) second = begins > best ? best : begins;
      if (begins > best) best = begins;
    }
    if (lattice->alone) all = best;
    double blank = lattice->blank[place] * after_blank;
    for (int32_t k = 0; k < K; k++) {
      double begins = table[(int64_t)k * P + place];
      double others = !lattice->alone ? all - begins : begins < best ? best : second;
      after[k] = blank + begins + pay * others;
    }
    after_blank = blank + pay * all;
    if (lattice->passing == 0.0 || !lattice->alone || t != lattice->T - 1) continue;
    /* The last frame may be left out, and then takes nothing from a word. */
    double up = exp(LIFT / lattice->T);
    for (int32_t k = 0; k < K; k++) after[k] = fmax(after[k], up);
    after_blank = fmax(after_blank, up);
  }
  return DONE;
}

/* Lays the letters of each frame side by side. */
static int lay_across(Lattice *lattice, const double *onward) {
  int64_t K = lattice->K, P = lattice->P, W = lattice->width;
  if (W > MOST_ACROSS) return DONE;
  lattice->across = edgectc_take(lattice->pool, P, W, sizeof(double));
  if (!lattice->across) return OUT_OF_MEMORY;
  for (int64_t t = 0; t < P; t++)
    for (int64_t k = 0; k < W; k++) lattice->across[t * W + k] = k < K ? onward[k * P + t] : 0.0;
  return DONE;
}

/* Where a child with this letter continues: the state of any ending, or of one in blank. */
static const double *before(const Lattice *lattice, int64_t slot, int32_t letter) {
  return lattice->slots[slot].states + (lattice->slots[slot].letter == letter ? lattice->P : 0);
}

/* Makes room for the probability of any set of letters, byte by byte of its bits, with that of the empty sets. */
static int tabulate(Lattice *lattice) {
  int32_t P = lattice->P, last = place_of(lattice, lattice->T - 1);
  lattice->sums = edgectc_doubles(lattice->pool, 4 * 256 * (int64_t)P);
  lattice->summed = edgectc_take(lattice->pool, 4, 256, 1);
  if (!lattice->sums || !lattice->summed) return OUT_OF_MEMORY;
  memset(lattice->summed, 0, 4 * 256);
  for (int i = 0; i < 3; i++) memset(lattice->sums + (int64_t)256 * i * P, 0, (size_t)P * sizeof(double));
  memcpy(lattice->sums + (int64_t)768 * P, lattice->blank, (size_t)P * sizeof(double));
  for (int i = 0; i < 4; i++) lattice->summed[256 * i] = 1;
  /* Whatever the last frame of a partial signal is may be left out. */
  if (lattice->passing != 0.0) lattice->sums[(int64_t)768 * P + last] = exp(LIFT / lattice->T);
  return DONE;
}

/* Lets go of one entry that continues a slot. After the last one its states are the next prefix's: they are in the cache, and
 * a hard search takes less memory. Those of the root, slot 0, stay. */
static inline void let_go(Lattice *lattice, int32_t slot) {
  if (slot <= 0 || --lattice->slots[slot].waiting) return;
  double *states = lattice->slots[slot].states;
  memcpy(states, &lattice->spare, sizeof lattice->spare);
  lattice->spare = states;
}

/* How many letters the prefix of a slot has. */
static int32_t length_of(const Lattice *lattice, int64_t slot) { return lattice->slots[slot].length; }

/* Lifted probability that all frames spell the prefix of a slot. */
static double spelled(const Lattice *lattice, int64_t slot) {
  return lattice->slots[slot].spelled;
}

/* The child of a node by a letter, or -1. */
static int32_t child_with(const Tree *tree, int32_t node, int32_t letter) {
  if (node < 0) return -1;
  const int32_t *first = tree->nodes.first_child + node;
  for (int32_t child = first[0]; child < first[1]; child++)
    if (edgectc_letter(&tree->nodes, child) == letter) return child;
  return -1;
}

/* The most that it is of any entry. */
static inline double most_more(const Lexicon *lexicon) {
  double most = 1.0;
  for (int32_t i = 0; i < lexicon->n_trees; i++)
    if (lexicon->trees[i].most > most) most = lexicon->trees[i].most;
  return most;
}

#endif
