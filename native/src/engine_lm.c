/* The back-off n-gram model as a host maps it, and what a context says of the next word.
 * See docs/lm_format.md and lms/arpa.py, which is its oracle. */
#include "light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

#define SPECIALS 3 /* <unk>, <s>, </s> */
#define BEGIN 1
#define HEADER 64

/* ---- numbers ---------------------------------------------------------------------------- */

static double log_prob(const Grams *grams, int64_t i) {
  return grams->log_prob_codes ? grams->log_prob_book[grams->log_prob_codes[i]] : grams->log_probs[i];
}

static double backoff(const Grams *grams, int64_t i) {
  return grams->backoff_codes ? grams->backoff_book[grams->backoff_codes[i]] : grams->backoffs[i];
}

static int32_t last_word(const Grammar *lm, int32_t level, int64_t i) {
  if (level == 0) return (int32_t)i;
  const void *words = lm->grams[level].words;
  return lm->short_ids ? ((const uint16_t *)words)[i] : (int32_t)((const uint32_t *)words)[i];
}

/* ---- reading ---------------------------------------------------------------------------- */

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size) {
  uint32_t table[256];
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
  }
  crc = ~crc;
  for (size_t i = 0; i < size; i++) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
  return ~crc;
}

typedef struct {
  const uint8_t *bytes;
  size_t size, at;
  int failed;
} Cursor;

static const void *take(Cursor *cursor, uint64_t n, size_t each) {
  size_t start = (cursor->at + 7) & ~(size_t)7;
  if (cursor->failed || start > cursor->size || n > (cursor->size - start) / each) {
    cursor->failed = 1;
    return NULL;
  }
  cursor->at = start + (size_t)n * each;
  return cursor->bytes + start;
}

static void lay_out(Grammar *lm, Cursor *cursor, int quantized) {
  for (int32_t n = 0; n < lm->order; n++) {
    Grams *grams = lm->grams + n;
    uint64_t size = (uint64_t)grams->size;
    if (n) grams->words = take(cursor, size, lm->short_ids ? 2 : 4);
    if (quantized) {
      grams->log_prob_book = take(cursor, 256, 4);
      grams->log_prob_codes = take(cursor, size, 1);
    } else {
      grams->log_probs = take(cursor, size, 4);
    }
    if (n + 1 == lm->order) continue;
    if (quantized) {
      grams->backoff_book = take(cursor, 256, 4);
      grams->backoff_codes = take(cursor, size, 1);
    } else {
      grams->backoffs = take(cursor, size, 4);
    }
    grams->starts = take(cursor, size + 1, 4);
  }
}

static int sound(const float *values, int64_t n, double highest) {
  for (int64_t i = 0; i < n; i++)
    if (!(values[i] > -HUGE_VAL && values[i] <= highest && values[i] < HUGE_VAL)) return 0;
  return 1;
}

/* Returns what is wrong, or NULL: no search leaves the arrays then. */
static const char *wrong(const Grammar *lm) {
  for (int32_t n = 0; n < lm->order; n++) {
    const Grams *grams = lm->grams + n;
    int coded = grams->log_prob_codes != NULL;
    if (!sound(coded ? grams->log_prob_book : grams->log_probs, coded ? 256 : grams->size, 0.0))
      return "a log-prob is not finite or above 0";
    if (n + 1 == lm->order) continue;
    if (!sound(coded ? grams->backoff_book : grams->backoffs, coded ? 256 : grams->size, HUGE_VAL))
      return "a back-off is not finite";
    const uint32_t *starts = grams->starts;
    if (starts[0] != 0 || starts[grams->size] != (uint64_t)grams[1].size)
      return "its starts do not cover the next n-grams";
    for (int64_t i = 0; i < grams->size; i++) {
      if (starts[i + 1] < starts[i] || starts[i + 1] > (uint64_t)grams[1].size)
        return "its starts do not rise";
      for (int64_t j = starts[i]; j < starts[i + 1]; j++) {
        int32_t word = last_word(lm, n + 1, j);
        if (word < 0 || word >= lm->grams[0].size ||
            (j > starts[i] && word <= last_word(lm, n + 1, j - 1)))
          return "its n-grams are not sorted";
      }
    }
  }
  return NULL;
}

