/* Text before a cursor as the context of the next word. The rule of edgectc/language/ngram/text.py, which is
 * its oracle; docs/host_contract.md states it. */
#include "light.h"

#include <string.h>

#include "engine_parts.h"
#include "text_tables.h"

int edgectc_kind(int32_t code) {
  if ((uint32_t)(code | 32) - 'a' < 26) return LETTER; /* most are */
  int32_t low = PLANES[code >> 16], high = PLANES[(code >> 16) + 1] - 1;
  while (low < high) { /* to the last run that begins at or before it */
    int32_t middle = (low + high + 1) / 2;
    if (RUNS[middle] <= (code & 0xFFFF)) low = middle;
    else high = middle - 1;
  }
  return KINDS[low / 2] >> low % 2 * 4 & 15;
}

int edgectc_normal(int32_t code, int32_t out[3]) {
  int32_t low = 0, high = sizeof(NORMALS) / sizeof(*NORMALS) - 1;
  int n = 0;
  if (code < 0x80) {
    *out = code >= 'A' && code <= 'Z' ? code + 32 : code;
    return 1;
  }
  for (size_t i = 0; i < sizeof(SEVERAL) / sizeof(*SEVERAL); i++)
    while (SEVERAL[i].code == code && n < 3 && SEVERAL[i].to[n]) out[n] = SEVERAL[i].to[n], n++;
  if (n) return n;
  while (low < high) {
    int32_t middle = (low + high + 1) / 2;
    if ((int32_t)(NORMALS[middle].first >> 8) <= code) low = middle;
    else high = middle - 1;
  }
  const Normal *row = NORMALS + low;
  int32_t after = code - (int32_t)(row->first >> 8), step = row->more & 3;
  int changes = after >= 0 && after <= (int32_t)(row->first & 255) && after % step == 0;
  out[0] = changes ? code + (row->more - step) / 4 : code;
  return 1;
}

static int is_greek(int32_t code) {
  return (code >= 0x370 && code <= 0x3FF) || (code >= 0x1F00 && code <= 0x1FFF);
}

typedef struct {          /* a code point and where the text goes on; a code of 0 is the end */
  const uint8_t *at, *end;
  int32_t code;
  int kind;
} Reader;

/* Moves to the next code point that is seen; what is no UTF-8 is a sign like any other. */
static void advance(Reader *reader) {
  do {
    if (reader->at == reader->end) {
      reader->code = 0;
      reader->kind = OTHER;
      return;
    }
    reader->code = edgectc_utf8(&reader->at, reader->end);
    if (reader->code < 0) reader->at++, reader->code = 0xFFFD;
    reader->kind = edgectc_kind(reader->code);
  } while (reader->kind == UNSEEN);
}

typedef struct {          /* what is written; its size goes on where the room ends */
  char *out;
  int64_t size, room;
} Writer;

static void put_bytes(Writer *writer, const char *bytes, int64_t n) {
  if (writer->size + n <= writer->room) memcpy(writer->out + writer->size, bytes, (size_t)n);
  writer->size += n;
}

static void put_code(Writer *writer, int32_t code) {
  char bytes[4];
  put_bytes(writer, bytes, edgectc_put_utf8(code, bytes));
}

static void put_normal(Writer *writer, int32_t code) {
  int32_t normal[3];
  int n = edgectc_normal(code, normal);
  for (int i = 0; i < n; i++) put_code(writer, normal[i]);
}

/* Writes the word that begins at a letter, and moves behind it; returns its last code point. */
static int32_t put_word(Writer *writer, Reader *reader) {
  if (writer->size) put_bytes(writer, "\n", 1);
  for (;;) {
    put_normal(writer, reader->code);
    Reader next = *reader;
    advance(&next);
    if (next.kind == JOINER || next.kind == APOSTROPHE) { /* inside a word alone */
      Reader after = next;
      advance(&after);
      if (after.kind == LETTER) {
        put_code(writer, next.kind == APOSTROPHE ? '\'' : next.code);
        next = after;
      }
    }
    int32_t last = reader->code;
    *reader = next;
    if (next.kind != LETTER && next.kind != MARK) return last;
  }
}

/* Forgets the words so far: a sentence begins. */
static void begin(Writer *writer) {
  writer->size = 0;
  put_bytes(writer, "<s>", 3);
}

/* Reads a text; words before the sentence that it ends in are kept where `all` of them are asked for. */
static int32_t read_words(const char *text, int32_t whole, int32_t all, char *out, int32_t room) {
  size_t size = strlen(text), most = INT32_MAX / 4; /* so that what is returned can count it */
  if (size > most) text += size - most, size = most, whole = 0;
  Writer writer = {out, 0, out ? room : 0};
  Reader reader = {(const uint8_t *)text, (const uint8_t *)text + size, 0, OTHER};
  int32_t before = 0; /* code point */
  int ended = 0;      /* whether white space now would begin a sentence */
  if (whole) begin(&writer);
  advance(&reader);
  while (reader.code) {
    if (!all && (reader.kind == BREAK || (reader.kind == SPACE && ended))) begin(&writer);
    if (reader.kind == LETTER) {
      ended = 0;
      before = put_word(&writer, &reader);
      continue;
    }
    int greek = (reader.code == ';' || reader.code == 0x37E) && is_greek(before);
    ended = reader.kind == END || greek || (ended && (reader.kind == CLOSER || reader.kind == APOSTROPHE));
    before = reader.code;
    advance(&reader);
  }
  if (ended && !all) begin(&writer);
  put_bytes(&writer, "", 1);
  if (writer.size > writer.room && out && room > 0) *out = 0;
  return (int32_t)writer.size;
}

EDGECTC_API int32_t edgectc_context(const char *text, int32_t whole, char *out, int32_t room) {
  return read_words(text, whole, 0, out, room);
}

int32_t edgectc_said(const char *text, char *out, int32_t room) { return read_words(text, 0, 1, out, room); }

#include "cold_end.h"
