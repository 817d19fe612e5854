/* Words by number, found by their lower case: of a language model, or those that a caller names. */
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

static const char *word_in(const Vocabulary *vocabulary, const char *text, int32_t number, size_t *size) {
  *size = vocabulary->start[number + 1] - vocabulary->start[number] - 1;
  return text + vocabulary->start[number];
}

const char *edgectc_word_at(const Vocabulary *vocabulary, int32_t number, size_t *size) {
  return word_in(vocabulary, vocabulary->text, number, size);
}

/* The place of a word in lower case in the index, or where it would go. */
static size_t place_of(const Vocabulary *vocabulary, const char *word, size_t size) {
  size_t at = edgectc_hash(word, size) & vocabulary->index.mask, held_size;
  for (; vocabulary->index.places[at] >= 0; at = (at + 1) & vocabulary->index.mask) {
    const char *held = word_in(vocabulary, vocabulary->lower, vocabulary->index.places[at], &held_size);
    if (held_size == size && !memcmp(held, word, size)) break;
  }
  return at;
}

int32_t edgectc_number(const Vocabulary *vocabulary, const char *word, size_t size) {
  return vocabulary->index.places[place_of(vocabulary, word, size)];
}

int edgectc_vocabulary(Vocabulary *vocabulary, const char *text, size_t size, int64_t n, int32_t first) {
  int64_t words = 0;
  size_t room = 64;
  while (room < 2 * (size_t)n) room *= 2; /* at most half full, so that a search ends soon */
  vocabulary->text = text;
  vocabulary->size = n;
  vocabulary->start = malloc(((size_t)n + 1) * sizeof(uint32_t));
  vocabulary->lower = malloc(size + 1);
  vocabulary->index.places = malloc(room * sizeof(int32_t));
  vocabulary->index.mask = room - 1;
  if (!vocabulary->start || !vocabulary->lower || !vocabulary->index.places) return OUT_OF_MEMORY;
  vocabulary->start[0] = 0;
  for (size_t i = 0; i <= size; i++)
    if (i == size || text[i] == '\n') {
      if (words == n) return BAD_INPUT;
      vocabulary->start[++words] = (uint32_t)i + 1;
    }
  if (words != n) return BAD_INPUT;
  edgectc_lower(text, size, vocabulary->lower);
  memset(vocabulary->index.places, -1, room * sizeof(int32_t));
  for (int32_t i = first; i < n; i++) {
    size_t length;
    const char *lower = word_in(vocabulary, vocabulary->lower, i, &length);
    size_t at = place_of(vocabulary, lower, length);
    /* A word in normal form beats "The" and "THE" for what is asked as "the". */
    if (vocabulary->index.places[at] < 0 || !memcmp(lower, text + vocabulary->start[i], length))
      vocabulary->index.places[at] = i;
  }
  return DONE;
}

void edgectc_vocabulary_close(Vocabulary *vocabulary) {
  free(vocabulary->start);
  free(vocabulary->lower);
  free(vocabulary->index.places);
  memset(vocabulary, 0, sizeof(*vocabulary));
}
