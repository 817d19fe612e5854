/* What the engine uses of the C library, declared without an NDK. Bionic has all of it. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
int snprintf(char *restrict, size_t, const char *restrict, ...);
int vsnprintf(char *restrict, size_t, const char *restrict, va_list);
