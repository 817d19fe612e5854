/* ONNX Runtime for Java: one session whose tensors lie in the caller's direct buffers.
 *
 * ONNX Runtime's own Java package is not needed: this file asks the shared library for its C API and
 * uses nothing else, no C library either, so it links without an NDK.
 */
#include <jni.h>
#include <onnxruntime_c_api.h>

#define API_VERSION 22 /* of the oldest runtime that is shipped against; newer ones still give it */
#define MOST_INPUTS 8
#define MOST_NAME 32
#define MOST_AXES 4

typedef struct {
  const OrtApi *api;
  OrtEnv *env;
  OrtSession *session;
  OrtValue *inputs[MOST_INPUTS], *output;
  char names[MOST_INPUTS + 1][MOST_NAME]; /* the last one is the output's */
  int n_inputs;
} Network;

static void fail(JNIEnv *jni, const char *text) {
  jclass type = (*jni)->FindClass(jni, "java/lang/IllegalStateException");
  if (type) (*jni)->ThrowNew(jni, type, text);
}

/* Throws what a status says; tells whether all is well. */
static int fine(JNIEnv *jni, const OrtApi *api, OrtStatus *status) {
  if (!status) return 1;
  fail(jni, api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return 0;
}

static void release(Network *network) {
  const OrtApi *api = network->api;
  OrtAllocator *memory = 0;
  for (int i = 0; i < network->n_inputs; i++)
    if (network->inputs[i]) api->ReleaseValue(network->inputs[i]);
  if (network->output) api->ReleaseValue(network->output);
  if (network->session) api->ReleaseSession(network->session);
  if (network->env) api->ReleaseEnv(network->env);
  OrtStatus *status = api->GetAllocatorWithDefaultOptions(&memory);
  if (status) api->ReleaseStatus(status);
  if (memory) memory->Free(memory, network);
}

/* Copies a name; 0 if it is too long. */
static int copy_name(JNIEnv *jni, jobject names, int i, char *out) {
  jstring name = (*jni)->GetObjectArrayElement(jni, names, i);
  if ((*jni)->GetStringUTFLength(jni, name) >= MOST_NAME) return 0;
  (*jni)->GetStringUTFRegion(jni, name, 0, (*jni)->GetStringLength(jni, name), out);
  out[(*jni)->GetStringUTFLength(jni, name)] = 0;
  (*jni)->DeleteLocalRef(jni, name);
  return 1;
}

/* Lays a tensor over a direct buffer: nothing is copied, then or later. */
static int lay(JNIEnv *jni, Network *network, OrtMemoryInfo *where, jobject buffer, jlongArray shape,
               int type, OrtValue **out) {
  jsize axes = (*jni)->GetArrayLength(jni, shape);
  void *data = (*jni)->GetDirectBufferAddress(jni, buffer);
  jlong bytes = (*jni)->GetDirectBufferCapacity(jni, buffer);
  int64_t sizes[MOST_AXES];
  if (!data || axes > MOST_AXES) {
    fail(jni, "expected direct buffers and at most 4 axes");
    return 0;
  }
  (*jni)->GetLongArrayRegion(jni, shape, 0, axes, (jlong *)sizes);
  return fine(jni, network->api,
              network->api->CreateTensorWithDataAsOrtValue(
                  where, data, (size_t)bytes, sizes, (size_t)axes,
                  (ONNXTensorElementDataType)type, out));
}

static int open_session(JNIEnv *jni, Network *network, jobject model, jint threads) {
  const OrtApi *api = network->api;
  OrtSessionOptions *options = 0;
  if (!fine(jni, api, api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "edgectc", &network->env))) return 0;
  if (!fine(jni, api, api->CreateSessionOptions(&options))) return 0;
  int good = fine(jni, api, api->SetIntraOpNumThreads(options, threads)) &&
             fine(jni, api,
                  api->CreateSessionFromArray(network->env,
                                              (*jni)->GetDirectBufferAddress(jni, model),
                                              (size_t)(*jni)->GetDirectBufferCapacity(jni, model),
                                              options, &network->session));
  api->ReleaseSessionOptions(options);
  return good;
}

/* Opens a session: `names`, `buffers`, `shapes`, `types` of the inputs in order, the output last. */
JNIEXPORT jlong JNICALL Java_org_edgectc_runtimes_OnnxNetwork_open(
    JNIEnv *jni, jclass type, jobject model, jobjectArray names, jobjectArray buffers,
    jobjectArray shapes, jintArray types, jint threads) {
  (void)type;
  const OrtApiBase *base = OrtGetApiBase();
  const OrtApi *api = base->GetApi(API_VERSION);
  OrtAllocator *memory = 0;
  OrtMemoryInfo *where = 0;
  Network *network = 0;
  jsize n = (*jni)->GetArrayLength(jni, names);
  if (!api) {
    fail(jni, "this ONNX Runtime is older than 1.22; ship a newer libonnxruntime.so");
    return 0;
  }
  if (n < 2 || n > MOST_INPUTS + 1) {
    fail(jni, "expected 1 to 8 inputs and one output");
    return 0;
  }
  if (!fine(jni, api, api->GetAllocatorWithDefaultOptions(&memory))) return 0;
  network = memory->Alloc(memory, sizeof *network);
  if (!network) {
    fail(jni, "out of memory");
    return 0;
  }
  for (size_t i = 0; i < sizeof *network; i++) ((volatile char *)network)[i] = 0;
  network->api = api;
  network->n_inputs = n - 1;
  int good = open_session(jni, network, model, threads) &&
             fine(jni, api, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &where));
  for (jsize i = 0; good && i < n; i++) {
    jobject buffer = (*jni)->GetObjectArrayElement(jni, buffers, i);
    jlongArray shape = (*jni)->GetObjectArrayElement(jni, shapes, i);
    jint kind = 0;
    (*jni)->GetIntArrayRegion(jni, types, i, 1, &kind);
    good = copy_name(jni, names, i, network->names[i]);
    if (!good) fail(jni, "a name is longer than 31 bytes");
    good = good && lay(jni, network, where, buffer, shape, kind,
                       i < n - 1 ? &network->inputs[i] : &network->output);
    (*jni)->DeleteLocalRef(jni, buffer);
    (*jni)->DeleteLocalRef(jni, shape);
  }
  if (where) api->ReleaseMemoryInfo(where);
  if (good) return (jlong)(intptr_t)network;
  release(network);
  return 0;
}

/* Runs the network on what lies in its buffers; the answer lies in the last one. */
JNIEXPORT void JNICALL Java_org_edgectc_runtimes_OnnxNetwork_run(JNIEnv *jni, jclass type,
                                                             jlong handle) {
  (void)type;
  Network *network = (Network *)(intptr_t)handle;
  const char *names[MOST_INPUTS], *output = network->names[network->n_inputs];
  for (int i = 0; i < network->n_inputs; i++) names[i] = network->names[i];
  fine(jni, network->api,
       network->api->Run(network->session, 0, names, (const OrtValue *const *)network->inputs,
                         (size_t)network->n_inputs, &output, 1, &network->output));
}

JNIEXPORT void JNICALL Java_org_edgectc_runtimes_OnnxNetwork_close(JNIEnv *jni, jclass type,
                                                               jlong handle) {
  (void)jni;
  (void)type;
  release((Network *)(intptr_t)handle);
}
