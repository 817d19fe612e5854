/* The keyboard for Java: one line a call, edgectc.h says what they do. Texts cross as UTF-8 in byte arrays with a zero at the
 * end: JNI's own strings are not UTF-8. A call that fails returns a negative number, and Java asks why. */
#include <jni.h>
#include <stdlib.h>
#include <string.h>

#include "edgectc.h"

/* Overloads of native methods are named with their signature; there are none here. */
#define METHOD(type, name) JNIEXPORT type JNICALL Java_org_edgectc_Keyboard_##name
#define KEYBOARD(handle) ((edgectc_keyboard *)(intptr_t)(handle))

typedef int32_t OfText(edgectc_keyboard *keyboard, const char *text);

static jbyteArray copied(JNIEnv *jni, const char *bytes, size_t size) {
  jbyteArray array = (*jni)->NewByteArray(jni, (jsize)size);
  if (array) (*jni)->SetByteArrayRegion(jni, array, 0, (jsize)size, (const jbyte *)bytes);
  return array;
}

static edgectc_file file_of(JNIEnv *jni, jobject bytes) {
  edgectc_file file = {NULL, 0};
  if (!bytes) return file;
  file.at = (*jni)->GetDirectBufferAddress(jni, bytes);
  file.size = (size_t)(*jni)->GetDirectBufferCapacity(jni, bytes);
  return file;
}

static jint with_text(JNIEnv *jni, jlong handle, jbyteArray text, OfText *call) {
  jbyte *held = (*jni)->GetByteArrayElements(jni, text, NULL);
  if (!held) return EDGECTC_NO_MEMORY;
  jint status = call(KEYBOARD(handle), (const char *)held);
  (*jni)->ReleaseByteArrayElements(jni, text, held, JNI_ABORT);
  return status;
}

METHOD(jint, abi)(JNIEnv *jni, jclass type) { return (void)jni, (void)type, (jint)edgectc_abi(); }

METHOD(jboolean, aligned)(JNIEnv *jni, jclass type, jobject bytes) {
  (void)type;
  return ((uintptr_t)(*jni)->GetDirectBufferAddress(jni, bytes) & 7) == 0;
}

METHOD(jlong, make)(JNIEnv *jni, jclass type) { return (void)jni, (void)type, (jlong)(intptr_t)edgectc_keyboard_new(); }

METHOD(void, free)(JNIEnv *jni, jclass type, jlong handle) {
  (void)jni, (void)type;
  edgectc_keyboard_free(KEYBOARD(handle));
}

METHOD(jbyteArray, error)(JNIEnv *jni, jclass type, jlong handle) {
  const char *text = edgectc_keyboard_error(KEYBOARD(handle));
  (void)type;
  return copied(jni, text, strlen(text));
}

METHOD(jbyteArray, reason)(JNIEnv *jni, jclass type, jlong handle) {
  const char *text = edgectc_keyboard_reason(KEYBOARD(handle));
  (void)type;
  return copied(jni, text, strlen(text));
}

METHOD(jint, open)(JNIEnv *jni, jclass type, jlong handle, jobject model, jobject lexicon, jobject language_model) {
  (void)type;
  return edgectc_keyboard_open(KEYBOARD(handle), file_of(jni, model), file_of(jni, lexicon), file_of(jni, language_model));
}

METHOD(jint, add)(JNIEnv *jni, jclass type, jlong handle, jobject index, jobject lexicon, jobject language_model) {
  (void)type;
  return edgectc_keyboard_add(KEYBOARD(handle), file_of(jni, index), file_of(jni, lexicon), file_of(jni, language_model));
}

/* Returns NULL behind the last language; `share` receives its probability. */
METHOD(jbyteArray, language)(JNIEnv *jni, jclass type, jlong handle, jint place, jdoubleArray share) {
  double probability;
  const char *name = edgectc_keyboard_language(KEYBOARD(handle), place, &probability);
  (void)type;
  if (!name) return NULL;
  (*jni)->SetDoubleArrayRegion(jni, share, 0, 1, &probability);
  return copied(jni, name, strlen(name));
}

METHOD(jint, today)(JNIEnv *jni, jclass type, jlong handle, jdouble day) { return (void)jni, (void)type, edgectc_keyboard_today(KEYBOARD(handle), day); }

