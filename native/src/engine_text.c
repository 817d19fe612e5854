/* UTF-8, normal forms and hashing for the engine. */
#include "light.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"
#include "text_kinds.h"

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

int32_t edgectc_small(int32_t code) {
  int32_t normal[3];
  if (code == 0x3C2) return code; /* the final sigma, which is compared as another letter but has a key of its own */
  return edgectc_normal(code, normal) == 1 ? *normal : code;
}

/* Writes the normal form of a code point; returns how many code points that has. */
static int fold(int32_t code, int32_t out[3]) {
  int kind = edgectc_kind(code);
  *out = '\'';
  if (kind == UNSEEN) return 0;
  return kind == APOSTROPHE ? 1 : edgectc_normal(code, out);
}

size_t edgectc_fold(const char *text, size_t size, char *out) {
  const uint8_t *at = (const uint8_t *)text, *end = at + size;
  char *start = out;
  int32_t last = 0, normal[3];
  while (at < end) {
    int32_t code = edgectc_utf8(&at, end);
    if (code < 0) {
      *out++ = (char)*at++;
      continue;
    }
    if (code == 0x307 && last == 'i') continue; /* the dot of a capital I is no mark of its own */
    int n = fold(code, normal);
    for (int i = 0; i < n; i++) out += edgectc_put_utf8(last = normal[i], out);
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
