/* Keyboards over shared files, in threads or for long: keyboards MODEL LEXICON LANGUAGE_MODEL WORDS THREADS SWIPES
 *
 * Standard input holds swipes: lines of x, y and t_ms in the letter area of a QWERTY board, an empty line behind
 * each. Prints the best word of each swipe, if all threads found the same ones, and the private memory of the process
 * in kilobytes after a tenth of the work and at its end. WORDS is a file that all of them write and read. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edgectc.h"

enum { MOST_SWIPES = 64, MOST_POINTS = 512, MOST_THREADS = 16 };

static edgectc_file files[3];
static edgectc_point points[MOST_SWIPES][MOST_POINTS];
static int32_t counts[MOST_SWIPES], n_swipes, swipes_each;
static const char *words_file;

typedef struct {
  edgectc_keyboard *keyboard;
  char best[MOST_SWIPES][64];
  long kilobytes[2];
  int failed;
} Work;

static edgectc_file mapped(const char *name) {
  struct stat held;
  int file = open(name, O_RDONLY);
  edgectc_file made = {NULL, 0};
  if (file < 0 || fstat(file, &held)) return made;
  made.size = (size_t)held.st_size;
  made.at = mmap(NULL, made.size, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  return made;
}

/* What is mapped is not the keyboard's own. Of the pages in /proc/self/statm, Linux may not have counted the last 64 of
 * each processor. */
static long kilobytes(void) {
  char line[256];
  long found = -1;
  FILE *from = fopen("/proc/self/smaps_rollup", "r");
  while (from && found < 0 && fgets(line, sizeof line, from))
    if (sscanf(line, "Anonymous: %ld kB", &found) != 1) found = -1;
  if (from) fclose(from);
  return found;
}

static int place(edgectc_keyboard *keyboard) {
  static const char *rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  static const double starts[] = {0, 0.05, 0.15};
  edgectc_key keys[26];
  int n = 0;
  for (int row = 0; row < 3; row++)
    for (int i = 0; rows[row][i]; i++)
      keys[n++] = (edgectc_key){rows[row][i], starts[row] + 0.1 * i, row / 3.0, 0.1, 1 / 3.0};
  return edgectc_keyboard_keys(keyboard, keys, n);
}

/* Swipes and learns as a host does, over and over. */
static void *run(void *given) {
  static const char *texts[] = {"", "I want to ", "It is. The ", "see you "};
  Work *work = given;
  edgectc_keyboard *keyboard = work->keyboard;
  edgectc_word words[5];
  for (int32_t i = 0; i < swipes_each; i++) {
    int32_t which = i % n_swipes, wrong = 0;
    wrong |= edgectc_keyboard_before(keyboard, i % 2 ? texts[i / 2 % 4] : "", 1) < 0;
    if (i % 7 == 0) wrong |= edgectc_keyboard_teach(keyboard, "Zyxgle", 1) < 0;
    if (i % 7 == 3) wrong |= edgectc_keyboard_hide(keyboard, "zyxgle") < 0;
    if (i % 64 == 9) wrong |= edgectc_keyboard_save(keyboard, words_file) < 0;
    if (i % 64 == 41) wrong |= edgectc_keyboard_load(keyboard, words_file) < 0;
    wrong |= edgectc_keyboard_prepare(keyboard) < 0;
    wrong |= edgectc_keyboard_swipe(keyboard, points[which], counts[which] / 2, EDGECTC_MOVING, words, 5) < 1;
    wrong |= edgectc_keyboard_swipe(keyboard, points[which], counts[which], 0, words, 5) < 1;
    if (wrong) {
      work->failed = 1;
      fprintf(stderr, "swipe %d: %s\n", (int)i, edgectc_keyboard_error(keyboard));
      return NULL;
    }
    if (i < n_swipes) strncpy(work->best[which], words[0].text, sizeof work->best[which] - 1);
    if (i == swipes_each / 10) work->kilobytes[0] = kilobytes();
  }
  work->kilobytes[1] = kilobytes();
  return NULL;
}

static void read_swipes(void) {
  char line[128];
  for (int32_t n = 0; n_swipes < MOST_SWIPES && fgets(line, sizeof line, stdin);) {
    edgectc_point *point = &points[n_swipes][n];
    if (sscanf(line, "%lf %lf %lf", &point->x, &point->y, &point->t_ms) == 3) n += n < MOST_POINTS - 1;
    else counts[n_swipes++] = n, n = 0;
  }
}

/* Cancels swipes of a keyboard from this thread while `run` goes on in another; returns how many. */
static atomic_int swiping;

static void *keep_swiping(void *given) {
  edgectc_word words[5];
  long ended = 0;
  while (atomic_load(&swiping)) {
    int32_t found = edgectc_keyboard_swipe(given, points[0], counts[0], 0, words, 5);
    if (found != EDGECTC_CANCELLED && found < 1) return NULL;
    ended += found == EDGECTC_CANCELLED;
  }
  return (void *)(ended + 1);
}

static int cancels(edgectc_keyboard *keyboard) {
  pthread_t thread;
  void *ended = NULL;
  long told = 0;
  atomic_store(&swiping, 1);
  if (pthread_create(&thread, NULL, keep_swiping, keyboard)) return 0;
  for (int i = 0; i < 200; i++) told += edgectc_keyboard_cancel(keyboard), usleep(500);
  atomic_store(&swiping, 0);
  pthread_join(thread, &ended);
  printf("cancelled %ld of %ld\n", (long)ended - 1, told);
  return told > 0 && (long)ended == told + 1 && !edgectc_keyboard_cancel(keyboard);
}

int main(int argc, char **argv) {
  static Work works[MOST_THREADS];
  pthread_t threads[MOST_THREADS];
  if (argc != 7) return 2;
  int n = atoi(argv[5]), failed = n < 1 || n > MOST_THREADS;
  for (int i = 0; i < 3; i++) files[i] = mapped(argv[1 + i]);
  words_file = argv[4], swipes_each = atoi(argv[6]);
  read_swipes();
  for (int i = 0; !failed && i < n; i++) {
    works[i].keyboard = edgectc_keyboard_new();
    failed |= edgectc_keyboard_open(works[i].keyboard, files[0], files[1], files[2]) < 0 || place(works[i].keyboard) < 0;
    failed |= edgectc_keyboard_save(works[i].keyboard, words_file) < 0;
  }
  for (int i = 0; !failed && i < n; i++) failed |= pthread_create(threads + i, NULL, run, works + i);
  for (int i = 0; !failed && i < n; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < n; i++) failed |= works[i].failed;
  for (int32_t k = 0; k < n_swipes; k++)
    for (int i = 1; i < n; i++) failed |= strcmp(works[0].best[k], works[i].best[k]) != 0;
  for (int32_t k = 0; k < n_swipes; k++) printf("%s\n", works[0].best[k]);
  printf("kilobytes %ld %ld\n", works[0].kilobytes[0], works[0].kilobytes[1]);
  if (!failed) failed = !cancels(works[0].keyboard);
  for (int i = 0; i < n; i++) edgectc_keyboard_free(works[i].keyboard);
  return failed;
}
