/* Included last by a file that began with cold.h. */
#if defined(__clang__)
#pragma clang attribute pop
#endif
