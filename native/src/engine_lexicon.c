/* The words of a packed lexicon, found and written as its file has them. */
#include "light.h"

#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

/* ---- opening ---------------------------------------------------------------------------- */

static int make_index(Words *words) {
  size_t room = 64, blocks = (size_t)words->entries / AMONG + 2;
  words->before = malloc(blocks * sizeof(int32_t));
  if (!words->before) return OUT_OF_MEMORY;
  for (size_t i = 0, n = 0; i < blocks; words->before[i++] = (int32_t)n)
    while (n < (size_t)words->n_several && (size_t)words->several[n] < i * AMONG) n++;
  while (room < (size_t)words->n_odd + (size_t)words->n_odd / 2) room *= 2;
  int32_t longest = 0;
  for (int64_t i = 0; i < words->n_odd; i++)
    if (words->odd_start[i + 1] - words->odd_start[i] > longest) longest = words->odd_start[i + 1] - words->odd_start[i];
  char *normal = malloc(2 * (size_t)longest + 1);
  words->index.places = malloc(room * sizeof(int32_t));
  words->index.mask = room - 1;
  if (!normal || !words->index.places) {
    free(normal);
    return OUT_OF_MEMORY;
  }
  memset(words->index.places, -1, room * sizeof(int32_t));
  for (int64_t i = 0; i < words->n_odd; i++) {
    int32_t start = words->odd_start[i];
    const char *text = (const char *)words->text + start;
    size_t at = edgectc_hash(normal, edgectc_fold(text, (size_t)(words->odd_start[i + 1] - start), normal));
    for (at &= words->index.mask; words->index.places[at] >= 0;) at = (at + 1) & words->index.mask;
    words->index.places[at] = (int32_t)i;
  }
  free(normal);
  return DONE;
}

int32_t edgectc_words_open(Words *words, const uint8_t *bytes, size_t size, Complaint *why) {
  memset(words, 0, sizeof(*words));
  int32_t status = edgectc_words_map(words, bytes, size, why);
  if (status == DONE && make_index(words))
    status = edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the lexicon");
  if (status < 0) edgectc_words_close(words);
  return status;
}

void edgectc_words_close(Words *words) {
  free(words->letters);
  free(words->unsaid);
  free(words->index.places);
  free(words->before);
  free(words->memory);
  memset(words, 0, sizeof(*words));
}

/* The last place of n rising values that is not above `value`; the first one is not. */
static int64_t last_at_most(const int32_t *values, int64_t n, int64_t value) {
  int64_t low = 0;
  while (n - low > 1) {
    int64_t middle = low + (n - low) / 2;
    if (values[middle] <= value) low = middle;
    else n = middle;
  }
  return low;
}

/* ---- finding ---------------------------------------------------------------------------- */

double edgectc_words_log_prob(const Words *words, int64_t word) {
  if (words->finer) return words->finer[word];
  return (words->log_prob ? words->log_prob[word] : words->value[words->code[word]]) / 1e4;
}

Range edgectc_words_of(const Words *words, int64_t entry) {
  int64_t low = edgectc_several_before(words->several, words->before, words->n_several, entry);
  int64_t first = entry + words->beyond[low], last = first + 1;
  if (low < words->n_several && words->several[low] == entry)
    last += words->beyond[low + 1] - words->beyond[low];
  return (Range){first, last};
}

/* The entry that a word is spelled like. */
static int64_t entry_of(const Words *words, int64_t word) {
  int64_t low = 0, high = words->n_several; /* those that begin at the word or before it */
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (words->several[middle] + words->beyond[middle] <= word) low = middle + 1;
    else high = middle;
  }
  if (low && word <= words->several[low - 1] + words->beyond[low]) return words->several[low - 1];
  return word - words->beyond[low];
}

/* The node at which an entry ends. */
static int64_t end_of(const Words *words, int64_t entry) {
  const Nodes *tree = &words->tree;
  int64_t block = last_at_most(tree->ends_before, (words->nodes + 63) / 64, entry), bit = 0;
  uint64_t bits = tree->ends[block];
  for (int64_t i = tree->ends_before[block]; i < entry; i++) bits &= bits - 1; /* without its lowest bit */
  while (!(bits >> bit & 1)) bit++;
  return 64 * block + bit;
}

