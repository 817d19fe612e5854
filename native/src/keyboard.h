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

enum { IDLE, RUNS, CANCELLED };

struct edgectc_keyboard {
  Artifact artifact;
  edgectc_network *network;
  edgectc_engine *engine;
  Owns owns;                  /* the user's words, also those that the engine cannot spell */
  Taps taps;
  Board board;
  int has_language_model;
  double left, top, wide, high; /* the board in the caller's unit; wide is 0 before there are keys */
  float *frames, *log_probs, *floats; /* (max_frames, 3); of the network; (3 * slots) keys as it takes them */
  int32_t *symbols;           /* (columns) */
  double *places;             /* (columns, 2) */
  edgectc_point *points;      /* (room) in the letter area */
  double *arc;                /* (room) */
  int32_t room;
  int32_t rows;               /* of log_probs, of the last swipe */
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

/* Gives the network its keys. */
int32_t edgectc_keyboard_show(edgectc_keyboard *keyboard, const Board *board);
/* Turns points in the letter area into frames of the keyboard; returns how many. */
int32_t edgectc_keyboard_resample(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n,
                                  const Board *board);

#endif
