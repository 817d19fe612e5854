/* How a word is swiped. The rule of edgectc/language/spelling.py, which is its oracle. */
#ifndef EDGECTC_SPELLING_H
#define EDGECTC_SPELLING_H

#include "engine_parts.h"

/* Writes the letters of the lexicon that `word` (in NFC) is swiped with; returns their bytes, 0 if they cannot
 * type it or are more than `room`. */
size_t edgectc_spelled(const Words *words, const char *word, char *out, size_t room);

/* Returns the letters of a word with their marks, as they are compared; -1 if it is no UTF-8. */
int64_t edgectc_letters_of(const char *word);

#endif
