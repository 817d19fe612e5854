// Answers lines, TAB between their parts, by the library for Java: what a host must say of the golden vectors.
import java.io.File;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.*;
import org.edgectc.*;

class GoldenAnswers {
  static double[] numbers(String text) {
    return Arrays.stream(text.trim().split("\\s+")).filter(one -> !one.isEmpty()).mapToDouble(Double::parseDouble).toArray();
  }

  static String answer(Keyboard keyboard, String[] line) throws Exception {
    switch (line[0]) {
      case "place": // code points, then x, y, width, height of each
        double[] boxes = numbers(line[2]);
        int[] letters = Arrays.stream(numbers(line[1])).mapToInt(one -> (int) one).toArray();
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < letters.length; i++) keys.add(new Key(letters[i], boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]));
        keyboard.place(keys);
        return "placed";
      case "swipe":
        StringBuilder words = new StringBuilder();
        for (Word word : keyboard.swipe(numbers(line.length > 1 ? line[1] : ""), 5)) words.append(word.text).append(' ');
        return words.toString().trim();
      default: // sign: model, .sig file or "-", trusted keys
        String text = line[2].equals("-") ? null : new String(Files.readAllBytes(new File(line[2]).toPath()), "UTF-8");
        SignatureFile.check(ByteBuffer.wrap(Files.readAllBytes(new File(line[1]).toPath())), text, Arrays.asList(line).subList(3, line.length));
        return "signed";
    }
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    Scanner lines = new Scanner(System.in, "UTF-8");
    try (Keyboard keyboard = Keyboard.open(new File(args[0]), new File(args[1]), new File(args[2]))) {
      while (lines.hasNextLine()) {
        try {
          out.println(answer(keyboard, lines.nextLine().split("\t")));
        } catch (EdgectcException refused) {
          out.println("! " + refused.reason);
        }
      }
    }
  }
}
