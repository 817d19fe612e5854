/* Reads JSON where it lies: a cursor goes over the text once, and nothing is allocated. */
#ifndef EDGECTC_JSON_H
#define EDGECTC_JSON_H

#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH = 32 };

/* A value as it is written; of a text, what stands between the quotes. */
typedef struct {
  const uint8_t *at, *end;
} Span;

typedef struct {
  const uint8_t *at, *end;
  int wrong;                 /* the text is no JSON, or not what was asked for; nothing is read on */
  int first;                 /* no member of the innermost object or array was read yet */
} Json;

Json edgectc_json(Span text);
Span edgectc_span(const void *bytes, size_t size);
/* Says whether a key or text reads so; a text with escapes never does. */
int edgectc_json_is(Span text, const char *name);

/* Enters an object or array; each must then be read to its end. */
void edgectc_json_object(Json *json);
void edgectc_json_array(Json *json);
/* Goes to the next member; 0 at the end, and where something is wrong. Its value must be read. */
int edgectc_json_member(Json *json, Span *key);
int edgectc_json_element(Json *json);

/* Read a value of that kind, else `wrong`. */
Span edgectc_json_string(Json *json);
double edgectc_json_number(Json *json);
int edgectc_json_boolean(Json *json);
/* Reads any value and returns where it lies; its inside is checked, too. */
Span edgectc_json_any(Json *json);
/* Returns the first byte of the value to come, 0 at the end: '{', '[', '"', 't', 'f', 'n' or that of a
 * number. */
int edgectc_json_peek(Json *json);
/* Says whether all was read. */
int edgectc_json_done(Json *json);

/* Writes a text as UTF-8 with a zero byte; returns its bytes without it, or -1: no room, or it holds a
 * zero, half of a surrogate pair or no UTF-8. */
ptrdiff_t edgectc_json_text(Span text, char *out, size_t room);

#endif
