/* Included first by files that work once a model or a word, not at each swipe: they are built to be small. Such a file ends with
 * cold_end.h. */
#if defined(__clang__)
#define EDGECTC_COLD
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("Os")
#endif
