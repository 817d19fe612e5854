package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Runs the artifact's own reference cases: proves on this device what was proven at export. */
public final class SelfTest {
  /** Largest difference of log_probs in nats, over valid frames and used tokens. */
  public double worst;

  /** Cases whose log_probs were compared. */
  public int cases;

  /** Cases that end in a word, and how many of them ended in the right one. */
  public int words;

  /** See {@link #words}. */
  public int rightWords;

  /** What went wrong, one line a case. */
  public final List<String> faults = new ArrayList<>();

  private final double tolerance;
  private final Recognizer recognizer;
  private final List<Layout> layouts;

  private SelfTest(Recognizer recognizer, double tolerance) {
    this.recognizer = recognizer;
    this.tolerance = tolerance;
    layouts = recognizer.layouts();
  }

  /** Runs every case of an artifact's manifest on a recognizer made of it. */
  public static SelfTest run(Artifact artifact, Recognizer recognizer) {
    double tolerance = Json.number(Json.object(artifact.manifest, "scheme"), "atol");
    SelfTest test = new SelfTest(recognizer, tolerance);
    for (Map.Entry<String, Object> one : Json.object(artifact.manifest, "reference").entrySet()) {
      test.compare(one.getKey(), (Map<?, ?>) one.getValue());
    }
    return test;
  }

  /** Whether every case held. */
  public boolean passed() {
    return faults.isEmpty() && cases > 0;
  }

  private void compare(String name, Map<?, ?> about) {
    Layout layout = layout(Json.text(about, "layout"));
    FloatBuffer trace = array(about, "trace").asFloatBuffer();
    FloatBuffer expected = array(about, "log_probs").asFloatBuffer();
    double[] frames = new double[3 * Json.integer(about, "length")];
    for (int i = 0; i < frames.length; i++) {
      frames[i] = trace.get(i);
    }
    float[] found = recognizer.logProbs(frames, layout);
    int keys = layout.letters.length();
    int columns = found.length == 0 ? keys + 1 : recognizer.columns();
    double most = 0;
    for (int t = 0; t < found.length / columns; t++) {
      for (int k = 0; k <= keys; k++) { // the keys, then the blank: unused slots have no meaning
        double value = found[t * columns + (k < keys ? k : recognizer.blank())];
        most = Math.max(most, Math.abs(value - expected.get(t * (keys + 1) + k)));
      }
    }
    cases++;
    worst = Math.max(worst, most);
    if (!(most <= tolerance)) {
      faults.add(name + ": log_probs differ by " + most + ", at most " + tolerance + " expected");
    }
    compareWord(name, about, layout);
  }

  private void compareWord(String name, Map<?, ?> about, Layout layout) {
    String expected = Json.text(about, "word");
    if (expected.isEmpty() || Json.get(about, "points") == null) {
      return;
    }
    ByteBuffer points = array(about, "points");
    Trace trace = new Trace();
    for (int i = 0; i < points.capacity(); i += 24) {
      trace.add(points.getDouble(i), points.getDouble(i + 8), points.getDouble(i + 16));
    }
    List<Candidate> found =
        recognizer.decode(trace, layout, Collections.<String>emptyList(), 1, false);
    String word = found.isEmpty() ? "" : found.get(0).text;
    words++;
    if (word.equals(expected)) {
      rightWords++;
    } else {
      faults.add(name + ": decoded '" + word + "', expected '" + expected + "'");
    }
  }

  private Layout layout(String name) {
    for (Layout layout : layouts) {
      if (layout.name.equals(name)) {
        return layout;
      }
    }
    throw new ModelException("a reference case names the unknown layout '" + name + "'");
  }

  private static ByteBuffer array(Map<?, ?> about, String key) {
    byte[] data = Base64.decode(Json.text(Json.object(about, key), "base64"));
    return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
  }
}
