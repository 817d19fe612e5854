/* Reads and writes the file of the user's words; see user_words.h. Where a host has no files, as a browser, it is
 * refused: there edgectc_keyboard_words gives the bytes. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE  /* flock */
#define _DARWIN_C_SOURCE

#include "cold.h"

#include "user_words.h"

#if defined(_WIN32) || defined(__wasm__) || defined(EDGECTC_NO_FILES)

static int32_t refuse(Complaint *why) {
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "this build reads and writes no files; keep the bytes of edgectc_keyboard_words");
}

uint8_t *edgectc_read_file(const char *path, size_t *size, Complaint *why) {
  (void)path, (void)size;
  return refuse(why), NULL;
}

int32_t edgectc_write_file(const char *path, const char *bytes, size_t size, Complaint *why) {
  (void)path, (void)bytes, (void)size;
  return refuse(why);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 28, MOST_TRIES = 100 };

/* Says why a call of the system failed, without its locale. */
static int32_t failed(Complaint *why, const char *what, const char *path, int error) {
  const char *text = "the system says error";
  if (error == ENOENT || error == ENOTDIR) text = "there is no such file or folder";
  if (error == EACCES || error == EPERM || error == EROFS) text = "access is denied";
  if (error == ENOSPC || error == EDQUOT) text = "the disk is full; make room and do the same again";
  if (error == EISDIR || error == ELOOP) text = "it is no plain file";
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "cannot %s: %s (%d): %s", what, text, (long long)error, path);
}

uint8_t *edgectc_read_file(const char *path, size_t *size, Complaint *why) {
  struct stat held;
  int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), error = file < 0 ? errno : 0;
  if (!error && fstat(file, &held)) error = errno;
  if (!error && !S_ISREG(held.st_mode)) error = EISDIR;
  if (!error && held.st_size > MOST_BYTES) error = EFBIG;
  size_t room = error ? 0 : (size_t)held.st_size;
  uint8_t *bytes = error ? NULL : malloc(room + 1);
  if (!error && !bytes) error = ENOMEM;
  for (*size = 0; !error && *size < room;) {
    ssize_t n = read(file, bytes + *size, room - *size);
    if (n == 0) break; /* it became shorter meanwhile */
    if (n > 0) *size += (size_t)n;
    else if (errno != EINTR) error = errno;
  }
  if (file >= 0) close(file);
  if (!error) return bytes;
  free(bytes);
  if (error == ENOMEM) edgectc_refuse(why, EDGECTC_NO_MEMORY, "no memory");
  else failed(why, "read", path, error);
  return NULL;
}

/* Opens a new file for this process and thread alone, behind others that write it; -1 with errno. */
static int claim(const char *path) {
  for (int i = 0; i < MOST_TRIES; i++) {
    struct stat held, named;
    int file = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    if (flock(file, LOCK_EX) && errno != ENOTSUP && errno != ENOSYS && errno != ENOLCK) continue;
    /* The last writer may have given it its final name between the two lines: then it is no new file. */
    if (!fstat(file, &held) && !stat(path, &named) && held.st_ino == named.st_ino && held.st_dev == named.st_dev &&
        !fchmod(file, 0600) && !ftruncate(file, 0))
      return file;
    close(file);
  }
  return errno = EBUSY, -1;
}

static int write_all(int file, const char *bytes, size_t size) {
  while (size) {
    ssize_t n = write(file, bytes, size);
    if (n < 0 && errno != EINTR) return -1;
    if (n > 0) bytes += n, size -= (size_t)n;
  }
  return fsync(file);
}

/* Puts the names in the folder of a path on disk; some systems sync no folder. */
static void sync_folder(char *path) {
  char *end = strrchr(path, '/');
  if (end) end[end == path] = 0;
  int folder = open(end ? path : ".", O_RDONLY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

int32_t edgectc_write_file(const char *path, const char *bytes, size_t size, Complaint *why) {
  char *end = realpath(path, NULL); /* where a link leads, as renaming replaces the link */
  const char *final = end ? end : path;
  size_t length = strlen(final);
  char *beside = malloc(length + 5);
  int file = -1, error = 0;
  if (!beside) error = ENOMEM;
  else memcpy(beside, final, length), memcpy(beside + length, ".new", 5);
  if (!error && (file = claim(beside)) < 0) error = errno;
  if (!error && write_all(file, bytes, size)) error = errno;
  if (!error && rename(beside, final)) error = errno;
  if (error && file >= 0) unlink(beside); /* still under its lock: no other writer's */
  if (file >= 0) close(file);
  if (!error) sync_folder(beside);
  free(beside);
  free(end);
  if (error == ENOMEM) return edgectc_refuse(why, EDGECTC_NO_MEMORY, "no memory");
  return error ? failed(why, "write", path, error) : EDGECTC_OK;
}

#endif

#include "cold_end.h"
