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

#define LIFT 600.0       /* see prefix_search.py */
#define TINY 1e-290
#define EASY 100         /* prefixes that are grown before bounds are tightened */
#define TOLERANCE 1e-3   /* see checks.py */
#define TO_COME 0.3      /* see prefix_search.py */

typedef struct {          /* a prefix that was grown */
  int32_t node, parent, letter;
  double prefix_mass;     /* lifted probability that the frames spell it or a beginning of it, see below */
  double letter_bonus;    /* exp(letter_score) for each of its letters */
} Slot;

typedef struct {          /* one utterance */
  int32_t T, K;
  double *logs;           /* (T, K+1) natural log, blank last */
  double *letters;        /* (K, T) lifted probability of each letter */
  double *onward;         /* (K, T) the same, and anything after that frame */
  double *paying;         /* (K, T) the same, each letter after it times exp(letter_score) */
  double *blank;          /* (T) */
  double *sums;           /* (4, 256, T) lifted probability of the letters of 8 bits, in the last
                             256 that of the blank, too; or NULL */
  double *states;         /* (slots, 2, T+1): first 0..t frames spell it; and end in blank */
  Slot *slots;
  int64_t size, room;
  double mass;            /* natural log of what other tokens took, over all frames */
  double pay;             /* exp(letter_score) */
  double carry;           /* what a beginning keeps of its mass for a letter that is still to come */
  double letter_score;
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
  double highest = -HUGE_VAL, plain = 0.0, all = 0.0, used = 0.0, scale = lexicon->scale;
  for (int32_t v = 0; v < V; v++) {
    if (!(row[v] < HUGE_VAL)) return NAN; /* NaN or +Inf */
    if (row[v] > highest) highest = row[v];
  }
  if (highest == -HUGE_VAL) return NAN;
  /* exp underflows to 0 below -746; columns without meaning hold -10,000, and no call is the faster. */
  for (int32_t v = 0; v < V; v++) plain += work[v] = row[v] - highest < -746.0 ? 0.0 : exp(row[v] - highest);
  if (!(fabs(log(plain) + highest) <= TOLERANCE)) return NAN;
  all = plain;
  if (scale != 1.0) {
    all = 0.0;
    for (int32_t v = 0; v < V; v++) all += work[v] = scale * (row[v] - highest) < -746.0 ? 0.0 : exp(scale * (row[v] - highest));
  }
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

/* Makes the lattice and the root's state; *possible is 0 if a frame allows no letter or blank. */
static int prepare(Lattice *lattice, const Lexicon *lexicon, const double *log_probs, int32_t T,
                   int *possible) {
  int32_t K = lexicon->K;
  double lift = LIFT / T;
  lattice->T = T;
  lattice->K = K;
  lattice->room = 32;
  lattice->size = 1;
  lattice->logs = edgectc_room(K + 1, T, sizeof(double));
  lattice->letters = edgectc_room(K, T, sizeof(double));
  lattice->onward = edgectc_room(K, T, sizeof(double));
  lattice->blank = edgectc_room(T, 1, sizeof(double));
  lattice->states = edgectc_room(2 * lattice->room, (int64_t)T + 1, sizeof(double));
  lattice->slots = edgectc_room(lattice->room, 1, sizeof(Slot));
  double *work = edgectc_room((int64_t)K + 1 + lexicon->V, 1, sizeof(double));
  if (!lattice->logs || !lattice->letters || !lattice->onward || !lattice->blank ||
      !lattice->states || !lattice->slots || !work) {
    free(work);
    return OUT_OF_MEMORY;
  }
  *possible = 1;
  double *root = lattice->states, *probs = work, *scratch = work + K + 1;
  /* At frame t all is kept times exp(LIFT * t / T): products of hundreds of small probabilities would
   * underflow, and logarithms in the inner loop would cost ten times as much. */
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
  double *after = edgectc_room(K, 1, sizeof(double)); /* from a letter at frame t on, lifted */
  lattice->paying = edgectc_room(K, T, sizeof(double));
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
  lattice->sums = edgectc_room(4 * 256, T, sizeof(double));
  if (!lattice->sums) return OUT_OF_MEMORY;
  for (int i = 0; i < 3; i++) memset(lattice->sums + (int64_t)256 * i * T, 0, (size_t)T * sizeof(double));
  memcpy(lattice->sums + (int64_t)768 * T, lattice->blank, (size_t)T * sizeof(double));
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

/* The bound `starts` gives, if the frames after the letter began may only hold blank, that letter,
 * and those that some word below it still has. */
static double tighten(const Lattice *lattice, uint32_t below, int64_t slot, int32_t letter) {
  int32_t T = lattice->T;
  uint32_t letters = below | 1u << letter;
  const double *from = before(lattice, slot, letter);
  const double *p = lattice->letters + (int64_t)letter * T;
  const double *a = lattice->sums + (int64_t)(letters & 255) * T;
  const double *b = lattice->sums + (int64_t)(256 + (letters >> 8 & 255)) * T;
  const double *c = lattice->sums + (int64_t)(512 + (letters >> 16 & 255)) * T;
  const double *d = lattice->sums + (int64_t)(768 + (letters >> 24)) * T;
  /* Two halves, so that a product need not wait for the other's. */
  double early = 0.0, late = 0.0, after_early = 1.0, after_late = 1.0;
  int32_t half = T / 2;
  if (T % 2) {
    late = from[T - 1] * p[T - 1];
    after_late = a[T - 1] + b[T - 1] + c[T - 1] + d[T - 1];
  }
  for (int32_t t = half - 1; t >= 0; t--) {
    int32_t u = t + half;
    late += from[u] * p[u] * after_late;
    after_late *= a[u] + b[u] + c[u] + d[u];
    early += from[t] * p[t] * after_early;
    after_early *= a[t] + b[t] + c[t] + d[t];
  }
  return late + after_late * early;
}

/* Makes the state of a prefix; returns its slot, or OUT_OF_MEMORY. */
static int64_t grow(Lattice *lattice, int32_t node, int32_t parent, int32_t letter) {
  int32_t T = lattice->T;
  if (lattice->size == lattice->room) {
    int64_t room = 2 * lattice->room;
    double *states = edgectc_more(lattice->states, 2 * room, (int64_t)T + 1, sizeof(double));
    if (!states) return OUT_OF_MEMORY;
    lattice->states = states;
    Slot *slots = edgectc_more(lattice->slots, room, 1, sizeof(Slot));
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
  const double *blank = lattice->blank;
  int32_t t = 0;
  for (; t + 1 < T; t += 2) { /* two frames at once: their sums need not wait for each other */
    double pair = p[t] * p[t + 1], first = p[t] * from[t];
    double blanks = blank[t] * blank[t + 1];
    double letter1 = p[t] * in_letter + first;
    double letter2 = pair * in_letter + p[t + 1] * (first + from[t + 1]);
    double blank1 = blank[t] * (in_blank + in_letter);
    double blank2 = blanks * (in_blank + in_letter) + blank[t + 1] * letter1;
    ended[t + 1] = blank1;
    any[t + 1] = blank1 + letter1;
    ended[t + 2] = in_blank = blank2;
    in_letter = letter2;
    any[t + 2] = blank2 + letter2;
  }
  for (; t < T; t++) {
    in_blank = blank[t] * (in_blank + in_letter);
    in_letter = p[t] * (in_letter + from[t]);
    ended[t + 1] = in_blank;
    any[t + 1] = in_blank + in_letter;
  }
  const Slot *from_slot = lattice->slots + parent;
  double letter_bonus = from_slot->letter_bonus * lattice->pay;
  double mass = costly(lattice) ? any[T] * letter_bonus : any[T];
  lattice->slots[slot] =
      (Slot){node, parent, letter, from_slot->prefix_mass * lattice->carry + mass, letter_bonus};
  return slot;
}

/* How many letters the prefix of a slot has. */
static int32_t length_of(const Lattice *lattice, int64_t slot) {
  int32_t n = 0;
  for (; slot > 0; slot = lattice->slots[slot].parent) n++;
  return n;
}

/* Lifted probability that all frames spell the prefix of a slot. */
static double spelled(const Lattice *lattice, int64_t slot) {
  return lattice->states[2 * slot * (lattice->T + 1) + lattice->T];
}

/* The child of a node by a letter, or -1. */
static int32_t child_with(const Tree *tree, int32_t node, int32_t letter) {
  if (node < 0) return -1;
  int32_t first = tree->first_child[node];
  for (int32_t child = first; child < first + tree->n_children[node]; child++)
    if (tree->letter[child] == letter) return child;
  return -1;
}

#if defined(__GNUC__)
#define NOT_INLINE __attribute__((noinline, unused))
#else
#define NOT_INLINE
#endif

/* What all words of an entry weigh together, in shares of the heaviest. */
static NOT_INLINE double more(const Tree *tree, int32_t entry) {
  int64_t low = 0, high = tree->n_several;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (tree->several[middle] < entry) low = middle + 1;
    else high = middle;
  }
  return low < tree->n_several && tree->several[low] == entry ? tree->more[low] : 1.0;
}

/* The most that it is of any entry. */
static inline double most_more(const Lexicon *lexicon) {
  double most = 1.0;
  for (int32_t i = 0; i < lexicon->n_trees; i++)
    if (lexicon->trees[i].most > most) most = lexicon->trees[i].most;
  return most;
}

#endif
