/* See spelling.h. Letters of a lexicon are small ones where a script has them, so capitals are not looked for. */
#include "cold.h"

#include <stdlib.h>
#include <string.h>

#include "spelling.h"
#include "spelling_tables.h"
#include "text_kinds.h"

enum { MOST_TYPED = 1024 /* characters of a word */, JAMO = 0x3130 };

/* ---- characters ------------------------------------------------------------------------- */

static int is_number(int32_t code) {
  size_t low = 0, high = sizeof NUMBERS / sizeof *NUMBERS - 1;
  while (low < high) { /* to the last row that begins at or before it */
    size_t middle = (low + high + 1) / 2;
    if ((int32_t)(NUMBERS[middle] >> 8) <= code) low = middle;
    else high = middle - 1;
  }
  int32_t after = code - (int32_t)(NUMBERS[low] >> 8);
  return after >= 0 && after <= (int32_t)(NUMBERS[low] & 255);
}

static int is_letter(int32_t code) { return edgectc_kind(code) == LETTER && !is_number(code); }

/* Returns what a character is typed as, 0 for one that nobody types. */
static int32_t typed(int32_t code) {
  int32_t normal[3];
  int kind = edgectc_kind(code);
  if (kind == APOSTROPHE) return '\'';
  if (kind == UNSEEN) return 0;
  for (size_t i = 0; i < sizeof TYPED / sizeof *TYPED; i++)
    if (code >= TYPED[i].first && code <= TYPED[i].last) return code + TYPED[i].more;
  if (kind != LETTER && kind != MARK) return code;
  edgectc_normal(code, normal);
  return normal[0];
}

static const Pair *pair_of(int32_t letter) {
  size_t low = 0, high = sizeof PAIRS / sizeof *PAIRS - 1;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (PAIRS[middle].letter < letter) low = middle + 1;
    else high = middle;
  }
  return PAIRS[low].letter == letter ? PAIRS + low : NULL;
}

/* Returns the letter of a base and a mark, 0 if there is none. */
static int32_t joined(int32_t base, int32_t mark) {
  for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++)
    if (PAIRS[i].base == base && MARKS[MARK_OF[i]] == mark) return PAIRS[i].letter;
  return 0;
}

/* ---- what stands for a character that is not among the letters -------------------------- */

typedef struct {
  const Words *words;
  char *out;
  size_t size, room;
  int any;                    /* whether a letter or digit was written */
} Spelling;

static int has(const Words *words, int32_t code) { return edgectc_number_of(words, code) >= 0; }

static int has_all(const Words *words, const int32_t *codes, int n) {
  for (int i = 0; i < n; i++)
    if (!has(words, codes[i])) return 0;
  return 1;
}

/* Writes code points; 0 if there is no room. */
static int put(Spelling *spelling, const int32_t *codes, int n) {
  for (int i = 0; i < n; i++) {
    if (spelling->size + 4 > spelling->room) return 0;
    spelling->size += (size_t)edgectc_put_utf8(codes[i], spelling->out + spelling->size);
    spelling->any |= edgectc_kind(codes[i]) == LETTER;
  }
  return 1;
}

/* Writes the first of some signs that is a letter of the lexicon; none may be one. */
static int put_one_of(Spelling *spelling, const int32_t *signs, int n) {
  for (int i = 0; i < n; i++)
    if (has(spelling->words, signs[i])) return put(spelling, signs + i, 1);
  return 1;
}

/* Writes letters of a Korean keyboard by the keys that type them. */
static int put_jamo(Spelling *spelling, const int32_t *jamo, int n) {
  for (int i = 0; i < n; i++) {
    const uint8_t *parts = JAMO_PARTS[jamo[i] - JAMO - 1];
    int32_t keys[2] = {JAMO + parts[0], JAMO + parts[1]};
    int whole = has(spelling->words, jamo[i]);
    if (!whole && !(parts[0] && has_all(spelling->words, keys, 2))) return 0;
    if (!put(spelling, whole ? jamo + i : keys, whole ? 1 : 2)) return 0;
  }
  return 1;
}

/* Returns a Korean letter as a keyboard has it; 0 for what is none, and for letters of old. */
static int32_t of_keyboard(int32_t code) {
  if (code > JAMO && code < 0x3164) return code;
  if (code >= 0x1100 && code < 0x1113) return JAMO + LEADS[code - 0x1100];
  if (code >= 0x1161 && code < 0x1176) return 0x314F + code - 0x1161;
  return code >= 0x11A8 && code < 0x11C3 ? JAMO + TRAILS[code - 0x11A8] : 0;
}

/* Writes the letters of a Hangul syllable. */
static int put_syllable(Spelling *spelling, int32_t code) {
  int32_t place = code - 0xAC00, trail = place % 28, n = trail ? 3 : 2;
  int32_t jamo[3] = {0x1100 + place / 588, 0x1161 + place % 588 / 28, 0x11A7 + trail};
  if (has_all(spelling->words, jamo, n)) return put(spelling, jamo, n);
  for (int i = 0; i < n; i++) jamo[i] = of_keyboard(jamo[i]);
  return put_jamo(spelling, jamo, n);
}

