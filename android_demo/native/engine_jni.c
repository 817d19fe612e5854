/* The word engine for Java: one line a function, docs/host_contract.md says what they do. */
#include <jni.h>

#include "edgectc.h"

/* Texts cross as UTF-8 in byte arrays with a zero at the end: JNI's own strings are not UTF-8. */
static jint checked(JNIEnv *jni, edgectc_engine *engine, jlong code) {
  if (code < 0) {
    jclass type = (*jni)->FindClass(jni, "org/edgectc/core/ModelException");
    if (type) (*jni)->ThrowNew(jni, type, edgectc_engine_error(engine));
  }
  return (jint)code;
}

static jbyteArray utf8(JNIEnv *jni, const char *text) {
  jsize n = 0;
  while (text[n]) n++;
  jbyteArray bytes = (*jni)->NewByteArray(jni, n);
  if (bytes) (*jni)->SetByteArrayRegion(jni, bytes, 0, n, (const jbyte *)text);
  return bytes;
}

JNIEXPORT jlong JNICALL Java_org_edgectc_core_Engine_make(JNIEnv *jni, jclass type) {
  (void)jni, (void)type;
  return (jlong)(intptr_t)edgectc_engine_new();
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_free(JNIEnv *jni, jclass type, jlong engine) {
  (void)jni, (void)type;
  edgectc_engine_free((edgectc_engine *)(intptr_t)engine);
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_lexicon(JNIEnv *jni, jclass type, jlong handle,
                                                            jobject bytes) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  checked(jni, engine, edgectc_engine_lexicon(engine, (*jni)->GetDirectBufferAddress(jni, bytes),
                                           (*jni)->GetDirectBufferCapacity(jni, bytes)));
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_languageModel(JNIEnv *jni, jclass type,
                                                                  jlong handle, jobject bytes) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  checked(jni, engine,
       edgectc_engine_language_model(engine, (*jni)->GetDirectBufferAddress(jni, bytes),
                                     (*jni)->GetDirectBufferCapacity(jni, bytes)));
}

/* Returns what to log about the name of the option, or null. */
JNIEXPORT jbyteArray JNICALL Java_org_edgectc_core_Engine_option(JNIEnv *jni, jclass type,
                                                                 jlong handle, jbyteArray name,
                                                                 jdouble value) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jbyte *text = (*jni)->GetByteArrayElements(jni, name, 0);
  if (!text) return 0;
  jint status = checked(jni, engine, edgectc_engine_option(engine, (const char *)text, value));
  (*jni)->ReleaseByteArrayElements(jni, name, text, JNI_ABORT);
  return status == EDGECTC_RENAMED ? utf8(jni, edgectc_engine_error(engine)) : 0;
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_columns(JNIEnv *jni, jclass type, jlong handle,
                                                            jintArray symbols, jdoubleArray centres,
                                                            jdouble width, jdouble height) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jint *values = (*jni)->GetIntArrayElements(jni, symbols, 0);
  jdouble *places = (*jni)->GetDoubleArrayElements(jni, centres, 0);
  if (values && places)
    checked(jni, engine,
         edgectc_engine_columns(engine, values, places, (*jni)->GetArrayLength(jni, symbols), width,
                                height));
  if (values) (*jni)->ReleaseIntArrayElements(jni, symbols, values, JNI_ABORT);
  if (places) (*jni)->ReleaseDoubleArrayElements(jni, centres, places, JNI_ABORT);
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_word(JNIEnv *jni, jclass type, jlong handle,
                                                         jbyteArray text, jbyteArray spelled,
                                                         jdouble count, jdouble boost,
                                                         jboolean hidden) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jbyte *shown = (*jni)->GetByteArrayElements(jni, text, 0);
  jbyte *letters = (*jni)->GetByteArrayElements(jni, spelled, 0);
  if (shown && letters)
    checked(jni, engine,
         edgectc_engine_word(engine, (const char *)shown, (const char *)letters, count, boost,
                             hidden));
  if (shown) (*jni)->ReleaseByteArrayElements(jni, text, shown, JNI_ABORT);
  if (letters) (*jni)->ReleaseByteArrayElements(jni, spelled, letters, JNI_ABORT);
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_trace(JNIEnv *jni, jclass type, jlong handle,
                                                          jfloatArray trace) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jfloat *values = (*jni)->GetFloatArrayElements(jni, trace, 0);
  if (!values) return;
  checked(jni, engine,
       edgectc_engine_trace(engine, values, (*jni)->GetArrayLength(jni, trace) / 3));
  (*jni)->ReleaseFloatArrayElements(jni, trace, values, JNI_ABORT);
}

JNIEXPORT void JNICALL Java_org_edgectc_core_Engine_context(JNIEnv *jni, jclass type, jlong handle,
                                                            jbyteArray words) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jbyte *text = (*jni)->GetByteArrayElements(jni, words, 0);
  if (!text) return;
  checked(jni, engine, edgectc_engine_context(engine, (const char *)text));
  (*jni)->ReleaseByteArrayElements(jni, words, text, JNI_ABORT);
}

/* Returns null, with an exception pending, if there is no memory. */
JNIEXPORT jbyteArray JNICALL Java_org_edgectc_core_Engine_contextOf(JNIEnv *jni, jclass type,
                                                                    jbyteArray text, jboolean whole) {
  (void)type;
  jbyte *before = (*jni)->GetByteArrayElements(jni, text, 0);
  if (!before) return 0;
  jsize room = edgectc_context((const char *)before, whole, 0, 0);
  jbyteArray words = (*jni)->NewByteArray(jni, room - 1); /* without the zero at the end */
  jbyteArray held = words ? (*jni)->NewByteArray(jni, room) : 0;
  jbyte *out = held ? (*jni)->GetByteArrayElements(jni, held, 0) : 0;
  if (out) {
    edgectc_context((const char *)before, whole, (char *)out, room);
    (*jni)->SetByteArrayRegion(jni, words, 0, room - 1, out);
    (*jni)->ReleaseByteArrayElements(jni, held, out, JNI_ABORT);
  }
  (*jni)->ReleaseByteArrayElements(jni, text, before, JNI_ABORT);
  return out ? words : 0;
}

JNIEXPORT jint JNICALL Java_org_edgectc_core_Engine_search(JNIEnv *jni, jclass type, jlong handle,
                                                           jfloatArray log_probs, jint frames,
                                                           jint nbest, jboolean partial) {
  (void)type;
  edgectc_engine *engine = (edgectc_engine *)(intptr_t)handle;
  jfloat *values = (*jni)->GetFloatArrayElements(jni, log_probs, 0);
  if (!values) {
    edgectc_engine_trace(engine, 0, 0); /* it was of this signal alone */
    return 0;
  }
  jlong found = edgectc_engine_search(engine, values, frames, nbest, partial);
  (*jni)->ReleaseFloatArrayElements(jni, log_probs, values, JNI_ABORT);
  return checked(jni, engine, found);
}

JNIEXPORT jbyteArray JNICALL Java_org_edgectc_core_Engine_text(JNIEnv *jni, jclass type,
                                                               jlong handle, jint i) {
  (void)type;
  return utf8(jni, edgectc_engine_text((edgectc_engine *)(intptr_t)handle, i));
}

JNIEXPORT jdouble JNICALL Java_org_edgectc_core_Engine_figure(JNIEnv *jni, jclass type,
                                                              jlong handle, jint i, jint which) {
  (void)jni, (void)type;
  return edgectc_engine_figure((edgectc_engine *)(intptr_t)handle, i, which);
}
