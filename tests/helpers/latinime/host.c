/* A keyboard's own library as AOSP's is seen from outside: it registers 31 methods in four classes. Its suggestions are one word,
 * "host". */
#include <jni.h>

enum { MOST_CODES = 48 };

static jlong handles;

static jlong open_dictionary(JNIEnv *jni, jclass type, jstring path, jlong offset, jlong size, jboolean updatable) {
  return (void)jni, (void)type, (void)path, (void)offset, (void)size, (void)updatable, ++handles;
}

static jlong place(JNIEnv *jni, jclass type, jint width, jint height, jint grid_width, jint grid_height, jint key_width,
                   jint key_height, jintArray near, jint n, jintArray x, jintArray y, jintArray widths, jintArray heights,
                   jintArray codes, jfloatArray spots_x, jfloatArray spots_y, jfloatArray radii) {
  (void)jni, (void)type, (void)width, (void)height, (void)grid_width, (void)grid_height, (void)key_width, (void)key_height;
  (void)near, (void)n, (void)x, (void)y, (void)widths, (void)heights, (void)codes, (void)spots_x, (void)spots_y, (void)radii;
  return 1000 + ++handles;
}

static void suggest(JNIEnv *jni, jclass type, jlong dictionary, jlong proximity, jlong session, jintArray x, jintArray y,
                    jintArray times, jintArray pointers, jintArray typed, jint n, jintArray options, jobjectArray words,
                    jbooleanArray begins, jint n_words, jintArray count, jintArray codes, jintArray scores, jintArray spaces,
                    jintArray types, jintArray sure, jfloatArray weight) {
  static const jint word[MOST_CODES] = {'h', 'o', 's', 't'}, one = 1, score = 7;
  (void)type, (void)dictionary, (void)proximity, (void)session, (void)x, (void)y, (void)times, (void)pointers, (void)typed, (void)n;
  (void)options, (void)words, (void)begins, (void)n_words, (void)spaces, (void)types, (void)sure, (void)weight;
  (*jni)->SetIntArrayRegion(jni, codes, 0, MOST_CODES, word);
  (*jni)->SetIntArrayRegion(jni, scores, 0, 1, &score);
  (*jni)->SetIntArrayRegion(jni, count, 0, 1, &one);
}

static jint number(JNIEnv *jni, jclass type) { return (void)jni, (void)type, 31; }

#define NUMBER(name) {(char *)name, (char *)"()I", (void *)number}

static int registered(JNIEnv *jni, const char *name, const JNINativeMethod *methods, jint n) {
  jclass type = (*jni)->FindClass(jni, name);
  return type && (*jni)->RegisterNatives(jni, type, methods, n) == 0;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
  static const JNINativeMethod dictionary[] = {
      {(char *)"openNative", (char *)"(Ljava/lang/String;JJZ)J", (void *)open_dictionary},
      {(char *)"getSuggestionsNative", (char *)"(JJJ[I[I[I[I[II[I[[I[ZI[I[I[I[I[I[I[F)V", (void *)suggest},
      NUMBER("a0"), NUMBER("a1"), NUMBER("a2"), NUMBER("a3"), NUMBER("a4"), NUMBER("a5"), NUMBER("a6"), NUMBER("a7"), NUMBER("a8"),
      NUMBER("a9"), NUMBER("a10"), NUMBER("a11"), NUMBER("a12"), NUMBER("a13"), NUMBER("a14"), NUMBER("a15"), NUMBER("a16"),
      NUMBER("a17"), NUMBER("a18"), NUMBER("a19"), NUMBER("a20")};
  static const JNINativeMethod tools[] = {NUMBER("b0"), NUMBER("b1"), NUMBER("b2")};
  static const JNINativeMethod session[] = {NUMBER("c0"), NUMBER("c1"), NUMBER("c2")};
  static const JNINativeMethod proximity[] = {
      {(char *)"setProximityInfoNative", (char *)"(IIIIII[II[I[I[I[I[I[F[F[F)J", (void *)place}, NUMBER("d0")};
  JNIEnv *jni;
  (void)reserved;
  if ((*vm)->GetEnv(vm, (void **)&jni, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
#define ALL(methods) methods, sizeof methods / sizeof *methods
  int ok = registered(jni, "com/android/inputmethod/latin/BinaryDictionary", ALL(dictionary)) &&
           registered(jni, "com/android/inputmethod/latin/utils/BinaryDictionaryUtils", ALL(tools)) &&
           registered(jni, "com/android/inputmethod/latin/DicTraverseSession", ALL(session)) &&
           registered(jni, "com/android/inputmethod/keyboard/ProximityInfo", ALL(proximity));
  return ok ? JNI_VERSION_1_6 : JNI_ERR;
}