/* Writes a letter by its base and as many of its marks as there are. */
static int put_decomposed(Spelling *spelling, int32_t letter) {
  int32_t parts[8];
  int n = 0, kept = 1;
  if (letter >= 0xAC00 && letter <= 0xD7A3) return put_syllable(spelling, letter);
  int32_t jamo = of_keyboard(letter);
  if (jamo) return put_jamo(spelling, &jamo, 1);
  for (const Pair *pair = pair_of(letter); pair && n < 7; pair = pair_of(letter)) parts[n++] = MARKS[MARK_OF[pair - PAIRS]], letter = pair->base;
  int32_t base = letter, left[8];
  while (n--) { /* the marks, the first one last in `parts` */
    int32_t together = joined(base, parts[n]);
    if (together && has(spelling->words, together)) base = together;
    else if (has(spelling->words, parts[n])) left[kept++] = parts[n];
  }
  left[0] = base;
  return has(spelling->words, base) && put(spelling, left, kept);
}

/* Writes what stands for a letter without parts, as "l" does for "ł"; 0 if there is nothing. */
static int put_plain(Spelling *spelling, int32_t letter) {
  for (size_t i = 0; i < sizeof WHOLE / sizeof *WHOLE; i++) {
    int32_t plain[2] = {WHOLE[i].plain[0], WHOLE[i].plain[1]};
    int n = plain[1] ? 2 : 1;
    if (WHOLE[i].letter == letter && has_all(spelling->words, plain, n)) return put(spelling, plain, n);
  }
  return 0;
}

static int put_typed(Spelling *spelling, int32_t code) {
  static const int32_t apostrophes[] = {'\'', 0x2019, 0x2018, 0x201B, 0x2BC, 0xFF07, 0x55A, 0x5F3};
  static const int32_t hyphens[] = {'-', 0x2010, 0x2011};
  int32_t normal[3];
  if (has(spelling->words, code)) return put(spelling, &code, 1);
  if (code == '\'') return put_one_of(spelling, apostrophes, 8);
  if (code == '-' || code == 0x2010 || code == 0x2011) return put_one_of(spelling, hyphens, 3);
  int kind = edgectc_kind(code), n = kind == LETTER || kind == MARK ? edgectc_normal(code, normal) : 0;
  if (n && has_all(spelling->words, normal, n)) return put(spelling, normal, n);
  if (put_plain(spelling, code)) return 1;
  return is_letter(code) ? put_decomposed(spelling, code) : 1;
}

/* ---- words ------------------------------------------------------------------------------ */

/* Returns whether what a capital sigma at a place stands before or behind is a letter; Unicode, table 3-17. */
static int beside_letter(const int32_t *codes, int32_t n, int32_t at, int32_t step) {
  for (at += step; at >= 0 && at < n; at += step) {
    int kind = edgectc_kind(codes[at]);
    if (kind != MARK && kind != JOINER && kind != APOSTROPHE && kind != UNSEEN) return is_letter(codes[at]);
  }
  return 0;
}

/* Reads the characters of a word; -1 if it is no UTF-8 or has more than there is room for. */
static int32_t read_codes(const char *word, int32_t *codes) {
  const uint8_t *at = (const uint8_t *)word, *end = at + strlen(word);
  int32_t n = 0;
  for (; at < end; n++)
    if (n == MOST_TYPED || (codes[n] = edgectc_utf8(&at, end)) < 0) return -1;
  return n;
}

/* Makes characters of a word those that are typed; a mark may join the small letter, as "J̌" has none before it. */
static int32_t type(const int32_t *codes, int32_t n, int32_t *out) {
  int32_t size = 0;
  for (int32_t i = 0; i < n; i++) {
    int32_t code = typed(codes[i]), last = size ? out[size - 1] : 0;
    if (codes[i] == 0x3A3 && beside_letter(codes, n, i, -1) && !beside_letter(codes, n, i, 1)) code = 0x3C2;
    if (!code || (code == 0x307 && last == 'i')) continue; /* the dot of a capital I is no mark of its own */
    int32_t together = last && edgectc_kind(code) == MARK ? joined(last, code) : 0;
    if (together) out[size - 1] = together;
    else out[size++] = code;
  }
  return size;
}

size_t edgectc_spelled(const Words *words, const char *word, char *out, size_t room) {
  int32_t codes[MOST_TYPED], letters[MOST_TYPED];
  Spelling spelling = {words, out, 0, room - 1, 0};
  int32_t n = type(codes, read_codes(word, codes), letters);
  for (int32_t i = 0; i < n; i++)
    if (!put_typed(&spelling, letters[i])) return 0;
  out[spelling.size] = 0;
  return spelling.any ? spelling.size : 0;
}

int64_t edgectc_letters_of(const char *word) {
  const uint8_t *at = (const uint8_t *)word, *end = at + strlen(word);
  int64_t n = 0;
  for (int open = 0; at < end;) {
    int32_t normal[3], code = edgectc_utf8(&at, end);
    if (code < 0) return -1;
    int kind = edgectc_kind(code), size = kind == LETTER || kind == MARK ? edgectc_normal(code, normal) : 0;
    for (int i = 0; i < size; i++) {
      int letter = is_letter(normal[i]);
      if (letter || (open && edgectc_kind(normal[i]) == MARK)) n++, open = 1;
      else open = 0;
    }
    if (!size && kind != JOINER && kind != UNSEEN) open = 0;
  }
  return n;
}

#include "cold_end.h"
