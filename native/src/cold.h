/* Included first by files that work once a model or a word, not at each swipe: they are built to be small. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif
