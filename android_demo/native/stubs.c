/* What Android's libc and libm provide, for the linker only: nothing here runs or is shipped. */
#define HAS(name) \
  void name(void) {}

#ifdef LIBC
HAS(malloc)
HAS(calloc)
HAS(realloc)
HAS(free)
HAS(qsort)
HAS(memcpy)
HAS(memmove)
HAS(memset)
HAS(memcmp)
HAS(strlen)
HAS(strcmp)
HAS(strcpy)
HAS(strpbrk)
HAS(strcspn)
HAS(abort)
#else
HAS(exp)
HAS(expm1)
HAS(log)
HAS(log1p)
HAS(rint)
HAS(sqrt)
HAS(fmin)
HAS(floor)
HAS(nextafterf)
#endif
