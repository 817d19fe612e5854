/* What a user taught: words by their text, with what is known of each. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"

static void clear_own(Own *own) {
  free(own->key);
  free(own->letters);
}

void edgectc_owns_close(Owns *owns) {
  for (int64_t i = 0; i < owns->size; i++) clear_own(owns->words + i);
  free(owns->words);
  free(owns->index.places);
  *owns = (Owns){.share = owns->share, .renames = owns->renames};
}

/* The place of a key in the index of the user's words, or a free one. */
static size_t place_of(const Owns *owns, const char *key) {
  size_t at = edgectc_hash(key, strlen(key)) & owns->index.mask;
  for (; owns->index.places[at] >= 0; at = (at + 1) & owns->index.mask)
    if (!strcmp(owns->words[owns->index.places[at]].key, key)) break;
  return at;
}

/* Makes room for one more word, and the index anew; that happens as often as the room doubles. */
static int make_room(Owns *owns) {
  if (owns->size < owns->room) return DONE;
  int64_t room = owns->room ? 2 * owns->room : 64;
  Own *words = realloc(owns->words, (size_t)room * sizeof(Own));
  if (!words) return OUT_OF_MEMORY;
  owns->words = words;
  int32_t *places = malloc((size_t)(4 * room) * sizeof(int32_t));
  if (!places) return OUT_OF_MEMORY;
  free(owns->index.places);
  owns->index = (Index){places, (size_t)(4 * room) - 1};
  owns->room = room;
  memset(places, -1, (size_t)(4 * room) * sizeof(int32_t));
  for (int64_t i = 0; i < owns->size; i++)
    places[place_of(owns, words[i].key)] = (int32_t)i;
  return DONE;
}

/* Frees a place of the index; what was put behind it, as it was taken, moves up. */
static void free_place(Owns *owns, size_t at) {
  int32_t *places = owns->index.places;
  places[at] = -1;
  for (at = (at + 1) & owns->index.mask; places[at] >= 0; at = (at + 1) & owns->index.mask) {
    int32_t moved = places[at];
    places[at] = -1;
    places[place_of(owns, owns->words[moved].key)] = moved;
  }
}

void edgectc_owns_forget(Owns *owns, const char *key) {
  if (!owns->size) return;
  size_t at = place_of(owns, key);
  int32_t place = owns->index.places[at];
  if (place < 0) return;
  free_place(owns, at);
  Own *last = owns->words + --owns->size;
  clear_own(owns->words + place);
  if (place == owns->size) return;
  owns->index.places[place_of(owns, last->key)] = place;
  owns->words[place] = *last;
}

Own *edgectc_own(const Owns *owns, const char *key) {
  int32_t place = owns->size ? owns->index.places[place_of(owns, key)] : -1;
  return place < 0 ? NULL : owns->words + place;
}

/* Takes `own` in, whose texts and letters are still to be made. */
static int put(Owns *owns, const char *key, const uint16_t *letters, int32_t n, Own own) {
  size_t length = strlen(key), size = strcspn(key, "\n"), bytes = (size_t)n * sizeof(uint16_t);
  own.key = malloc(length + 3 * size + 3);
  own.letters = malloc(bytes + 1);
  own.n_letters = n;
  if (!own.key || !own.letters || make_room(owns)) {
    clear_own(&own);
    return OUT_OF_MEMORY;
  }
  edgectc_owns_forget(owns, key);
  memcpy(own.key, key, length + 1);
  own.text = own.key + length + 1;
  memcpy(own.text, key, size);
  own.text[size] = 0;
  own.normal = own.text + size + 1;
  own.normal[edgectc_fold(own.text, size, own.normal)] = 0;
  if (n) memcpy(own.letters, letters, bytes);
  owns->words[owns->size] = own;
  size_t at = place_of(owns, key);
  owns->index.places[at] = (int32_t)owns->size++;
  return DONE;
}

int edgectc_owns_put(Owns *owns, const char *text, const uint16_t *letters, int32_t n, double count, double boost,
                     int32_t hidden) {
  return put(owns, text, letters, n, (Own){.count = count, .boost = boost, .hidden = hidden});
}

int edgectc_owns_take(Owns *owns, const char *text, const Own *known) { return put(owns, text, NULL, 0, *known); }

int edgectc_owns_favour(Owns *owns, const char *text, const char *spelled, const uint16_t *letters, int32_t n,
                        double nats) {
  size_t size = strlen(text), length = strlen(spelled);
  char *key = malloc(size + length + 2);
  if (!key) return OUT_OF_MEMORY;
  memcpy(key, text, size);
  key[size] = '\n';
  memcpy(key + size + 1, spelled, length + 1);
  int status = DONE;
  if (nats != 0.0) status = put(owns, key, letters, n, (Own){.favoured = 1, .hot = nats});
  else edgectc_owns_forget(owns, key);
  free(key);
  return status;
}

#include "cold_end.h"
