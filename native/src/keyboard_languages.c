/* The languages of a keyboard: how they come in, which keys they have, and which one is being written. The rules of
 * edgectc/decoding/mixing.py, which is their oracle. */
#include "cold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"
#include "spelling.h"

#define STAY 0.9       /* probability that the next word is of the language of this one */
#define FIRST 0.9      /* share of the first language where nothing is known */
#define UNKNOWN 1e-8   /* share of a word that a language lacks */
enum { WORDS_HEARD = 12, MOST_OTHERS = 256 };

static int32_t refuse(edgectc_keyboard *keyboard, const char *text) {
  return edgectc_refuse(&keyboard->why, EDGECTC_BAD_INPUT, text);
}

/* Passes on what the engine refused. */
static int32_t by_engine(edgectc_keyboard *keyboard, const edgectc_engine *engine, int32_t status) {
  return status < 0 ? edgectc_refuse(&keyboard->why, status, "%s", edgectc_engine_error(engine)) : status;
}

/* ---- opening ---------------------------------------------------------------------------- */

/* Sets the options of the model's preset. */
static int32_t set_options(edgectc_keyboard *keyboard, edgectc_engine *engine) {
  Json json = edgectc_json(keyboard->artifact.decoder);
  Span key;
  edgectc_json_object(&json);
  while (edgectc_json_member(&json, &key)) {
    char name[64];
    double value = NAN;
    if (edgectc_json_is(key, "type")) {
      if (!edgectc_json_is(edgectc_json_string(&json), "lexicon"))
        return refuse(keyboard, "the model's preset is no lexicon decoder, which a keyboard needs");
      continue;
    }
    int byte = edgectc_json_peek(&json);
    if (byte == 't' || byte == 'f') value = edgectc_json_boolean(&json);
    else if (byte == 'n') edgectc_json_any(&json);
    else value = edgectc_json_number(&json);
    if (json.wrong || edgectc_json_text(key, name, sizeof name) < 0)
      return refuse(keyboard, "an option of the model's preset is no number");
    if (by_engine(keyboard, engine, edgectc_engine_option(engine, name, value)) < 0) return EDGECTC_BAD_INPUT;
  }
  return EDGECTC_OK;
}

static void close_language(Language *language) {
  edgectc_engine_free(language->engine);
  *language = (Language){.engine = NULL};
}

void edgectc_languages_close(edgectc_keyboard *keyboard) {
  while (keyboard->n_languages) close_language(keyboard->languages + --keyboard->n_languages);
}

int32_t edgectc_language_open(edgectc_keyboard *keyboard, const char *name, edgectc_file lexicon, edgectc_file language_model) {
  Language *language = keyboard->languages + keyboard->n_languages;
  edgectc_engine *engine = language->engine = edgectc_engine_new();
  strcpy(language->name, name);
  if (!engine) return edgectc_refuse(&keyboard->why, EDGECTC_NO_MEMORY, "no memory");
  int32_t status = set_options(keyboard, engine);
  if (status == EDGECTC_OK) status = by_engine(keyboard, engine, edgectc_engine_lexicon(engine, lexicon.at, lexicon.size));
  if (status == EDGECTC_OK && language_model.at)
    status = by_engine(keyboard, engine, edgectc_language_model(engine, language_model.at, language_model.size));
  if (status == EDGECTC_OK) status = by_engine(keyboard, engine, edgectc_engine_share(engine, keyboard->owns.share));
  language->has_language_model = language_model.at != NULL;
  if (status < 0) close_language(language);
  else keyboard->n_languages++;
  return status;
}

typedef struct {              /* what a pack says of itself; "" where it says nothing */
  char name[MOST_NAME], lexicon[72], language_model[72]; /* with room as edgectc_json_text asks for it */
} Pack;

/* Reads the hash of {"file": ..., "sha256": ...}. */
static void read_hash(Json *json, char *out) {
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (!edgectc_json_is(key, "sha256")) edgectc_json_any(json);
    else if (edgectc_json_text(edgectc_json_string(json), out, 72) != 64) json->wrong = 1;
  }
}

static int32_t read_pack(edgectc_keyboard *keyboard, edgectc_file index, Pack *pack) {
  Json json = edgectc_json(edgectc_span(index.at, index.size));
  Span key;
  double version = NAN;
  edgectc_json_object(&json);
  while (edgectc_json_member(&json, &key)) {
    if (edgectc_json_is(key, "schema_version")) version = edgectc_json_number(&json);
    else if (edgectc_json_is(key, "lexicon")) read_hash(&json, pack->lexicon);
    else if (edgectc_json_is(key, "language_model")) read_hash(&json, pack->language_model);
    else if (!edgectc_json_is(key, "language")) edgectc_json_any(&json);
    else if (edgectc_json_text(edgectc_json_string(&json), pack->name, sizeof pack->name) < 1) json.wrong = 1;
  }
  if (!json.wrong && version > 1.0) return refuse(keyboard, "the language is of a newer version; upgrade edgectc");
  if (!edgectc_json_done(&json) || version != 1.0 || !*pack->name || !*pack->lexicon)
    return refuse(keyboard, "the index of the language is malformed; give its language.json");
  return EDGECTC_OK;
}

