/* Terms that a host favours for a while: contacts, places. They are no words that the user taught, and no file has them. */
#include "cold.h"

#include <math.h>

#include "keyboard.h"
#include "spelling.h"
#include "user_words.h"

#define MOST_NATS 100.0 /* a search takes words that lie 600 apart, and nothing more is won from 30 on */

/* Favours a word in one language; 0 if its letters cannot type it. */
static int32_t favour(edgectc_keyboard *keyboard, edgectc_engine *engine, const char *word, const char *spelling, double nats) {
  char spelled[4 * MOST_LETTERS + 1];
  if (!edgectc_spelled(&engine->shared->words, spelling ? spelling : word, spelled, sizeof spelled)) return 0;
  int32_t status = edgectc_engine_hotword(engine, word, spelled, nats);
  return status < 0 ? edgectc_refuse(&keyboard->why, status, "%s", edgectc_engine_error(engine)) : 1;
}

int32_t edgectc_keyboard_favour(edgectc_keyboard *keyboard, const char *word, const char *spelling, double nats) {
  int32_t status = 0, any = 0;
  if (!(fabs(nats) <= MOST_NATS))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "a word is favoured by -100 to 100 nats");
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model before there are words");
  if (edgectc_check_word(word, &keyboard->why) < 0) return EDGECTC_BAD_INPUT;
  if (spelling && edgectc_check_word(spelling, &keyboard->why) < 0) return EDGECTC_BAD_INPUT;
  for (int32_t i = 0; status >= 0 && i < keyboard->n_languages; i++) {
    status = favour(keyboard, keyboard->languages[i].engine, word, spelling, nats);
    any |= status > 0;
  }
  return status < 0 ? status : any;
}

#include "cold_end.h"
