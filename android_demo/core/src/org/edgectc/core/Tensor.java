package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/** A named array of fixed shape in a direct buffer. */
public final class Tensor {
  /** As in the manifest. */
  public final String name;

  /** As in the manifest, the batch of one first. */
  public final long[] shape;

  /** Its memory, native byte order. */
  public final ByteBuffer bytes;

  /** Whether it holds float32; int32 otherwise. */
  public final boolean real;

  /** Makes the zeroed tensor that a manifest describes. */
  public Tensor(Map<?, ?> described) {
    name = Json.text(described, "name");
    String type = Json.text(described, "dtype");
    real = type.equals("float32");
    if (!real && !type.equals("int32")) {
      throw new ModelException("input '" + name + "' is " + type + ", expected float32 or int32");
    }
    List<Object> sizes = Json.array(described, "shape");
    shape = new long[sizes.size()];
    int count = 1;
    for (int i = 0; i < shape.length; i++) {
      shape[i] = ((Double) sizes.get(i)).longValue();
      count *= (int) shape[i];
    }
    bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
  }

  /** Returns its numbers; float32 only. */
  public FloatBuffer floats() {
    return bytes.asFloatBuffer();
  }
}
