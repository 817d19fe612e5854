// Calls everything of the Java library; ends with "all held", or throws with the name of what did not.
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
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

  static ByteBuffer bytes(String file) throws Exception {
    return ByteBuffer.wrap(Files.readAllBytes(new File(file).toPath())); // on the heap: it is copied
  }

  public static void main(String[] args) throws Exception {
    holds(Keyboard.abi() > 0, "abi");
    double[] points = new Scanner(System.in).tokens().mapToDouble(Double::parseDouble).toArray();
    ByteBuffer damaged = bytes(args[0]);
    damaged.put(5000, (byte) (damaged.get(5000) ^ 1));
    ByteBuffer lexicon = bytes(args[1]);
    refused(() -> Keyboard.open(damaged, lexicon, null), "damaged", "");
    refused(() -> Keyboard.open(null, lexicon, null), "give the bytes", "");
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
    refused(() -> keyboard.forget("\uD83D\uDE00x"), "\uD83D\uDE00x", "");
    holds(!keyboard.cancel(), "nothing to cancel");
    keyboard.close();
    keyboard.close();
    refused(() -> keyboard.swipe(points, 5), "closed", "");
    System.out.println("all held");
  }
}
