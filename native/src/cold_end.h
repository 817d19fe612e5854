/* Included last by a file that began with cold.h or light.h. */
#if defined(EDGECTC_COLD)
#pragma clang attribute pop
#endif
