/* What the files of the engine share. Numbers in files are little-endian, and so must the machine be. */
#ifndef EDGECTC_ENGINE_PARTS_H
#define EDGECTC_ENGINE_PARTS_H

#include "edgectc.h"
#include "options.h"
#include "search.h"

#define MOST_LETTERS 255 /* of a word of the user */
#define MOST_NAME 16     /* bytes of a language's name, with the zero */
#define ROOT_LETTER 0xFFFF
#define DEEP 2           /* letters below a node are only known of one node in so many, the first ones */

typedef struct {              /* says why something failed */
  char text[256];
} Complaint;

int32_t edgectc_refuse(Complaint *why, int32_t code, const char *text, ...);

/* ---- text: engine_text.c ---- */

/* Returns the code point at *at and moves on; -1 if the bytes are no UTF-8. */
int32_t edgectc_utf8(const uint8_t **at, const uint8_t *end);
/* Writes a code point; returns its bytes, at most 4. */
int32_t edgectc_put_utf8(int32_t code, char *out);
/* Returns the small letter of a code point, which may be itself. */
int32_t edgectc_small(int32_t code);
/* Writes the normal form of `size` bytes of text in NFC, see spelling.py; returns its bytes, at most twice
 * as many. */
size_t edgectc_fold(const char *text, size_t size, char *out);
/* Returns whether the normal form of a text is this word. */
int edgectc_folds_to(const char *text, size_t size, const char *word, size_t length);
uint32_t edgectc_hash(const char *text, size_t size);
/* Writes all words of a text in NFC, in normal form, one line feed between; returns the bytes as edgectc_context does. */
int32_t edgectc_said(const char *text, char *out, int32_t room);

typedef struct {              /* text to number, by open addressing */
  int32_t *places;            /* a number, or -1 */
  size_t mask;
} Index;

typedef struct {              /* words by number, found by their normal form */
  const char *text;           /* one line feed between */
  uint32_t *start;            /* (size + 1) where each begins */
  Index index;
  int64_t size;
} Vocabulary;

/* Takes n words of `text`, which stays the caller's; those before `first` are not to be found. Returns
 * BAD_INPUT if there are not n. */
int edgectc_vocabulary(Vocabulary *vocabulary, const char *text, size_t size, int64_t n, int32_t first);
void edgectc_vocabulary_close(Vocabulary *vocabulary);
/* Returns the number of a word in normal form, or -1. */
int32_t edgectc_number(const Vocabulary *vocabulary, const char *word, size_t size);
const char *edgectc_word_at(const Vocabulary *vocabulary, int32_t number, size_t *size);

/* ---- lexicon: engine_lexicon.c, engine_lexicon_file.c ---- */

typedef struct {
  int32_t *letters;           /* (K) code points, ascending */
  int32_t K;
  int64_t nodes, entries, words, n_several, n_values, n_odd, text_bytes;
  Nodes tree;
  const int32_t *several;     /* (n_several) entries of more than one word, ascending */
  const int32_t *beyond;      /* (n_several + 1) words beyond the first of each entry, before these */
  int32_t *before;            /* (entries / AMONG + 2) see Tree */
  const int32_t *log_prob;    /* (words), or NULL: (n_values) `value` by (words) `code` has it */
  const int32_t *value;
  const uint16_t *code;
  const int32_t *odd, *odd_start;
  const uint8_t *text;
  uint16_t *unsaid;           /* spellings that are never free ones, as the search takes them */
  int64_t unsaid_size;
  const double *finer;        /* (words) natural logs that were given in place of log_prob, or NULL */
  void *memory;               /* arrays that a file of version 1 does not have */
  Index index;                /* of odd words, by their normal form */
} Words;

typedef struct {              /* words first to last, without the last */
  int64_t first, last;
} Range;

/* Finds the arrays of a file and checks them; `words` is all 0 before. */
int32_t edgectc_words_map(Words *words, const uint8_t *bytes, size_t size, Complaint *why);
int32_t edgectc_words_open(Words *words, const uint8_t *bytes, size_t size, Complaint *why);
void edgectc_words_close(Words *words);
/* Returns the words that are spelled like an entry, the most frequent first. */
Range edgectc_words_of(const Words *words, int64_t entry);
/* Returns the natural log of a word's share of running text. */
double edgectc_words_log_prob(const Words *words, int64_t word);
/* Writes the letters of an entry; returns how many, at most MOST_LETTERS. */
int32_t edgectc_words_letters(const Words *words, int64_t entry, uint16_t *out);
/* Returns the entry of letters, or -1. */
int64_t edgectc_words_entry(const Words *words, const uint16_t *letters, int32_t n);
/* Returns the entry one of whose words has this normal form, or -1. */
int64_t edgectc_words_find(const Words *words, const char *text, size_t size);
/* Returns the place of a word among those that are not shown by their letters as they are, or -1. */
int64_t edgectc_words_odd(const Words *words, int64_t word);
/* Makes the text of a word as it is shown, in a pool; says its bytes. NULL if there is no memory. */
char *edgectc_words_text(const Words *words, int64_t word, int64_t entry, size_t *size, Pool *pool);
/* Returns the letter of a code point, or -1. */
int32_t edgectc_number_of(const Words *words, int32_t code);
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
  int32_t users;              /* engines */
  Vocabulary words;
} Grammar;

