package org.edgectc;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finger in, words out: the C library's keyboard; native/include/edgectc.h says what each call does. Threads take turns. Calls
 * throw {@link EdgectcException} with the library's words.
 */
public final class Keyboard implements Closeable {
  private static final int MOVING = 1; // EDGECTC_MOVING
  private static final int MOST_WORDS = 1000;

  static {
    System.loadLibrary("edgectc_keyboard");
  }

  /** EDGECTC_ABI of the library. */
  public static native int abi();

  private final List<ByteBuffer> files = new ArrayList<>(); // the library reads them where they lie
  private volatile long handle;

  private Keyboard(ByteBuffer model, ByteBuffer lexicon, ByteBuffer languageModel) {
    handle = make();
    if (handle == 0) throw new OutOfMemoryError("no memory for a keyboard");
    try {
      checked(open(handle, kept(model), kept(lexicon), kept(languageModel)));
    } catch (EdgectcException refused) {
      close();
      throw refused;
    }
  }

  /**
   * Returns a keyboard over files, which are mapped.
   *
   * @param model an artifact of {@code edgectc export --target native}
   * @param lexicon the .trie beside it; null: languages are to be added
   * @param languageModel the .lm beside it; null: words are ranked without context
   */
  public static Keyboard open(File model, File lexicon, File languageModel) throws IOException {
    return new Keyboard(mapped(model), mapped(lexicon), mapped(languageModel));
  }

  /** The same over bytes, such as a part of an APK that is mapped; they must stay as they are. */
  public static Keyboard open(ByteBuffer model, ByteBuffer lexicon, ByteBuffer languageModel) {
    return new Keyboard(model, lexicon, languageModel);
  }

  /**
   * Adds a language that is written at the same time, a pack of {@code edgectc language build}; at most 4 with the model's own.
   * The words before the cursor are to be said again.
   *
   * @param index its language.json; null: the others are the model's own
   * @param lexicon its .trie
   * @param languageModel its .lm; null: its words are ranked without context
   */
  public void add(File index, File lexicon, File languageModel) throws IOException {
    add(mapped(index), mapped(lexicon), mapped(languageModel));
  }

  /** The same over bytes, which must stay as they are. */
  public synchronized void add(ByteBuffer index, ByteBuffer lexicon, ByteBuffer languageModel) {
    checked(add(live(), kept(index), kept(lexicon), kept(languageModel)));
  }

  /** Returns the probability that the next word is of each language, by name; "own": the model's. */
  public synchronized Map<String, Double> languages() {
    Map<String, Double> found = new LinkedHashMap<>();
    double[] share = new double[1];
    for (byte[] name; (name = language(live(), found.size(), share)) != null; ) found.put(said(name), share[0]);
    return found;
  }

  /** Runs the model's own reference cases on this processor. */
  public synchronized void test() {
    checked(test(live()));
  }

  /** Says where the keys lie now; call it at every change of their place or letters. */
  public synchronized void place(List<Key> keys) {
    int[] letters = new int[keys.size()];
    double[] boxes = new double[4 * letters.length];
    for (int i = 0; i < letters.length; i++) {
      Key key = keys.get(i);
      letters[i] = key.letter;
      boxes[4 * i] = key.x;
      boxes[4 * i + 1] = key.y;
      boxes[4 * i + 2] = key.width;
      boxes[4 * i + 3] = key.height;
    }
    checked(keys(live(), letters, boxes));
  }

  /**
   * Says what stands before the cursor.
   *
   * @param whole whether nothing stands before the text
   */
  public synchronized void before(String text, boolean whole) {
    checked(before(live(), bytes(text), whole));
  }

  /** Makes ready what the next swipe would make first; call it when a word was committed. */
  public synchronized void prepare() {
    checked(prepare(live()));
  }

  /**
   * Returns ranked words, best first.
   *
   * @param points x, y in the unit of the keys and the time in milliseconds of each point in turn
   * @param most words
   */
  public synchronized List<Word> swipe(double[] points, int most) {
    return ranked(Kind.SWIPE, points, null, 0, most);
  }

