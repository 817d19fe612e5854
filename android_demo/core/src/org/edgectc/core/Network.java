package org.edgectc.core;

import java.nio.FloatBuffer;
import java.util.Map;

/** A loaded network whose inputs and output lie in direct buffers. Not for several threads. */
public interface Network {
  /** Name of the runtime, e.g. "ONNX Runtime". */
  String runtime();

  /** The input tensors by name, in native byte order; fill them, then call {@link #run}. */
  Map<String, Tensor> inputs();

  /** Returns log_probs, (frames, tokens) row by row, valid until the next run. */
  FloatBuffer run();

  /** Frees the network. Do not use it afterwards. */
  void close();
}