METHOD(jint, incognito)(JNIEnv *jni, jclass type, jlong handle, jboolean on) {
  return (void)jni, (void)type, edgectc_keyboard_incognito(KEYBOARD(handle), on);
}

METHOD(jint, test)(JNIEnv *jni, jclass type, jlong handle) { return (void)jni, (void)type, edgectc_keyboard_test(KEYBOARD(handle)); }

METHOD(jint, keys)(JNIEnv *jni, jclass type, jlong handle, jintArray letters, jdoubleArray boxes) {
  jsize n = (*jni)->GetArrayLength(jni, letters);
  edgectc_key *keys = malloc(((size_t)n + 1) * sizeof *keys);
  jint status = keys ? EDGECTC_OK : EDGECTC_NO_MEMORY;
  (void)type;
  for (jsize i = 0; keys && i < n; i++) {
    jint letter;
    jdouble box[4];
    (*jni)->GetIntArrayRegion(jni, letters, i, 1, &letter);
    (*jni)->GetDoubleArrayRegion(jni, boxes, 4 * i, 4, box);
    keys[i] = (edgectc_key){letter, box[0], box[1], box[2], box[3]};
  }
  if (keys) status = edgectc_keyboard_keys(KEYBOARD(handle), keys, n);
  free(keys);
  return status;
}

METHOD(jint, before)(JNIEnv *jni, jclass type, jlong handle, jbyteArray text, jboolean whole) {
  jbyte *held = (*jni)->GetByteArrayElements(jni, text, NULL);
  (void)type;
  if (!held) return EDGECTC_NO_MEMORY;
  jint status = edgectc_keyboard_before(KEYBOARD(handle), (const char *)held, whole);
  (*jni)->ReleaseByteArrayElements(jni, text, held, JNI_ABORT);
  return status;
}

METHOD(jint, prepare)(JNIEnv *jni, jclass type, jlong handle) { return (void)jni, (void)type, edgectc_keyboard_prepare(KEYBOARD(handle)); }

typedef int32_t OfPoints(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n, int32_t flags, edgectc_word *words,
                         int32_t most);

typedef struct {              /* how many points each of n strokes has */
  const jint *lengths;
  jint n;
} Strokes;

/* Ranks words of points, n of them three numbers each, or of their strokes, and hands their texts and figures over. */
static jint ranked(JNIEnv *jni, jlong handle, OfPoints *call, const Strokes *strokes, jdoubleArray points, jint flags, jobjectArray texts, jdoubleArray figures) {
  jsize n = (*jni)->GetArrayLength(jni, points) / 3, most = (*jni)->GetArrayLength(jni, texts);
  edgectc_word *words = malloc((size_t)most * sizeof *words);
  jdouble *held = words ? (*jni)->GetDoubleArrayElements(jni, points, NULL) : NULL;
  jint found = EDGECTC_NO_MEMORY;
  if (held) {
    const edgectc_point *at = (const edgectc_point *)held;
    if (strokes) found = edgectc_keyboard_strokes(KEYBOARD(handle), at, strokes->lengths, strokes->n, flags, words, most);
    else found = call(KEYBOARD(handle), at, n, flags, words, most);
    (*jni)->ReleaseDoubleArrayElements(jni, points, held, JNI_ABORT);
  }
  for (jint i = 0; i < found; i++) {
    jdouble row[3] = {words[i].score, words[i].probability, words[i].exact};
    jbyteArray text = copied(jni, words[i].text, strlen(words[i].text));
    if (!text) break; /* Java throws that there is no memory */
    (*jni)->SetObjectArrayElement(jni, texts, i, text);
    (*jni)->SetDoubleArrayRegion(jni, figures, 3 * i, 3, row);
    (*jni)->DeleteLocalRef(jni, text);
  }
  free(words);
  return found;
}

METHOD(jint, swipe)(JNIEnv *jni, jclass type, jlong handle, jdoubleArray points, jint flags, jobjectArray texts, jdoubleArray figures) {
  return (void)type, ranked(jni, handle, edgectc_keyboard_swipe, NULL, points, flags, texts, figures);
}

METHOD(jint, tap)(JNIEnv *jni, jclass type, jlong handle, jdoubleArray points, jint flags, jobjectArray texts, jdoubleArray figures) {
  return (void)type, ranked(jni, handle, edgectc_keyboard_tap, NULL, points, flags, texts, figures);
}

