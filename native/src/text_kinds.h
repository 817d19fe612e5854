/* What a code point is to a word or a sentence. */
#ifndef EDGECTC_TEXT_KINDS_H
#define EDGECTC_TEXT_KINDS_H

#include <stdint.h>

enum { OTHER, LETTER, MARK, JOINER, APOSTROPHE, UNSEEN, SPACE, END, BREAK, CLOSER };

int edgectc_kind(int32_t code);
/* Writes the normal form of a letter or mark; returns its code points, at most 3. */
int edgectc_normal(int32_t code, int32_t out[3]);

#endif
