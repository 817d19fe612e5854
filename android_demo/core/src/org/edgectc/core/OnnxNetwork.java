package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs an .onnx artifact with ONNX Runtime, through native/ort_jni.c. */
public final class OnnxNetwork implements Network {
  private static final int FLOAT32 = 1; // of ONNXTensorElementDataType
  private static final int INT32 = 6;
  private final Map<String, Tensor> inputs = new LinkedHashMap<>();
  private final Tensor output;
  private final ByteBuffer model; // the session reads it for as long as it lives
  private long handle;

  /**
   * Opens a session on the artifact's bytes.
   *
   * @throws IllegalStateException with what ONNX Runtime says
   */
  public OnnxNetwork(Artifact artifact, int threads) {
    List<Tensor> tensors = new ArrayList<>();
    for (Object described : Json.array(artifact.manifest, "inputs")) {
      Tensor tensor = new Tensor((Map<?, ?>) described);
      tensors.add(tensor);
      inputs.put(tensor.name, tensor);
    }
    output = new Tensor(Json.object(artifact.manifest, "output"));
    tensors.add(output);
    int n = tensors.size();
    String[] names = new String[n];
    ByteBuffer[] buffers = new ByteBuffer[n];
    long[][] shapes = new long[n][];
    int[] types = new int[n];
    for (int i = 0; i < n; i++) {
      names[i] = tensors.get(i).name;
      buffers[i] = tensors.get(i).bytes;
      shapes[i] = tensors.get(i).shape;
      types[i] = tensors.get(i).real ? FLOAT32 : INT32;
    }
    model = artifact.bytes;
    handle = open(model, names, buffers, shapes, types, threads);
  }

  @Override
  public String runtime() {
    return "ONNX Runtime";
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
      ByteBuffer model, String[] names, ByteBuffer[] buffers, long[][] shapes, int[] types, int threads);

  private static native void run(long handle);

  private static native void close(long handle);
}
