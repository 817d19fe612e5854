/* Lets libraries built for Android run on glibc, in tests only (LD_PRELOAD).
 *
 * What bionic has and glibc lacks, as far as ONNX Runtime and ExecuTorch call it. It proves the
 * machine code that is shipped, not Android's linker or C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 152 }; /* sizeof(FILE) in bionic, 64 bits */
char __sF[3 * FILE_BYTES];

static FILE *file(void *given) {
  char *at = given;
  if (at < __sF || at >= __sF + sizeof __sF) return given;
  return at < __sF + FILE_BYTES ? stdin : at < __sF + 2 * FILE_BYTES ? stdout : stderr;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int fprintf(FILE *to, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int n = NEXT(vfprintf)(file(to), format, values);
  va_end(values);
  return n;
}
int vfprintf(FILE *to, const char *format, va_list values) {
  return NEXT(vfprintf)(file(to), format, values);
}
size_t fwrite(const void *data, size_t size, size_t n, FILE *to) {
  return NEXT(fwrite)(data, size, n, file(to));
}
int fflush(FILE *to) { return NEXT(fflush)(to ? file(to) : to); }
int fputs(const char *text, FILE *to) { return NEXT(fputs)(text, file(to)); }
int fputc(int c, FILE *to) { return NEXT(fputc)(c, file(to)); }
int putc(int c, FILE *to) { return NEXT(fputc)(c, file(to)); }

/* bionic numbers these differently; glibc's own numbers are not among them where Java asks. */
long sysconf(int name) {
  switch (name) {
    case 39: case 40: name = _SC_PAGESIZE; break;
    case 96: name = _SC_NPROCESSORS_CONF; break;
    case 97: name = _SC_NPROCESSORS_ONLN; break;
    case 98: name = _SC_PHYS_PAGES; break;
    case 99: name = _SC_AVPHYS_PAGES; break;
  }
  return NEXT(sysconf)(name);
}

int *__errno(void) { return __errno_location(); }
size_t __strlen_chk(const char *text, size_t room) { (void)room; return strlen(text); }
char *__strchr_chk(const char *text, int c, size_t room) { (void)room; return strchr(text, c); }
char *__strrchr_chk(const char *text, int c, size_t room) { (void)room; return strrchr(text, c); }
ssize_t __write_chk(int to, const void *data, size_t n, size_t room) {
  (void)room;
  return write(to, data, n);
}
char *__gnu_strerror_r(int error, char *room, size_t n) { return strerror_r(error, room, n); }
int __system_property_get(const char *name, char *value) { (void)name; *value = 0; return 0; }
void android_set_abort_message(const char *text) { fprintf(stderr, "abort: %s\n", text); }
int __android_log_write(int level, const char *tag, const char *text) {
  return level < 5 ? 0 : fprintf(stderr, "%s: %s\n", tag, text);
}
int __android_log_vprint(int level, const char *tag, const char *format, va_list values) {
  (void)tag;
  return level < 5 ? 0 : vfprintf(stderr, format, values);
}
int __android_log_print(int level, const char *tag, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int n = __android_log_vprint(level, tag, format, values);
  va_end(values);
  return n;
}