  /** The same while the finger moves: what the points so far may begin. */
  public synchronized List<Word> moving(double[] points, int most) {
    return ranked(Kind.SWIPE, points, null, MOVING, most);
  }

  /**
   * Returns words for taps, at most 64, each a letter; what was typed is corrected where another word is much likelier.
   *
   * @param taps x, y in the unit of the keys and a time, which does not count, of each in turn
   * @param most words
   */
  public synchronized List<Word> tap(double[] taps, int most) {
    return ranked(Kind.TAPS, taps, null, 0, most);
  }

  /** The same while the word goes on: it is completed; of no taps, the next word. */
  public synchronized List<Word> tapping(double[] taps, int most) {
    return ranked(Kind.TAPS, taps, null, MOVING, most);
  }

  /**
   * Returns words that are written in strokes, taps and swipes in any order.
   *
   * @param points of all strokes, as of a swipe
   * @param lengths how many points each stroke has: one for a tap, more for a swipe
   * @param moving whether the word goes on
   * @param most words
   */
  public synchronized List<Word> strokes(double[] points, int[] lengths, boolean moving, int most) {
    return ranked(Kind.STROKES, points, lengths, moving ? MOVING : 0, most);
  }

  /** Returns the letters of the keys that the last taps were nearest to. */
  public synchronized String typed() {
    return said(typed(live()));
  }

  /** Ends a swipe that another thread runs; it throws. Returns whether there was one. Not while one closes the keyboard. */
  public boolean cancel() {
    long held = handle;
    return held != 0 && cancel(held) != 0;
  }

  /** Counts uses of a word, new or known, and shows it again if it was hidden. */
  public synchronized void teach(String word, double uses) {
    checked(teach(live(), bytes(word), uses));
  }

  /**
   * Learns a word that was written; it fades, and is of the language that it was probably written in.
   *
   * @param uses below 0: takes so many back
   * @return false where nothing is learnt: incognito, or the word is hidden
   */
  public synchronized boolean learn(String word, double uses) {
    return checked(learn(live(), bytes(word), uses)) != 0;
  }

  /** Says which day it is, 0 to 1e6 from any origin that stays the same; what was learnt fades with it. */
  public synchronized void today(double day) {
    checked(today(live(), day));
  }

  /** While it is on, nothing is learnt or taught; where it goes on or off, what was written is forgotten. */
  public synchronized void incognito(boolean on) {
    checked(incognito(live(), on));
  }

  /**
   * Favours a word, such as a contact's name, by -100 to 100 nats until told otherwise; 0: no more.
   *
   * @param spelling another way to swipe it; null: as it is written
   * @return whether this keyboard's letters can type it
   */
  public synchronized boolean favour(String word, String spelling, double nats) {
    return checked(favour(live(), bytes(word), spelling == null ? null : bytes(spelling), nats)) != 0;
  }

  /** Never ranks a word, in whatever case, though it be learnt. */
  public synchronized void hide(String word) {
    checked(hide(live(), bytes(word)));
  }

  /** Forgets all about a word that was taught or hidden. */
  public synchronized void forget(String word) {
    checked(forget(live(), bytes(word)));
  }

  /** Returns whether the lexicon has a word, in any case. */
  public synchronized boolean knows(String word) {
    return knows(live(), bytes(word)) != 0;
  }

  /** Returns the user's words as bytes to keep. */
  public synchronized byte[] words() {
    byte[] kept = words(live());
    if (kept == null) throw refusal();
    return kept;
  }

  /** Takes such bytes in place of all the words there are. */
  public synchronized void takeWords(byte[] words) {
    checked(takeWords(live(), words));
  }

  /** Frees the keyboard; calls after it are refused. */
  @Override
  public synchronized void close() {
    long held = handle;
    handle = 0;
    if (held != 0) free(held);
  }

  private enum Kind { SWIPE, TAPS, STROKES }

