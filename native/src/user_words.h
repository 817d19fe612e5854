/* The user's words of a keyboard and their file. The rules and the format of
 * edgectc/language/user_dictionary.py, which is their oracle. */
#ifndef EDGECTC_USER_WORDS_H
#define EDGECTC_USER_WORDS_H

#include "engine_parts.h"

#define MOST_USES 1e9
#define MOST_DAYS 1e6

/* Refuses what no engine can hold as a word. */
int32_t edgectc_check_word(const char *word, Complaint *why);

/* Writes the words as a file holds them; returns its bytes, which are only written where there is room for them,
 * or EDGECTC_NO_MEMORY. */
int64_t edgectc_write_words(const Owns *owns, char *out, int64_t room);

/* Reads the words of a file into `owns`, which is empty. */
int32_t edgectc_read_words(Owns *owns, const uint8_t *bytes, size_t size, Complaint *why);

/* Reads a plain file; the bytes are the caller's to free, NULL where it cannot be read. */
uint8_t *edgectc_read_file(const char *path, size_t *size, Complaint *why);

/* Writes a file that others of this machine cannot read, whole or not at all. */
int32_t edgectc_write_file(const char *path, const char *bytes, size_t size, Complaint *why);

#endif
