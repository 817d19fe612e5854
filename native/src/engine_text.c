/* UTF-8, lower case and hashing for the engine. */
#include <stdarg.h>
#include <stdio.h>
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

/* Lower case of the letters whose two forms take equally many bytes: Latin, Greek, Cyrillic. */
static int32_t lower(int32_t code) {
  if ((code >= 'A' && code <= 'Z') || (code >= 0xC0 && code <= 0xDE && code != 0xD7) ||
      (code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F))
    return code + 32;
  if (code >= 0x400 && code <= 0x40F) return code + 80;
  int even = (code >= 0x100 && code <= 0x137 && code != 0x130) || (code >= 0x14A && code <= 0x177) ||
             (code >= 0x460 && code <= 0x481) || (code >= 0x48A && code <= 0x4BF);
  int odd = (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E);
  if ((even && code % 2 == 0) || (odd && code % 2)) return code + 1;
  return code;
}

void edgectc_lower(const char *text, size_t size, char *out) {
  const uint8_t *at = (const uint8_t *)text, *end = at + size;
  while (at < end) {
    int32_t code = edgectc_utf8(&at, end);
    if (code < 0) *out++ = (char)*at++;
    else out += edgectc_put_utf8(lower(code), out);
  }
}

uint32_t edgectc_hash(const char *text, size_t size) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
  return hash ^ hash >> 15;
}
