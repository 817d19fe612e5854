package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a .pte artifact with ExecuTorch, through native/et_jni.cpp. */
public final class ExecuTorchNetwork implements Network {
  private static final int INT32 = 3; // of ScalarType
  private static final int FLOAT32 = 6;
  private final Map<String, Tensor> inputs = new LinkedHashMap<>();
  private final Tensor output;
  private long handle;

  /**
   * Loads the method of the artifact's program.
   *
   * @throws IllegalStateException with what ExecuTorch says
   */
  public ExecuTorchNetwork(Artifact artifact) {
    List<Tensor> tensors = new ArrayList<>();
    for (Object described : Json.array(artifact.manifest, "inputs")) {
      Tensor tensor = new Tensor((Map<?, ?>) described);
      tensors.add(tensor);
      inputs.put(tensor.name, tensor);
    }
    output = new Tensor(Json.object(artifact.manifest, "output"));
    tensors.add(output);
    int n = tensors.size();
    ByteBuffer[] buffers = new ByteBuffer[n];
    long[][] shapes = new long[n][];
    int[] types = new int[n];
    for (int i = 0; i < n; i++) {
      buffers[i] = tensors.get(i).bytes;
      shapes[i] = tensors.get(i).shape;
      types[i] = tensors.get(i).real ? FLOAT32 : INT32;
    }
    handle = open(artifact.bytes, buffers, shapes, types);
  }

  @Override
  public String runtime() {
    return "ExecuTorch";
  }

  @Override
  public Map<String, Tensor> inputs() {
    return inputs;
  }

  @Override
  public FloatBuffer run() {
    if (handle == 0) {
      throw new IllegalStateException("the network was closed");
    }
    run(handle);
    return output.floats();
  }

  @Override
  public void close() {
    if (handle != 0) {
      close(handle);
      handle = 0;
    }
  }

  private static native long open(
      ByteBuffer program, ByteBuffer[] buffers, long[][] shapes, int[] types);

  private static native void run(long handle);

  private static native void close(long handle);
}
