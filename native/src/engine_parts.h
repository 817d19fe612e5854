/* What the files of the engine share. Numbers in files are little-endian, and so must the machine be. */
#ifndef EDGECTC_ENGINE_PARTS_H
#define EDGECTC_ENGINE_PARTS_H

#include "engine.h"
#include "search.h"

#define MOST_LETTERS 255 /* of a word of the user */
#define ROOT_LETTER 0xFFFF

typedef struct {              /* says why something failed */
  char text[256];
} Complaint;

int32_t edgectc_refuse(Complaint *why, int32_t code, const char *text, ...);

/* ---- text: engine_text.c ---- */

/* Returns the code point at *at and moves on; -1 if the bytes are no UTF-8. */
int32_t edgectc_utf8(const uint8_t **at, const uint8_t *end);
/* Writes a code point; returns its bytes, at most 4. */
int32_t edgectc_put_utf8(int32_t code, char *out);
/* Writes `size` bytes of text in lower case, as long as they were, for European alphabets. */
void edgectc_lower(const char *text, size_t size, char *out);
uint32_t edgectc_hash(const char *text, size_t size);

typedef struct {              /* text to number, by open addressing */
  int32_t *places;            /* a number, or -1 */
  size_t mask;
} Index;

/* ---- lexicon: engine_lexicon.c ---- */

typedef struct {
  int32_t letters[65536 / 256]; /* code points, ascending */
  int32_t K;
  int64_t nodes, entries, words, n_odd, text_bytes;
  const int32_t *first_child, *word, *first_word, *log_prob, *odd, *odd_start;
  const uint16_t *n_children, *letter;
  const uint8_t *text;
  int32_t *end;               /* (entries) node of each */
  char *lower;                /* texts of odd words in lower case */
  Index index;                /* of odd words, by that */
} Words;

int32_t edgectc_words_open(Words *words, const uint8_t *bytes, size_t size, Complaint *why);
void edgectc_words_close(Words *words);
/* Writes the letters of an entry; returns how many, at most MOST_LETTERS. */
int32_t edgectc_words_letters(const Words *words, int64_t entry, uint16_t *out);
/* Returns the entry of letters, or -1. */
int64_t edgectc_words_entry(const Words *words, const uint16_t *letters, int32_t n);
/* Returns the entry one of whose words reads so in lower case, or -1. */
int64_t edgectc_words_find(const Words *words, const char *text, size_t size);
/* Returns the place of a word among the odd ones, or -1. */
int64_t edgectc_words_odd(const Words *words, int64_t word);
/* Writes the text of a word as it is shown; returns its bytes. `out` holds 4 * MOST_LETTERS, or
 * NULL to only count; an odd word may be longer. */
size_t edgectc_words_text(const Words *words, int64_t word, int64_t entry, char *out);
/* Turns a text into letters; returns how many, or -1. */
int32_t edgectc_words_spell(const Words *words, const char *text, size_t size, uint16_t *out);

/* ---- language model: engine_lm.c ---- */

typedef struct {              /* all n-grams of one length */
  int64_t size;
  const void *words;          /* ids of the last words */
  const float *log_probs, *backoffs, *log_prob_book, *backoff_book;
  const uint8_t *log_prob_codes, *backoff_codes;
  const uint32_t *starts;
} Grams;

typedef struct {
  Grams grams[5];
  int32_t order, short_ids;
  const char *text;
  uint32_t *text_start;       /* (V + 1) where each word begins in `text` */
  char *lower;
  Index index;
  double *named;              /* (V) what the context says of each word, NaN for nothing */
  int32_t *told;              /* words named now */
  int32_t *entries;           /* (V) lexicon entry of each word, -1 for none, -2 if not looked for yet */
  int64_t n_told;
} Grammar;

int32_t edgectc_lm_open(Grammar *lm, const uint8_t *bytes, size_t size, Complaint *why);
void edgectc_lm_close(Grammar *lm);
/* Returns the number of a word in normal form, 0 if it is unknown. */
int32_t edgectc_lm_number(const Grammar *lm, const char *word, size_t size);
/* Fills `named` and `told` for words one line feed apart; returns the log back-off of all others. */
double edgectc_lm_after(Grammar *lm, const char *context);
const char *edgectc_lm_text(const Grammar *lm, int32_t number, size_t *size);

/* ---- overlay: engine_overlay.c ---- */

typedef struct {              /* what the user taught about a word */
  char *text, *lower;
  uint16_t *letters;
  int32_t n_letters;
  double count, boost;
  int32_t hidden;
} Own;

typedef struct {
  Own *words;
  int64_t size, room;
  double share;
} Owns;

typedef struct {              /* one word laid over the lexicon */
  const uint16_t *letters;
  int64_t start;              /* of its letters among those of the overlay */
  int32_t n_letters;
  int64_t entry;              /* of the lexicon, or -1 */
  int64_t shown;              /* its word, or -1 - place among the user's */
  double weight;              /* -inf: only hides the entry */
} Over;

typedef struct {
  Over *overs;
  int64_t size, room;
  int64_t live;               /* those with a weight; the first ones */
  uint16_t *letters;          /* of all of them */
  int64_t n_letters, letter_room;
  Tree tree;
  void *memory;               /* the arrays of the tree */
} Overlay;

typedef struct {              /* terms of a word's weight */
  double lm_weight, letter_score, context_weight;
} Weights;

/* Lays the user's words, and those that `lm` names now (NULL: none), over the lexicon; notes what they
 * hide in `hidden` (entries), which is all 0 before. */
int32_t edgectc_overlay(Overlay *overlay, const Words *words, const Owns *owns, const Grammar *lm,
                        const Weights *weights, double top, uint8_t *hidden, Complaint *why);
void edgectc_overlay_clear(Overlay *overlay, uint8_t *hidden);
/* Rounded-up float exp(weight - top), which bounds stay bounds with. */
float edgectc_gain(double weight, double top);

/* ---- the engine itself: engine.c, engine_search.c ---- */

typedef struct {
  double lm_weight, letter_score, acoustic_scale, blank_penalty, context_weight, template_weight;
  double temperature, weighed, margin, unknown_score, unknown_letter_score, no_word_score;
  double posterior_width, budget, beam_size;
} Options;

typedef struct {                  /* one word found */
  char *text;
  double score, probability, low, high;
  int32_t exact;
} Hypothesis;

struct Engine {
  Options options;
  Words words;
  Grammar lm;
  Owns owns;
  int32_t has_words, has_lm, n_columns;
  int32_t *symbols, *columns;     /* (n) code points; (K + 1) column of each letter, then the blank */
  double *keys;                   /* (K, 2) centres in key units, or NULL */
  double width, height;
  float *trace;                   /* (length, 3), or NULL */
  int32_t trace_length;
  char *context;
  double *weights;                /* (entries) */
  float *gain, *bare;             /* (nodes) */
  uint32_t *below;                /* (nodes) */
  uint8_t *hidden;                /* (entries) */
  double top, lightest;
  Overlay overlay;
  double shift;                   /* what the context takes from every word it does not name */
  int32_t weighed, laid;          /* whether weights and overlay are those of now */
  Hypothesis *found;
  int32_t n_found;
  Complaint why;
};

void edgectc_clear_found(Engine *engine);

#define REFUSE(engine, ...) edgectc_refuse(&(engine)->why, BAD_INPUT, __VA_ARGS__)
#define NO_MEMORY(engine) edgectc_refuse(&(engine)->why, OUT_OF_MEMORY, "out of memory")

#endif
