/* See user_words.h. The file is JSON; numbers are written with 15 digits, without the locale. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sha256.h"
#include "spelling.h"
#include "user_words.h"

enum { VERSION = 3 /* the first with learnt words; without any, 2 is written */, DIGEST = 64 };
static const char ZEROS[] = "0000000000000000000000000000000000000000000000000000000000000000";
#define MOST_NATS 700.0
#define MOST_BYTES (1 << 28)

int32_t edgectc_check_word(const char *word, Complaint *why) {
  static const char *const breaks[] = {"\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
  int64_t n = edgectc_letters_of(word);
  if (n < 0) return edgectc_refuse(why, EDGECTC_BAD_INPUT, "a word is no UTF-8");
  int lines = 0;
  for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) lines |= strstr(word, breaks[i]) != NULL;
  if (n < 1 || lines) return edgectc_refuse(why, EDGECTC_BAD_INPUT, "'%s' is no word: it needs a letter, on one line", word);
  if (n > MOST_LETTERS)
    return edgectc_refuse(why, EDGECTC_BAD_INPUT, "a word has %d letters, expected at most %d", (long long)n, (long long)MOST_LETTERS);
  return EDGECTC_OK;
}

/* ---- writing ---------------------------------------------------------------------------- */

typedef struct {              /* what is written; its size goes on where the room ends */
  char *out;
  int64_t size, room;
} Writer;

static void put(Writer *writer, const char *text) {
  for (; *text; text++, writer->size++)
    if (writer->size < writer->room) writer->out[writer->size] = *text;
}

static void put_byte(Writer *writer, int byte) {
  char text[2] = {(char)byte, 0};
  put(writer, text);
}

/* Writes up to 15 digits; what was read from so many is written as it was. */
static void put_number(Writer *writer, double value) {
  char digits[20];
  int exponent = 0, less = 0, n = 15;
  if (value < 0.0) put_byte(writer, '-'), value = -value;
  if (value > 0.0 && value < 1e-200) value *= 1e200, less = 200; /* so that the scale below is finite */
  if (value > 0.0) exponent = (int)floor(log(value) / log(10.0));
  double scale = pow(10.0, abs(14 - exponent)), whole = rint(14 >= exponent ? value * scale : value / scale);
  if (whole >= 1e15) whole /= 10.0, exponent++;
  uint64_t rest = (uint64_t)whole;
  for (int i = n - 1; i >= 0; i--, rest /= 10) digits[i] = (char)('0' + rest % 10);
  while (n > 1 && digits[n - 1] == '0') n--;
  put_byte(writer, digits[0]), put_byte(writer, '.');
  for (int i = 1; i < n; i++) put_byte(writer, digits[i]);
  if (n == 1) put_byte(writer, '0');
  exponent -= less;
  if (!exponent) return;
  put(writer, exponent < 0 ? "e-" : "e+");
  if (abs(exponent) >= 100) put_byte(writer, '0' + abs(exponent) / 100);
  put_byte(writer, '0' + abs(exponent) / 10 % 10), put_byte(writer, '0' + abs(exponent) % 10);
}

static void put_escape(Writer *writer, int32_t unit) {
  put(writer, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) put_byte(writer, "0123456789abcdef"[unit >> shift & 15]);
}

static void put_text(Writer *writer, const char *text) {
  const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
  put_byte(writer, '"');
  while (at < end) {
    int32_t code = edgectc_utf8(&at, end);
    if (code >= 0x10000) put_escape(writer, 0xD7C0 + (code >> 10)), code = 0xDC00 + (code & 0x3FF);
    if (code >= ' ' && code <= '~' && code != '"' && code != '\\') put_byte(writer, code);
    else put_escape(writer, code);
  }
  put_byte(writer, '"');
}

static int by_text(const void *left, const void *right) {
  return strcmp((*(const Own *const *)left)->text, (*(const Own *const *)right)->text);
}

static void put_own(Writer *writer, const Own *own) {
  put(writer, "\n  "), put_text(writer, own->text);
  put(writer, ": {\n   \"boost\": "), put_number(writer, own->boost);
  put(writer, ",\n   \"count\": "), put_number(writer, own->count);
  if (own->learnt > 0.0 && own->day > 0.0) put(writer, ",\n   \"day\": "), put_number(writer, own->day);
  put(writer, ",\n   \"hidden\": "), put(writer, own->hidden ? "true" : "false");
  if (own->learnt > 0.0 && *own->language) put(writer, ",\n   \"language\": "), put_text(writer, own->language);
  if (own->learnt > 0.0) put(writer, ",\n   \"learnt\": "), put_number(writer, own->learnt);
  put(writer, "\n  }");
}

/* Writes the digest of a file into it, over the zeros that it is made with. */
static void seal(char *bytes, size_t size, char *digest) {
  char hex[DIGEST + 1];
  Sha256 sha;
  edgectc_sha256_begin(&sha);
  edgectc_sha256_add(&sha, bytes, size);
  edgectc_sha256_end(&sha, hex);
  memcpy(digest, hex, DIGEST);
}