typedef struct {              /* what a context says of words */
  const Vocabulary *words;
  double *gains;              /* (words) log P(word | context) - log P(word), less that of all others;
                                 NaN where nothing is said */
  int32_t *numbers;           /* the words of which something is said */
  int32_t *entries;           /* (words) lexicon entry of each, -1 for none, -2 if not looked for yet */
  int64_t size;
} Following;

/* Looks for damage by the checksum, which is for bytes that were not hashed. */
int32_t edgectc_lm_check(const uint8_t *bytes, size_t size, Complaint *why);
int32_t edgectc_lm_open(Grammar *lm, const uint8_t *bytes, size_t size, Complaint *why);
void edgectc_lm_close(Grammar *lm);
/* Makes room for what contexts say of n words; nothing is said yet. */
int edgectc_following(Following *following, const Vocabulary *words);
void edgectc_following_close(Following *following);
/* Notes what the model says after words one line feed apart; returns the log back-off of all others. */
double edgectc_lm_after(const Grammar *lm, const char *context, Following *following);

/* ---- the user's words: engine_owns.c; overlay: engine_overlay.c ---- */

typedef struct {              /* what the user taught about a word, or a hotword in one of its spellings */
  char *key;                  /* the text; of a hotword the text, a line feed and how it is spelled */
  char *text, *normal;        /* lie behind the key */
  uint16_t *letters;
  int32_t n_letters;
  double count, boost;
  double learnt, day;         /* uses that fade, as many as they were on that day */
  char language[MOST_NAME];   /* of those; "" for all */
  int32_t hidden;
  int32_t favoured;           /* whether it is a hotword, of `hot` nats */
  double hot;
} Own;

typedef struct {
  Own *words;
  int64_t size, room;
  Index index;                /* by key */
  double share;
  int32_t renames;            /* whether there was a hotword that is not spelled as it is written */
} Owns;

/* Returns what is known of a key, or NULL. */
Own *edgectc_own(const Owns *owns, const char *text);
/* Takes a word in, or anew; `n` letters, none where it is not to be spelled. OUT_OF_MEMORY changes nothing. */
int edgectc_owns_put(Owns *owns, const char *text, const uint16_t *letters, int32_t n, double count, double boost,
                     int32_t hidden);
/* The same of all that is known of a word, but its texts and letters; it is not spelled. */
int edgectc_owns_take(Owns *owns, const char *text, const Own *known);
/* Makes a text a hotword of so many nats where it is `spelled` so, in letters; 0: it is none. */
int edgectc_owns_favour(Owns *owns, const char *text, const char *spelled, const uint16_t *letters, int32_t n,
                        double nats);
void edgectc_owns_forget(Owns *owns, const char *key);
void edgectc_owns_close(Owns *owns);

typedef struct {              /* one word of a spelling that is laid over the lexicon */
  int64_t word;               /* of the lexicon, or -2 - place among the user's */
  double weight;
  double log_prob, gain, hot; /* terms of the weight: as the user's words change it; of the context; as a hotword */
} Shown;

typedef struct {              /* one spelling laid over the lexicon */
  const uint16_t *letters;
  int64_t start;              /* of its letters among those of the overlay */
  int32_t n_letters;
  int32_t n_shown;            /* its words */
  int64_t first_shown;        /* among those of the overlay */
  int64_t entry;              /* of the lexicon, or -1 */
  double weight;              /* of its heaviest word; -inf: only hides the entry */
} Over;

typedef struct {
  Over *overs;
  int64_t size, room;
  Shown *shown;
  int64_t n_shown, shown_room;
  int64_t live;               /* those with a weight; the first ones */
  uint16_t *letters;          /* of all of them */
  int64_t n_letters, letter_room;
  uint16_t *unsaid;           /* spellings of words that the user hides, as the search takes them */
  int64_t unsaid_size;
  Tree tree;
  void *memory;               /* the arrays of the tree */
} Overlay;