int32_t edgectc_words_letters(const Words *words, int64_t entry, uint16_t *out) {
  int32_t n = 0;
  for (int64_t node = end_of(words, entry); node && n < MOST_LETTERS; n++) {
    out[n] = (uint16_t)edgectc_letter(&words->tree, node);
    /* Children follow each other as their parents do, so the parent can be searched for. */
    node = last_at_most(words->tree.first_child, words->nodes, node);
  }
  for (int32_t i = 0; i < n / 2; i++) {
    uint16_t swap = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = swap;
  }
  return n;
}

int64_t edgectc_words_entry(const Words *words, const uint16_t *letters, int32_t n) {
  int64_t node = 0;
  for (int32_t i = 0; i < n; i++) {
    int64_t child = words->tree.first_child[node], end = words->tree.first_child[node + 1];
    while (child < end && edgectc_letter(&words->tree, child) != letters[i]) child++;
    if (child == end) return -1;
    node = child;
  }
  return edgectc_entry_at(&words->tree, node);
}

int64_t edgectc_words_odd(const Words *words, int64_t word) {
  if (!words->n_odd || word < words->odd[0]) return -1;
  int64_t place = last_at_most(words->odd, words->n_odd, word);
  return words->odd[place] == word ? place : -1;
}

int64_t edgectc_words_find(const Words *words, const char *text, size_t size) {
  uint16_t letters[MOST_LETTERS];
  int32_t n = edgectc_words_spell(words, text, size, letters);
  int64_t entry = n > 0 ? edgectc_words_entry(words, letters, n) : -1;
  Range range = entry < 0 ? (Range){0, 0} : edgectc_words_of(words, entry);
  for (int64_t word = range.first; word < range.last; word++)
    if (edgectc_words_odd(words, word) < 0) return entry; /* shown as it is spelled */
  for (size_t at = edgectc_hash(text, size) & words->index.mask; words->index.places[at] >= 0;
       at = (at + 1) & words->index.mask) {
    int32_t place = words->index.places[at], start = words->odd_start[place];
    size_t length = (size_t)(words->odd_start[place + 1] - start);
    if (edgectc_folds_to((const char *)words->text + start, length, text, size))
      return entry_of(words, words->odd[place]);
  }
  return -1;
}

char *edgectc_words_text(const Words *words, int64_t word, int64_t entry, size_t *size, Pool *pool) {
  int64_t place = edgectc_words_odd(words, word);
  uint16_t letters[MOST_LETTERS];
  int32_t n = place < 0 ? edgectc_words_letters(words, entry, letters) : 0;
  *size = place < 0 ? 4 * (size_t)n : (size_t)(words->odd_start[place + 1] - words->odd_start[place]);
  char *text = edgectc_chars(pool, *size), *end = text;
  if (!text) return NULL;
  if (place >= 0) memcpy(text, words->text + words->odd_start[place], *size), end += *size;
  for (int32_t i = 0; i < n; i++) end += edgectc_put_utf8(words->letters[letters[i]], end);
  *end = 0;
  *size = (size_t)(end - text);
  return text;
}

int32_t edgectc_number_of(const Words *words, int32_t code) {
  if (code < words->letters[0]) return -1;
  int64_t letter = last_at_most(words->letters, words->K, code);
  return words->letters[letter] == code ? (int32_t)letter : -1;
}

int32_t edgectc_words_spell(const Words *words, const char *text, size_t size, uint16_t *out) {
  const uint8_t *at = (const uint8_t *)text, *end = at + size;
  int32_t n = 0;
  while (at < end) {
    int32_t letter = edgectc_number_of(words, edgectc_utf8(&at, end));
    if (letter < 0 || n == MOST_LETTERS) return -1;
    out[n++] = (uint16_t)letter;
  }
  return n;
}

#include "cold_end.h"
