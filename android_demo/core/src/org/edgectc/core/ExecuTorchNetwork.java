package org.edgectc.core;

import java.nio.ByteBuffer;

/** Runs a .pte artifact with ExecuTorch, through native/et_jni.cpp. */
public final class ExecuTorchNetwork extends NativeNetwork {
  private static final int INT32 = 3; // of ScalarType
  private static final int FLOAT32 = 6;

  /**
   * Loads the method of the artifact's program.
   *
   * @throws IllegalStateException with what ExecuTorch says
   */
  public ExecuTorchNetwork(Artifact artifact) {
    super(artifact);
    handle = open(artifact.bytes, buffers(), shapes(), types(FLOAT32, INT32));
  }

  @Override
  public String runtime() {
    return "ExecuTorch";
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
      ByteBuffer program, ByteBuffer[] buffers, long[][] shapes, int[] types);

  private static native void run(long handle);

  private static native void close(long handle);
}