/* Lays the user's words, and those that a context speaks of (NULL: none), over the lexicon; notes what
 * they hide in `hidden` (entries), a bit of each, which is all 0 before. The pool holds what it needs meanwhile. */
int32_t edgectc_overlay(Overlay *overlay, const Words *words, const Owns *owns,
                        const Following *following, const Options *options, double top, double rarest,
                        uint8_t *hidden, Pool *pool, Complaint *why);
void edgectc_overlay_close(Overlay *overlay);
/* Hides the entries that an overlay lies over, or shows them again. */
void edgectc_overlay_hide(const Overlay *overlay, uint8_t *hidden, int hides);

/* ---- the engine itself: engine.c, engine_view.c, engine_search.c ---- */

typedef struct {              /* what engines of one lexicon share; only read once they are two */
  Words words;
  uint16_t *bounds;           /* (1 + 2 nodes) a value, then `gain` and `bare` of Tree */
  uint32_t *below;            /* (nodes / DEEP) see Tree */
  double *weights;            /* (values), or (words) without codes */
  double *more;               /* (n_several) see Tree */
  double most, top, lightest; /* most: the greatest of `more`, at least 1 */
  double rarest;              /* the least log_prob */
  int32_t weighed;            /* whether all that is of the options of now */
  int32_t users;              /* engines */
} Shared;

typedef struct {              /* the words after one context */
  char *context;
  Overlay overlay;
  double others, shift;       /* what the context says of every word it does not name; weighted */
  int32_t speaks;             /* whether there is a context */
  int32_t narrow;             /* whether bounds hold all weights, the lexicon's included */
} View;

typedef struct {              /* one ranked word */
  char *text;
  double figures[EDGECTC_FIGURES], hot;
  int32_t *frames, n_frames;
} Hypothesis;

struct edgectc_engine {
  Options options;
  Shared *shared;                 /* NULL before the lexicon */
  Grammar *lm;                    /* or NULL */
  Following following;            /* of lm */
  Owns owns;
  int32_t n_columns;
  int32_t *columns;               /* (K + 1) column of each letter, then the blank */
  double *keys;                   /* (K, 2) centres in key units, or NULL */
  double width, height;
  double *points;                 /* (n_points, 2) in key units, of (points_room, 3) doubles that stay */
  int32_t timed;                  /* whether (n_points) seconds stand after the points */
  double *path_keys;              /* (K, 2) of these points, or NULL for `keys` */
  int32_t n_points, points_room;
  char *context;
  View *views;                    /* the newest last */
  View *view;                     /* of now, or NULL if it is to be made */
  int32_t n_views, most_views;
  uint8_t *hidden;                /* (entries) a bit of each: by the view of now */
  Pool pool;                      /* of the last search, with its answers */
  Hypothesis *ranked;
  int32_t n_ranked;
  Complaint why;
};

/* Makes a view that of now, or none; what it hides of the lexicon is hidden, and all else shown. */
void edgectc_use_view(edgectc_engine *engine, View *view);
/* Forgets all views, as words, weights or the language model changed. */
void edgectc_forget_views(edgectc_engine *engine);
/* edgectc_engine_language_model, but that the bytes were hashed: their checksum is not computed. */
int32_t edgectc_language_model(edgectc_engine *engine, const uint8_t *bytes, size_t size);
/* Makes weights and view those of now. */
int32_t edgectc_refresh(edgectc_engine *engine);
/* Weighs the words by the options of now. */
int32_t edgectc_weigh(edgectc_engine *engine);
/* Returns the tree of the lexicon, as it is weighed. */
Tree edgectc_tree(const edgectc_engine *engine);
/* Takes a kept view of the context; 0 if there is none. */
int32_t edgectc_kept_view(edgectc_engine *engine, const char *context);
/* Makes the view of the context of now; `following` is NULL without one. */
int32_t edgectc_make_view(edgectc_engine *engine, const Following *following, double others);
/* Forgets what was ranked, and gives its memory to the next search. */
void edgectc_clear_ranked(edgectc_engine *engine);

typedef struct {              /* a letter that has no key, and the one whose key it is typed on */
  int32_t letter, key;
} StandIn;

/* edgectc_engine_columns, where letters (n) without a column take that of another symbol. */
int32_t edgectc_columns(edgectc_engine *engine, const int32_t *symbols, const double *centres, int32_t n, double width,
                        double height, const StandIn *others, int32_t n_others);

#define REFUSE(engine, ...) edgectc_refuse(&(engine)->why, BAD_INPUT, __VA_ARGS__)
#define NO_MEMORY(engine) edgectc_refuse(&(engine)->why, OUT_OF_MEMORY, "out of memory")

#endif
