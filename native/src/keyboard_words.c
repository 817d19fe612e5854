/* What a keyboard learns: the user's words, which its engine ranks with those of the lexicon. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"
#include "spelling.h"
#include "user_words.h"

#define MOST_USES 1e9

static int32_t no_memory(edgectc_keyboard *keyboard) {
  return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
}

/* Tells the engine what is known of a word; one that its letters cannot type is kept, but not ranked. */
static int32_t tell(edgectc_keyboard *keyboard, const char *word) {
  char spelled[4 * MOST_LETTERS + 1];
  const Own *own = edgectc_own(&keyboard->owns, word);
  Own none = {0}, held = own ? *own : none;
  if (!edgectc_spelled(&keyboard->engine->shared->words, word, spelled, sizeof spelled)) return EDGECTC_OK;
  int32_t status = edgectc_engine_word(keyboard->engine, word, spelled, held.count, held.boost, held.hidden);
  return status == EDGECTC_NO_MEMORY ? no_memory(keyboard) : EDGECTC_OK; /* else it has too many letters */
}

static int32_t put(edgectc_keyboard *keyboard, const char *word, double count, double boost, int32_t hidden) {
  if (edgectc_owns_put(&keyboard->owns, word, NULL, 0, count, boost, hidden)) return no_memory(keyboard);
  return tell(keyboard, word);
}

/* Refuses a word, or a keyboard that cannot take one. */
static int32_t check(edgectc_keyboard *keyboard, const char *word) {
  if (!keyboard->network) return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "open a model before there are words");
  return edgectc_check_word(word, &keyboard->why);
}

int32_t edgectc_keyboard_teach(edgectc_keyboard *keyboard, const char *word, double uses) {
  int32_t status = check(keyboard, word);
  if (status < 0) return status;
  if (!(uses > 0.0 && uses < HUGE_VAL))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "a word was used more than 0 times");
  const Own *own = edgectc_own(&keyboard->owns, word);
  double count = (own ? own->count : 0.0) + uses, boost = own ? own->boost : 0.0;
  status = put(keyboard, word, count < MOST_USES ? count : MOST_USES, boost, 0);
  own = edgectc_own(&keyboard->owns, word);
  for (int64_t i = 0; status == EDGECTC_OK && i < keyboard->owns.size; i++) { /* shown again in whatever case */
    Own *other = keyboard->owns.words + i;
    if (!other->hidden || strcmp(other->normal, own->normal)) continue;
    other->hidden = 0;
    status = tell(keyboard, other->text);
  }
  return status;
}

int32_t edgectc_keyboard_hide(edgectc_keyboard *keyboard, const char *word) {
  int32_t status = check(keyboard, word);
  if (status < 0) return status;
  const Own *own = edgectc_own(&keyboard->owns, word);
  return put(keyboard, word, own ? own->count : 0.0, own ? own->boost : 0.0, 1);
}

int32_t edgectc_keyboard_forget(edgectc_keyboard *keyboard, const char *word) {
  if (!edgectc_own(&keyboard->owns, word))
    return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, "the user has no word '%s'", word);
  edgectc_owns_forget(&keyboard->owns, word);
  return tell(keyboard, word);
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
  edgectc_engine_share(keyboard->engine, taken.share);
  for (int64_t i = 0; status == EDGECTC_OK && i < before.size; i++) status = tell(keyboard, before.words[i].text);
  for (int64_t i = 0; status == EDGECTC_OK && i < taken.size; i++) status = tell(keyboard, taken.words[i].text);
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