  private List<Word> ranked(Kind kind, double[] points, int[] lengths, int flags, int most) {
    if (points.length % 3 != 0) throw new EdgectcException("points are x, y, t_ms of each in turn, got " + points.length + " numbers", "bad_shape");
    long counted = 0;
    for (int i = 0; lengths != null && i < lengths.length; i++) counted += Math.max(0, lengths[i]);
    if (lengths != null && counted != points.length / 3)
      throw new EdgectcException("the strokes have " + counted + " points, and there are " + points.length / 3, "bad_shape");
    if (most < 1) throw new EdgectcException("ask for one word or more, got " + most, "");
    byte[][] texts = new byte[Math.min(most, MOST_WORDS)][];
    double[] figures = new double[3 * texts.length];
    long held = live();
    int found;
    if (kind == Kind.STROKES) found = strokes(held, points, lengths, flags, texts, figures);
    else found = kind == Kind.TAPS ? tap(held, points, flags, texts, figures) : swipe(held, points, flags, texts, figures);
    checked(found);
    List<Word> words = new ArrayList<>(found);
    for (int i = 0; i < found; i++) {
      String text = new String(texts[i], StandardCharsets.UTF_8);
      words.add(new Word(text, figures[3 * i], figures[3 * i + 1], figures[3 * i + 2] == 1));
    }
    return words;
  }

  private long live() {
    if (handle == 0) throw new EdgectcException("the keyboard was closed", "");
    return handle;
  }

  private int checked(int status) {
    if (status < 0) throw refusal();
    return status;
  }

  private EdgectcException refusal() {
    return new EdgectcException(said(error(handle)), said(reason(handle)));
  }

  private static String said(byte[] text) {
    return new String(text, StandardCharsets.UTF_8);
  }

  /** A text as the library takes it: NFC in UTF-8, a zero at the end. */
  private static byte[] bytes(String text) {
    return (Normalizer.normalize(text, Normalizer.Form.NFC).replace('\0', ' ') + '\0').getBytes(StandardCharsets.UTF_8);
  }

  /** The bytes as the library reads them, for as long as this keyboard. */
  private ByteBuffer kept(ByteBuffer given) {
    ByteBuffer held = direct(given);
    files.add(held);
    return held;
  }

  private static ByteBuffer direct(ByteBuffer given) {
    if (given == null) return null;
    ByteBuffer whole = given.slice();
    if (whole.isDirect() && aligned(whole)) return whole;
    ByteBuffer copy = ByteBuffer.allocateDirect(whole.remaining());
    copy.put(whole).flip();
    return copy;
  }

  private static ByteBuffer mapped(File file) throws IOException {
    if (file == null) return null;
    try (RandomAccessFile opened = new RandomAccessFile(file, "r")) {
      return opened.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, opened.length());
    }
  }

  private static native boolean aligned(ByteBuffer bytes);

  private static native long make();

  private static native void free(long keyboard);

  private static native byte[] error(long keyboard);

  private static native byte[] reason(long keyboard);

  private static native int open(long keyboard, ByteBuffer model, ByteBuffer lexicon, ByteBuffer languageModel);

  private static native int add(long keyboard, ByteBuffer index, ByteBuffer lexicon, ByteBuffer languageModel);

  private static native byte[] language(long keyboard, int place, double[] share);

  private static native int test(long keyboard);

  private static native int keys(long keyboard, int[] letters, double[] boxes);

  private static native int before(long keyboard, byte[] text, boolean whole);

  private static native int prepare(long keyboard);

  private static native int swipe(long keyboard, double[] points, int flags, byte[][] texts, double[] figures);

  private static native int tap(long keyboard, double[] points, int flags, byte[][] texts, double[] figures);

  private static native int strokes(long keyboard, double[] points, int[] lengths, int flags, byte[][] texts, double[] figures);

  private static native byte[] typed(long keyboard);

  private static native int cancel(long keyboard);

  private static native int teach(long keyboard, byte[] word, double uses);

  private static native int learn(long keyboard, byte[] word, double uses);

  private static native int today(long keyboard, double day);

  private static native int incognito(long keyboard, boolean on);

  private static native int favour(long keyboard, byte[] word, byte[] spelling, double nats);

  private static native int hide(long keyboard, byte[] word);

  private static native int forget(long keyboard, byte[] word);

  private static native int knows(long keyboard, byte[] word);

  private static native byte[] words(long keyboard);

  private static native int takeWords(long keyboard, byte[] words);
}