int64_t edgectc_write_words(const Owns *owns, char *out, int64_t room) {
  const Own **sorted = malloc(((size_t)owns->size + 1) * sizeof *sorted);
  if (!sorted) return EDGECTC_NO_MEMORY;
  for (int64_t i = 0; i < owns->size; i++) sorted[i] = owns->words + i;
  qsort(sorted, (size_t)owns->size, sizeof *sorted, by_text);
  Writer writer = {out, 0, out ? room : 0};
  int learnt = 0;
  for (int64_t i = 0; i < owns->size; i++) learnt |= owns->words[i].learnt > 0.0;
  put(&writer, "{\n \"schema_version\": "), put_byte(&writer, learnt ? '3' : '2'), put(&writer, ",\n \"sha256\": \"");
  int64_t digest = writer.size;
  put(&writer, ZEROS), put(&writer, "\",\n \"share\": "), put_number(&writer, owns->share);
  put(&writer, ",\n \"words\": {");
  for (int64_t i = 0; i < owns->size; i++) {
    if (i) put_byte(&writer, ',');
    put_own(&writer, sorted[i]);
  }
  put(&writer, owns->size ? "\n }\n}\n" : "}\n}\n");
  free(sorted);
  if (writer.size <= writer.room) seal(out, (size_t)writer.size, out + digest);
  return writer.size;
}

/* ---- reading ---------------------------------------------------------------------------- */

static int32_t refuse(Complaint *why, const char *text) {
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "these are no user's words: %s", text);
}

/* Reads what is known of a word; says whether its numbers are in range. */
static int read_own(Json *json, Own *own) {
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (edgectc_json_is(key, "boost")) own->boost = edgectc_json_number(json);
    else if (edgectc_json_is(key, "count")) own->count = edgectc_json_number(json);
    else if (edgectc_json_is(key, "hidden")) own->hidden = edgectc_json_boolean(json);
    else if (edgectc_json_is(key, "learnt")) own->learnt = edgectc_json_number(json);
    else if (edgectc_json_is(key, "day")) own->day = edgectc_json_number(json);
    else if (!edgectc_json_is(key, "language")) json->wrong = 1;
    else if (edgectc_json_text(edgectc_json_string(json), own->language, MOST_NAME) < 0) json->wrong = 1;
  }
  return fabs(own->boost) <= MOST_NATS && own->count >= 0.0 && own->count <= MOST_USES && own->learnt >= 0.0 &&
         own->learnt <= MOST_USES && own->day >= 0.0 && own->day <= MOST_DAYS;
}

static int32_t read_all(Owns *owns, Json *json, Complaint *why) {
  Span name;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &name)) {
    Own own = {0};
    size_t room = (size_t)(name.end - name.at) + 6;
    int in_range = read_own(json, &own);
    if (json->wrong) break;
    if (!in_range) return refuse(why, "a number of a word is out of range");
    own.text = malloc(room);
    if (!own.text) return edgectc_refuse(why, EDGECTC_NO_MEMORY, "no memory");
    int fits = edgectc_json_text(name, own.text, room) >= 0 && edgectc_letters_of(own.text) <= MOST_LETTERS;
    int32_t status = fits ? edgectc_check_word(own.text, why) : EDGECTC_OK; /* one of old is left out, as Python does */
    if (fits && status == EDGECTC_OK && edgectc_owns_take(owns, own.text, &own))
      status = edgectc_refuse(why, EDGECTC_NO_MEMORY, "no memory");
    free(own.text);
    if (status < 0) return status;
  }
  return EDGECTC_OK;
}

/* Says whether the digest is that of the bytes, with zeros in its place. */
static int is_sealed(const uint8_t *bytes, size_t size, Span digest) {
  char hex[DIGEST + 1];
  Sha256 sha;
  if (digest.end - digest.at != DIGEST) return 0;
  edgectc_sha256_begin(&sha);
  edgectc_sha256_add(&sha, bytes, (size_t)(digest.at - bytes));
  edgectc_sha256_add(&sha, ZEROS, DIGEST);
  edgectc_sha256_add(&sha, digest.end, (size_t)(bytes + size - digest.end));
  edgectc_sha256_end(&sha, hex);
  return memcmp(hex, digest.at, DIGEST) == 0;
}

int32_t edgectc_read_words(Owns *owns, const uint8_t *bytes, size_t size, Complaint *why) {
  Span key, digest = {NULL, NULL}, words = {NULL, NULL};
  double version = NAN;
  int32_t status = EDGECTC_OK;
  if (!bytes || size > MOST_BYTES) return refuse(why, "there are none, or too many bytes");
  Json json = edgectc_json(edgectc_span(bytes, size));
  owns->share = NAN;
  edgectc_json_object(&json);
  while (edgectc_json_member(&json, &key)) {
    if (edgectc_json_is(key, "schema_version")) version = edgectc_json_number(&json);
    else if (edgectc_json_is(key, "sha256")) digest = edgectc_json_string(&json);
    else if (edgectc_json_is(key, "share")) owns->share = edgectc_json_number(&json);
    else if (edgectc_json_is(key, "words")) words = edgectc_json_any(&json);
    else json.wrong = 1;
  }
  if (!json.wrong && version > VERSION) return refuse(why, "they are of a newer version; upgrade edgectc");
  if (!edgectc_json_done(&json)) return refuse(why, "the file is another one, or was cut short");
  if (!(version >= 1.0 && version == floor(version)) || !words.at || !(owns->share > 0.0 && owns->share < 1.0))
    return refuse(why, "schema_version, share or words are missing, or out of range");
  if (digest.at && !is_sealed(bytes, size, digest))
    return refuse(why, "they are damaged: the bytes are not those that were saved; leave out sha256 if you changed them yourself");
  Json inside = edgectc_json(words);
  status = read_all(owns, &inside, why);
  return status == EDGECTC_OK && inside.wrong ? refuse(why, "a word has something else than is known of words") : status;
}

#include "cold_end.h"
