package org.edgectc.core;

import java.nio.ByteBuffer;

/** Runs an .onnx artifact with ONNX Runtime, through native/ort_jni.c. */
public final class OnnxNetwork extends NativeNetwork {
  private static final int FLOAT32 = 1; // of ONNXTensorElementDataType
  private static final int INT32 = 6;
  private final ByteBuffer model; // the session reads it for as long as it lives

  /**
   * Opens a session on the artifact's bytes.
   *
   * @throws IllegalStateException with what ONNX Runtime says
   */
  public OnnxNetwork(Artifact artifact, int threads) {
    super(artifact);
    String[] names = new String[tensors.size()];
    for (int i = 0; i < names.length; i++) {
      names[i] = tensors.get(i).name;
    }
    model = artifact.bytes;
    handle = open(model, names, buffers(), shapes(), types(FLOAT32, INT32), threads);
  }

  @Override
  public String runtime() {
    return "ONNX Runtime";
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
