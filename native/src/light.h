/* Included first by files that are built to be small where they travel to every page, in WebAssembly, and fast elsewhere. Such
 * a file ends with cold_end.h. */
#if defined(__wasm__)
#include "cold.h"
#endif
