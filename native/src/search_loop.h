/* The search over one tree, for one kind of processor. What includes this defines NAME, which names its
 * functions, TARGET, their attributes, LANES: how many doubles are computed at once, and CLEAR, which stands before calls of
 * functions of libc: they are compiled for any processor, and the upper halves of registers would make each of their
 * instructions wait. All other functions that the loop calls are here, too, and not compiled for any processor. */

#if LANES > 1
typedef double NAME(Lanes) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
#else
typedef double NAME(Lanes);
#endif

#ifndef GROUPS
#define GROUPS (PARTS / LANES)
#define AT(where) (*(NAME(Lanes) *)(where))
#define EACH_GROUP for (int g = 0; g < GROUPS; g++)
#if defined(__GNUC__) && !defined(__wasm__) /* a page waits longer for more bytes than for these calls */
#define FLATTEN __attribute__((flatten))
#else
#define FLATTEN
#endif
#endif

/* Lifted probability of starting with a prefix and then `letter`; `from` is the state `before` it,
 * `onward` tells what comes after. */
TARGET static double NAME(starts)(const Lattice *lattice, const double *onward, const double *from,
                                  int32_t letter) {
  int64_t P = lattice->P;
  const double *p = onward + (int64_t)letter * P;
  NAME(Lanes) even[GROUPS] = {{0.0}}, odd[GROUPS] = {{0.0}};
  for (int64_t t = 0; t < P; t += 2 * PARTS) EACH_GROUP {
    int64_t at = t + g * LANES;
    even[g] = MADD(AT(from + at), AT(p + at), even[g]);
    odd[g] = MADD(AT(from + at + PARTS), AT(p + at + PARTS), odd[g]);
  }
  double parts[PARTS];
  EACH_GROUP AT(parts + g * LANES) = even[g] + odd[g];
  return parts[0] + parts[1] + (parts[2] + parts[3]);
}

/* Writes what `starts` gives for each letter after the state `from`, times `pays`. All at once: no sum waits for another, and
 * none is added up within a vector. */
TARGET static void NAME(onsets_of)(const Lattice *lattice, const double *from, double pays, double *onsets) {
  int64_t P = lattice->P, W = lattice->width;
  for (int64_t first = 0; first < W; first += ACROSS * LANES) {
    NAME(Lanes) sums[ACROSS] = {{0.0}};
    const double *p = lattice->across + first;
    for (int64_t t = 0; t < P; t++, p += W)
      for (int i = 0; i < ACROSS; i++) sums[i] = MADD(EVERY(from[t]), AT(p + i * LANES), sums[i]);
    for (int i = 0; i < ACROSS; i++) AT(onsets + first + i * LANES) = EVERY(pays) * sums[i];
  }
}

#include "light.h" /* once a set */
/* Sums up the probability of a set of letters, `bits` of a byte of them; see `tabulate`. */
TARGET static NOT_INLINE void NAME(sum_up)(const Lattice *lattice, int32_t byte, uint32_t bits) {
  int64_t P = lattice->P;
  uint8_t *summed = lattice->summed + 256 * byte;
  double *sums = lattice->sums + (int64_t)256 * byte * P;
  int32_t last = lattice->passing == 0.0 ? -1 : place_of(lattice, lattice->T - 1);
  for (uint32_t had = 0; had != bits;) { /* from the lowest letter up, each set out of one that has a letter less */
    uint32_t bit = (bits ^ had) & (~(bits ^ had) + 1), with = had | bit;
    if (!summed[with]) {
      const double *p = lattice->letters + (8 * byte + edgectc_count_bits(bit - 1)) * P;
      for (int64_t t = 0; t < P; t += LANES) AT(sums + with * P + t) = AT(sums + had * P + t) + AT(p + t);
      if (last >= 0) sums[with * P + last] = sums[last];
      summed[with] = 1;
    }
    had = with;
  }
}
#include "cold_end.h"