/* Reads what a language must be; that of the model itself where no index is given. */
static int32_t read_index(edgectc_keyboard *keyboard, edgectc_file index, Pack *pack) {
  const Artifact *artifact = &keyboard->artifact;
  if (index.at) return read_pack(keyboard, index, pack);
  strcpy(pack->name, "own");
  strcpy(pack->lexicon, artifact->lexicon);
  strcpy(pack->language_model, artifact->language_model);
  return EDGECTC_OK;
}

int32_t edgectc_keyboard_add(edgectc_keyboard *keyboard, edgectc_file index, edgectc_file lexicon, edgectc_file language_model) {
  Pack pack = {.name = ""};
  Complaint *why = &keyboard->why;
  if (!keyboard->network) return refuse(keyboard, "open a model before there are languages");
  if (keyboard->n_languages == MOST_LANGUAGES) return refuse(keyboard, "there are at most 4 languages at once");
  if (!lexicon.at) return refuse(keyboard, "give the lexicon of the language");
  int32_t status = read_index(keyboard, index, &pack);
  for (int32_t i = 0; status == EDGECTC_OK && i < keyboard->n_languages; i++)
    if (!strcmp(keyboard->languages[i].name, pack.name)) status = edgectc_refuse(why, EDGECTC_BAD_INPUT, "the language '%s' is there already", pack.name);
  if (status == EDGECTC_OK) status = edgectc_same(lexicon.at, lexicon.size, pack.lexicon, "lexicon", why);
  if (status == EDGECTC_OK && language_model.at)
    status = edgectc_same(language_model.at, language_model.size, pack.language_model, "language model", why);
  if (status == EDGECTC_OK) status = edgectc_language_open(keyboard, pack.name, lexicon, language_model);
  if (status < 0) return status;
  if (keyboard->wide > 0.0) status = edgectc_languages_place(keyboard, &keyboard->board);
  for (int64_t i = 0; status == EDGECTC_OK && i < keyboard->owns.size; i++) status = edgectc_keyboard_tell(keyboard, keyboard->owns.words[i].text);
  if (status < 0) close_language(keyboard->languages + --keyboard->n_languages);
  return status;
}

/* ---- keys ------------------------------------------------------------------------------- */

static int by_code(const void *left, const void *right) {
  int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
  return (a > b) - (a < b);
}

/* Finds the keys that letters without one are typed on, as the one of a for "ä"; returns how many there are. */
static int32_t stand_ins(const Words *words, const Board *board, StandIn *out) {
  int32_t letters[MOST_OTHERS], n = 0;
  Words keys = {.letters = letters, .K = board->n < MOST_OTHERS ? board->n : MOST_OTHERS};
  memcpy(letters, board->letters, (size_t)keys.K * sizeof *letters);
  qsort(letters, (size_t)keys.K, sizeof *letters, by_code);
  for (int32_t k = 0; k < words->K && n < MOST_OTHERS; k++) {
    char letter[5] = {0}, typed[32];
    int32_t own = 0;
    while (own < keys.K && letters[own] != words->letters[k]) own++;
    if (own < keys.K) continue;
    edgectc_put_utf8(words->letters[k], letter);
    size_t size = edgectc_spelled(&keys, letter, typed, sizeof typed);
    const uint8_t *at = (const uint8_t *)typed, *end = at + size;
    int32_t key = size ? edgectc_utf8(&at, end) : 0;
    if (size && at == end) out[n++] = (StandIn){words->letters[k], key};
  }
  return n;
}

int32_t edgectc_languages_place(edgectc_keyboard *keyboard, const Board *board) {
  StandIn others[MOST_OTHERS];
  int32_t columns = (int32_t)keyboard->artifact.resampling.slots + 1, status[MOST_LANGUAGES], write = 0;
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    edgectc_engine *engine = keyboard->languages[i].engine;
    int32_t n = stand_ins(&engine->shared->words, board, others);
    status[i] = edgectc_columns(engine, keyboard->symbols, keyboard->places, columns, board->width, board->height, others, n);
    if (status[i] == EDGECTC_NO_MEMORY) return by_engine(keyboard, engine, status[i]);
    write += status[i] == EDGECTC_OK;
  }
  if (!write) return by_engine(keyboard, keyboard->languages->engine, *status);
  for (int32_t i = 0; i < keyboard->n_languages; i++) keyboard->languages[i].rests = status[i] < 0;
  edgectc_languages_hear(keyboard);
  return EDGECTC_OK;
}

/* ---- which one is being written --------------------------------------------------------- */

