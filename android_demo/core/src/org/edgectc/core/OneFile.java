package org.edgectc.core;

import java.nio.charset.Charset;

/**
 * A model is one file: an ONNX file with a tensor whose values lie in another one is refused.
 *
 * <p>docs/bundle_format.md, "One file"; Python's is edgectc/formats/one_file.py.
 */
final class OneFile {
  private static final int TENSOR = 7;
  private static final int[][][] INSIDE = { // kind of message -> {field, kind of the message in it}
    {{7, 1}, {20, 2}, {25, 3}}, // 0 model: graph, training, function
    {{1, 4}, {5, TENSOR}, {15, 6}}, // 1 graph: node, initializer, sparse initializer
    {{1, 1}, {2, 1}}, // 2 training
    {{7, 4}, {11, 5}}, // 3 function: node, default
    {{5, 5}}, // 4 node: attribute
    {{5, TENSOR}, {6, 1}, {10, TENSOR}, {11, 1}, {22, 6}, {23, 6}}, // 5 attribute
    {{1, TENSOR}, {2, TENSOR}}, // 6 sparse tensor
    {}, // 7 tensor
  };
  private static final int NAME = 8; // fields of a tensor
  private static final int EXTERNAL_DATA = 13;
  private static final int DATA_LOCATION = 14;
  private static final int MOST_DEPTH = 100;

  private final byte[] data;
  private int at;

  private OneFile(byte[] data) {
    this.data = data;
  }

  /**
   * Looks into every tensor of an ONNX file.
   *
   * @throws ModelException if one lies in another file, or this is no ONNX file
   */
  static void check(byte[] file) {
    if (file.length >= 8 && new String(file, 4, 4, Charset.forName("US-ASCII")).equals("ORTM")) {
      throw malformed();
    }
    new OneFile(file).walk(file.length, 0, 0);
  }

  private void walk(int end, int kind, int depth) {
    if (depth > MOST_DEPTH) {
      throw malformed();
    }
    boolean outside = false;
    String name = "";
    while (at < end) {
      long tag = varint(end);
      if (tag < 8 || tag >>> 32 != 0) {
        throw malformed();
      }
      int field = (int) (tag >>> 3);
      int wire = (int) (tag & 7);
      long size = wire == 1 ? 8 : 4;
      if (wire == 0) {
        // An enumeration keeps the low 32 bits of its number.
        boolean elsewhere = (int) varint(end) != 0;
        outside |= kind == TENSOR && field == DATA_LOCATION && elsewhere;
        continue;
      } else if (wire == 2) {
        size = varint(end);
      } else if (wire != 1 && wire != 5) {
        throw malformed();
      }
      if (size < 0 || size > end - at) {
        throw malformed();
      }
      int next = at + (int) size;
      if (wire == 2) {
        int inner = inside(kind, field);
        if (inner > 0) {
          walk(next, inner, depth + 1);
        } else if (kind == TENSOR && field == EXTERNAL_DATA) {
          outside = true;
        } else if (kind == TENSOR && field == NAME) {
          name = new String(data, at, (int) size, Charset.forName("UTF-8"));
        }
      }
      at = next;
    }
    if (outside) {
      throw new ModelException(
          "the values of the model's tensor '" + name
              + "' lie in another file; save the model in one file and export it again");
    }
  }

  private static int inside(int kind, int field) {
    for (int[] pair : INSIDE[kind]) {
      if (pair[0] == field) {
        return pair[1];
      }
    }
    return 0;
  }

  private long varint(int end) {
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at >= end) {
        throw malformed();
      }
      byte next = data[at++];
      value |= shift < 64 ? (long) (next & 127) << shift : 0;
      if (next >= 0) {
        return value;
      }
    }
    throw malformed();
  }

  private static ModelException malformed() {
    return new ModelException("the model is no ONNX file; export it again");
  }
}
