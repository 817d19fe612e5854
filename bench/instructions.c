/* instructions MODEL INDEX LEXICON LANGUAGE_MODEL POINTS [STAGE N]: what a keyboard does, a stage a function, for a counter of
 * instructions. POINTS has lines of "x y t_ms" in keys of 1 x 1, an empty one behind each swipe. N loops of two
 * instructions are planted into a stage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beam_prefixes.h"
#include "edgectc.h"

#define STAGE __attribute__((noinline)) static void
enum { MOST_SWIPES = 64, MOST_POINTS = 512, TIMES = 3, BEAM_FRAMES = 600, BEAM_TOKENS = 28 };

/* beam.c: Python alone has it */
void *edgectc_beam_new(const Tables *tables);
int64_t edgectc_beam_push(void *search, const double *log_probs, int64_t T);
void edgectc_beam_free(void *search);

#include "swipes.h"

static edgectc_keyboard *keyboard;
static edgectc_network *network;
static edgectc_engine *engine;
static edgectc_file files[4];
static edgectc_key keys[26];
static edgectc_point taps[5];
static float frames[64][3], *rows;
static edgectc_word words[5];
static double sentence[BEAM_FRAMES][BEAM_TOKENS];
static const char *planted = "";
static long loops;
static int failed;

static void check(int32_t status) {
  if (status < 0 && !failed++) fprintf(stderr, "%s\n", edgectc_keyboard_error(keyboard));
}

static void plant(const char *stage) {
  if (strcmp(stage, planted)) return;
  for (volatile long i = loops; i > 0;) i = i - 1;
}

STAGE stage_open(void) {
  check(edgectc_keyboard_open(keyboard, files[0], (edgectc_file){NULL, 0}, (edgectc_file){NULL, 0}));
  check(edgectc_keyboard_add(keyboard, files[1], files[2], files[3]));
  plant("open");
}

STAGE stage_keys(void) {
  check(edgectc_keyboard_keys(keyboard, keys, 26));
  plant("keys");
}

STAGE stage_context(void) {
  static const char *texts[] = {"I want to ", "it is the ", "on the "};
  for (int i = 0; i < 3; i++) check(edgectc_keyboard_before(keyboard, texts[i], 1)), check(edgectc_keyboard_prepare(keyboard));
  plant("context");
}

/* A letter, at times taken for its neighbour, in each fourth frame; a word ends after each fifth. */
static void make_sentence(void) {
  uint32_t random = 7;
  for (int t = 0; t < BEAM_FRAMES; t++) {
    for (int v = 0; v < BEAM_TOKENS; v++) {
      random = random * 1664525u + 1013904223u;
      sentence[t][v] = -9.0 + (random >> 24) / 40.0;
    }
    int letter = t % 24 == 20 ? BEAM_TOKENS - 1 : 1 + (int)(random >> 16) % (BEAM_TOKENS - 2);
    sentence[t][0] = t % 4 ? -0.01 : -1.5;
    if (t % 4 == 0) sentence[t][letter] = -0.5, sentence[t][1 + letter % (BEAM_TOKENS - 1)] = -1.2;
  }
}

STAGE stage_beam(void) {
  static const double ahead = 0.0;
  Tables tables = {.ahead = &ahead, .beam_threshold = 10.0, .token_threshold = -5.0,
                   .unknown_length = HUGE_VAL, .n_tokens = BEAM_TOKENS, .boundary = BEAM_TOKENS - 1,
                   .beam_size = 32};
  void *search = edgectc_beam_new(&tables);
  if (!search || edgectc_beam_push(search, sentence[0], BEAM_FRAMES) != BEAM_FRAMES) failed++;
  if (search) edgectc_beam_free(search);
  plant("beam");
}

STAGE stage_network(void) {
  for (int i = 0; i < TIMES; i++) check(edgectc_network_run(network, frames[0], 64, rows));
  plant("network");
}

STAGE stage_search(void) {
  const float *log_probs;
  int32_t columns, n = edgectc_keyboard_log_probs(keyboard, &log_probs, &columns);
  for (int i = 0; i < TIMES; i++) check(edgectc_engine_search(engine, log_probs, n, 5, 0));
  plant("search");
}

