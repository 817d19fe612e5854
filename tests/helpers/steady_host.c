/* steady_host MODEL LEXICON LANGUAGE_MODEL < swipes: prints how many blocks of memory are asked for by each kind of call once a
 * keyboard has made all of them. A swipe is lines of "x y t_ms" in keys of 1 x 1, an empty one behind it. */
#define _GNU_SOURCE
#include <edgectc.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static long asked;

/* These stand before those of the C library, in all that is loaded. */
void *malloc(size_t size) { return asked++, __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return asked++, __libc_calloc(n, size); }
void *realloc(void *held, size_t size) { return asked++, __libc_realloc(held, size); }

enum { MOST_SWIPES = 64, MOST_POINTS = 512 };
#include "../../bench/swipes.h"

static edgectc_key keys[26];
static edgectc_word words[5];
static edgectc_keyboard *keyboard;
static int failed;

static void check(int32_t status) {
  if (status < 0 && !failed++) fprintf(stderr, "%s\n", edgectc_keyboard_error(keyboard));
}

static edgectc_file read_file(const char *name) {
  edgectc_file file = {NULL, 0};
  FILE *from = fopen(name, "rb");
  if (!from) return file;
  fseek(from, 0, SEEK_END), file.size = (size_t)ftell(from), rewind(from);
  void *at = malloc(file.size);
  if (at && fread(at, 1, file.size, from) == file.size) file.at = at;
  fclose(from);
  return file;
}

static void swipes(void) {
  for (int32_t i = 0; i < n_swipes; i++) check(edgectc_keyboard_swipe(keyboard, points[i], counts[i], 0, words, 5));
}

static void moving(void) {
  for (int32_t i = 0; i < n_swipes; i++)
    for (int32_t n = 2 + counts[i] / 4; n < counts[i]; n += 1 + counts[i] / 4)
      check(edgectc_keyboard_swipe(keyboard, points[i], n, EDGECTC_MOVING, words, 5));
}

/* Taps where a finger went, first to last key. */
static void taps_of(int32_t flags) {
  for (int32_t i = 0; i < n_swipes; i++) {
    edgectc_point taps[6];
    for (int k = 0; k < 6; k++) taps[k] = points[i][k * (counts[i] - 1) / 5];
    for (int32_t n = 1; n <= 6; n++) check(edgectc_keyboard_tap(keyboard, taps, n, flags, words, 5));
  }
}

static void taps(void) { taps_of(0); }
static void tapping(void) { taps_of(EDGECTC_MOVING); }

static void completions(void) {
  static const char *begun[] = {"", "t", "th", "hel", "qu"};
  for (int i = 0; i < 5; i++) check(edgectc_keyboard_complete(keyboard, begun[i], words, 5));
}

/* All but the end of each word is swiped, and its last letter tapped. */
static void strokes(void) {
  for (int32_t i = 0; i < n_swipes; i++) {
    edgectc_point both[MOST_POINTS];
    int32_t lengths[] = {1 + 3 * counts[i] / 4, 1};
    for (int32_t k = 0; k < *lengths; k++) both[k] = points[i][k];
    both[*lengths] = points[i][counts[i] - 1];
    check(edgectc_keyboard_strokes(keyboard, both, lengths, 2, 0, words, 5));
  }
}

int main(int argc, char **argv) {
  static void (*const calls[])(void) = {swipes, moving, taps, tapping, completions, strokes};
  static const char *const names[] = {"swipe", "moving", "tap", "tapping", "complete", "strokes"};
  static const char *rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  static const double starts[] = {0.0, 0.5, 1.5};
  enum { N = sizeof calls / sizeof *calls };
  if (argc != 4) return 2;
  for (int row = 0, n = 0; row < 3; row++)
    for (int i = 0; rows[row][i]; i++) keys[n++] = (edgectc_key){rows[row][i], starts[row] + i, row, 1, 1};
  read_swipes(stdin);
  keyboard = edgectc_keyboard_new();
  check(edgectc_keyboard_open(keyboard, read_file(argv[1]), read_file(argv[2]), read_file(argv[3])));
  check(edgectc_keyboard_keys(keyboard, keys, 26));
  check(edgectc_keyboard_before(keyboard, "I want to ", 1));
  printf("opening %ld\n", asked);
  for (int i = 0; i < N; i++) calls[i]();
  for (int i = 0; i < N; i++) {
    long before = asked;
    calls[i]();
    long n = asked - before; /* printf may ask, too */
    printf("%s %ld\n", names[i], n);
  }
  edgectc_keyboard_free(keyboard);
  return failed != 0 || !n_swipes;
}
