/* UTF-8, lower case and hashing for the engine. */
#include "light.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

/* Formats %s and %d alone, so that WebAssembly need not carry all of printf. */
int32_t edgectc_refuse(Complaint *why, int32_t code, const char *text, ...) {
  va_list values;
  size_t at = 0, room = sizeof(why->text) - 1;
  va_start(values, text);
  for (; *text && at < room; text++) {
    char digits[24];
    const char *put = digits;
    if (*text != '%') {
      why->text[at++] = *text;
      continue;
    }
    if (*++text == 's') {
      put = va_arg(values, const char *);
    } else {
      long long value = va_arg(values, long long);
      unsigned long long rest = value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
      char *digit = digits + sizeof(digits) - 1;
      *digit = 0;
      do *--digit = (char)('0' + rest % 10); while (rest /= 10);
      if (value < 0) *--digit = '-';
      put = digit;
    }
    while (*put && at < room) why->text[at++] = *put++;
  }
  va_end(values);
  why->text[at] = 0;
  return code;
}

int32_t edgectc_utf8(const uint8_t **at, const uint8_t *end) {
  static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *p = *at;
  int32_t more = *p < 0x80 ? 0 : *p >= 0xF8 ? -1 : *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : -1;
  if (more < 0 || end - p <= more) return -1;
  int32_t code = more ? *p & (0x3F >> more) : *p;
  for (int32_t i = 1; i <= more; i++) {
    if ((p[i] & 0xC0) != 0x80) return -1;
    code = code << 6 | (p[i] & 0x3F);
  }
  if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return -1;
  *at = p + more + 1;
  return code;
}

