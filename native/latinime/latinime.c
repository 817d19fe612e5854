/* A `libjni_latinime.so` for keyboards of AOSP's family: swipes go to edgectc, all else to the host's own library.
 *
 * It lies in one folder with libjni_latinime_host.so, the library that it stands for, and model.edgectc, lexicon.trie and
 * words.lm (not needed). The host's library registers its methods while a copy of the table of JNI is in place that has
 * another RegisterNatives: what it registers is noted, and of three methods this library's stand before the host's. Whatever
 * fails, from a missing model to points that are no swipe, goes to the host's own method, as if this library were not there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <jni.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edgectc.h"

enum { MOST_KEYS = 128, MOST_POINTS = 4096, MOST_WORDS = 18, MOST_CODES = 48, MOST_TEXT = 512, MOST_LAYOUTS = 8, KIND_CORRECTION = 1 };

typedef void Suggest(JNIEnv *, jclass, jlong, jlong, jlong, jintArray, jintArray, jintArray, jintArray, jintArray, jint, jintArray,
                     jobjectArray, jbooleanArray, jint, jintArray, jintArray, jintArray, jintArray, jintArray, jintArray, jfloatArray);
typedef jlong Place(JNIEnv *, jclass, jint, jint, jint, jint, jint, jint, jintArray, jint, jintArray, jintArray, jintArray, jintArray,
                    jintArray, jfloatArray, jfloatArray, jfloatArray);
typedef jlong Open(JNIEnv *, jclass, jstring, jlong, jlong, jboolean);
typedef jint RegisterNatives(JNIEnv *, jclass, const JNINativeMethod *, jint);

typedef struct { /* keys of a layout, by the handle that the host gave it */
  jlong handle;
  int32_t n;
  edgectc_key keys[MOST_KEYS];
} Layout;

