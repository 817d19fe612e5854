package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.logging.Logger;

/** Ranks words: the exact search over a lexicon, in C, through native/engine_jni.c. */
public final class Engine {
  private static final Charset UTF8 = Charset.forName("UTF-8");
  private static final int BLANK = -1;
  private static final int SCORE = 0;
  private static final int PROBABILITY = 1;
  private final ByteBuffer[] held; // the engine reads them where they lie
  private long handle;

  /**
   * Opens an engine.
   *
   * @param lexicon bytes of a packed lexicon, direct
   * @param languageModel bytes of a language model, direct, or null
   * @param preset the manifest's decoder: every option is passed on, so an unknown one is refused
   * @throws ModelException if a file or an option is not usable
   */
  public Engine(ByteBuffer lexicon, ByteBuffer languageModel, Map<String, Object> preset) {
    held = new ByteBuffer[] {lexicon, languageModel};
    if (!"lexicon".equals(Json.text(preset, "type"))) {
      throw new ModelException(
          "the model wants the decoder '" + preset.get("type") + "'; this app has 'lexicon'");
    }
    handle = make();
    if (handle == 0) {
      throw new OutOfMemoryError("no memory for the word engine");
    }
    try {
      lexicon(handle, lexicon);
      if (languageModel != null) {
        languageModel(handle, languageModel);
      }
      for (Map.Entry<String, Object> option : preset.entrySet()) {
        if (!option.getKey().equals("type")) {
          // A preset that was sealed by an older version may have an option's old name.
          byte[] renamed = option(handle, bytes(option.getKey()), number(option));
          if (renamed != null) {
            Logger.getLogger("edgectc").info(new String(renamed, UTF8));
          }
        }
      }
    } catch (RuntimeException error) {
      close();
      throw error;
    }
  }

  private static double number(Map.Entry<String, Object> option) {
    if (option.getValue() == null) {
      return Double.NaN;
    }
    if (!(option.getValue() instanceof Double)) {
      throw new ModelException("the decoder's " + option.getKey() + " is no number");
    }
    return (Double) option.getValue();
  }

  /**
   * Says what the columns of log_probs mean; call it at every change of layout.
   *
   * @param layout column k is its key k
   * @param blank column of the blank
   * @param columns number of columns
   */
  public void columns(Layout layout, int blank, int columns) {
    int[] symbols = new int[columns];
    for (int i = 0; i < layout.letters.length(); i++) {
      symbols[i] = layout.letters.charAt(i);
    }
    symbols[blank] = BLANK;
    columns(layout, symbols);
  }

  /** Says the same where the columns are not in the order of the keys: a letter, 0, or -1 each. */
  void columns(Layout layout, int[] symbols) {
    double[] centres = new double[2 * symbols.length];
    for (int i = 0; i < symbols.length; i++) {
      int key = symbols[i] > 0 ? layout.letters.indexOf(symbols[i]) : -1;
      if (key >= 0) {
        centres[2 * i] = layout.centers[2 * key];
        centres[2 * i + 1] = layout.centers[2 * key + 1];
      }
    }
    columns(open(), symbols, centres, layout.keyWidth, layout.keyHeight);
  }

  /**
   * Says what the user taught about a word; zeros and false forget it.
   *
   * @param spelled how it is swiped, in letters of the lexicon
   * @param count uses
   * @param boost nats to add to its weight
   * @param hidden whether it is never to be shown
   */
  public void word(String text, String spelled, double count, double boost, boolean hidden) {
    word(open(), bytes(text), bytes(spelled), count, boost, hidden);
  }

  /**
   * Returns the best words, best first.
   *
   * @param logProbs (frames, columns) row by row
   * @param context of the text before this word, see {@link #context}
   * @param trace (length, 3) x, y in the letter area and t, as the network takes them, or null
   * @param partial whether the signal goes on
   */
  public List<Candidate> decode(
      float[] logProbs,
      int frames,
      List<String> context,
      float[] trace,
      int nbest,
      boolean partial) {
    context(open(), bytes(String.join("\n", context)));
    if (trace != null) { // after all else that may throw, as the engine keeps it until a search
      trace(handle, trace);
    }
    int n = search(handle, logProbs, frames, nbest, partial);
    List<Candidate> found = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      double score = figure(handle, i, SCORE);
      String text = new String(text(handle, i), UTF8);
      found.add(new Candidate(text, score, figure(handle, i, PROBABILITY)));
    }
    return found;
  }

  /**
   * Returns the words of the sentence that a text ends in, as the language model knows them, after
   * "<s>" where its beginning is known.
   *
   * @param before text before the cursor
   * @param whole whether nothing stands before that
   */
  public static List<String> context(String before, boolean whole) {
    String text = Normalizer.normalize(before.replace('\0', ' '), Normalizer.Form.NFC);
    String words = new String(contextOf(bytes(text), whole), UTF8);
    return words.isEmpty() ? new ArrayList<String>() : Arrays.asList(words.split("\n"));
  }

  /** Frees the engine. */
  public void close() {
    if (handle != 0) {
      free(handle);
      handle = 0;
    }
  }

  private long open() {
    if (handle == 0 || held[0] == null) {
      throw new IllegalStateException("the engine was closed");
    }
    return handle;
  }

  private static byte[] bytes(String text) {
    return (text + '\0').getBytes(UTF8);
  }

  private static native long make();

  private static native void free(long engine);

  private static native void lexicon(long engine, ByteBuffer bytes);

  private static native void languageModel(long engine, ByteBuffer bytes);

  private static native byte[] option(long engine, byte[] name, double value);

  private static native void columns(
      long engine, int[] symbols, double[] centres, double width, double height);

  private static native void word(
      long engine, byte[] text, byte[] spelled, double count, double boost, boolean hidden);

  private static native void trace(long engine, float[] frames);

  private static native void context(long engine, byte[] words);

  private static native byte[] contextOf(byte[] text, boolean whole);

  private static native int search(
      long engine, float[] logProbs, int frames, int nbest, boolean partial);

  private static native byte[] text(long engine, int i);

  private static native double figure(long engine, int i, int which);
}
