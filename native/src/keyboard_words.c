/* What a keyboard learns: the user's words, which its engine ranks with those of the lexicon. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"
#include "spelling.h"
#include "user_words.h"

static int32_t no_memory(edgectc_keyboard *keyboard) {
  return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
}

/* Tells one language. */
static int32_t tell(edgectc_keyboard *keyboard, const Language *language, const char *word, const Own *own) {
  char spelled[4 * MOST_LETTERS + 1];
  if (!edgectc_spelled(&language->engine->shared->words, word, spelled, sizeof spelled)) return EDGECTC_OK;
  double uses = edgectc_own_uses(keyboard, own, language->name);
  int32_t status = edgectc_engine_word(language->engine, word, spelled, uses, own->boost, own->hidden);
  return status == EDGECTC_NO_MEMORY ? no_memory(keyboard) : EDGECTC_OK; /* else it has too many letters */
}

/* Tells all languages. */
static int32_t tell_all(edgectc_keyboard *keyboard, const char *word, const Own *own) {
  int32_t status = EDGECTC_OK;
  for (int32_t i = 0; status == EDGECTC_OK && i < keyboard->n_languages; i++)
    status = tell(keyboard, keyboard->languages + i, word, own);
  return status;
}

int32_t edgectc_keyboard_tell(edgectc_keyboard *keyboard, const char *word) {
  const Own *own = edgectc_own(&keyboard->owns, word);
  Own none = {0};
  return tell_all(keyboard, word, own ? own : &none);
}

/* The word gets its place first, so that nothing can fail once the languages know it. */
int32_t edgectc_keyboard_put(edgectc_keyboard *keyboard, const char *word, const Own *known) {
  Own none = {0}, *own = edgectc_own(&keyboard->owns, word);
  int is_new = !own;
  if (is_new && edgectc_owns_take(&keyboard->owns, word, &none)) return no_memory(keyboard);
  int32_t status = tell_all(keyboard, word, known);
  if (status < 0) {
    if (is_new) edgectc_owns_forget(&keyboard->owns, word);
    return status;
  }
  own = edgectc_own(&keyboard->owns, word);
  own->count = known->count, own->boost = known->boost, own->hidden = known->hidden;
  own->learnt = known->learnt, own->day = known->day;
  memcpy(own->language, known->language, sizeof own->language);
  return EDGECTC_OK;
}

int32_t edgectc_keyboard_check(edgectc_keyboard *keyboard, const char *word) {
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model before there are words");
  return edgectc_check_word(word, &keyboard->why);
}

/* Returns what is known of a word, nothing where it is new. */
static Own known(const edgectc_keyboard *keyboard, const char *word) {
  const Own *own = edgectc_own(&keyboard->owns, word);
  return own ? *own : (Own){0};
}

int32_t edgectc_keyboard_teach(edgectc_keyboard *keyboard, const char *word, double uses) {
  int32_t status = edgectc_keyboard_check(keyboard, word);
  if (status < 0) return status;
  if (!(uses > 0.0 && uses < HUGE_VAL))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "a word was used more than 0 times");
  if (keyboard->incognito) return EDGECTC_OK;
  char normal[8 * MOST_LETTERS + 1];
  size_t size = strlen(word);
  size = size > 4 * MOST_LETTERS ? 0 : edgectc_fold(word, size, normal);
  for (int64_t i = 0; status == EDGECTC_OK && i < keyboard->owns.size; i++) { /* shown again in whatever case */
    Own *other = keyboard->owns.words + i, shown = *other;
    if (!other->hidden || strlen(other->normal) != size || memcmp(other->normal, normal, size)) continue;
    shown.hidden = 0;
    status = edgectc_keyboard_put(keyboard, other->text, &shown);
  }
  if (status < 0) return status;
  Own own = known(keyboard, word);
  own.count = fmin(own.count + uses, MOST_USES);
  own.hidden = 0;
  return edgectc_keyboard_put(keyboard, word, &own);
}

int32_t edgectc_keyboard_hide(edgectc_keyboard *keyboard, const char *word) {
  int32_t status = edgectc_keyboard_check(keyboard, word);
  if (status < 0) return status;
  Own own = known(keyboard, word);
  own.hidden = 1;
  return edgectc_keyboard_put(keyboard, word, &own);
}

int32_t edgectc_keyboard_forget(edgectc_keyboard *keyboard, const char *word) {
  if (!edgectc_own(&keyboard->owns, word))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "the user has no word '%s'", word);
  edgectc_owns_forget(&keyboard->owns, word);
  return edgectc_keyboard_tell(keyboard, word);
}

/* ---- all of them ------------------------------------------------------------------------ */

int64_t edgectc_keyboard_words(edgectc_keyboard *keyboard, char *out, int64_t room) {
  int64_t size = edgectc_write_words(&keyboard->owns, out, room);
  return size < 0 ? no_memory(keyboard) : size;
}

int32_t edgectc_keyboard_take_words(edgectc_keyboard *keyboard, edgectc_file words) {
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model before there are words");
  Owns taken = {0}, before = keyboard->owns;
  int32_t status = edgectc_read_words(&taken, words.at, words.size, &keyboard->why);
  if (status < 0) {
    edgectc_owns_close(&taken);
    return status;
  }
  keyboard->owns = taken;
  for (int32_t i = 0; i < keyboard->n_languages; i++) edgectc_engine_share(keyboard->languages[i].engine, taken.share);
  for (int64_t i = 0; status == EDGECTC_OK && i < before.size; i++) status = edgectc_keyboard_tell(keyboard, before.words[i].text);
  for (int64_t i = 0; status == EDGECTC_OK && i < taken.size; i++) status = edgectc_keyboard_tell(keyboard, taken.words[i].text);
  edgectc_owns_close(&before);
  return status;
}

int32_t edgectc_keyboard_save(edgectc_keyboard *keyboard, const char *path) {
  int64_t size = edgectc_keyboard_words(keyboard, NULL, 0);
  char *bytes = size < 0 ? NULL : malloc((size_t)size);
  if (!bytes) return no_memory(keyboard);
  int32_t status = edgectc_keyboard_words(keyboard, bytes, size) == size ? EDGECTC_OK : no_memory(keyboard);
  if (status == EDGECTC_OK) status = edgectc_write_file(path, bytes, (size_t)size, &keyboard->why);
  free(bytes);
  return status;
}

int32_t edgectc_keyboard_load(edgectc_keyboard *keyboard, const char *path) {
  size_t size;
  uint8_t *bytes = edgectc_read_file(path, &size, &keyboard->why);
  if (!bytes) return EDGECTC_BAD_INPUT;
  edgectc_file words = {bytes, size};
  int32_t status = edgectc_keyboard_take_words(keyboard, words);
  free(bytes);
  return status;
}

#include "cold_end.h"