/* The bound `starts` gives, if the frames after the letter began may only hold blank, that letter,
 * and those that some word below it still has. */
TARGET static double NAME(tighten)(const Lattice *lattice, uint32_t letters, const double *from,
                                   int32_t letter) {
  int64_t P = lattice->P;
  const double *p = lattice->letters + (int64_t)letter * P;
  uint32_t sets[4] = {letters & 255, 256 + (letters >> 8 & 255), 512 + (letters >> 16 & 255), 768 + (letters >> 24)};
  const uint8_t *summed = lattice->summed;
  if (!(summed[sets[0]] & summed[sets[1]] & summed[sets[2]] & summed[sets[3]]))
    for (int32_t i = 0; i < 4; i++)
      if (!summed[sets[i]]) NAME(sum_up)(lattice, i, sets[i] & 255);
  const double *a = lattice->sums + sets[0] * P, *b = lattice->sums + sets[1] * P;
  const double *c = lattice->sums + sets[2] * P, *d = lattice->sums + sets[3] * P;
  NAME(Lanes) held[GROUPS], rest[GROUPS]; /* within each part of the signal */
  EACH_GROUP held[g] = 0.0 * AT(p), rest[g] = held[g] + 1.0;
  for (int64_t t = P - PARTS; t >= 0; t -= PARTS) EACH_GROUP {
    int64_t at = t + g * LANES;
    held[g] = MADD(AT(from + at) * AT(p + at), rest[g], held[g]);
    rest[g] *= (AT(a + at) + AT(b + at)) + (AT(c + at) + AT(d + at));
  }
  double begun[PARTS], after[PARTS];
  EACH_GROUP AT(begun + g * LANES) = held[g], AT(after + g * LANES) = rest[g];
  double sum = begun[PARTS - 1], all = after[PARTS - 1];
  for (int part = PARTS - 2; part >= 0; part--) {
    sum += begun[part] * all;
    all *= after[part];
  }
  return sum;
}

/* Computes the states of a prefix with one letter more, whose probabilities are `p` (P), out of those
 * `from` (P) which it continues; returns the lifted probability that all frames spell it.
 *
 * A frame takes (in_letter, in_blank) to (p * (in_letter + from), blank * (in_blank + in_letter)), so
 * the frames of a part take it to what they gain and what they keep of it. Once these are known for
 * each part, so is how each begins, and what lies in between is computed for all parts at once. */
TARGET static double NAME(spell)(const Lattice *lattice, const double *from, const double *p,
                                 double *any, double *ended) {
  int64_t P = lattice->P;
  const double *blank = lattice->blank;
  double letter[PARTS], silent[PARTS], letters[PARTS], silence[PARTS], turns[PARTS];
  EACH_GROUP {
    int64_t from_group = g * LANES;
    NAME(Lanes) l = 0.0 * AT(p + from_group), b = l, ll = l + 1.0, bb = ll, lb = l;
    for (int64_t t = from_group; t < P; t += PARTS) {
      b = MADD(AT(blank + t), b, AT(blank + t) * l);
      lb = MADD(AT(blank + t), lb, AT(blank + t) * ll);
      bb *= AT(blank + t);
      l = MADD(AT(p + t), l, AT(p + t) * AT(from + t));
      ll *= AT(p + t);
    }
    AT(letter + from_group) = l;       /* gained */
    AT(silent + from_group) = b;
    AT(letters + from_group) = ll;     /* kept of the letter */
    AT(silence + from_group) = bb;     /* kept of the blank */
    AT(turns + from_group) = lb;       /* of the letter, and blank now */
  }
  double in_letter = 0.0, in_blank = 0.0;
  for (int part = 0; part < PARTS; part++) {
    double next_letter = letter[part] + letters[part] * in_letter;
    double next_blank = silent[part] + (silence[part] * in_blank + turns[part] * in_letter);
    letter[part] = in_letter;
    silent[part] = in_blank;
    in_letter = next_letter;
    in_blank = next_blank;
  }
  EACH_GROUP {
    NAME(Lanes) l = AT(letter + g * LANES), b = AT(silent + g * LANES);
    for (int64_t t = g * LANES; t < P; t += PARTS) {
      AT(any + t) = b + l;
      AT(ended + t) = b;
      b = MADD(AT(blank + t), b, AT(blank + t) * l);
      l = MADD(AT(p + t), l, AT(p + t) * AT(from + t));
    }
  }
  return in_letter + in_blank;
}

