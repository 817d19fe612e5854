// java Host MODEL LEXICON LANGUAGE_MODEL < lines of "x y t_ms"
import java.io.File;
import java.util.*;
import org.edgectc.*;

class Host {
  public static void main(String[] args) throws Exception {
    try (Keyboard keyboard = Keyboard.open(new File(args[0]), new File(args[1]), new File(args[2]))) {
      String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
      double[] starts = {0, 54, 162}; // pixels of a screen 1080 wide
      List<Key> keys = new ArrayList<>();
      for (int y = 0; y < 3; y++)
        for (int i = 0; i < rows[y].length(); i++) keys.add(new Key(rows[y].charAt(i), starts[y] + 108 * i, 160 * y, 108, 160));
      keyboard.place(keys);
      double[] points = new Scanner(System.in).tokens().mapToDouble(Double::parseDouble).toArray();
      for (Word word : keyboard.swipe(points, 5)) System.out.println(word.text + " " + word.score);
    }
  }
}
