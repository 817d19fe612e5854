package org.edgectc.core;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/** The exact search over the lexicon, through native/engine_jni.c. */
final class Engine {
  Engine(ByteBuffer lexicon, ByteBuffer lm, Map<String, Object> preset, String letters, int blank, int columns) {}

  List<Candidate> decode(double[] logProbs, List<String> context, int nbest, boolean unfinished) {
    throw new UnsupportedOperationException();
  }

  void close() {}
}
