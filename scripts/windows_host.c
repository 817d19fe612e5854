/* Decodes with the library of a Windows wheel: windows_host LIBRARY LEXICON LOG_PROBS FRAMES.
 *
 * LOG_PROBS holds (FRAMES, 28) float32: the blank, a to z, the apostrophe. Prints the best word and
 * its score. Used by scripts/check-wheel-windows. */
#include "edgectc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define TOKENS 28

static void *all_of(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*size);
  if (!bytes || fread(bytes, 1, *size, file) != *size) exit(2);
  fclose(file);
  return bytes;
}

int main(int count, char **given) {
  if (count != 5) return 2;
  HMODULE library = LoadLibraryA(given[1]);
  if (!library) return fprintf(stderr, "the library does not load: %lu\n", GetLastError()), 1;
#define FUNCTION(name) \
  __typeof__(&edgectc_##name) name = (__typeof__(name))(void *)GetProcAddress(library, "edgectc_" #name)
  FUNCTION(abi);
  FUNCTION(engine_new);
  FUNCTION(engine_lexicon);
  FUNCTION(engine_option);
  FUNCTION(engine_columns);
  FUNCTION(engine_search);
  FUNCTION(engine_text);
  FUNCTION(engine_figure);
  FUNCTION(engine_error);
  FUNCTION(engine_free);
  if (abi() != EDGECTC_ABI) return fprintf(stderr, "ABI %u, expected %d\n", abi(), EDGECTC_ABI), 1;
  size_t words, frames;
  const uint8_t *lexicon = all_of(given[2], &words);
  const float *log_probs = all_of(given[3], &frames);
  int32_t symbols[TOKENS] = {-1};
  for (int i = 1; i < TOKENS - 1; i++) symbols[i] = 'a' + i - 1;
  symbols[TOKENS - 1] = '\'';
  edgectc_engine *engine = engine_new();
  if (engine_lexicon(engine, lexicon, words) < 0 || engine_option(engine, "lm_weight", 0) < 0 ||
      engine_columns(engine, symbols, NULL, TOKENS, 0, 0) < 0 ||
      engine_search(engine, log_probs, atoi(given[4]), 3, 0) < 1)
    return fprintf(stderr, "%s\n", engine_error(engine)), 1;
  printf("%s %.6f\n", engine_text(engine, 0), engine_figure(engine, 0, EDGECTC_SCORE));
  engine_free(engine);
  return 0;
}