#include "light.h"
/* What a slot leaves to a child by this letter, of its own mass and that of its beginnings. */
TARGET static SMALL double NAME(left_to)(const Lattice *lattice, const Slot *slot, int32_t letter) {
  if (lattice->passing == 0.0) return slot->prefix_mass * lattice->carry;
  double before_last = slot->states[place_of(lattice, lattice->T - 1)] * lattice->before_last;
  double mass = lattice->ahead[letter] * before_last;
  return (slot->prefix_mass + (costly(lattice) ? mass * slot->letter_bonus : mass)) * lattice->carry;
}
#include "cold_end.h"

/* Makes the state of a prefix; returns its slot, or OUT_OF_MEMORY. */
TARGET static int64_t NAME(grow)(Lattice *lattice, int32_t node, int32_t parent, int32_t letter) {
  int32_t P = lattice->P;
  if (lattice->size == lattice->room) {
    int64_t room = 2 * lattice->room;
    Slot *slots = edgectc_more(lattice->slots, room, 1, sizeof(Slot));
    if (!slots) return OUT_OF_MEMORY;
    lattice->slots = slots;
    lattice->room = room;
  }
  double *any = lattice->spare;
  if (any) memcpy(&lattice->spare, any, sizeof lattice->spare);
  else any = edgectc_doubles(lattice->pool, 2 * (int64_t)P);
  if (!any) return OUT_OF_MEMORY;
  double *ended = any + P;
  int64_t slot = lattice->size++;
  const double *from = before(lattice, parent, letter);
  double all = NAME(spell)(lattice, from, lattice->letters + (int64_t)letter * P, any, ended);
  const Slot *from_slot = lattice->slots + parent;
  double letter_bonus = from_slot->letter_bonus * lattice->pay;
  double mass = (costly(lattice) ? all * letter_bonus : all) * (1.0 - lattice->passing);
  lattice->slots[slot] =
      (Slot){node, parent, (uint16_t)letter, from_slot->tree, from_slot->length + 1, 0, any, all,
             NAME(left_to)(lattice, from_slot, letter) + mass, letter_bonus};
  return slot;
}

/* Puts the children of a slot into the queue, but those that are not wanted; `which` is its tree. Returns how many, or
 * OUT_OF_MEMORY. */
