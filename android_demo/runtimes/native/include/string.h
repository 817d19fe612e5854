/* What the engine uses of the C library, declared without an NDK. Bionic has all of it. */
#pragma once
#include <stddef.h>
void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
char *strcpy(char *restrict, const char *restrict);
char *strpbrk(const char *, const char *);
size_t strcspn(const char *, const char *);