static struct {
  pthread_mutex_t lock;
  edgectc_keyboard *keyboard; /* NULL: there is no model */
  Suggest *suggest;           /* the host's */
  Place *place;
  Open *open;
  jlong main;                 /* the dictionary that may not be written to, which is the language's */
  Layout layouts[MOST_LAYOUTS];
  int32_t newest;
  jlong shown;                /* the layout whose keys the keyboard has */
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the keys of the host --------------------------------------------------------------- */

static void note_keys(JNIEnv *jni, jlong handle, jint n, jintArray const fields[5]) {
  jint values[5][MOST_KEYS];
  Layout *layout = &own.layouts[own.newest];
  if (n < 1 || n > MOST_KEYS) return;
  for (int i = 0; i < 5; i++) {
    (*jni)->GetIntArrayRegion(jni, fields[i], 0, n, values[i]);
    if ((*jni)->ExceptionCheck(jni)) return (*jni)->ExceptionClear(jni);
  }
  layout->handle = handle, layout->n = n;
  for (jint k = 0; k < n; k++) {
    int32_t code = values[4][k];
    layout->keys[k] = (edgectc_key){code > 32 ? code : 0, values[0][k], values[1][k], values[2][k], values[3][k]};
  }
  own.newest = (own.newest + 1) % MOST_LAYOUTS;
  if (own.shown == handle) own.shown = 0;
}

static jlong place(JNIEnv *jni, jclass type, jint width, jint height, jint grid_width, jint grid_height, jint key_width,
                   jint key_height, jintArray near, jint n, jintArray x, jintArray y, jintArray widths, jintArray heights,
                   jintArray codes, jfloatArray spots_x, jfloatArray spots_y, jfloatArray radii) {
  jlong handle = own.place(jni, type, width, height, grid_width, grid_height, key_width, key_height, near, n, x, y, widths,
                           heights, codes, spots_x, spots_y, radii);
  if (handle && !(*jni)->ExceptionCheck(jni)) {
    pthread_mutex_lock(&own.lock);
    note_keys(jni, handle, n, (jintArray[]){x, y, widths, heights, codes});
    pthread_mutex_unlock(&own.lock);
  }
  return handle;
}

/* Gives the keyboard the keys of a layout. */
static int show(jlong handle) {
  if (own.shown == handle) return 1;
  for (int i = 0; i < MOST_LAYOUTS; i++) {
    const Layout *layout = own.layouts + i;
    if (layout->handle != handle) continue;
    if (edgectc_keyboard_keys(own.keyboard, layout->keys, layout->n) < 0) return 0;
    own.shown = handle;
    return 1;
  }
  return 0;
}

/* ---- what the host asks ----------------------------------------------------------------- */

static jlong open_dictionary(JNIEnv *jni, jclass type, jstring path, jlong offset, jlong size, jboolean updatable) {
  jlong handle = own.open(jni, type, path, offset, size, updatable);
  if (handle && !updatable) own.main = handle;
  return handle;
}

static char *put_utf8(int32_t code, char *out) {
  if (code < 0x80) return *out++ = (char)code, out;
  if (code < 0x800) *out++ = (char)(0xC0 | code >> 6);
  else {
    if (code < 0x10000) *out++ = (char)(0xE0 | code >> 12);
    else *out++ = (char)(0xF0 | code >> 18), *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
  }
  return *out++ = (char)(0x80 | (code & 0x3F)), out;
}

/* Tells the keyboard the words before, which come newest first. */
static int tell_context(JNIEnv *jni, jobjectArray words, jbooleanArray begins, jint n) {
  char text[MOST_TEXT], *end = text;
  jboolean whole = 0, begin[4] = {0};
  if (n > 4) n = 4;
  if (n > 0) (*jni)->GetBooleanArrayRegion(jni, begins, 0, n, begin);
  jint first = 0;
  while (first < n && !begin[first]) first++; /* of the sentence */
  whole = first < n;
  for (jint i = first - 1; i >= 0; i--) {
    jint codes[MOST_CODES], length;
    jintArray word = (*jni)->GetObjectArrayElement(jni, words, i);
    length = word ? (*jni)->GetArrayLength(jni, word) : 0;
    if (length > MOST_CODES) length = MOST_CODES;
    if (length) (*jni)->GetIntArrayRegion(jni, word, 0, length, codes);
    for (jint k = 0; k < length && codes[k] > 0 && end < text + MOST_TEXT - 8; k++) end = put_utf8(codes[k], end);
    if (end < text + MOST_TEXT - 8) *end++ = ' ';
    if (word) (*jni)->DeleteLocalRef(jni, word);
  }
  *end = 0;
  if ((*jni)->ExceptionCheck(jni)) return (*jni)->ExceptionClear(jni), 0;
  return edgectc_keyboard_before(own.keyboard, text, whole) >= 0;
}

/* Reads the points of the first finger; returns how many, 0 where they cannot be read. */
static int32_t read_points(JNIEnv *jni, jint n, jintArray const fields[4], edgectc_point *points) {
  static jint values[4][MOST_POINTS]; /* under the lock */
  int32_t kept = 0;
  if (n < 2 || n > MOST_POINTS) return 0;
  for (int i = 0; i < 4; i++) (*jni)->GetIntArrayRegion(jni, fields[i], 0, n, values[i]);
  if ((*jni)->ExceptionCheck(jni)) return (*jni)->ExceptionClear(jni), 0;
  for (jint i = 0; i < n; i++)
    if (values[3][i] == values[3][0]) points[kept++] = (edgectc_point){values[0][i], values[1][i], values[2][i]};
  return kept;
}

/* Returns the code points of UTF-8 that the library wrote. */
static jint codes_of(const char *text, jint out[MOST_CODES]) {
  jint n = 0;
  for (const unsigned char *at = (const unsigned char *)text; *at && n < MOST_CODES; n++) {
    int more = *at < 0x80 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;
    jint code = more ? *at & (0x3F >> more) : *at;
    for (at++; more-- && *at; at++) code = code << 6 | (*at & 0x3F);
    out[n] = code;
  }
  return n;
}

/* Hands words to the host; its arrays hold MOST_WORDS of 48 code points. */
static int write_words(JNIEnv *jni, const edgectc_word *words, jint n, jintArray count, jintArray codes, jintArray scores,
                       jintArray spaces, jintArray types, jintArray sure) {
  jint room = (*jni)->GetArrayLength(jni, scores), zero = 0, none = -1, kind = KIND_CORRECTION;
  if (n > room) n = room;
  for (jint i = 0; i < n; i++) {
    jint text[MOST_CODES] = {0};
    double behind = words[i].score - words[0].score;
    jint score = (jint)(2e6 + 1e5 * (behind < -15.0 ? -15.0 : behind));
    codes_of(words[i].text, text);
    (*jni)->SetIntArrayRegion(jni, codes, i * MOST_CODES, MOST_CODES, text);
    (*jni)->SetIntArrayRegion(jni, scores, i, 1, &score);
    (*jni)->SetIntArrayRegion(jni, spaces, i, 1, &none);
    (*jni)->SetIntArrayRegion(jni, types, i, 1, &kind);
  }
  (*jni)->SetIntArrayRegion(jni, sure, 0, 1, &zero);
  if ((*jni)->ExceptionCheck(jni)) return (*jni)->ExceptionClear(jni), 0;
  (*jni)->SetIntArrayRegion(jni, count, 0, 1, &n);
  return 1;
}

static void suggest(JNIEnv *jni, jclass type, jlong dictionary, jlong proximity, jlong session, jintArray x, jintArray y,
                    jintArray times, jintArray pointers, jintArray typed, jint n, jintArray options, jobjectArray words,
                    jbooleanArray begins, jint n_words, jintArray count, jintArray codes, jintArray scores, jintArray spaces,
                    jintArray types, jintArray sure, jfloatArray weight) {
  static edgectc_point points[MOST_POINTS]; /* under the lock */
  static edgectc_word found[MOST_WORDS];
  jint gesture = 0;
  int done = 0;
  if ((*jni)->GetArrayLength(jni, options) > 0) (*jni)->GetIntArrayRegion(jni, options, 0, 1, &gesture);
  if (gesture && own.keyboard && dictionary == own.main) {
    pthread_mutex_lock(&own.lock);
    int32_t kept = show(proximity) ? read_points(jni, n, (jintArray[]){x, y, times, pointers}, points) : 0;
    if (kept && tell_context(jni, words, begins, n_words)) {
      int32_t ranked = edgectc_keyboard_swipe(own.keyboard, points, kept, 0, found, MOST_WORDS);
      done = ranked > 0 && write_words(jni, found, ranked, count, codes, scores, spaces, types, sure);
    }
    pthread_mutex_unlock(&own.lock);
  }
  if (!done)
    own.suggest(jni, type, dictionary, proximity, session, x, y, times, pointers, typed, n, options, words, begins, n_words, count,
                codes, scores, spaces, types, sure, weight);
}

/* ---- standing between ------------------------------------------------------------------- */

static RegisterNatives *register_natives; /* JNI's own */

/* Puts this library's methods before the host's, where they take what is expected. */
static jint register_ours(JNIEnv *jni, jclass type, const JNINativeMethod *methods, jint n) {
  static const struct {
    const char *name, *signature;
    void *ours, **theirs;
  } taken[] = {
      {"getSuggestionsNative", "(JJJ[I[I[I[I[II[I[[I[ZI[I[I[I[I[I[I[F)V", (void *)suggest, (void **)&own.suggest},
      {"setProximityInfoNative", "(IIIIII[II[I[I[I[I[I[F[F[F)J", (void *)place, (void **)&own.place},
      {"openNative", "(Ljava/lang/String;JJZ)J", (void *)open_dictionary, (void **)&own.open},
  };
  JNINativeMethod changed[64];
  if (n < 0 || n > 64) return register_natives(jni, type, methods, n);
  for (jint i = 0; i < n; i++) {
    changed[i] = methods[i];
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
      if (!strcmp(methods[i].name, taken[k].name) && !strcmp(methods[i].signature, taken[k].signature))
        *taken[k].theirs = methods[i].fnPtr, changed[i].fnPtr = taken[k].ours;
  }
  return register_natives(jni, type, changed, n);
}

static edgectc_file map_file(const char *folder, const char *name) {
  char path[1024];
  struct stat about;
  edgectc_file file = {NULL, 0};
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return file;
  int at = open(path, O_RDONLY | O_CLOEXEC);
  if (at < 0) return file;
  if (!fstat(at, &about) && about.st_size > 0) {
    void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, at, 0);
    if (mapped != MAP_FAILED) file = (edgectc_file){mapped, (size_t)about.st_size};
  }
  close(at);
  return file;
}

