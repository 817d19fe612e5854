/* See json.h. RFC 8259; numbers are read without the locale. */
#include "cold.h"

#include <math.h>
#include <string.h>

#include "engine_parts.h"
#include "json.h"

Span edgectc_span(const void *bytes, size_t size) {
  Span span = {bytes, (const uint8_t *)bytes + size};
  return span;
}

Json edgectc_json(Span text) {
  Json json = {text.at, text.end, 0, 0};
  return json;
}

int edgectc_json_is(Span text, const char *name) {
  size_t size = strlen(name);
  return (size_t)(text.end - text.at) == size && memcmp(text.at, name, size) == 0;
}

static int next(Json *json) {
  while (json->at < json->end && (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t'))
    json->at++;
  return json->wrong || json->at == json->end ? 0 : *json->at;
}

int edgectc_json_peek(Json *json) { return next(json); }

int edgectc_json_done(Json *json) { return next(json) == 0 && !json->wrong && json->at == json->end; }

static void expect(Json *json, int byte) {
  if (next(json) == byte) json->at++;
  else json->wrong = 1;
}

void edgectc_json_object(Json *json) {
  expect(json, '{');
  json->first = 1;
}

void edgectc_json_array(Json *json) {
  expect(json, '[');
  json->first = 1;
}

/* Goes to the next member or element of what `close` ends. */
static int more(Json *json, int close) {
  int first = json->first, byte = next(json);
  json->first = 0;
  if (byte == close) {
    json->at++;
    return 0;
  }
  if (!first) expect(json, ',');
  return !json->wrong && json->at < json->end;
}

int edgectc_json_element(Json *json) { return more(json, ']'); }

int edgectc_json_member(Json *json, Span *key) {
  if (!more(json, '}')) return 0;
  *key = edgectc_json_string(json);
  expect(json, ':');
  return !json->wrong;
}

static int is_hex(const uint8_t *at) {
  for (int i = 0; i < 4; i++)
    if (!((at[i] >= '0' && at[i] <= '9') || ((at[i] | 32) >= 'a' && (at[i] | 32) <= 'f'))) return 0;
  return 1;
}

Span edgectc_json_string(Json *json) {
  Span text = {json->at, json->at};
  expect(json, '"');
  if (json->wrong) return text;
  text.at = json->at;
  for (; json->at < json->end && *json->at >= 32; json->at++) {
    if (*json->at == '"') {
      text.end = json->at++;
      return text;
    }
    if (*json->at != '\\') continue;
    if (++json->at == json->end || !*json->at || !strchr("\"\\/bfnrtu", *json->at)) break;
    if (*json->at != 'u') continue;
    if (json->end - json->at < 5 || !is_hex(json->at + 1)) break;
    json->at += 4;
  }
  json->wrong = 1;
  return text;
}

static int is_digit(const Json *json) { return json->at < json->end && *json->at >= '0' && *json->at <= '9'; }

/* Reads digits into `value`, at most 19 of them; returns how many were left out, -1 if there is none. */
static int digits(Json *json, uint64_t *value, int *read) {
  int left_out = 0;
  if (!is_digit(json)) return -1;
  for (; is_digit(json); json->at++) {
    if (*value > (UINT64_MAX - 9) / 10) {
      left_out += left_out < 1 << 20;
      continue;
    }
    *value = *value * 10 + (uint64_t)(*json->at - '0');
    if (read) ++*read;
  }
  return left_out;
}

/* Up to 15 digits and a factor up to 10^22 are rounded once, and so as any other reader does; others may
 * end one place further. */
static double scaled(uint64_t value, int exponent) {
  if (value == 0) return 0.0; /* times infinity would be NaN */
  double scale = pow(10.0, exponent < 0 ? -(double)exponent : (double)exponent);
  return exponent < 0 ? (double)value / scale : (double)value * scale;
}

double edgectc_json_number(Json *json) {
  uint64_t value = 0, power = 0;
  int minus = next(json) == '-', after = 0, places = 0, negative = 0;
  if (minus) json->at++;
  const uint8_t *start = json->at;
  int left_out = digits(json, &value, NULL);
  if (left_out < 0 || (*start == '0' && json->at - start > 1)) json->wrong = 1;
  if (!json->wrong && json->at < json->end && *json->at == '.') {
    json->at++;
    if (digits(json, &value, &places) < 0) json->wrong = 1;
  }
  if (!json->wrong && json->at < json->end && (*json->at | 32) == 'e') {
    json->at++;
    if (json->at < json->end && (*json->at == '-' || *json->at == '+')) negative = *json->at++ == '-';
    after = digits(json, &power, NULL);
    if (after < 0) json->wrong = 1;
  }
  if (json->wrong) return NAN;
  if (power > 400 || after > 0) power = 400; /* beyond all doubles, with 19 digits or without */
  double found = scaled(value, (negative ? -(int)power : (int)power) + left_out - places);
  return minus ? -found : found;
}

static int word(Json *json, const char *text) {
  size_t size = strlen(text);
  next(json);
  if (json->wrong || (size_t)(json->end - json->at) < size || memcmp(json->at, text, size)) return 0;
  json->at += size;
  return 1;
}

int edgectc_json_boolean(Json *json) {
  if (word(json, "true")) return 1;
  if (!word(json, "false")) json->wrong = 1;
  return 0;
}

static void any(Json *json, int depth) {
  Span key;
  int byte = next(json);
  if (depth == JSON_DEPTH || !byte) {
    json->wrong = 1;
  } else if (byte == '{') {
    edgectc_json_object(json);
    while (edgectc_json_member(json, &key)) any(json, depth + 1);
  } else if (byte == '[') {
    edgectc_json_array(json);
    while (edgectc_json_element(json)) any(json, depth + 1);
  } else if (byte == '"') {
    edgectc_json_string(json);
  } else if (byte == 't' || byte == 'f') {
    edgectc_json_boolean(json);
  } else if (byte == 'n') {
    if (!word(json, "null")) json->wrong = 1;
  } else {
    edgectc_json_number(json);
  }
}

Span edgectc_json_any(Json *json) {
  next(json);
  Span value = {json->at, json->at};
  any(json, 0);
  value.end = json->at;
  return value;
}

static int32_t hex(const uint8_t *at) {
  int32_t code = 0;
  for (int i = 0; i < 4; i++) code = code * 16 + (at[i] <= '9' ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
  return code;
}

/* Reads what one escape stands for; -1 for half of a surrogate pair. */
static int32_t escaped(const uint8_t **at, const uint8_t *end) {
  static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
  int32_t name = *(*at)++;
  if (name != 'u') return codes[strchr(names, name) - names];
  int32_t code = hex(*at);
  *at += 4;
  if (code < 0xD800 || code > 0xDFFF) return code;
  if (code > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') return -1;
  int32_t low = hex(*at + 2);
  *at += 6;
  return low < 0xDC00 || low > 0xDFFF ? -1 : 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
}

ptrdiff_t edgectc_json_text(Span text, char *out, size_t room) {
  size_t size = 0;
  while (text.at < text.end) {
    int32_t code;
    if (*text.at == '\\') text.at++, code = escaped(&text.at, text.end);
    else code = edgectc_utf8(&text.at, text.end);
    if (code <= 0 || size + 5 > room) return -1;
    size += (size_t)edgectc_put_utf8(code, out + size);
  }
  if (size >= room) return -1;
  out[size] = 0;
  return (ptrdiff_t)size;
}

#include "cold_end.h"