TARGET FLATTEN static NOT_INLINE int NAME(branch)(const Tree *tree, int32_t which, Lattice *lattice, Queue *queue, Found *found,
                                int64_t slot, int partial) {
  Slot at = lattice->slots[slot];
  Nodes nodes = tree->nodes;
  int32_t wanted = 0;
  double floor = found->floor, rest = 0.0; /* beside what the loop writes: a sum in memory waits for itself */
  int costs = partial && costly(lattice), paying = lattice->paying && !costs;
  int tight = lattice->size > (lattice->alone ? HARD : EASY) && lattice->K <= 32; /* most searches end before */
  if (tight && !lattice->sums && tabulate(lattice)) return OUT_OF_MEMORY;
  double letter_bonus = at.letter_bonus * lattice->pay, loose = lattice->loose * tree->rise, paid = letter_bonus * loose;
  double pays = costs ? paid : loose;
  const double *onward = costs ? lattice->paying : lattice->onward;
  const uint16_t *gain = costs ? tree->bare : tree->gain;
  const int32_t *first = nodes.first_child + at.node;
  const double *any = at.states, *ended = any + lattice->P;
  double *onsets = lattice->onsets;
  int32_t begin = first[0], end = first[1];
  int many = MOST_ACROSS && lattice->across && 3 * (end - begin) >= lattice->width; /* three together cost as much as one alone */
  if (many) NAME(onsets_of)(lattice, any, pays, onsets);
  if (many && at.letter != NO_LETTER) onsets[at.letter] = NAME(starts)(lattice, onward, ended, at.letter) * pays; /* see `before` */
  for (int32_t child = begin; (!many || partial) && child < end; child++) {
    int32_t letter = edgectc_letter(&nodes, child);
    if (!many) onsets[letter] = NAME(starts)(lattice, onward, letter == at.letter ? ended : any, letter) * pays;
    /* A word counts by its beginnings, too, while the signal goes on, and those of the prefix have passed. */
    if (partial) onsets[letter] += NAME(left_to)(lattice, &at, letter) * tree->rise;
  }
  for (int32_t child = begin; child < end; child++) {
    int32_t letter = edgectc_letter(&nodes, child);
    /* P(the frames start with the prefix) times the best weight below it, see `look_onward`. No path starts with it and
     * spells a word elsewhere, and no word below weighs more, so no word below scores more: a prefix
     * that is left for its bound loses no word. */
    double bound = onsets[letter] * edgectc_bound(gain, child);
    /* A long word's letter_score is in its weight although the signal may have no room for its letters.
     * So a second bound: every further letter pays as it is emitted, and weights are taken bare. Both
     * are bounds, so the lower one is; it is computed only where the first did not settle it. */
    if (bound < floor) {
      rest += bound;
      continue;
    }
    const double *from = letter == at.letter ? ended : any;
    double passed = partial ? NAME(left_to)(lattice, &at, letter) * tree->rise : 0.0;
    if (paying) {
      double other = NAME(starts)(lattice, lattice->paying, from, letter) * paid;
      other = (passed * letter_bonus + other) * edgectc_bound(tree->bare, child);
      if (other < bound) bound = other;
    }
    /* The third costs as much as growing the prefix, so only a search that has proven hard takes it; where bounds are of one
     * word, which are closer by themselves, only for nodes whose letters need not be gathered. */
    if (tight && bound >= floor && (!lattice->alone || child < tree->known)) {
      double other = NAME(tighten)(lattice, edgectc_below(tree, child), from, letter);
      other = (passed + other * pays) * edgectc_bound(gain, child);
      if (other < bound) bound = other;
    }
    /* What is left unseen is added up: no path spells two words, so the bounds of disjoint prefixes sum
     * to the most that all words never looked at can weigh together, if they are of all words below. */
    if (bound < floor) {
      rest += bound;
    } else if (bound > 0.0) {
      if (put(queue, (Entry){bound, child, slot ? (int32_t)slot : -which, letter, -1})) return OUT_OF_MEMORY;
      wanted++;
    }
  }
  found->rest += rest;
  return wanted;
}

#include "light.h" /* once a word, not once a prefix */
/* What an entry of so many letters weighs, and all of its words together, in shares of the heaviest. */
TARGET static NOT_INLINE double NAME(weigh)(const Tree *tree, int32_t entry, int32_t letters, double *more) {
  int64_t place = edgectc_several_before(tree->several, tree->before, tree->n_several, entry);
  *more = place < tree->n_several && tree->several[place] == entry ? tree->more[place] : 1.0;
  return edgectc_weight(tree, tree->beyond ? entry + tree->beyond[place] : entry, letters);
}

