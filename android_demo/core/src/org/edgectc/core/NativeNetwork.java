package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the native runtimes share: tensors as the manifest describes them, and one handle. */
abstract class NativeNetwork implements Network {
  /** The inputs in the manifest's order, then the output. */
  final List<Tensor> tensors = new ArrayList<>();

  /** Of the native session; 0 once closed. */
  long handle;

  private final Map<String, Tensor> inputs = new LinkedHashMap<>();
  private final Tensor output;

  NativeNetwork(Artifact artifact) {
    for (Object described : Json.array(artifact.manifest, "inputs")) {
      Tensor tensor = new Tensor((Map<?, ?>) described);
      tensors.add(tensor);
      inputs.put(tensor.name, tensor);
    }
    output = new Tensor(Json.object(artifact.manifest, "output"));
    tensors.add(output);
  }

  abstract void runNative();

  abstract void closeNative();

  @Override
  public final Map<String, Tensor> inputs() {
    return inputs;
  }

  @Override
  public final FloatBuffer run() {
    if (handle == 0) {
      throw new IllegalStateException("the network was closed");
    }
    runNative();
    return output.floats();
  }

  @Override
  public final void close() {
    if (handle != 0) {
      closeNative();
      handle = 0;
    }
  }

  final ByteBuffer[] buffers() {
    ByteBuffer[] all = new ByteBuffer[tensors.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = tensors.get(i).bytes;
    }
    return all;
  }

  final long[][] shapes() {
    long[][] all = new long[tensors.size()][];
    for (int i = 0; i < all.length; i++) {
      all[i] = tensors.get(i).shape;
    }
    return all;
  }

  /** The runtime's own code of each tensor's type. */
  final int[] types(int float32, int int32) {
    int[] all = new int[tensors.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = tensors.get(i).real ? float32 : int32;
    }
    return all;
  }
}