static int is_lm(const uint8_t *bytes, size_t size) { return size >= HEADER && !memcmp(bytes, "EDGECTLM", 8); }

int32_t edgectc_lm_check(const uint8_t *bytes, size_t size, Complaint *why) {
  uint32_t check = 0;
  if (is_lm(bytes, size)) memcpy(&check, bytes + 12, 4);
  if (!is_lm(bytes, size) || crc32(crc32(0, bytes, 12), bytes + 16, size - 16) == check) return DONE;
  return edgectc_refuse(why, BAD_INPUT, "the language model is damaged: its checksum is wrong; copy it again");
}

int32_t edgectc_lm_open(Grammar *lm, const uint8_t *bytes, size_t size, Complaint *why) {
  memset(lm, 0, sizeof(*lm));
  uint16_t version;
  uint64_t counts[6]; /* bytes of the vocabulary, then n-grams of each length */
  if (!is_lm(bytes, size))
    return edgectc_refuse(why, BAD_INPUT, "the language model does not begin with 'EDGECTLM'; use a .lm file");
  if ((uintptr_t)bytes % 8)
    return edgectc_refuse(why, BAD_INPUT, "the language model's bytes are not aligned to 8");
  memcpy(&version, bytes + 8, 2);
  memcpy(counts, bytes + 16, 48);
  if (version != 1)
    return edgectc_refuse(why, BAD_INPUT, "the language model has version %d; this engine reads 1", (long long)version);
  lm->order = bytes[10];
  lm->short_ids = bytes[11] >> 1 & 1;
  int fits = lm->order >= 1 && lm->order <= 5 && !(bytes[11] & ~3) && counts[0] <= size - HEADER;
  for (int32_t n = 0; n < 5; n++) {
    fits = fits && counts[n + 1] <= size && (n < lm->order || !counts[n + 1]);
    lm->grams[n].size = (int64_t)counts[n + 1];
  }
  if (!fits || lm->grams[0].size < SPECIALS)
    return edgectc_refuse(why, BAD_INPUT, "the language model has a damaged header; copy it again");
  Cursor cursor = {bytes, size, HEADER + (size_t)counts[0], 0};
  lay_out(lm, &cursor, bytes[11] & 1);
  if (cursor.failed || cursor.at != size)
    return edgectc_refuse(why, BAD_INPUT, "the language model is cut short or has bytes at its end; copy it again");
  const char *what = wrong(lm), *text = (const char *)bytes + HEADER;
  int status = DONE;
  if (!what) status = edgectc_vocabulary(&lm->words, text, (size_t)counts[0], lm->grams[0].size, SPECIALS);
  if (status == OUT_OF_MEMORY) {
    edgectc_lm_close(lm);
    return edgectc_refuse(why, OUT_OF_MEMORY, "no memory for the language model");
  }
  if (!what && (status || counts[0] < 14 || memcmp(text, "<unk>\n<s>\n</s>", 14)))
    what = "its vocabulary is damaged";
  if (!what) return DONE;
  edgectc_lm_close(lm);
  return edgectc_refuse(why, BAD_INPUT, "the language model is damaged: %s; copy it again", what);
}

void edgectc_lm_close(Grammar *lm) {
  edgectc_vocabulary_close(&lm->words);
  memset(lm, 0, sizeof(*lm));
}

/* ---- contexts --------------------------------------------------------------------------- */

typedef struct {    /* the n-grams that a history ends in, the longest first; -1 for none */
  int64_t nodes[5];
  int32_t size;
} State;

