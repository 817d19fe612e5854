package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * From a finger's trace to ranked words: resampling, network, search.
 *
 * <p>Not for several threads at once. The last call's times are kept in {@link #times}.
 */
public final class Recognizer {
  /** What the last call took, in nanoseconds by stage: resample, network, decode. */
  public final Map<String, Long> times = new LinkedHashMap<>();

  private static final List<String> KNOWN =
      Arrays.asList(
          "name", "family", "target", "options", "scheme", "opset", "inputs", "output", "frontend",
          "tokens", "blank_id", "separator", "layouts", "decoder", "lexicon", "language_model",
          "reference", "source", "parity");

  private final Artifact artifact;
  private final Network network;
  private final SwipeFrontend frontend;
  private final Engine engine;
  private final boolean hasContext;
  private String letters = "";
  private final int blank;
  private final int columns;
  private final int stride;
  private final int window;

  /**
   * Makes a recognizer.
   *
   * @param artifact the model
   * @param network the same model, loaded
   * @param lexicon bytes of the packed lexicon that the model's manifest names, direct
   * @param languageModel bytes of its language model, direct; null to do without context
   * @throws ModelException if the lexicon or the language model is not the one the manifest names
   */
  public Recognizer(
      Artifact artifact, Network network, ByteBuffer lexicon, ByteBuffer languageModel) {
    this.artifact = artifact;
    this.network = network;
    Map<String, Object> manifest = artifact.manifest;
    for (String key : manifest.keySet()) {
      if (!KNOWN.contains(key)) {
        throw new ModelException("the model's manifest has the unknown key '" + key
            + "'; it was made for a newer app");
      }
    }
    require(manifest, "lexicon", lexicon);
    if (languageModel != null) {
      require(manifest, "language_model", languageModel);
    }
    frontend = new SwipeFrontend(Json.object(manifest, "frontend"));
    Map<String, Object> output = Json.object(manifest, "output");
    blank = Json.integer(manifest, "blank_id");
    columns = ((Double) Json.array(output, "shape").get(2)).intValue();
    stride = Json.integer(output, "stride");
    window = Json.integer(output, "window");
    for (String name : new String[] {"trace", "length", "keys", "key_mask", "key_size"}) {
      if (!network.inputs().containsKey(name)) {
        throw new ModelException("the model has no input '" + name + "'; it is no swipe model");
      }
    }
    hasContext = languageModel != null;
    engine = new Engine(lexicon, languageModel, Json.object(manifest, "decoder"));
  }

  private static void require(Map<String, Object> manifest, String what, ByteBuffer bytes) {
    Object wanted = manifest.get(what);
    if (!(wanted instanceof Map)) {
      throw new ModelException("the model names no " + what + "; export it from a bundle with one");
    }
    byte[] data = new byte[bytes.capacity()];
    bytes.duplicate().get(data);
    if (!Artifact.sha256(data).equals(Json.text((Map<?, ?>) wanted, "sha256"))) {
      throw new ModelException(
          "the " + what + " is not the one this model was checked with; copy both from one bundle");
    }
  }

  /** Returns the layouts that the model carries, the default first. */
  public List<Layout> layouts() {
    List<Layout> made = new ArrayList<>();
    for (Object described : Json.array(artifact.manifest, "layouts")) {
      made.add(new Layout((Map<?, ?>) described));
    }
    return made;
  }

  /** Returns the number of log_probs columns. */
  int columns() {
    return columns;
  }

  /** Returns the blank's column. */
  int blank() {
    return blank;
  }

  /** Returns what runs the network. */
  public String runtime() {
    return network.runtime();
  }

  /**
   * Returns the best words of a trace, best first; empty if no word fits.
   *
   * @param context words before this one, the last one last
   * @param nbest most words to return
   * @param partial whether the finger still moves: then what the trace may become is ranked
   * @throws TraceException if the trace cannot be used
   */
  public List<Candidate> decode(
      Trace trace, Layout layout, List<String> context, int nbest, boolean partial) {
    long start = System.nanoTime();
    double[] frames = frontend.frames(trace, layout);
    long resampled = System.nanoTime();
    float[] logProbs = logProbs(frames, layout);
    long answered = System.nanoTime();
    if (!layout.letters.equals(letters)) {
      engine.columns(layout, blank, columns);
      letters = layout.letters;
    }
    float[] path = new float[frames.length];
    for (int i = 0; i < path.length; i++) {
      path[i] = (float) frames[i];
    }
    List<String> before = hasContext ? context : Collections.<String>emptyList();
    List<Candidate> found =
        engine.decode(logProbs, logProbs.length / columns, before, path, nbest, partial);
    times.put("resample", resampled - start);
    times.put("network", answered - resampled);
    times.put("decode", System.nanoTime() - answered);
    return found;
  }

  /** Returns the frames that the network takes of a trace, (length, 3) row by row. */
  public double[] frames(Trace trace, Layout layout) {
    return frontend.frames(trace, layout);
  }

  /**
   * Returns (T', V) log_probs of the valid frames, row by row.
   *
   * @param frames (length, 3) x, y, t in seconds, row by row
   */
  public float[] logProbs(double[] frames, Layout layout) {
    int length = frames.length / 3;
    Map<String, Tensor> inputs = network.inputs();
    FloatBuffer trace = inputs.get("trace").floats();
    for (int i = 0; i < trace.capacity(); i++) {
      trace.put(i, i < frames.length ? (float) frames[i] : 0f);
    }
    inputs.get("length").bytes.putInt(0, length);
    setKeys(inputs, layout);
    FloatBuffer answer = network.run();
    int valid = length < window ? 0 : (length - window) / stride + 1;
    float[] made = new float[valid * columns];
    for (int i = 0; i < made.length; i++) {
      made[i] = answer.get(i);
      if (Float.isNaN(made[i]) || Float.isInfinite(made[i])) {
        throw new IllegalStateException("the network answered NaN at frame " + i / columns);
      }
    }
    return made;
  }

  private void setKeys(Map<String, Tensor> inputs, Layout layout) {
    int used = layout.letters.length();
    if (used > frontend.slots) {
      throw new ModelException(
          "layout '" + layout.name + "' has " + used + " keys; the model takes " + frontend.slots);
    }
    FloatBuffer keys = inputs.get("keys").floats();
    FloatBuffer mask = inputs.get("key_mask").floats();
    FloatBuffer size = inputs.get("key_size").floats();
    for (int i = 0; i < frontend.slots; i++) {
      boolean here = i < used;
      keys.put(2 * i, here ? (float) layout.centers[2 * i] : 0f);
      keys.put(2 * i + 1, here ? (float) layout.centers[2 * i + 1] : 0f);
      mask.put(i, here ? 1f : 0f);
    }
    size.put(0, (float) layout.keyWidth);
    size.put(1, (float) layout.keyHeight);
  }

  /** Frees the network and the engine. Do not use it afterwards. */
  public void close() {
    network.close();
    engine.close();
  }
}
