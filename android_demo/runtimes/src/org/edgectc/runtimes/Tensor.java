package org.edgectc.runtimes;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A named array of fixed shape in a direct buffer, native byte order. */
final class Tensor {
  final String name;
  final long[] shape; // the batch of one first
  final ByteBuffer bytes;
  final boolean real; // float32, else int32

  /** Reads name, type and sizes. */
  Tensor(DataInputStream in) throws IOException {
    name = in.readUTF();
    real = in.readBoolean();
    shape = new long[in.readInt()];
    int count = 1;
    for (int i = 0; i < shape.length; i++) count *= (int) (shape[i] = in.readInt());
    bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
  }

  /** Reads its numbers, in any byte order of 32 bits that both types share. */
  void read(DataInputStream in) throws IOException {
    for (int i = 0; i < bytes.capacity(); i += 4) bytes.putInt(i, in.readInt());
  }
}