/* Scores the word that ends at a grown slot, if any. */
TARGET static int NAME(score)(Found *found, const Tree *tree, int64_t base, const Lattice *lattice,
                 int64_t slot, int partial) {
  int32_t word = edgectc_entry_at(&tree->nodes, lattice->slots[slot].node);
  double lifted = partial ? lattice->slots[slot].prefix_mass : spelled(lattice, slot);
  /* Under TINY the lifted sum has lost its digits: such a word is impossible beside any other. */
  if (word < 0 || !(lifted > TINY) || (tree->hidden && edgectc_hidden(tree->hidden, word))) return DONE;
  /* No word at or below the node weighs more: most words are not worth a look at their weight. */
  const uint16_t *most = partial && costly(lattice) ? tree->bare : tree->gain;
  if (lattice->alone && lifted * edgectc_bound(most, lattice->slots[slot].node) * tree->rise < found->last) return DONE;
  int32_t letters = length_of(lattice, slot);
  double more, weight = NAME(weigh)(tree, word, letters, &more);
  if (weight == -HUGE_VAL) return DONE;
  if (partial && costly(lattice)) weight -= lattice->letter_score * letters;
  CLEAR;
  double share = lifted * exp(weight - found->top);
  found->sum += share * more; /* so that the posterior knows what there is beside */
  if (share < found->last) return DONE; /* before the logarithm, which most words are not worth */
  double value = log(lifted) - LIFT + weight;
  return keep(found, (Word){value, slot, (int32_t)(base + word)});
}
#include "cold_end.h"

/* Finds the words that reach the floor, which rises as they are found. All trees wait in one queue: likely words cut
 * the others off, be they of the lexicon or of what lies over it. */
TARGET FLATTEN
static int NAME(search)(const Lexicon *lexicon, Lattice *lattice, Queue *queue, Found *found, int64_t budget,
                        int partial) {
  Entry entry;
  int status = empty(queue, lattice->pool);
  if (status == DONE) status = lay_across(lattice, partial && costly(lattice) ? lattice->paying : lattice->onward);
  lattice->slots[0].prefix_mass = partial ? spelled(lattice, 0) * (1.0 - lattice->passing) : 0.0;
  for (int32_t i = lexicon->n_trees - 1; status == DONE && i >= 0; i--)
    if (NAME(branch)(lexicon->trees + i, i, lattice, queue, found, 0, partial) < 0) status = OUT_OF_MEMORY;
  if (status != DONE) return OUT_OF_MEMORY; /* of a queue that was not made nothing can be taken */
  while (status == DONE && take(queue, &entry)) {
    /* The floor may have risen since the entry was put there. Entries come in nearly the order of their
     * bounds, so the first one under the floor does not end the loop: later ones may be above it, by
     * as much as a stack is wide. */
    if (entry.bound < found->floor || lattice->size > budget) {
      if (entry.bound >= found->floor) status = OUT_OF_BUDGET;
      found->rest += entry.bound;
      let_go(lattice, entry.parent);
      continue;
    }
    int32_t which = entry.parent > 0 ? lattice->slots[entry.parent].tree : -entry.parent;
    const Tree *tree = lexicon->trees + which;
    foresee(tree, entry.node);
    foresee_next(tree, lattice, queue, entry.next);
    int64_t slot = NAME(grow)(lattice, entry.node, entry.parent > 0 ? entry.parent : 0, entry.letter);
    if (slot < 0) return OUT_OF_MEMORY;
    lattice->slots[slot].tree = (uint16_t)which;
    let_go(lattice, entry.parent);
    if (NAME(score)(found, tree, base_of(lexicon, which), lattice, slot, partial)) return OUT_OF_MEMORY;
    int wanted = NAME(branch)(tree, which, lattice, queue, found, slot, partial);
    if (wanted < 0) return OUT_OF_MEMORY;
    lattice->slots[slot].waiting = wanted + 1;
    let_go(lattice, (int32_t)slot);
  }
  while (take(queue, &entry)) found->rest += entry.bound;
  lattice->pool->arrays[TOPS].room = 1;
  return status;
}
