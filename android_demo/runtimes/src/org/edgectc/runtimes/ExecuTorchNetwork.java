package org.edgectc.runtimes;

import java.nio.ByteBuffer;
import java.util.List;

/** Runs a .pte artifact with ExecuTorch, through native/et_jni.cpp. */
final class ExecuTorchNetwork extends Network {
  private static final int INT32 = 3; // of ScalarType
  private static final int FLOAT32 = 6;

  /**
   * Loads the method of a program.
   *
   * @throws IllegalStateException with what ExecuTorch says
   */
  ExecuTorchNetwork(ByteBuffer program, List<Tensor> tensors) {
    super(tensors);
    handle = open(program, buffers(), shapes(), types(FLOAT32, INT32));
  }

  @Override
  void runNative() {
    run(handle);
  }

  @Override
  void closeNative() {
    close(handle);
  }

  private static native long open(ByteBuffer program, ByteBuffer[] buffers, long[][] shapes, int[] types);

  private static native void run(long handle);

  private static native void close(long handle);
}
