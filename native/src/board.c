/* Keys, from a screen or from a manifest, in the letter area: 0..1 over the width and height of the board. */
#include "cold.h"
#include "exact.h"

#include <stdlib.h>
#include <string.h>

#include "keyboard.h"

static int32_t refuse(Complaint *why, const char *text) { return edgectc_refuse(why, EDGECTC_BAD_INPUT, text); }

int edgectc_board_new(Board *board, int32_t slots) {
  board->n = 0;
  board->letters = malloc((size_t)slots * sizeof(int32_t));
  board->centers = malloc((size_t)slots * 2 * sizeof(double));
  return board->letters && board->centers;
}

void edgectc_board_free(Board *board) {
  free(board->letters);
  free(board->centers);
}

static int32_t too_many(Complaint *why, int32_t slots) {
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "too_many_keys: the model takes %d keys with letters", (long long)slots);
}

static void add(Board *board, int32_t letter, double x, double y) {
  board->letters[board->n] = letter;
  board->centers[2 * board->n] = x;
  board->centers[2 * board->n++ + 1] = y;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Returns the median, of an even number the mean of the middle two; sorts. */
static double median(double *values, int32_t n) {
  qsort(values, (size_t)n, sizeof *values, ascending);
  return (values[(n - 1) / 2] + values[n / 2]) / 2.0;
}

static int is_key(const edgectc_key *key) {
  return fabs(key->x) < 1e9 && fabs(key->y) < 1e9 && key->width > 0.0 && key->width < 1e9 && key->height > 0.0 &&
         key->height < 1e9 && key->letter >= 0 && key->letter < 0x110000 &&
         (key->letter < 0xD800 || key->letter > 0xDFFF);
}

double edgectc_decimal(double value) {
  double near = floor(value * 1e9 + 0.5) / 1e9;
  return fabs(near - value) < 1e-14 ? near : value;
}

int32_t edgectc_board_of(Board *board, int32_t slots, const edgectc_key *keys, int32_t n, double area[4],
                         Complaint *why) {
  double left = HUGE_VAL, top = HUGE_VAL, right = -HUGE_VAL, bottom = -HUGE_VAL;
  int32_t lettered = 0;
  for (int32_t i = 0; i < n; i++) {
    const edgectc_key *key = keys + i;
    if (!is_key(key)) return edgectc_refuse(why, EDGECTC_BAD_INPUT, "key %d has no place, no size or no code point", (long long)i);
    left = fmin(left, key->x), right = fmax(right, key->x + key->width);
    top = fmin(top, key->y), bottom = fmax(bottom, key->y + key->height);
    lettered += key->letter != 0;
  }
  if (lettered < 1) return refuse(why, "no key has a letter");
  if (lettered > slots) return too_many(why, slots);
  double *sizes = malloc((size_t)lettered * 2 * sizeof(double)), wide = right - left, high = bottom - top;
  if (!sizes) return edgectc_refuse(why, EDGECTC_NO_MEMORY, "no memory");
  board->n = 0;
  for (int32_t i = 0; i < n; i++) {
    const edgectc_key *key = keys + i;
    if (!key->letter) continue;
    sizes[board->n] = edgectc_decimal(key->width / wide);
    sizes[lettered + board->n] = edgectc_decimal(key->height / high);
    add(board, edgectc_small(key->letter), (key->x - left + 0.5 * key->width) / wide, (key->y - top + 0.5 * key->height) / high);
  }
  board->width = median(sizes, lettered);
  board->height = median(sizes + lettered, lettered);
  free(sizes);
  area[0] = left, area[1] = top, area[2] = wide, area[3] = high;
  return EDGECTC_OK;
}

typedef struct {
  Span keys;
  double x, key_width;
} Row;

static Row read_row(Json *json) {
  Row row = {{NULL, NULL}, NAN, NAN};
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (edgectc_json_is(key, "keys")) row.keys = edgectc_json_string(json);
    else if (edgectc_json_is(key, "x")) row.x = edgectc_json_number(json);
    else if (edgectc_json_is(key, "key_width")) row.key_width = edgectc_json_number(json);
    else json->wrong = 1;
  }
  if (!row.keys.at || !(row.key_width > 0.0 && row.key_width <= 1.0 && fabs(row.x) <= 1.0)) json->wrong = 1;
  return row;
}

/* Reads `rows`: first how many there are, then their keys. */
static int32_t read_rows(Board *board, int32_t slots, Span rows, Complaint *why) {
  enum { MOST = 256 };
  double widths[4096], count = 0.0, row_number = 0.0;
  Json json = edgectc_json(rows), again = json;
  edgectc_json_array(&json);
  while (edgectc_json_element(&json)) edgectc_json_any(&json), count++;
  edgectc_json_array(&again);
  board->n = 0;
  for (; edgectc_json_element(&again); row_number++) {
    char text[4 * MOST];
    Row row = read_row(&again);
    if (again.wrong || edgectc_json_text(row.keys, text, sizeof text) < 0) return refuse(why, "a layout of the model is malformed");
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
    for (double column = 0.5; at < end; column++) {
      int32_t letter = edgectc_utf8(&at, end);
      if (letter == ' ') continue;
      if (board->n == slots) return too_many(why, slots);
      widths[board->n] = row.key_width;
      add(board, letter, row.x + column * row.key_width, (row_number + 0.5) / count);
    }
  }
  if (json.wrong || again.wrong || board->n < 1) return refuse(why, "a layout of the model is malformed");
  board->width = median(widths, board->n);
  board->height = 1.0 / count;
  return EDGECTC_OK;
}

int32_t edgectc_board_named(Board *board, int32_t slots, Span layouts, Span name, Complaint *why) {
  Json json = edgectc_json(layouts);
  edgectc_json_array(&json);
  while (layouts.at && edgectc_json_element(&json)) {
    Span key, found = {NULL, NULL}, rows = {NULL, NULL};
    edgectc_json_object(&json);
    while (edgectc_json_member(&json, &key)) {
      if (edgectc_json_is(key, "name")) found = edgectc_json_string(&json);
      else if (edgectc_json_is(key, "rows")) rows = edgectc_json_any(&json);
      else edgectc_json_any(&json);
    }
    if (!json.wrong && rows.at && found.end - found.at == name.end - name.at &&
        memcmp(found.at, name.at, (size_t)(name.end - name.at)) == 0)
      return read_rows(board, slots, rows, why);
  }
  return refuse(why, "a reference case names a layout that the model has not");
}

#include "cold_end.h"
