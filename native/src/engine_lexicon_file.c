/* The file of a packed lexicon, of version 2 or 1: its arrays found and checked. docs/lexicon_format.md. */
#include "cold.h"

#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define MOST_NARROW 255 /* letters that one byte tells apart, beside the root's */

/* ---- header ----------------------------------------------------------------------------- */

typedef struct {
  const uint8_t *at, *end;
} Text;

static int skip_space(Text *text) {
  while (text->at < text->end && (*text->at == ' ' || *text->at == '\n')) text->at++;
  return text->at < text->end ? *text->at : -1;
}

static int take(Text *text, int wanted) {
  if (skip_space(text) != wanted) return 0;
  text->at++;
  return 1;
}

static int32_t hex4(Text *text) {
  int32_t value = 0;
  for (int i = 0; i < 4; i++, text->at++) {
    if (text->at >= text->end) return -1;
    int c = *text->at;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
              : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* Reads a JSON string into code points; returns how many there are, or -1. */
static int32_t read_string(Text *text, int32_t *out, int32_t room) {
  int32_t n = 0;
  if (!take(text, '"')) return -1;
  while (text->at < text->end && *text->at != '"') {
    int32_t code = *text->at++;
    if (code == '\\' && text->at < text->end) {
      code = *text->at++;
      if (code == 'u') {
        code = hex4(text);
        if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
          if (text->end - text->at < 6 || text->at[0] != '\\' || text->at[1] != 'u') return -1;
          text->at += 2;
          int32_t low = hex4(text);
          if (low < 0xDC00 || low > 0xDFFF) return -1;
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
      }
    }
    if (code < 0) return -1;
    if (n < room) out[n] = code;
    n++;
  }
  return take(text, '"') ? n : -1;
}

static int64_t read_number(Text *text) {
  int64_t value = 0;
  int c = skip_space(text);
  if (c < '0' || c > '9') return -1;
  for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
    if ((value = 10 * value + (*text->at - '0')) > INT32_MAX) return -1;
  return value;
}

static int skip_strings(Text *text) {
  if (!take(text, '[')) return 0;
  if (take(text, ']')) return 1;
  do if (read_string(text, NULL, 0) < 0) return 0; while (take(text, ','));
  return take(text, ']');
}

/* Reads spellings in the letters that stand before them; returns whether they are, or OUT_OF_MEMORY. */
static int read_unsaid(Words *words, Text *text) {
  int32_t letters[MOST_LETTERS];
  if (words->unsaid || !words->letters || !take(text, '[')) return 0;
  words->unsaid = malloc((size_t)(text->end - text->at + 1) * sizeof(uint16_t)); /* a letter has a byte or more */
  if (!words->unsaid) return OUT_OF_MEMORY;
  if (take(text, ']')) return 1;
  do {
    int32_t n = read_string(text, letters, MOST_LETTERS), number = 0;
    if (n < 1 || n > MOST_LETTERS) return 0;
    words->unsaid[words->unsaid_size++] = (uint16_t)n;
    for (int32_t i = 0; i < n && number >= 0; i++)
      words->unsaid[words->unsaid_size++] = (uint16_t)(number = edgectc_number_of(words, letters[i]));
    if (number < 0) return 0;
  } while (take(text, ','));
  return take(text, ']');
}

/* Returns whether it is one of this version, or OUT_OF_MEMORY. */
static int read_header(Words *words, Text text, int version) {
  static const char *const names[] = {"nodes", "entries", "words", "odd", "text_bytes", "several", "values"};
  int64_t *const values[] = {&words->nodes, &words->entries, &words->words, &words->n_odd,
                             &words->text_bytes, &words->n_several, &words->n_values};
  int n_values = version == 1 ? 5 : 7;
  int seen = 0;
  if (!take(&text, '{')) return 0;
  do {
    int32_t name[16], n = read_string(&text, name, 16);
    char key[17] = {0};
    for (int32_t i = 0; i < n && i < 16; i++) key[i] = name[i] < 128 ? (char)name[i] : '?';
    if (n < 0 || n > 16 || !take(&text, ':')) return 0;
    if (!strcmp(key, "notes")) {
      if (!skip_strings(&text)) return 0;
      continue;
    }
    if (!strcmp(key, "unsaid")) {
      int status = read_unsaid(words, &text);
      if (status != 1) return status;
      continue;
    }
    if (!strcmp(key, "letters")) {
      Text again = text;
      words->K = read_string(&again, NULL, 0);
      if (words->letters || words->K < 1 || words->K >= ROOT_LETTER) return 0;
      words->letters = malloc((size_t)words->K * sizeof(int32_t));
      if (!words->letters) return OUT_OF_MEMORY;
      read_string(&text, words->letters, words->K);
      seen |= 128;
      continue;
    }
    int which = 0;
    while (which < n_values && strcmp(key, names[which])) which++;
    if (which == n_values || (*values[which] = read_number(&text)) < 0) return 0;
    seen |= 1 << which;
  } while (take(&text, ','));
  return take(&text, '}') && skip_space(&text) < 0 && seen == (128 | ((1 << n_values) - 1));
}

/* ---- checks ----------------------------------------------------------------------------- */

static int rises(const int32_t *values, int64_t n, int64_t last, int32_t least) {
  if (values[0] != 0 || values[n] != last) return 0;
  for (int64_t i = 0; i < n; i++)
    if (values[i + 1] < values[i] || values[i + 1] - values[i] < least) return 0;
  return 1;
}

/* Whether n numbers ascend below `end`. */
static int ascends(const int32_t *values, int64_t n, int64_t end) {
  for (int64_t i = 0; i < n; i++)
    if (values[i] < 0 || values[i] >= end || (i && values[i] <= values[i - 1])) return 0;
  return 1;
}

/* Returns what is wrong with the tree, or NULL. */
static const char *wrong_tree(const Words *words) {
  const Nodes *tree = &words->tree;
  int64_t entries = 0, depth = 0, level_end = 1, nodes = words->nodes, blocks = (nodes + 63) / 64;
  if (tree->first_child[0] != 1 || tree->first_child[nodes] != nodes) return "its tree is not breadth first";
  for (int64_t node = 0; node < nodes; node++) {
    if (tree->first_child[node] <= node || tree->first_child[node + 1] < tree->first_child[node])
      return "its tree is not breadth first";
    if (node == level_end) {
      if (++depth > MOST_LETTERS) return "it has a word of over 255 letters";
      level_end = tree->first_child[node];
    }
    int32_t letter = edgectc_letter(tree, node);
    if (node ? letter >= words->K : letter != (tree->letter ? MOST_NARROW : ROOT_LETTER))
      return "its tree has a letter beyond its alphabet";
  }
  for (int64_t i = 0; i < blocks; i++) {
    if (tree->ends_before[i] != entries) return "its entries are not numbered in the order of the tree";
    entries += edgectc_count_bits(tree->ends[i]);
  }
  if (tree->ends[0] & 1 || (nodes % 64 && tree->ends[blocks - 1] >> nodes % 64) || entries != words->entries)
    return "its entries are not numbered in the order of the tree";
  return NULL;
}

/* Returns what is wrong, or NULL: no search leaves the arrays then. */
static const char *wrong(const Words *words) {
  if (words->nodes < 1 || words->entries < 1) return "it has no entry";
  for (int32_t i = 1; i < words->K; i++)
    if (words->letters[i] <= words->letters[i - 1]) return "its letters do not ascend";
  const char *what = wrong_tree(words);
  if (what) return what;
  if (!ascends(words->several, words->n_several, words->entries))
    return "its entries of several words do not ascend";
  if (!rises(words->beyond, words->n_several, words->words - words->entries, 1)) return "its beyond does not rise";
  for (int64_t i = 0; words->n_values && i < words->words; i++)
    if (words->code[i] >= words->n_values) return "it has a frequency beyond those that it states";
  if (!rises(words->odd_start, words->n_odd, words->text_bytes, 0)) return "its odd_start does not rise";
  if (!ascends(words->odd, words->n_odd, words->words)) return "its odd words do not ascend";
  const uint8_t *at = words->text, *end = at + words->text_bytes;
  while (at < end)
    if (edgectc_utf8(&at, end) < 0) return "its texts are not UTF-8";
  return NULL;
}

/* ---- arrays ----------------------------------------------------------------------------- */

typedef struct {              /* how far a file is laid out; `at` is over `size` where it is too short */
  const uint8_t *bytes;
  size_t size, at;
} Arrays;

/* The next array, of n values; NULL if the file does not hold it, and then none after it. */
static const void *array(Arrays *arrays, int64_t n, size_t each) {
  size_t start = (arrays->at + 7) & ~(size_t)7;
  if (arrays->at > arrays->size || start > arrays->size || (uint64_t)n > (arrays->size - start) / each) {
    arrays->at = arrays->size + 1;
    return NULL;
  }
  arrays->at = start + (size_t)n * each;
  return arrays->bytes + start;
}

static void lay_out_texts(Words *words, Arrays *arrays) {
  words->odd = array(arrays, words->n_odd, 4);
  words->odd_start = array(arrays, words->n_odd + 1, 4);
  words->text = array(arrays, words->text_bytes, 1);
}

/* Finds the arrays of version 2. */
static void lay_out(Words *words, Arrays *arrays) {
  int64_t blocks = (words->nodes + 63) / 64;
  words->tree.first_child = array(arrays, words->nodes + 1, 4);
  words->tree.ends = array(arrays, blocks, 8);
  words->tree.ends_before = array(arrays, blocks, 4);
  if (words->K <= MOST_NARROW) words->tree.letter = array(arrays, words->nodes, 1);
  else words->tree.wide_letter = array(arrays, words->nodes, 2);
  words->several = array(arrays, words->n_several, 4);
  words->beyond = array(arrays, words->n_several + 1, 4);
  words->value = array(arrays, words->n_values, 4);
  if (words->n_values) words->code = array(arrays, words->words, 2);
  else words->log_prob = array(arrays, words->words, 4);
  lay_out_texts(words, arrays);
}

typedef struct {              /* what version 1 has in place of what version 2 has */
  const int32_t *first_child, *word, *first_word;
  const uint16_t *n_children;
} First;

/* Finds the arrays of version 1. */
static First lay_out_first(Words *words, Arrays *arrays) {
  First first;
  first.first_child = array(arrays, words->nodes, 4);
  first.word = array(arrays, words->nodes, 4);
  first.n_children = array(arrays, words->nodes, 2);
  words->tree.wide_letter = array(arrays, words->nodes, 2);
  first.first_word = array(arrays, words->entries + 1, 4);
  words->log_prob = array(arrays, words->words, 4);
  lay_out_texts(words, arrays);
  return first;
}

/* Makes the arrays of version 2 that version 1 does not have. Returns what is wrong, or NULL; without memory
 * for them `words->memory` stays NULL. */
static const char *upgrade(Words *words, const First *first) {
  int64_t nodes = words->nodes, blocks = (nodes + 63) / 64, next = 1, entry = 0;
  if (nodes < 1 || words->entries < 1) return "it has no entry";
  if (!rises(first->first_word, words->entries, words->words, 1)) return "its first_word does not rise";
  for (int64_t i = 0; i < words->entries; i++)
    words->n_several += first->first_word[i + 1] - first->first_word[i] > 1;
  size_t numbers = (size_t)(nodes + 1 + blocks + 2 * words->n_several + 1);
  words->memory = calloc((size_t)blocks + (numbers + 1) / 2, 8);
  if (!words->memory) return NULL;
  uint64_t *ends = words->memory;
  int32_t *first_child = (int32_t *)(ends + blocks), *ends_before = first_child + nodes + 1;
  int32_t *several = ends_before + blocks, *beyond = several + words->n_several;
  for (int64_t node = 0; node < nodes; node++) {
    if (first->first_child[node] != next) return "its tree is not breadth first";
    first_child[node] = (int32_t)next;
    if (node % 64 == 0) ends_before[node / 64] = (int32_t)entry;
    if ((next += first->n_children[node]) > nodes) return "its tree is not breadth first";
    if (first->word[node] == -1) continue;
    if (first->word[node] != entry++) return "its entries are not numbered in the order of the tree";
    ends[node / 64] |= (uint64_t)1 << node % 64;
  }
  first_child[nodes] = (int32_t)next;
  for (int64_t i = 0, n = 0; i < words->entries; i++) {
    int32_t further = first->first_word[i + 1] - first->first_word[i] - 1;
    if (!further) continue;
    several[n] = (int32_t)i;
    beyond[n + 1] = beyond[n] + further;
    n++;
  }
  words->tree.first_child = first_child;
  words->tree.ends = ends;
  words->tree.ends_before = ends_before;
  words->several = several;
  words->beyond = beyond;
  return NULL;
}

int32_t edgectc_words_map(Words *words, const uint8_t *bytes, size_t size, Complaint *why) {
  uint64_t head = 0;
  if (!bytes || size < 16 || memcmp(bytes, "edgelex", 7))
    return edgectc_refuse(why, BAD_INPUT,
                          "the lexicon does not begin with 'edgelex1' or 'edgelex2'; use a .trie file");
  int version = bytes[7] - '0';
  if (version < 1 || version > 2)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon has version '%c', and versions 1 and 2 are read here; "
                          "upgrade edgectc", bytes[7] >= ' ' && bytes[7] < 127 ? bytes[7] : '?');
  if ((uintptr_t)bytes % 8)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon's bytes are not aligned to 8");
  memcpy(&head, bytes + 8, 8);
  int read = head > size - 16 ? 0 : read_header(words, (Text){bytes + 16, bytes + 16 + head}, version);
  if (read == OUT_OF_MEMORY) return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the lexicon");
  if (!read)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon has a damaged header; copy it again");
  Arrays arrays = {bytes, size, 16 + (size_t)head};
  First first;
  if (version == 1) first = lay_out_first(words, &arrays);
  else lay_out(words, &arrays);
  if (arrays.at != size)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon is cut short or has bytes at its end; copy it again");
  const char *what = version == 1 ? upgrade(words, &first) : NULL;
  if (!what && version == 1 && !words->memory)
    return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the lexicon");
  if (!what) what = wrong(words);
  if (what) return edgectc_refuse(why, BAD_INPUT, "the lexicon is damaged: %s; copy it again", what);
  return DONE;
}

#include "cold_end.h"
