/* What the files of a keyboard share. */
#ifndef EDGECTC_KEYBOARD_H
#define EDGECTC_KEYBOARD_H

#include <stdatomic.h>

#include "artifact.h"
#include "swipe.h"
#include "taps.h"

typedef struct {              /* keys in the letter area: 0..1 over the board's width and height */
  int32_t n;
  int32_t *letters;           /* (slots) code points */
  double *centers;            /* (slots, 2) */
  double width, height;       /* of a typical key */
} Board;

enum { MOST_LANGUAGES = 4, MOST_HEARD = 2048 };

typedef struct {              /* one of the languages that are written at the same time */
  char name[MOST_NAME];       /* "own": the model's */
  edgectc_engine *engine;
  Taps taps;
  int has_language_model;
  int rests;                  /* its letters are not all on these keys */
  double log_share;           /* log P(language | words before) */
} Language;

enum { IDLE, RUNS, CANCELLED };

struct edgectc_keyboard {
  Artifact artifact;
  edgectc_network *network;
  Language languages[MOST_LANGUAGES];
  int32_t n_languages;
  char heard[MOST_HEARD];     /* words before the cursor that tell the language, one line feed between */
  Owns owns;                  /* the user's words, also those that no language can spell */
  double today;               /* day by which learnt words fade */
  int incognito;
  Board board;
  double left, top, wide, high; /* the board in the caller's unit; wide is 0 before there are keys */
  float *frames, *log_probs, *floats; /* (max_frames, 3); of the network; (3 * slots) keys as it takes them */
  int32_t *symbols;           /* (columns) */
  double *places;             /* (columns, 2) */
  edgectc_point *points;      /* (room) in the letter area */
  double *arc;                /* (room) */
  int32_t room;
  int32_t rows;               /* of log_probs, of the last swipe */
  float *strokes;             /* (strokes_room, columns) of a word of several strokes */
  int32_t strokes_room;
  struct Found *found;        /* (found_room) words of all languages, and behind them what sorting takes */
  int32_t found_room;
  const char *reason;
  _Atomic int state;          /* IDLE, or what another thread may make of RUNS */
  Complaint why;
};

int edgectc_board_new(Board *board, int32_t slots);
void edgectc_board_free(Board *board);
/* Reads the layout of that name from a manifest's `layouts`. */
int32_t edgectc_board_named(Board *board, int32_t slots, Span layouts, Span name, Complaint *why);
/* Reads keys into the letter area and notes where it lies. */
/* Returns a quotient as the decimal of nine digits that it is within its last bits: on a screen's grid, distances of just
 * the quarter key that a rest may move are common, and a last bit would decide otherwise than where the frame is given. */
double edgectc_decimal(double value);

int32_t edgectc_board_of(Board *board, int32_t slots, const edgectc_key *keys, int32_t n, double area[4],
                         Complaint *why);

/* ---- languages: keyboard_languages.c, keyboard_mixing.c ---- */

/* Opens a language of that name behind the others, for a lexicon whose bytes were checked. */
int32_t edgectc_language_open(edgectc_keyboard *keyboard, const char *name, edgectc_file lexicon, edgectc_file language_model);
void edgectc_languages_close(edgectc_keyboard *keyboard);
/* Tells the languages which column each letter has; those that a board cannot type rest. */
int32_t edgectc_languages_place(edgectc_keyboard *keyboard, const Board *board);
/* Weighs the languages by the words that were heard. */
void edgectc_languages_hear(edgectc_keyboard *keyboard);
/* Returns the language that a word after those was probably written in. */
const Language *edgectc_language_of(const edgectc_keyboard *keyboard, const char *word);
/* Makes room for `most` words of each language. */
int edgectc_found_room(edgectc_keyboard *keyboard, int32_t most);
/* Takes n words of a language, whose scores get `more`, in behind the `held` ones. */
void edgectc_found_take(edgectc_keyboard *keyboard, int32_t held, const edgectc_word *words, int32_t n, int32_t language, double more);
/* Joins the words of all languages, n of them, best first; returns how many are left. */
int32_t edgectc_found_join(edgectc_keyboard *keyboard, int32_t n);
/* Whether a word in normal form is one of a language but this one, or one that it leaves unsaid. */
int edgectc_languages_know(const edgectc_keyboard *keyboard, const char *word, const edgectc_engine *but);
/* Ranks words of rows of log_probs; `trace` is where the finger went, (length, 3), or NULL. */
int32_t edgectc_languages_search(edgectc_keyboard *keyboard, const float *log_probs, int32_t rows, const float *trace,
                                 int32_t length, int32_t moving, edgectc_word *words, int32_t most);

typedef struct Found {        /* a word of one language among those of all */
  edgectc_word word;
  uint32_t hash;              /* of its normal form */
  int32_t language, alike;    /* alike: the first one of the same normal form */
  int32_t kept;
} Found;

/* ---- the user's words: keyboard_words.c, keyboard_learning.c ---- */

/* Tells the languages what is known of a word; one that their letters cannot type is kept, but not ranked. */
int32_t edgectc_keyboard_tell(edgectc_keyboard *keyboard, const char *word);
/* Returns how often a word counts as used today in a language. */
double edgectc_own_uses(const edgectc_keyboard *keyboard, const Own *own, const char *language);
/* Takes in what is known of a word, whose texts and letters are not looked at, and tells it. */
int32_t edgectc_keyboard_put(edgectc_keyboard *keyboard, const char *word, const Own *known);
/* Refuses a word, or a keyboard that cannot take one. */
int32_t edgectc_keyboard_check(edgectc_keyboard *keyboard, const char *word);

/* Says whether another thread has ended what runs. */
int edgectc_keyboard_cancelled(edgectc_keyboard *keyboard);
/* Ranks words of the keyboard's own points (n), in the letter area. */
int32_t edgectc_keyboard_rows(edgectc_keyboard *keyboard, int32_t n, int32_t *length);
/* Moves points of the caller into the keyboard's own, in the letter area; 0 if there is no memory. */
int edgectc_keyboard_points(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n);

/* Gives the network its keys. */
int32_t edgectc_keyboard_show(edgectc_keyboard *keyboard, const Board *board);
/* Turns points in the letter area into frames of the keyboard; returns how many. */
int32_t edgectc_keyboard_resample(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n,
                                  const Board *board);

#endif