/* Opens the model beside this library; there is none where anything is wrong with it. */
static edgectc_keyboard *open_model(const char *folder) {
  edgectc_file model = map_file(folder, "model.edgectc"), lexicon = map_file(folder, "lexicon.trie");
  edgectc_keyboard *keyboard = model.at && lexicon.at ? edgectc_keyboard_new() : NULL;
  if (!keyboard) return NULL;
  if (edgectc_keyboard_open(keyboard, model, lexicon, map_file(folder, "words.lm")) == EDGECTC_OK &&
      edgectc_keyboard_test(keyboard) == EDGECTC_OK)
    return keyboard;
  edgectc_keyboard_free(keyboard);
  return NULL;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
  typedef jint OnLoad(JavaVM *, void *);
  char folder[900], host[1024];
  Dl_info about;
  JNIEnv *jni;
  if ((*vm)->GetEnv(vm, (void **)&jni, JNI_VERSION_1_6) != JNI_OK || !dladdr((void *)JNI_OnLoad, &about)) return JNI_ERR;
  const char *slash = strrchr(about.dli_fname, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - about.dli_fname) : 1, slash ? about.dli_fname : ".");
  snprintf(host, sizeof host, "%s/libjni_latinime_host.so", folder);
  void *library = dlopen(host, RTLD_NOW | RTLD_LOCAL);
  OnLoad *load = library ? (OnLoad *)dlsym(library, "JNI_OnLoad") : NULL;
  if (!load) return JNI_ERR;
  own.keyboard = open_model(folder);
  const struct JNINativeInterface_ *table = *jni;
  struct JNINativeInterface_ other = *table;
  register_natives = other.RegisterNatives;
  other.RegisterNatives = register_ours;
  *jni = &other;
  jint version = load(vm, reserved);
  *jni = table;
  return version;
}
