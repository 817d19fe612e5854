/* What Android's libc and libm provide, for the linker only: nothing here runs or is shipped. */
#ifdef LIBC
void malloc(void) {}
void calloc(void) {}
void realloc(void) {}
void free(void) {}
void memcpy(void) {}
void memmove(void) {}
void memset(void) {}
void memcmp(void) {}
void strlen(void) {}
void abort(void) {}
#else
void exp(void) {}
void expm1(void) {}
void log(void) {}
void log1p(void) {}
#endif
