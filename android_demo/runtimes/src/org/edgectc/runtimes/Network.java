package org.edgectc.runtimes;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;

/** A loaded network whose inputs and output lie in direct buffers. Not for several threads. */
abstract class Network {
  /** The inputs in the model's order, then the output. */
  final List<Tensor> tensors;

  /** Of the native session; 0 once closed. */
  long handle;

  Network(List<Tensor> tensors) {
    this.tensors = tensors;
  }

  /** Returns a network of ONNX Runtime for an .onnx file, of ExecuTorch for a .pte. */
  static Network of(String file, ByteBuffer model, List<Tensor> tensors) {
    System.loadLibrary(file.endsWith(".pte") ? "edgectc_et" : "edgectc_ort");
    return file.endsWith(".pte") ? new ExecuTorchNetwork(model, tensors) : new OnnxNetwork(model, tensors, 1);
  }

  abstract void runNative();

  abstract void closeNative();

  /** Returns log_probs, (frames, tokens) row by row, valid until the next run. */
  final FloatBuffer run() {
    if (handle == 0) throw new IllegalStateException("the network was closed");
    runNative();
    return tensors.get(tensors.size() - 1).bytes.asFloatBuffer();
  }

  /** Frees the network. */
  final void close() {
    if (handle != 0) closeNative();
    handle = 0;
  }

  final ByteBuffer[] buffers() {
    ByteBuffer[] all = new ByteBuffer[tensors.size()];
    for (int i = 0; i < all.length; i++) all[i] = tensors.get(i).bytes;
    return all;
  }

  final long[][] shapes() {
    long[][] all = new long[tensors.size()][];
    for (int i = 0; i < all.length; i++) all[i] = tensors.get(i).shape;
    return all;
  }

  /** The runtime's own code of each tensor's type. */
  final int[] types(int float32, int int32) {
    int[] all = new int[tensors.size()];
    for (int i = 0; i < all.length; i++) all[i] = tensors.get(i).real ? float32 : int32;
    return all;
  }
}
