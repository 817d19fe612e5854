/* Words by number, found by their normal form: of a language model, or those that a caller names. */
#include "light.h"

#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

const char *edgectc_word_at(const Vocabulary *vocabulary, int32_t number, size_t *size) {
  *size = vocabulary->start[number + 1] - vocabulary->start[number] - 1;
  return vocabulary->text + vocabulary->start[number];
}

/* The place of a word in normal form in the index, or where it would go. */
static size_t place_of(const Vocabulary *vocabulary, const char *word, size_t size) {
  size_t at = edgectc_hash(word, size) & vocabulary->index.mask, held_size;
  for (; vocabulary->index.places[at] >= 0; at = (at + 1) & vocabulary->index.mask) {
    const char *held = edgectc_word_at(vocabulary, vocabulary->index.places[at], &held_size);
    if (edgectc_folds_to(held, held_size, word, size)) break;
  }
  return at;
}

int32_t edgectc_number(const Vocabulary *vocabulary, const char *word, size_t size) {
  return vocabulary->index.places[place_of(vocabulary, word, size)];
}

int edgectc_vocabulary(Vocabulary *vocabulary, const char *text, size_t size, int64_t n, int32_t first) {
  int64_t words = 0;
  size_t room = 64, longest = 0;
  while (room < 2 * (size_t)n) room *= 2; /* at most half full, so that a search ends soon */
  vocabulary->text = text;
  vocabulary->size = n;
  vocabulary->start = malloc(((size_t)n + 1) * sizeof(uint32_t));
  vocabulary->index.places = malloc(room * sizeof(int32_t));
  vocabulary->index.mask = room - 1;
  if (!vocabulary->start || !vocabulary->index.places) return OUT_OF_MEMORY;
  vocabulary->start[0] = 0;
  for (size_t i = 0, begun = 0; i <= size; i++)
    if (i == size || text[i] == '\n') {
      if (words < n) vocabulary->start[words + 1] = (uint32_t)i + 1;
      if (i - begun > longest) longest = i - begun;
      begun = i + 1;
      words++;
    }
  char *normal = malloc(2 * longest + 1);
  if (!normal) return OUT_OF_MEMORY;
  memset(vocabulary->index.places, -1, room * sizeof(int32_t));
  for (int32_t i = first; words == n && i < n; i++) {
    size_t length, folded;
    const char *word = edgectc_word_at(vocabulary, i, &length);
    folded = edgectc_fold(word, length, normal);
    size_t at = place_of(vocabulary, normal, folded);
    /* A word in normal form beats "The" and "THE" for what is asked as "the". */
    if (vocabulary->index.places[at] < 0 || (folded == length && !memcmp(normal, word, length)))
      vocabulary->index.places[at] = i;
  }
  free(normal);
  return words == n ? DONE : BAD_INPUT;
}

void edgectc_vocabulary_close(Vocabulary *vocabulary) {
  free(vocabulary->start);
  free(vocabulary->index.places);
  memset(vocabulary, 0, sizeof(*vocabulary));
}

#include "cold_end.h"
