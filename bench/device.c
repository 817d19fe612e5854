/* device MODEL LEXICON LANGUAGE_MODEL POINTS ROUNDS: a keyboard of C as a phone has it, its files mapped. POINTS has lines of
 * "x y t_ms" in keys of 1 x 1, an empty one behind each swipe. Prints CPU time from the start of the process to the first
 * word, then of each swipe in a sentence that is prepared, and the private memory after all rounds. */
#define _GNU_SOURCE
#include <edgectc.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SWIPES = 1024, MOST_POINTS = 1024 };

#include "swipes.h"

static double cpu_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static edgectc_file map_file(const char *name) {
  struct stat about;
  int at = open(name, O_RDONLY);
  if (at < 0 || fstat(at, &about)) exit(2);
  void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, at, 0);
  if (mapped == MAP_FAILED) exit(2);
  return (edgectc_file){mapped, (size_t)about.st_size};
}

static long private_kb(void) {
  char line[128];
  long sum = 0, kb;
  FILE *from = fopen("/proc/self/smaps_rollup", "r");
  while (from && fgets(line, sizeof line, from))
    if (sscanf(line, "Private_Dirty: %ld", &kb) == 1) sum += kb;
  if (from) fclose(from);
  return sum;
}

int main(int argc, char **argv) {
  static const char *rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  static const double starts[] = {0.0, 0.5, 1.5};
  edgectc_key keys[26];
  edgectc_word words[5];
  if (argc != 6) return 2;
  for (int row = 0, n = 0; row < 3; row++)
    for (int i = 0; rows[row][i]; i++) keys[n++] = (edgectc_key){rows[row][i], starts[row] + i, row, 1, 1};
  double began = cpu_ms();
  edgectc_keyboard *keyboard = edgectc_keyboard_new();
  if (edgectc_keyboard_open(keyboard, map_file(argv[1]), map_file(argv[2]), map_file(argv[3])) < 0 ||
      edgectc_keyboard_keys(keyboard, keys, 26) < 0)
    return 3;
  double opened = cpu_ms();
  read_swipes(fopen(argv[4], "r")); /* not a part of it */
  double read = cpu_ms();
  edgectc_keyboard_swipe(keyboard, points[0], counts[0], 0, words, 5);
  printf("open %.3f\ncold %.3f\n", opened - began, cpu_ms() - (read - opened));
  for (int round = 0, rounds = atoi(argv[5]); round < rounds; round++) {
    char text[64] = "I want to ";
    for (int32_t i = 0; i < n_swipes; i++) {
      edgectc_keyboard_before(keyboard, text, 1);
      edgectc_keyboard_prepare(keyboard);
      double start = cpu_ms();
      int32_t n = edgectc_keyboard_swipe(keyboard, points[i], counts[i], 0, words, 5);
      double took = cpu_ms() - start;
      if (round == rounds - 1) printf("swipe %.4f %s\n", took, n > 0 ? words[0].text : "-");
      if (n > 0) snprintf(text, sizeof text, "I want %.40s ", words[0].text);
    }
  }
  long held = private_kb();
  for (int32_t i = 0; i < n_swipes; i++) held -= ((long)counts[i] * (long)sizeof **points + 4095) / 4096 * 4; /* of this program, not the library */
  printf("private %ld\n", held);
  edgectc_keyboard_free(keyboard);
  return 0;
}
