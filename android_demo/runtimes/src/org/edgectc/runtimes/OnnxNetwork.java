package org.edgectc.runtimes;

import java.nio.ByteBuffer;
import java.util.List;

/** Runs an .onnx artifact with ONNX Runtime, through native/ort_jni.c. */
final class OnnxNetwork extends Network {
  private static final int FLOAT32 = 1; // of ONNXTensorElementDataType
  private static final int INT32 = 6;
  private final ByteBuffer model; // the session reads it for as long as it lives

  /**
   * Opens a session on a model's bytes.
   *
   * @throws IllegalStateException with what ONNX Runtime says
   */
  OnnxNetwork(ByteBuffer model, List<Tensor> tensors, int threads) {
    super(tensors);
    String[] names = new String[tensors.size()];
    for (int i = 0; i < names.length; i++) names[i] = tensors.get(i).name;
    this.model = model;
    handle = open(model, names, buffers(), shapes(), types(FLOAT32, INT32), threads);
  }

  @Override
  void runNative() {
    run(handle);
  }

  @Override
  void closeNative() {
    close(handle);
  }

  private static native long open(
      ByteBuffer model, String[] names, ByteBuffer[] buffers, long[][] shapes, int[] types, int threads);

  private static native void run(long handle);

  private static native void close(long handle);
}
