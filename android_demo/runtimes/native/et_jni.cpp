/* ExecuTorch for Java: one loaded method whose tensors lie in the caller's direct buffers.
 *
 * It uses ExecuTorch's C++ runtime below its own Java package, so neither fbjni nor that package is
 * needed. Two traps that are closed here: without a JNI_OnLoad of our own the loader finds that of
 * libexecutorch through the dependency, and inputs must be set before every run, because the memory
 * plan reuses their memory.
 */
#include <jni.h>

#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/platform_memory_allocator.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

#include <new>
#include <stdlib.h>

using executorch::extension::BufferDataLoader;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::HierarchicalAllocator;
using executorch::runtime::MemoryManager;
using executorch::runtime::Method;
using executorch::runtime::Program;
using executorch::runtime::Result;
using executorch::runtime::Span;
using executorch::aten::ScalarType;
using executorch::aten::SizesType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using PlatformMemoryAllocator = executorch::runtime::internal::PlatformMemoryAllocator;

namespace {

constexpr int kMostTensors = 9, kMostAxes = 4, kMostPlans = 8;
constexpr size_t kAligned = 64;

/* Memory from malloc, zeroed and aligned as XNNPACK wants its weights. */
struct Block {
  void* raw = nullptr;
  uint8_t* data = nullptr;

  bool take(size_t bytes) {
    raw = calloc(bytes + kAligned, 1);
    data = (uint8_t*)(((uintptr_t)raw + kAligned - 1) / kAligned * kAligned);
    return raw != nullptr;
  }
  ~Block() { free(raw); }
};

struct View {
  SizesType sizes[kMostAxes];
  executorch::aten::DimOrderType order[kMostAxes];
  executorch::aten::StridesType strides[kMostAxes];
  alignas(TensorImpl) char memory[sizeof(TensorImpl)];
  TensorImpl* tensor = nullptr;

  bool lay(JNIEnv* jni, jobject buffer, jlongArray shape, int type) {
    jsize axes = jni->GetArrayLength(shape);
    void* data = jni->GetDirectBufferAddress(buffer);
    jlong given[kMostAxes];
    if (!data || axes > kMostAxes) return false;
    jni->GetLongArrayRegion(shape, 0, axes, given);
    executorch::aten::StridesType step = 1;
    for (int i = axes - 1; i >= 0; i--) {
      sizes[i] = (SizesType)given[i];
      order[i] = (executorch::aten::DimOrderType)i;
      strides[i] = step;
      step *= sizes[i];
    }
    tensor = new (memory) TensorImpl((ScalarType)type, axes, sizes, data, order, strides);
    return true;
  }
};

struct Network {
  Block model, planned[kMostPlans];
  Span<uint8_t> spans[kMostPlans];
  alignas(BufferDataLoader) char loader[sizeof(BufferDataLoader)];
  alignas(Program) char program_memory[sizeof(Program)];
  alignas(HierarchicalAllocator) char hierarchy[sizeof(HierarchicalAllocator)];
  PlatformMemoryAllocator methods, scratch;
  alignas(MemoryManager) char manager[sizeof(MemoryManager)];
  alignas(Method) char method_memory[sizeof(Method)];
  Program* program = nullptr;
  Method* method = nullptr;
  View views[kMostTensors];
  void* answer = nullptr;
  size_t answer_bytes = 0;
  int inputs = 0;

