/* The packed lexicon as a host maps it: checked once, then walked as it lies. docs/lexicon_format.md. */
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

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

/* Returns whether it is one, or OUT_OF_MEMORY. */
static int read_header(Words *words, Text text) {
  static const char *const names[] = {"nodes", "entries", "words", "odd", "text_bytes"};
  int64_t *const values[] = {&words->nodes, &words->entries, &words->words, &words->n_odd,
                             &words->text_bytes};
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
    if (!strcmp(key, "letters")) {
      Text again = text;
      words->K = read_string(&again, NULL, 0);
      if (words->letters || words->K < 1 || words->K >= ROOT_LETTER) return 0;
      words->letters = malloc((size_t)words->K * sizeof(int32_t));
      if (!words->letters) return OUT_OF_MEMORY;
      read_string(&text, words->letters, words->K);
      seen |= 32;
      continue;
    }
    int which = 0;
    while (which < 5 && strcmp(key, names[which])) which++;
    if (which == 5 || (*values[which] = read_number(&text)) < 0) return 0;
    seen |= 1 << which;
  } while (take(&text, ','));
  return take(&text, '}') && skip_space(&text) < 0 && seen == 63;
}

/* ---- checks ----------------------------------------------------------------------------- */

static int rises(const int32_t *values, int64_t n, int64_t last, int32_t least) {
  if (values[0] != 0 || values[n] != last) return 0;
  for (int64_t i = 0; i < n; i++)
    if (values[i + 1] < values[i] || values[i + 1] - values[i] < least) return 0;
  return 1;
}

/* Returns what is wrong, or NULL: no search leaves the arrays then. */
static const char *wrong(const Words *words) {
  int64_t next = 1, entry = 0, depth = 0, level_end = 1;
  for (int32_t i = 1; i < words->K; i++)
    if (words->letters[i] <= words->letters[i - 1]) return "its letters do not ascend";
  if (words->nodes < 1 || words->entries < 1) return "it has no entry";
  for (int64_t node = 0; node < words->nodes; node++) {
    if (words->first_child[node] != next || (words->n_children[node] && next <= node))
      return "its tree is not breadth first";
    if (node == level_end) {
      if (++depth > MOST_LETTERS) return "it has a word of over 255 letters";
      level_end = next;
    }
    next += words->n_children[node];
    if (node ? words->letter[node] >= words->K : words->letter[0] != ROOT_LETTER)
      return "its tree has a letter beyond its alphabet";
    if (words->word[node] != -1 && (node == 0 || words->word[node] != entry++))
      return "its entries are not numbered in the order of the tree";
  }
  if (next != words->nodes) return "its tree is not breadth first";
  if (entry != words->entries) return "its entries are not numbered in the order of the tree";
  if (!rises(words->first_word, words->entries, words->words, 1)) return "its first_word does not rise";
  if (!rises(words->odd_start, words->n_odd, words->text_bytes, 0)) return "its odd_start does not rise";
  for (int64_t i = 0; i < words->n_odd; i++)
    if (words->odd[i] < 0 || words->odd[i] >= words->words || (i && words->odd[i] <= words->odd[i - 1]))
      return "its odd words do not ascend";
  const uint8_t *at = words->text, *end = at + words->text_bytes;
  while (at < end)
    if (edgectc_utf8(&at, end) < 0) return "its texts are not UTF-8";
  return NULL;
}

static const void *array(const uint8_t *bytes, size_t size, size_t *at, int64_t n, size_t each) {
  size_t start = (*at + 7) & ~(size_t)7;
  if (start > size || (uint64_t)n > (size - start) / each) return NULL;
  *at = start + (size_t)n * each;
  return bytes + start;
}

/* Finds the arrays; returns whether they fill the file. */
static int lay_out(Words *words, const uint8_t *bytes, size_t size, size_t at) {
  words->first_child = array(bytes, size, &at, words->nodes, 4);
  words->word = words->first_child ? array(bytes, size, &at, words->nodes, 4) : NULL;
  words->n_children = words->word ? array(bytes, size, &at, words->nodes, 2) : NULL;
  words->letter = words->n_children ? array(bytes, size, &at, words->nodes, 2) : NULL;
  words->first_word = words->letter ? array(bytes, size, &at, words->entries + 1, 4) : NULL;
  words->log_prob = words->first_word ? array(bytes, size, &at, words->words, 4) : NULL;
  words->odd = words->log_prob ? array(bytes, size, &at, words->n_odd, 4) : NULL;
  words->odd_start = words->odd ? array(bytes, size, &at, words->n_odd + 1, 4) : NULL;
  words->text = words->odd_start ? array(bytes, size, &at, words->text_bytes, 1) : NULL;
  return words->text && at == size;
}

/* ---- opening and finding ---------------------------------------------------------------- */