/* Drops leading nodes that can change no later score. */
static void shorten(const Grammar *lm, State *state) {
  int32_t first = 0;
  for (; first < state->size; first++) {
    const Grams *grams = lm->grams + (state->size - first - 1);
    int64_t node = state->nodes[first];
    if (node >= 0 && (grams->starts[node] != grams->starts[node + 1] || backoff(grams, node) != 0.0))
      break;
  }
  state->size -= first;
  memmove(state->nodes, state->nodes + first, (size_t)state->size * sizeof(int64_t));
}

static int64_t child(const Grammar *lm, int32_t level, int64_t node, int32_t number) {
  int64_t low = lm->grams[level - 1].starts[node], end = lm->grams[level - 1].starts[node + 1];
  int64_t high = end;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (last_word(lm, level, middle) < number) low = middle + 1;
    else high = middle;
  }
  return low < end && last_word(lm, level, low) == number ? low : -1;
}

static void step(const Grammar *lm, State *state, int32_t number) {
  State next = {{0}, 0};
  for (int32_t i = 0; i < state->size; i++) {
    int32_t level = state->size - i;
    int64_t node = state->nodes[i] < 0 ? -1 : child(lm, level, state->nodes[i], number);
    if (level < lm->order - 1) next.nodes[next.size++] = node;
  }
  if (lm->order > 1) next.nodes[next.size++] = number;
  shorten(lm, &next);
  *state = next;
}

static State begun(const Grammar *lm) {
  State state = {{BEGIN}, lm->order > 1};
  shorten(lm, &state);
  return state;
}

int edgectc_following(Following *following, const Vocabulary *words) {
  size_t n = (size_t)words->size;
  *following = (Following){words, malloc((n + 1) * sizeof(double)), malloc((n + 1) * sizeof(int32_t)),
                           malloc((n + 1) * sizeof(int32_t)), 0};
  if (!following->gains || !following->numbers || !following->entries) {
    edgectc_following_close(following);
    return OUT_OF_MEMORY;
  }
  for (size_t i = 0; i < n; i++) following->gains[i] = NAN, following->entries[i] = -2;
  return DONE;
}

void edgectc_following_close(Following *following) {
  free(following->gains);
  free(following->numbers);
  free(following->entries);
  memset(following, 0, sizeof(*following));
}

/* The state after the context; "<s>" begins a sentence, and nothing before it counts. */
static State state_after(const Grammar *lm, const char *context) {
  State state = begun(lm);
  while (*context) {
    size_t size = strcspn(context, "\n");
    if (size == 3 && !memcmp(context, "<s>", 3)) {
      state = begun(lm);
    } else {
      int32_t number = edgectc_number(&lm->words, context, size);
      step(lm, &state, number < 0 ? 0 : number);
    }
    context += size + (context[size] == '\n');
  }
  return state;
}

double edgectc_lm_after(const Grammar *lm, const char *context, Following *following) {
  State state = state_after(lm, context);
  double left = 0.0;
  for (int64_t i = 0; i < following->size; i++) following->gains[following->numbers[i]] = NAN;
  following->size = 0;
  for (int32_t i = 0; i < state.size; i++) {
    int64_t node = state.nodes[i];
    int32_t level = state.size - i;
    if (node < 0) continue;
    const Grams *above = lm->grams + level - 1;
    for (int64_t j = above->starts[node]; j < above->starts[node + 1]; j++) {
      int32_t word = last_word(lm, level, j);
      if (word < SPECIALS || !isnan(following->gains[word])) continue; /* a longer context spoke of it */
      following->gains[word] = left + log_prob(lm->grams + level, j);
      following->numbers[following->size++] = word;
    }
    left += backoff(above, node);
  }
  for (int64_t i = 0; i < following->size; i++) {
    double alone = log_prob(lm->grams, following->numbers[i]);
    following->gains[following->numbers[i]] -= alone + left;
  }
  return left;
}

#include "cold_end.h"
