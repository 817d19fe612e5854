/* host MODEL LEXICON LANGUAGE_MODEL < lines of "x y t_ms" */
#include <edgectc.h>
#include <stdio.h>
#include <stdlib.h>

static edgectc_file read_file(const char *name) { /* a phone maps the file instead */
  edgectc_file file = {NULL, 0};
  FILE *from = fopen(name, "rb");
  if (!from) return file;
  fseek(from, 0, SEEK_END), file.size = (size_t)ftell(from), rewind(from);
  void *at = malloc(file.size);
  if (at && fread(at, 1, file.size, from) == file.size) file.at = at;
  fclose(from);
  return file;
}

int main(int argc, char **argv) {
  static const char *rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  static const double starts[] = {0, 54, 162}; /* pixels of a screen 1080 wide */
  edgectc_key keys[26];
  edgectc_point points[1000];
  edgectc_word words[5];
  int n = 0, found = -1;
  edgectc_keyboard *keyboard = argc == 4 ? edgectc_keyboard_new() : NULL;
  if (!keyboard) return 2;
  for (int row = 0; row < 3; row++)
    for (int i = 0; rows[row][i]; i++)
      keys[n++] = (edgectc_key){rows[row][i], starts[row] + 108 * i, 160 * row, 108, 160};
  if (edgectc_keyboard_open(keyboard, read_file(argv[1]), read_file(argv[2]), read_file(argv[3])) == EDGECTC_OK &&
      edgectc_keyboard_test(keyboard) == EDGECTC_OK && edgectc_keyboard_keys(keyboard, keys, n) == EDGECTC_OK) {
    for (n = 0; n < 1000 && scanf("%lf %lf %lf", &points[n].x, &points[n].y, &points[n].t_ms) == 3;) n++;
    found = edgectc_keyboard_swipe(keyboard, points, n, 0, words, 5);
  }
  for (int i = 0; i < found; i++) printf("%s %.6f\n", words[i].text, words[i].score);
  if (found < 0) fprintf(stderr, "%s\n", edgectc_keyboard_error(keyboard));
  edgectc_keyboard_free(keyboard);
  return found < 0;
}