  ~Network() {
    if (method) method->~Method();
    if (program) program->~Program();
  }
};

void fail(JNIEnv* jni, const char* text, Error error = Error::Ok) {
  char line[200];
  int n = 0;
  for (; text[n] && n < 150; n++) line[n] = text[n];
  if (error != Error::Ok) {
    const char* code = ": ExecuTorch error 0x";
    for (int i = 0; code[i]; i++) line[n++] = code[i];
    for (int shift = 28; shift >= 0; shift -= 4)
      line[n++] = "0123456789abcdef"[((unsigned)error >> shift) & 15];
  }
  line[n] = 0;
  jclass type = jni->FindClass("java/lang/IllegalStateException");
  if (type) jni->ThrowNew(type, line);
}

bool load(JNIEnv* jni, Network* network) {
  auto* loader = reinterpret_cast<BufferDataLoader*>(network->loader);
  Result<Program> program = Program::load(loader);
  if (!program.ok()) return fail(jni, "the program cannot be read", program.error()), false;
  network->program = new (network->program_memory) Program(std::move(program.get()));
  auto meta = network->program->method_meta("forward");
  if (!meta.ok()) return fail(jni, "there is no method 'forward'", meta.error()), false;
  size_t plans = meta->num_memory_planned_buffers();
  if (plans > kMostPlans) return fail(jni, "the program wants too many memory plans"), false;
  for (size_t i = 0; i < plans; i++) {
    size_t bytes = (size_t)meta->memory_planned_buffer_size(i).get();
    if (!network->planned[i].take(bytes)) return fail(jni, "out of memory"), false;
    network->spans[i] = {network->planned[i].data, bytes};
  }
  auto* planned = new (network->hierarchy) HierarchicalAllocator({network->spans, plans});
  auto* manager =
      new (network->manager) MemoryManager(&network->methods, planned, &network->scratch);
  Result<Method> method = network->program->load_method("forward", manager);
  if (!method.ok()) return fail(jni, "the method cannot be loaded", method.error()), false;
  network->method = new (network->method_memory) Method(std::move(method.get()));
  return true;
}

}  // namespace

extern "C" {

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM*, void*) { return JNI_VERSION_1_6; }

JNIEXPORT jlong JNICALL Java_org_edgectc_runtimes_ExecuTorchNetwork_open(
    JNIEnv* jni, jclass, jobject model, jobjectArray buffers, jobjectArray shapes, jintArray types) {
  executorch::runtime::runtime_init();
  void* memory = calloc(1, sizeof(Network));
  size_t bytes = (size_t)jni->GetDirectBufferCapacity(model);
  jsize n = jni->GetArrayLength(buffers);
  if (!memory || n < 2 || n > kMostTensors) {
    free(memory);
    fail(jni, memory ? "expected 1 to 8 inputs and one output" : "out of memory");
    return 0;
  }
  auto* network = new (memory) Network;
  bool good = network->model.take(bytes);
  if (!good) fail(jni, "out of memory");
  for (jsize i = 0; good && i < n; i++) {
    jobject buffer = jni->GetObjectArrayElement(buffers, i);
    auto shape = (jlongArray)jni->GetObjectArrayElement(shapes, i);
    jint type = 0;
    jni->GetIntArrayRegion(types, i, 1, &type);
    good = network->views[i].lay(jni, buffer, shape, type);
    if (!good) fail(jni, "expected direct buffers and at most 4 axes");
    network->answer = jni->GetDirectBufferAddress(buffer); /* the last one is the output */
    network->answer_bytes = (size_t)jni->GetDirectBufferCapacity(buffer);
    jni->DeleteLocalRef(buffer);
    jni->DeleteLocalRef(shape);
  }
  if (good) {
    __builtin_memcpy(network->model.data, jni->GetDirectBufferAddress(model), bytes);
    new (network->loader) BufferDataLoader(network->model.data, bytes);
    network->inputs = n - 1;
    good = load(jni, network);
  }
  if (good && network->method->inputs_size() != (size_t)network->inputs) {
    fail(jni, "the program takes another number of inputs than its manifest says");
    good = false;
  }
  if (good) return (jlong)(intptr_t)network;
  network->~Network();
  free(memory);
  return 0;
}

JNIEXPORT void JNICALL Java_org_edgectc_runtimes_ExecuTorchNetwork_run(JNIEnv* jni, jclass,
                                                                   jlong handle) {
  auto* network = (Network*)(intptr_t)handle;
  for (int i = 0; i < network->inputs; i++) {
    Error error = network->method->set_input(EValue(Tensor(network->views[i].tensor)), (size_t)i);
    if (error != Error::Ok) return fail(jni, "an input was refused", error);
  }
  Error error = network->method->execute();
  if (error != Error::Ok) return fail(jni, "the run failed", error);
  const EValue& value = network->method->get_output(0);
  if (!value.isTensor() || value.toTensor().nbytes() != network->answer_bytes)
    return fail(jni, "the output has another size than the manifest says");
  __builtin_memcpy(network->answer, value.toTensor().const_data_ptr(), network->answer_bytes);
}

JNIEXPORT void JNICALL Java_org_edgectc_runtimes_ExecuTorchNetwork_close(JNIEnv*, jclass,
                                                                     jlong handle) {
  auto* network = (Network*)(intptr_t)handle;
  network->~Network();
  free(network);
}
}
