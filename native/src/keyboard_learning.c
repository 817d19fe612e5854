/* What a keyboard learns by itself, of the words that were written: they fade, belong to a language, and are never those of
 * somebody who wants nothing remembered. The rules of edgectc/language/user_dictionary.py, which is their oracle. */
#include "cold.h"

#include <math.h>
#include <string.h>

#include "keyboard.h"
#include "user_words.h"

#define HALF_LIFE 30.0   /* days after which a use counts half */
#define FADED 0.05       /* uses under which a word is forgotten */
enum { MOST_LEARNT = 10000 };

/* Uses that were learnt, as they count today. */
static double faded(const edgectc_keyboard *keyboard, const Own *own) {
  double days = keyboard->today - own->day;
  return days > 0.0 ? own->learnt * exp(-0.693147180559945309 / HALF_LIFE * days) : own->learnt;
}

double edgectc_own_uses(const edgectc_keyboard *keyboard, const Own *own, const char *language) {
  int here = !*own->language || !strcmp(own->language, language);
  return own->learnt > 0.0 && here ? fmin(own->count + faded(keyboard, own), MOST_USES) : own->count;
}

/* Whether nothing but learnt uses is known of a word. */
static int only_learnt(const Own *own) {
  return own->learnt > 0.0 && own->count == 0.0 && own->boost == 0.0 && !own->hidden;
}

/* Forgets a word of the user; its text goes with it. */
static void forget(edgectc_keyboard *keyboard, const Own *own) {
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    edgectc_engine *engine = keyboard->languages[i].engine;
    if (edgectc_own(&engine->owns, own->text)) edgectc_forget_views(engine);
    edgectc_owns_forget(&engine->owns, own->text);
  }
  edgectc_owns_forget(&keyboard->owns, own->text);
}

int32_t edgectc_keyboard_today(edgectc_keyboard *keyboard, double day) {
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model before there are words");
  if (!(day >= 0.0 && day <= MOST_DAYS)) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "a day is a number from 0 to 1e6");
  int32_t status = EDGECTC_OK, changes = day != keyboard->today;
  double before = keyboard->today;
  keyboard->today = day;
  for (int64_t i = keyboard->owns.size - 1; changes && status == EDGECTC_OK && i >= 0; i--) {
    const Own *own = keyboard->owns.words + i;
    if (only_learnt(own) && faded(keyboard, own) < FADED) forget(keyboard, own); /* the last word takes its place */
    else if (own->learnt > 0.0) status = edgectc_keyboard_tell(keyboard, own->text);
  }
  if (status < 0) keyboard->today = before; /* so that the same call does the rest */
  return status;
}

/* Whether a word is hidden, in whatever case. */
static int is_hidden(const edgectc_keyboard *keyboard, const char *word) {
  char normal[8 * MOST_LETTERS];
  size_t size = strlen(word), length;
  if (size > sizeof normal / 2) return 0;
  length = edgectc_fold(word, size, normal);
  for (int64_t i = 0; i < keyboard->owns.size; i++) {
    const Own *own = keyboard->owns.words + i;
    if (own->hidden && strlen(own->normal) == length && !memcmp(own->normal, normal, length)) return 1;
  }
  return 0;
}

/* Forgets the word that was learnt least, where there are too many. */
static void make_room(edgectc_keyboard *keyboard) {
  const Own *least = NULL;
  int64_t n = 0;
  for (int64_t i = 0; i < keyboard->owns.size && keyboard->owns.size >= MOST_LEARNT; i++) {
    const Own *own = keyboard->owns.words + i;
    if (!only_learnt(own)) continue;
    n++;
    if (!least || faded(keyboard, own) < faded(keyboard, least)) least = own;
  }
  if (n >= MOST_LEARNT) forget(keyboard, least);
}

int32_t edgectc_keyboard_learn(edgectc_keyboard *keyboard, const char *word, double uses) {
  int32_t status = edgectc_keyboard_check(keyboard, word);
  if (status < 0) return status;
  if (!(fabs(uses) > 0.0 && fabs(uses) < HUGE_VAL))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "uses are a number that is not 0");
  if (keyboard->incognito || is_hidden(keyboard, word)) return 0;
  const Own *held = edgectc_own(&keyboard->owns, word);
  Own own = held ? *held : (Own){0};
  if (own.learnt == 0.0 && uses < 0.0) return 0;
  const char *language = keyboard->n_languages > 1 ? edgectc_language_of(keyboard, word)->name : "";
  if (own.learnt == 0.0) strcpy(own.language, language);
  else if (uses > 0.0 && strcmp(own.language, language)) *own.language = 0; /* of two languages: of all */
  own.learnt = fmin(faded(keyboard, &own) + uses, MOST_USES);
  own.day = keyboard->today;
  if (own.learnt < FADED) own.learnt = own.day = 0.0, *own.language = 0;
  if (own.learnt == 0.0 && own.count == 0.0 && own.boost == 0.0) {
    if (held) forget(keyboard, held);
    return held != NULL;
  }
  if (!held) make_room(keyboard);
  status = edgectc_keyboard_put(keyboard, word, &own);
  return status < 0 ? status : 1;
}

/* Forgets what was written: the words before the cursor, what they made likelier, and the last answers and points. */
static void forget_text(edgectc_keyboard *keyboard) {
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    Language *language = keyboard->languages + i;
    memset(language->engine->context, 0, strlen(language->engine->context));
    edgectc_forget_views(language->engine);
    edgectc_clear_ranked(language->engine);
    edgectc_pool_close(&language->engine->pool);
    language->taps = (Taps){.words = NULL};
  }
  memset(keyboard->heard, 0, sizeof keyboard->heard);
  if (keyboard->n_languages > 1) edgectc_languages_hear(keyboard);
  if (keyboard->room) memset(keyboard->points, 0, (size_t)keyboard->room * sizeof *keyboard->points);
  keyboard->rows = 0;
}

int32_t edgectc_keyboard_incognito(edgectc_keyboard *keyboard, int32_t on) {
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model first");
  if (!on != !keyboard->incognito) forget_text(keyboard);
  keyboard->incognito = on != 0;
  return EDGECTC_OK;
}

#include "cold_end.h"