int32_t edgectc_put_utf8(int32_t code, char *out) {
  if (code < 0x80) return out[0] = (char)code, 1;
  int32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  for (int32_t i = more; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  out[0] = (char)(lead[more] | code);
  return more + 1;
}

typedef struct { /* in 8 bytes */
  int64_t first : 20, last : 20, step : 3, more : 18; /* every `step`-th code point, and what its lower case lies further on */
} Capitals;

/* Unicode's capitals whose lower case takes as many bytes, in ascending order; all simple pairs of
 * Unicode 14, and those of 16. Those whose lower case is longer or shorter are in FOLDS, but for some of
 * Latin Extended-C and -D. */
static const Capitals CAPITALS[] = {
  {0x41, 0x5A, 1, 32}, {0xC0, 0xD6, 1, 32}, {0xD8, 0xDE, 1, 32}, {0x100, 0x12E, 2, 1},
  {0x132, 0x136, 2, 1}, {0x139, 0x147, 2, 1}, {0x14A, 0x176, 2, 1}, {0x178, 0x178, 1, -121},
  {0x179, 0x17D, 2, 1}, {0x181, 0x181, 1, 210}, {0x182, 0x184, 2, 1}, {0x186, 0x186, 1, 206},
  {0x187, 0x187, 1, 1}, {0x189, 0x18A, 1, 205}, {0x18B, 0x18B, 1, 1}, {0x18E, 0x18E, 1, 79},
  {0x18F, 0x18F, 1, 202}, {0x190, 0x190, 1, 203}, {0x191, 0x191, 1, 1}, {0x193, 0x193, 1, 205},
  {0x194, 0x194, 1, 207}, {0x196, 0x196, 1, 211}, {0x197, 0x197, 1, 209}, {0x198, 0x198, 1, 1},
  {0x19C, 0x19C, 1, 211}, {0x19D, 0x19D, 1, 213}, {0x19F, 0x19F, 1, 214}, {0x1A0, 0x1A4, 2, 1},
  {0x1A6, 0x1A6, 1, 218}, {0x1A7, 0x1A7, 1, 1}, {0x1A9, 0x1A9, 1, 218}, {0x1AC, 0x1AC, 1, 1},
  {0x1AE, 0x1AE, 1, 218}, {0x1AF, 0x1AF, 1, 1}, {0x1B1, 0x1B2, 1, 217}, {0x1B3, 0x1B5, 2, 1},
  {0x1B7, 0x1B7, 1, 219}, {0x1B8, 0x1B8, 1, 1}, {0x1BC, 0x1BC, 1, 1}, {0x1C4, 0x1C4, 1, 2},
  {0x1C5, 0x1C5, 1, 1}, {0x1C7, 0x1C7, 1, 2}, {0x1C8, 0x1C8, 1, 1}, {0x1CA, 0x1CA, 1, 2},
  {0x1CB, 0x1DB, 2, 1}, {0x1DE, 0x1EE, 2, 1}, {0x1F1, 0x1F1, 1, 2}, {0x1F2, 0x1F4, 2, 1},
  {0x1F6, 0x1F6, 1, -97}, {0x1F7, 0x1F7, 1, -56}, {0x1F8, 0x21E, 2, 1}, {0x220, 0x220, 1, -130},
  {0x222, 0x232, 2, 1}, {0x23B, 0x23B, 1, 1}, {0x23D, 0x23D, 1, -163}, {0x241, 0x241, 1, 1},
  {0x243, 0x243, 1, -195}, {0x244, 0x244, 1, 69}, {0x245, 0x245, 1, 71}, {0x246, 0x24E, 2, 1},
  {0x370, 0x372, 2, 1}, {0x376, 0x376, 1, 1}, {0x37F, 0x37F, 1, 116}, {0x386, 0x386, 1, 38},
  {0x388, 0x38A, 1, 37}, {0x38C, 0x38C, 1, 64}, {0x38E, 0x38F, 1, 63}, {0x391, 0x3A1, 1, 32},
  {0x3A3, 0x3AB, 1, 32}, {0x3CF, 0x3CF, 1, 8}, {0x3D8, 0x3EE, 2, 1}, {0x3F4, 0x3F4, 1, -60},
  {0x3F7, 0x3F7, 1, 1}, {0x3F9, 0x3F9, 1, -7}, {0x3FA, 0x3FA, 1, 1}, {0x3FD, 0x3FF, 1, -130},
  {0x400, 0x40F, 1, 80}, {0x410, 0x42F, 1, 32}, {0x460, 0x480, 2, 1}, {0x48A, 0x4BE, 2, 1},
  {0x4C0, 0x4C0, 1, 15}, {0x4C1, 0x4CD, 2, 1}, {0x4D0, 0x52E, 2, 1}, {0x531, 0x556, 1, 48},
  {0x10A0, 0x10C5, 1, 7264}, {0x10C7, 0x10C7, 1, 7264}, {0x10CD, 0x10CD, 1, 7264},
  {0x13A0, 0x13EF, 1, 38864}, {0x13F0, 0x13F5, 1, 8}, {0x1C90, 0x1CBA, 1, -3008},
  {0x1CBD, 0x1CBF, 1, -3008}, {0x1E00, 0x1E94, 2, 1}, {0x1EA0, 0x1EFE, 2, 1}, {0x1F08, 0x1F0F, 1, -8},
  {0x1F18, 0x1F1D, 1, -8}, {0x1F28, 0x1F2F, 1, -8}, {0x1F38, 0x1F3F, 1, -8}, {0x1F48, 0x1F4D, 1, -8},
  {0x1F59, 0x1F5F, 2, -8}, {0x1F68, 0x1F6F, 1, -8}, {0x1F88, 0x1F8F, 1, -8}, {0x1F98, 0x1F9F, 1, -8},
  {0x1FA8, 0x1FAF, 1, -8}, {0x1FB8, 0x1FB9, 1, -8}, {0x1FBA, 0x1FBB, 1, -74}, {0x1FBC, 0x1FBC, 1, -9},
  {0x1FC8, 0x1FCB, 1, -86}, {0x1FCC, 0x1FCC, 1, -9}, {0x1FD8, 0x1FD9, 1, -8}, {0x1FDA, 0x1FDB, 1, -100},
  {0x1FE8, 0x1FE9, 1, -8}, {0x1FEA, 0x1FEB, 1, -112}, {0x1FEC, 0x1FEC, 1, -7},
  {0x1FF8, 0x1FF9, 1, -128}, {0x1FFA, 0x1FFB, 1, -126}, {0x1FFC, 0x1FFC, 1, -9},
  {0x2132, 0x2132, 1, 28}, {0x2160, 0x216F, 1, 16}, {0x2183, 0x2183, 1, 1}, {0x24B6, 0x24CF, 1, 26},
  {0x2C00, 0x2C2F, 1, 48}, {0x2C60, 0x2C60, 1, 1}, {0x2C63, 0x2C63, 1, -3814}, {0x2C67, 0x2C6B, 2, 1},
  {0x2C72, 0x2C72, 1, 1}, {0x2C75, 0x2C75, 1, 1}, {0x2C80, 0x2CE2, 2, 1}, {0x2CEB, 0x2CED, 2, 1},
  {0x2CF2, 0x2CF2, 1, 1}, {0xA640, 0xA66C, 2, 1}, {0xA680, 0xA69A, 2, 1}, {0xA722, 0xA72E, 2, 1},
  {0xA732, 0xA76E, 2, 1}, {0xA779, 0xA77B, 2, 1}, {0xA77D, 0xA77D, 1, -35332}, {0xA77E, 0xA786, 2, 1},
  {0xA78B, 0xA78B, 1, 1}, {0xA790, 0xA792, 2, 1}, {0xA796, 0xA7A8, 2, 1}, {0xA7B3, 0xA7B3, 1, 928},
  {0xA7B4, 0xA7C2, 2, 1}, {0xA7C4, 0xA7C4, 1, -48}, {0xA7C6, 0xA7C6, 1, -35384}, {0xA7C7, 0xA7C9, 2, 1},
  {0xA7CC, 0xA7CC, 1, 1}, {0xA7D0, 0xA7D0, 1, 1}, {0xA7D6, 0xA7DA, 2, 1}, {0xA7F5, 0xA7F5, 1, 1},
  {0xFF21, 0xFF3A, 1, 32}, {0x10400, 0x10427, 1, 40}, {0x104B0, 0x104D3, 1, 40},
  {0x10570, 0x1057A, 1, 39}, {0x1057C, 0x1058A, 1, 39}, {0x1058C, 0x10592, 1, 39},
  {0x10594, 0x10595, 1, 39}, {0x10C80, 0x10CB2, 1, 64}, {0x10D50, 0x10D65, 1, 32},
  {0x118A0, 0x118BF, 1, 32}, {0x16E40, 0x16E5F, 1, 32}, {0x1E900, 0x1E921, 1, 34},
};

int32_t edgectc_small(int32_t code) {
  int32_t low = 0, high = sizeof(CAPITALS) / sizeof(*CAPITALS) - 1;
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  while (low < high) { /* to the last row that begins at or before it */
    int32_t middle = (low + high + 1) / 2;
    if (CAPITALS[middle].first <= code) low = middle;
    else high = middle - 1;
  }
  const Capitals *row = CAPITALS + low;
  int capital = code >= row->first && code <= row->last && (code - row->first) % row->step == 0;
  return capital ? code + (int32_t)row->more : code;
}

typedef struct {
  int64_t from : 21, to : 21, then : 21; /* `then` is 0 where there is but one */
} Fold;

/* What the normal form of spelling.py has beside lower case, in ascending order; a `to` of 0 is nothing.
 * Letters with an iota below, U+1F80 to U+1FAF, are in `fold`. */
static const Fold FOLDS[] = {
  {0xAD, 0, 0}, {0xB5, 0x3BC, 0}, {0xDF, 's', 's'}, {0x130, 'i', 0}, {0x149, '\'', 'n'}, {0x17F, 's', 0},
  {0x23A, 0x2C65, 0}, {0x23E, 0x2C66, 0}, {0x2BC, '\'', 0}, {0x345, 0x3B9, 0}, {0x3C2, 0x3C3, 0},
  {0x3D0, 0x3B2, 0}, {0x3D1, 0x3B8, 0}, {0x3D5, 0x3C6, 0}, {0x3D6, 0x3C0, 0}, {0x3F0, 0x3BA, 0},
  {0x3F1, 0x3C1, 0}, {0x3F5, 0x3B5, 0}, {0x55A, '\'', 0}, {0x587, 0x565, 0x582}, {0x5F3, '\'', 0},
  {0x1E9B, 0x1E61, 0}, {0x1E9E, 's', 's'}, {0x1FB2, 0x1F70, 0x3B9}, {0x1FB3, 0x3B1, 0x3B9},
  {0x1FB4, 0x3AC, 0x3B9}, {0x1FB7, 0x1FB6, 0x3B9}, {0x1FBC, 0x3B1, 0x3B9}, {0x1FBE, 0x3B9, 0},
  {0x1FC2, 0x1F74, 0x3B9}, {0x1FC3, 0x3B7, 0x3B9}, {0x1FC4, 0x3AE, 0x3B9}, {0x1FC7, 0x1FC6, 0x3B9},
  {0x1FCC, 0x3B7, 0x3B9}, {0x1FF2, 0x1F7C, 0x3B9}, {0x1FF3, 0x3C9, 0x3B9}, {0x1FF4, 0x3CE, 0x3B9},
  {0x1FF7, 0x1FF6, 0x3B9}, {0x1FFC, 0x3C9, 0x3B9}, {0x200E, 0, 0}, {0x200F, 0, 0}, {0x2018, '\'', 0},
  {0x2019, '\'', 0}, {0x201B, '\'', 0}, {0x2060, 0, 0}, {0xFB00, 'f', 'f'}, {0xFB01, 'f', 'i'},
  {0xFB02, 'f', 'l'}, {0xFB05, 's', 't'}, {0xFB06, 's', 't'}, {0xFEFF, 0, 0}, {0xFF07, '\'', 0},
};

static Fold fold(int32_t code) {
  static const int32_t bases[] = {0x1F00, 0x1F20, 0x1F60};
  int32_t low = 0, high = sizeof(FOLDS) / sizeof(*FOLDS) - 1;
  if (code < 0x80) return (Fold){code, edgectc_small(code), 0};
  if (code >= 0x1F80 && code < 0x1FB0) return (Fold){code, bases[(code - 0x1F80) / 16] + (code & 7), 0x3B9};
  while (low < high) {
    int32_t middle = (low + high) / 2;
    if (FOLDS[middle].from < code) low = middle + 1;
    else high = middle;
  }
  return FOLDS[low].from == code ? FOLDS[low] : (Fold){code, edgectc_small(code), 0};
}

size_t edgectc_fold(const char *text, size_t size, char *out) {
  const uint8_t *at = (const uint8_t *)text, *end = at + size;
  char *start = out;
  int32_t last = 0;
  while (at < end) {
    int32_t code = edgectc_utf8(&at, end);
    if (code < 0) {
      *out++ = (char)*at++;
      continue;
    }
    if (code == 0x307 && last == 'i') continue; /* the dot of a capital I is no mark of its own */
    Fold folded = fold(code);
    if (folded.to) out += edgectc_put_utf8(last = folded.to, out);
    if (folded.then) out += edgectc_put_utf8(last = folded.then, out);
  }
  return (size_t)(out - start);
}

int edgectc_folds_to(const char *text, size_t size, const char *word, size_t length) {
  char part[64];
  if (size <= sizeof(part) / 2) {
    size_t folded = edgectc_fold(text, size, part);
    return folded == length && !memcmp(part, word, length);
  }
  char *whole = malloc(2 * size);
  size_t folded = whole ? edgectc_fold(text, size, whole) : 0;
  int same = whole && folded == length && !memcmp(whole, word, length);
  free(whole);
  return same;
}

uint32_t edgectc_hash(const char *text, size_t size) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
  return hash ^ hash >> 15;
}

#include "cold_end.h"