STAGE stage_swipe(void) {
  for (int32_t i = 0; i < n_swipes; i++) check(edgectc_keyboard_swipe(keyboard, points[i], counts[i], 0, words, 5));
  plant("swipe");
}

STAGE stage_moving(void) {
  for (int32_t i = 0; i < n_swipes; i++) check(edgectc_keyboard_swipe(keyboard, points[i], counts[i] / 2, EDGECTC_MOVING, words, 5));
  plant("moving");
}

STAGE stage_taps(void) {
  check(edgectc_keyboard_tap(keyboard, taps, 5, 0, words, 5));
  check(edgectc_keyboard_tap(keyboard, taps, 3, EDGECTC_MOVING, words, 5));
  plant("taps");
}

STAGE stage_learn(void) {
  char word[] = "zyxaa";
  for (int i = 0; i < 100; i++) word[3] = (char)('a' + i % 26), word[4] = (char)('a' + i / 26), check(edgectc_keyboard_learn(keyboard, word, 1));
  check(edgectc_keyboard_prepare(keyboard));
  plant("learn");
}

/* ---- what is given ---------------------------------------------------------------------- */

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

static void lay_keys(void) {
  static const char *lines[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"}, *tapped = "hwllo";
  static const double starts[] = {0.0, 0.5, 1.5};
  int n = 0;
  for (int line = 0; line < 3; line++)
    for (int i = 0; lines[line][i]; i++) keys[n++] = (edgectc_key){lines[line][i], starts[line] + i, line, 1, 1};
  for (int i = 0; tapped[i]; i++)
    for (int k = 0; k < n; k++)
      if (keys[k].letter == tapped[i]) taps[i] = (edgectc_point){keys[k].x + 0.6, keys[k].y + 0.5, 0};
}

/* A network and an engine of their own, with the keys of the keyboard. */
static void make_parts(void) {
  int32_t columns, symbols[65];
  float centers[2 * 64] = {0}, mask[64] = {0};
  double places[2 * 65] = {0};
  network = edgectc_network_new(), engine = edgectc_engine_new();
  check(edgectc_network_open(network, files[0].at, files[0].size));
  columns = edgectc_network_size(network, EDGECTC_COLUMNS);
  failed |= columns != 65;
  for (int k = 0; k < 64; k++) {
    mask[k] = k < 26, symbols[k] = k < 26 ? keys[k].letter : 0;
    if (k < 26) places[2 * k] = (keys[k].x + 0.5) / 10, places[2 * k + 1] = (keys[k].y + 0.5) / 3;
    centers[2 * k] = (float)places[2 * k], centers[2 * k + 1] = (float)places[2 * k + 1];
  }
  symbols[64] = -1;
  check(edgectc_network_keys(network, centers, mask, 0.1f, 1 / 3.0f));
  check(edgectc_engine_lexicon(engine, files[2].at, files[2].size));
  check(edgectc_engine_columns(engine, symbols, places, 65, 0.1, 1 / 3.0));
  check(edgectc_engine_prepare(engine));
  rows = malloc(64 * 65 * sizeof *rows);
  for (int t = 0; t < 64; t++) frames[t][0] = 0.1f + 0.012f * (float)t, frames[t][1] = 0.5f, frames[t][2] = 0.012f * (float)t;
}

int main(int argc, char **argv) {
  if (argc != 6 && argc != 8) return 2;
  for (int i = 0; i < 4; i++) files[i] = read_file(argv[1 + i]);
  if (argc == 8) planted = argv[6], loops = atol(argv[7]);
  read_swipes(fopen(argv[5], "r"));
  lay_keys();
  keyboard = edgectc_keyboard_new();
  stage_open();
  make_parts();
  stage_keys();
  check(edgectc_keyboard_swipe(keyboard, points[0], counts[0], 0, words, 5)); /* warm */
  stage_network();
  stage_search();
  stage_context();
  stage_swipe();
  stage_moving();
  stage_taps();
  stage_learn();
  make_sentence();
  stage_beam();
  edgectc_keyboard_free(keyboard), edgectc_network_free(network), edgectc_engine_free(engine);
  return failed != 0;
}
