// Calls everything of the Java library; ends with "all held", or throws with the name of what did not.
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Scanner;
import org.edgectc.EdgectcException;
import org.edgectc.Key;
import org.edgectc.Keyboard;
import org.edgectc.Word;

class KeyboardTest {
  static void holds(boolean what, String name) {
    if (!what) throw new AssertionError(name);
  }

  static void refused(Runnable call, String message, String reason) {
    try {
      call.run();
    } catch (EdgectcException error) {
      holds(error.getMessage().contains(message), "expected \"" + message + "\", got: " + error.getMessage());
      holds(error.reason.equals(reason), "expected the reason \"" + reason + "\", got: " + error.reason);
      return;
    }
    throw new AssertionError("not refused: " + message);
  }

  static List<Key> keys() {
    String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    double[] starts = {0, 54, 162};
    List<Key> keys = new ArrayList<>();
    for (int y = 0; y < 3; y++)
      for (int i = 0; i < rows[y].length(); i++) keys.add(new Key(rows[y].charAt(i), starts[y] + 108 * i, 160 * y, 108, 160));
    return keys;
  }

  static List<String> texts(List<Word> words) {
    List<String> texts = new ArrayList<>();
    for (Word word : words) texts.add(word.text);
    return texts;
  }

  static ByteBuffer bytes(String file) {
    try {
      return ByteBuffer.wrap(Files.readAllBytes(new File(file).toPath())); // on the heap: it is copied
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static void learns(Keyboard keyboard) {
    byte[] before = keyboard.words();
    keyboard.incognito(true);
    holds(!keyboard.learn("Zyxgle", 1), "incognito");
    keyboard.teach("Zyxgle", 1);
    holds(Arrays.equals(keyboard.words(), before), "nothing learnt");
    keyboard.incognito(false);
    keyboard.today(20000);
    holds(keyboard.learn("Zyxgle", 2), "learn");
    holds(new String(keyboard.words(), StandardCharsets.UTF_8).contains("Zyxgle"), "learnt");
    keyboard.today(21000);
    holds(Arrays.equals(keyboard.words(), before), "faded");
    refused(() -> keyboard.today(-1), "a day is", "");
    holds(keyboard.favour("Zyx", "hello", 2) && !keyboard.favour("\u0434\u0430", null, 2), "favour");
    holds(keyboard.favour("Zyx", "hello", 0), "favour no more");
    holds(keyboard.languages().equals(Collections.singletonMap("own", 1.0)), "languages");
  }

  static void strokes(Keyboard keyboard, double[] points, List<String> plain) {
    keyboard.takeWords("{\"schema_version\": 2, \"share\": 1e-5, \"words\": {}}".getBytes(StandardCharsets.UTF_8));
    int n = points.length / 3;
    holds(texts(keyboard.strokes(points, new int[] {n}, false, 5)).equals(plain), "one stroke is a swipe");
    double[] more = Arrays.copyOf(points, points.length + 3);
    more[points.length] = 162; // a tap on w, for the s that is below it
    more[points.length + 1] = 80;
    holds(keyboard.strokes(more, new int[] {n, 1}, false, 5).size() == 5, "strokes");
    holds(!keyboard.strokes(more, new int[] {n, 1}, true, 5).isEmpty(), "strokes that go on");
    refused(() -> keyboard.strokes(more, new int[] {n}, false, 5), "the strokes have", "bad_shape");
    refused(() -> keyboard.strokes(points, new int[] {n, 0}, false, 5), "at least one point", "");
  }

  /** Adds the language whose files are given behind those of the model. */
  static void languages(String[] args) throws Exception {
    File[] files = new File[args.length];
    for (int i = 0; i < args.length; i++) files[i] = new File(args[i]);
    try (Keyboard keyboard = Keyboard.open(files[0], null, null)) {
      refused(() -> keyboard.place(keys()), "with a language", "");
      keyboard.add(files[3], files[4], files[5]);
      keyboard.add(null, files[1], files[2]);
      refused(() -> keyboard.add(bytes(args[3]), bytes(args[1]), null), "there already", "");
      keyboard.place(keys());
      holds(keyboard.languages().keySet().toString().equals("[de, own]"), "names");
      keyboard.before("I want to see the ", true);
      holds(keyboard.languages().get("own") > 0.5, "English");
      keyboard.before("Ich habe das ", true);
      holds(keyboard.languages().get("de") > 0.5, "German");
      double[] taps = {702, 400, 0, 756, 80, 0, 324, 400, 0, 594, 240, 0, 432, 80, 0}; // nicht
      holds(texts(keyboard.tap(taps, 3)).get(0).equals("nicht"), "a German word");
    }
  }

  public static void main(String[] args) throws Exception {
    holds(Keyboard.abi() > 0, "abi");
    double[] points = new Scanner(System.in).tokens().mapToDouble(Double::parseDouble).toArray();
    ByteBuffer damaged = bytes(args[0]);
    damaged.put(5000, (byte) (damaged.get(5000) ^ 1));
    ByteBuffer lexicon = bytes(args[1]);
    refused(() -> Keyboard.open(damaged, lexicon, null), "damaged", "");
    refused(() -> Keyboard.open(null, lexicon, null), "give the bytes", "");
    if (args.length > 3) languages(args);
    Keyboard keyboard = Keyboard.open(bytes(args[0]), lexicon, bytes(args[2]));
    refused(() -> keyboard.swipe(points, 5), "give the keys", "");
    keyboard.test();
    keyboard.place(keys());
    refused(() -> keyboard.place(new ArrayList<>()), "key", "");
    List<String> plain = texts(keyboard.swipe(points, 5));
    holds(plain.size() == 5, "five words");
    holds(texts(keyboard.swipe(points, 2)).equals(plain.subList(0, 2)), "two words");
    holds(!keyboard.moving(points, 3).isEmpty(), "moving");
    refused(() -> keyboard.swipe(new double[] {1, 2, 3}, 5), "one_point", "one_point");
    refused(() -> keyboard.swipe(new double[] {1, 2}, 5), "got 2 numbers", "bad_shape");
    refused(() -> keyboard.swipe(points, 0), "one word or more", "");
    double[] taps = {486, 80, 0, 648, 240, 0, 162, 80, 0}; // t, h and, for "the", w beside e
    holds(texts(keyboard.tap(taps, 3)).get(0).equals("the"), "tap");
    holds(keyboard.typed().equals("thw"), "typed");
    holds(texts(keyboard.tapping(taps, 3)).size() == 3, "tapping");
    holds(!keyboard.tapping(new double[0], 3).isEmpty(), "next word");
    double score = keyboard.swipe(points, 1).get(0).score;
    keyboard.before("I said \uD83D\uDE00 ", true);
    keyboard.prepare();
    holds(keyboard.swipe(points, 1).get(0).score != score, "context");
    keyboard.before("", false);
    holds(keyboard.swipe(points, 1).get(0).score == score, "no context");
    holds(keyboard.knows("Hello") && !keyboard.knows("xqzzy"), "knows");
    keyboard.hide(plain.get(0));
    holds(!texts(keyboard.swipe(points, 5)).contains(plain.get(0)), "hide");
    byte[] kept = keyboard.words();
    keyboard.forget(plain.get(0));
    holds(texts(keyboard.swipe(points, 5)).equals(plain), "forget");
    keyboard.teach(plain.get(1), 1e6);
    holds(texts(keyboard.swipe(points, 5)).get(0).equals(plain.get(1)), "teach");
    keyboard.takeWords(kept);
    holds(!texts(keyboard.swipe(points, 5)).contains(plain.get(0)), "takeWords");
    refused(() -> keyboard.takeWords(new byte[] {'{', '}'}), "", "");
    learns(keyboard);
    strokes(keyboard, points, plain);
    refused(() -> keyboard.forget("\uD83D\uDE00x"), "\uD83D\uDE00x", "");
    holds(!keyboard.cancel(), "nothing to cancel");
    keyboard.close();
    keyboard.close();
    refused(() -> keyboard.swipe(points, 5), "closed", "");
    System.out.println("all held");
  }
}
