/* What a host may look at: what the network said, and which words there are. */
#include "light.h"

#include <string.h>

#include "keyboard.h"

enum { MOST_WORD = 512 /* bytes of a word that is asked for */ };

int32_t edgectc_keyboard_log_probs(const edgectc_keyboard *keyboard, const float **log_probs, int32_t *columns) {
  *log_probs = keyboard->log_probs;
  *columns = keyboard->network ? edgectc_network_size(keyboard->network, EDGECTC_COLUMNS) : 0;
  return keyboard->rows;
}

int32_t edgectc_keyboard_knows(const edgectc_keyboard *keyboard, const char *word) {
  char normal[2 * MOST_WORD];
  size_t size = strlen(word);
  if (size < 1 || size > MOST_WORD) return 0;
  size = edgectc_fold(word, size, normal);
  for (int32_t i = 0; i < keyboard->n_languages; i++)
    if (edgectc_words_find(&keyboard->languages[i].engine->shared->words, normal, size) >= 0) return 1;
  return 0;
}

#include "cold_end.h"