METHOD(jint, strokes)(JNIEnv *jni, jclass type, jlong handle, jdoubleArray points, jintArray lengths, jint flags, jobjectArray texts,
                      jdoubleArray figures) {
  jint n = (*jni)->GetArrayLength(jni, lengths);
  jint *held = (*jni)->GetIntArrayElements(jni, lengths, NULL);
  (void)type;
  if (!held) return EDGECTC_NO_MEMORY;
  Strokes strokes = {held, n};
  jint found = ranked(jni, handle, NULL, &strokes, points, flags, texts, figures);
  (*jni)->ReleaseIntArrayElements(jni, lengths, held, JNI_ABORT);
  return found;
}

METHOD(jbyteArray, typed)(JNIEnv *jni, jclass type, jlong handle) {
  const char *text = edgectc_keyboard_typed(KEYBOARD(handle));
  (void)type;
  return copied(jni, text, strlen(text));
}

METHOD(jint, cancel)(JNIEnv *jni, jclass type, jlong handle) { return (void)jni, (void)type, edgectc_keyboard_cancel(KEYBOARD(handle)); }

typedef int32_t OfUses(edgectc_keyboard *keyboard, const char *word, double uses);

static jint with_uses(JNIEnv *jni, jlong handle, jbyteArray word, jdouble uses, OfUses *call) {
  jbyte *held = (*jni)->GetByteArrayElements(jni, word, NULL);
  if (!held) return EDGECTC_NO_MEMORY;
  jint status = call(KEYBOARD(handle), (const char *)held, uses);
  (*jni)->ReleaseByteArrayElements(jni, word, held, JNI_ABORT);
  return status;
}

METHOD(jint, teach)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word, jdouble uses) {
  return (void)type, with_uses(jni, handle, word, uses, edgectc_keyboard_teach);
}

METHOD(jint, learn)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word, jdouble uses) {
  return (void)type, with_uses(jni, handle, word, uses, edgectc_keyboard_learn);
}

METHOD(jint, favour)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word, jbyteArray spelling, jdouble nats) {
  jbyte *held = (*jni)->GetByteArrayElements(jni, word, NULL);
  jbyte *other = held && spelling ? (*jni)->GetByteArrayElements(jni, spelling, NULL) : NULL;
  jint status = EDGECTC_NO_MEMORY;
  (void)type;
  if (held && (other || !spelling)) status = edgectc_keyboard_favour(KEYBOARD(handle), (const char *)held, (const char *)other, nats);
  if (other) (*jni)->ReleaseByteArrayElements(jni, spelling, other, JNI_ABORT);
  if (held) (*jni)->ReleaseByteArrayElements(jni, word, held, JNI_ABORT);
  return status;
}

METHOD(jint, hide)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word) {
  return (void)type, with_text(jni, handle, word, edgectc_keyboard_hide);
}

METHOD(jint, forget)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word) {
  return (void)type, with_text(jni, handle, word, edgectc_keyboard_forget);
}

static int32_t knows(edgectc_keyboard *keyboard, const char *word) { return edgectc_keyboard_knows(keyboard, word); }

METHOD(jint, knows)(JNIEnv *jni, jclass type, jlong handle, jbyteArray word) {
  return (void)type, with_text(jni, handle, word, knows);
}

/* Returns NULL where the library refuses. */
METHOD(jbyteArray, words)(JNIEnv *jni, jclass type, jlong handle) {
  int64_t size = edgectc_keyboard_words(KEYBOARD(handle), NULL, 0);
  char *bytes = size < 0 ? NULL : malloc((size_t)size + 1);
  (void)type;
  if (!bytes) return NULL;
  size = edgectc_keyboard_words(KEYBOARD(handle), bytes, size);
  jbyteArray array = size < 0 ? NULL : copied(jni, bytes, (size_t)size);
  free(bytes);
  return array;
}

METHOD(jint, takeWords)(JNIEnv *jni, jclass type, jlong handle, jbyteArray words) {
  jbyte *held = (*jni)->GetByteArrayElements(jni, words, NULL);
  (void)type;
  if (!held) return EDGECTC_NO_MEMORY;
  edgectc_file file = {held, (size_t)(*jni)->GetArrayLength(jni, words)};
  jint status = edgectc_keyboard_take_words(KEYBOARD(handle), file);
  (*jni)->ReleaseByteArrayElements(jni, words, held, JNI_ABORT);
  return status;
}