static int make_index(Words *words) {
  size_t room = 64;
  while (room < 2 * (size_t)words->n_odd) room *= 2;
  words->end = malloc((size_t)words->entries * sizeof(int32_t));
  char *normal = malloc(2 * (size_t)words->text_bytes + 1);
  words->index.places = malloc(room * sizeof(int32_t));
  words->index.mask = room - 1;
  if (!words->end || !normal || !words->index.places) {
    free(normal);
    return OUT_OF_MEMORY;
  }
  for (int64_t node = 1; node < words->nodes; node++)
    if (words->word[node] >= 0) words->end[words->word[node]] = (int32_t)node;
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

static int32_t open_words(Words *words, const uint8_t *bytes, size_t size, Complaint *why) {
  uint64_t head = 0;
  if (!bytes || size < 16 || memcmp(bytes, "edgelex1", 8))
    return edgectc_refuse(why, BAD_INPUT, "the lexicon does not begin with 'edgelex1'; use a .trie file");
  if ((uintptr_t)bytes % 8)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon's bytes are not aligned to 8");
  memcpy(&head, bytes + 8, 8);
  int read = head > size - 16 ? 0 : read_header(words, (Text){bytes + 16, bytes + 16 + head});
  if (read == OUT_OF_MEMORY) return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the lexicon");
  if (!read)
    return edgectc_refuse(why, BAD_INPUT, "the lexicon has a damaged header; copy it again");
  if (!lay_out(words, bytes, size, 16 + (size_t)head))
    return edgectc_refuse(why, BAD_INPUT, "the lexicon is cut short or has bytes at its end; copy it again");
  const char *what = wrong(words);
  if (what) return edgectc_refuse(why, BAD_INPUT, "the lexicon is damaged: %s; copy it again", what);
  if (make_index(words)) return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the lexicon");
  return DONE;
}

int32_t edgectc_words_open(Words *words, const uint8_t *bytes, size_t size, Complaint *why) {
  memset(words, 0, sizeof(*words));
  int32_t status = open_words(words, bytes, size, why);
  if (status < 0) edgectc_words_close(words);
  return status;
}

void edgectc_words_close(Words *words) {
  free(words->letters);
  free(words->end);
  free(words->index.places);
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

double edgectc_words_log_prob(const Words *words, int64_t word) {
  return words->finer ? words->finer[word] : words->log_prob[word] / 1e4;
}

int32_t edgectc_words_letters(const Words *words, int64_t entry, uint16_t *out) {
  int32_t n = 0;
  for (int64_t node = words->end[entry]; node && n < MOST_LETTERS; n++) {
    out[n] = words->letter[node];
    /* Children follow each other as their parents do, so the parent can be searched for. */
    node = last_at_most(words->first_child, words->nodes, node);
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
    int64_t child = words->first_child[node], end = child + words->n_children[node];
    while (child < end && words->letter[child] != letters[i]) child++;
    if (child == end) return -1;
    node = child;
  }
  return node ? words->word[node] : -1;
}

static int64_t words_odd(const Words *words, int64_t word) {
  if (!words->n_odd || word < words->odd[0]) return -1;
  int64_t place = last_at_most(words->odd, words->n_odd, word);
  return words->odd[place] == word ? place : -1;
}

int64_t edgectc_words_find(const Words *words, const char *text, size_t size) {
  uint16_t letters[MOST_LETTERS];
  int32_t n = edgectc_words_spell(words, text, size, letters);
  int64_t entry = n > 0 ? edgectc_words_entry(words, letters, n) : -1;
  for (int64_t word = entry < 0 ? 0 : words->first_word[entry];
       entry >= 0 && word < words->first_word[entry + 1]; word++)
    if (words_odd(words, word) < 0) return entry; /* shown as it is spelled */
  for (size_t at = edgectc_hash(text, size) & words->index.mask; words->index.places[at] >= 0;
       at = (at + 1) & words->index.mask) {
    int32_t place = words->index.places[at], start = words->odd_start[place];
    size_t length = (size_t)(words->odd_start[place + 1] - start);
    if (edgectc_folds_to((const char *)words->text + start, length, text, size))
      return last_at_most(words->first_word, words->entries, words->odd[place]);
  }
  return -1;
}

char *edgectc_words_text(const Words *words, int64_t word, int64_t entry, size_t *size) {
  int64_t place = words_odd(words, word);
  if (place >= 0) {
    *size = (size_t)(words->odd_start[place + 1] - words->odd_start[place]);
    char *text = malloc(*size + 1);
    if (!text) return NULL;
    memcpy(text, words->text + words->odd_start[place], *size);
    text[*size] = 0;
    return text;
  }
  uint16_t letters[MOST_LETTERS];
  int32_t n = edgectc_words_letters(words, entry, letters);
  char *text = malloc(4 * (size_t)n + 1), *end = text;
  if (!text) return NULL;
  for (int32_t i = 0; i < n; i++) end += edgectc_put_utf8(words->letters[letters[i]], end);
  *end = 0;
  *size = (size_t)(end - text);
  return text;
}

int32_t edgectc_words_spell(const Words *words, const char *text, size_t size, uint16_t *out) {
  const uint8_t *at = (const uint8_t *)text, *end = at + size;
  int32_t n = 0;
  while (at < end) {
    int32_t code = edgectc_utf8(&at, end);
    if (code < 0 || n == MOST_LETTERS || code < words->letters[0]) return -1;
    int64_t letter = last_at_most(words->letters, words->K, code);
    if (words->letters[letter] != code) return -1;
    out[n++] = (uint16_t)letter;
  }
  return n;
}