/* Writes the letters of a word in normal form; returns how many, 0 or less if the words have no such letters. */
static int32_t letters_of(const Words *words, const char *word, uint16_t *letters) {
  char spelled[4 * MOST_LETTERS + 1];
  return edgectc_words_spell(words, spelled, edgectc_spelled(words, word, spelled, sizeof spelled), letters);
}

/* Returns the share of running text of a word in normal form. */
static double share_of(const Words *words, const char *word) {
  uint16_t letters[MOST_LETTERS];
  int32_t n = letters_of(words, word, letters);
  int64_t entry = n > 0 ? edgectc_words_entry(words, letters, n) : -1;
  double share = entry < 0 ? 0.0 : exp(edgectc_words_log_prob(words, edgectc_words_of(words, entry).first));
  return share > UNKNOWN ? share : UNKNOWN;
}

int edgectc_languages_know(const edgectc_keyboard *keyboard, const char *word, const edgectc_engine *but) {
  uint16_t letters[MOST_LETTERS];
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    const Language *language = keyboard->languages + i;
    const Words *words = &language->engine->shared->words;
    int32_t n = language->engine == but || language->rests ? -1 : letters_of(words, word, letters);
    Spellings unsaid = {words->unsaid, words->unsaid_size};
    if (n > 0 && (edgectc_words_entry(words, letters, n) >= 0 || edgectc_is_unsaid(&unsaid, letters, n))) return 1;
  }
  return 0;
}

typedef struct {              /* P(language); 0 for those that rest */
  double p[MOST_LANGUAGES];
} Belief;

static void normalise(Belief *belief) {
  double sum = 0.0;
  for (int i = 0; i < MOST_LANGUAGES; i++) sum += belief->p[i];
  for (int i = 0; i < MOST_LANGUAGES; i++) belief->p[i] /= sum;
}

/* The forward algorithm, Rabiner 1989: hears a word. */
static void hear(const edgectc_keyboard *keyboard, const char *word, Belief *belief) {
  for (int32_t i = 0; i < keyboard->n_languages; i++)
    if (belief->p[i] > 0.0) belief->p[i] *= share_of(&keyboard->languages[i].engine->shared->words, word);
  normalise(belief);
}

/* Goes on to the next word, of as many languages. */
static void step(Belief *belief, int32_t n) {
  for (int i = 0; i < MOST_LANGUAGES && n > 1; i++) {
    double p = belief->p[i];
    if (p > 0.0) belief->p[i] = STAY * p + (1.0 - STAY) / (n - 1) * (1.0 - p);
  }
}

/* Returns what is believed before a word is heard. */
static Belief begin(const edgectc_keyboard *keyboard, int32_t *n) {
  Belief belief = {{0.0}};
  int32_t first = -1;
  *n = 0;
  for (int32_t i = 0; i < keyboard->n_languages; i++) *n += !keyboard->languages[i].rests;
  for (int32_t i = 0; i < keyboard->n_languages; i++) {
    if (keyboard->languages[i].rests) continue;
    belief.p[i] = first >= 0 ? (1.0 - FIRST) / (*n - 1) : *n > 1 ? FIRST : 1.0;
    first = i;
  }
  return belief;
}

static Belief believed(const edgectc_keyboard *keyboard) {
  char word[MOST_HEARD];
  const char *at = keyboard->heard;
  int32_t n, words = *at != 0;
  Belief belief = begin(keyboard, &n);
  for (const char *c = at; *c; c++) words += *c == '\n';
  for (; words > WORDS_HEARD; words--) at = strchr(at, '\n') + 1;
  for (; words; words--) {
    size_t size = strcspn(at, "\n");
    memcpy(word, at, size);
    word[size] = 0;
    at += size + 1;
    hear(keyboard, word, &belief);
    step(&belief, n);
  }
  return belief;
}

void edgectc_languages_hear(edgectc_keyboard *keyboard) {
  Belief belief = believed(keyboard);
  for (int32_t i = 0; i < keyboard->n_languages; i++) keyboard->languages[i].log_share = log(belief.p[i]);
}

const Language *edgectc_language_of(const edgectc_keyboard *keyboard, const char *word) {
  Belief belief = {{0.0}};
  int32_t best = 0;
  for (int32_t i = 0; i < keyboard->n_languages; i++) belief.p[i] = exp(keyboard->languages[i].log_share);
  hear(keyboard, word, &belief);
  for (int32_t i = 1; i < keyboard->n_languages; i++)
    if (belief.p[i] > belief.p[best]) best = i;
  return keyboard->languages + best;
}

const char *edgectc_keyboard_language(const edgectc_keyboard *keyboard, int32_t place, double *probability) {
  if (place < 0 || place >= keyboard->n_languages) return NULL;
  *probability = keyboard->wide > 0.0 && !keyboard->languages[place].rests ? exp(keyboard->languages[place].log_share) : 0.0;
  return keyboard->languages[place].name;
}

#include "cold_end.h"
