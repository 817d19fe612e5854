/* What Android's libc provides of what ExecuTorch's shim calls, for the linker only: nothing here runs or is shipped. */
#define HAS(name) \
  void name(void) {}

HAS(malloc)
HAS(calloc)
HAS(realloc)
HAS(free)
HAS(memcpy)
HAS(memset)
HAS(strlen)
HAS(abort)
