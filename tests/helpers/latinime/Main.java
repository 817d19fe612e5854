import com.android.inputmethod.keyboard.ProximityInfo;
import com.android.inputmethod.latin.BinaryDictionary;
import com.android.inputmethod.latin.DicTraverseSession;
import com.android.inputmethod.latin.utils.BinaryDictionaryUtils;
import java.util.*;

/** java Main LIBRARY &lt; lines of "x y t_ms" in pixels: what a host is told of this swipe in several ways. */
public final class Main {
  static final int CODES = 48, WORDS = 18;

  static String ask(long dictionary, long keys, List<int[]> points, boolean gesture, String... before) {
    int n = points.size();
    int[] x = new int[n], y = new int[n], times = new int[n], pointers = new int[n];
    for (int i = 0; i < n; i++) {
      x[i] = points.get(i)[0];
      y[i] = points.get(i)[1];
      times[i] = points.get(i)[2];
    }
    int[][] words = new int[before.length][];
    boolean[] begins = new boolean[before.length];
    for (int i = 0; i < before.length; i++) {
      words[i] = before[i].codePoints().toArray();
      begins[i] = before[i].isEmpty();
    }
    int[] count = new int[1], codes = new int[CODES * WORDS], scores = new int[WORDS];
    BinaryDictionary.getSuggestionsNative(
        dictionary, keys, 1, x, y, times, pointers, new int[CODES], n, new int[] {gesture ? 1 : 0, 0, 0, 0, 0}, words, begins,
        before.length, count, codes, scores, new int[WORDS], new int[WORDS], new int[1], new float[1]);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count[0]; i++) {
      if (i > 0 && scores[i] > scores[i - 1]) text.append("UNSORTED ");
      int size = 0;
      while (size < CODES && codes[i * CODES + size] != 0) size++;
      text.append(i > 0 ? " " : "").append(new String(codes, i * CODES, size));
    }
    return text.toString();
  }

  public static void main(String[] args) {
    System.load(args[0]);
    int registered = BinaryDictionary.a20() + BinaryDictionaryUtils.b2() + DicTraverseSession.c2() + ProximityInfo.d0();
    String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    int[] starts = {0, 54, 162}; // pixels of a screen 1080 wide
    int[] x = new int[28], y = new int[28], widths = new int[28], heights = new int[28], codes = new int[28];
    int n = 0;
    for (int row = 0; row < 3; row++)
      for (int i = 0; i < rows[row].length(); i++, n++) {
        x[n] = starts[row] + 108 * i;
        y[n] = 160 * row;
        codes[n] = rows[row].charAt(i);
      }
    Arrays.fill(widths, 108);
    Arrays.fill(heights, 160);
    codes[26] = -1; // shift, beside the letters
    y[26] = 320;
    codes[27] = -5;
    y[27] = 320;
    x[27] = 972;
    long keys = ProximityInfo.setProximityInfoNative(
        1080, 480, 32, 16, 108, 160, new int[8192], 28, x, y, widths, heights, codes, null, null, null);
    long main = BinaryDictionary.openNative("main.dict", 0, 1, false);
    long history = BinaryDictionary.openNative("history.dict", 0, 1, true);
    List<int[]> points = new ArrayList<>();
    Scanner lines = new Scanner(System.in);
    while (lines.hasNext())
      points.add(new int[] {(int) Double.parseDouble(lines.next()), (int) Double.parseDouble(lines.next()), (int) Double.parseDouble(lines.next())});
    System.out.println("registered: " + registered);
    System.out.println("swipe: " + ask(main, keys, points, true));
    System.out.println("in context: " + ask(main, keys, points, true, "the", "of", ""));
    System.out.println("taps: " + ask(main, keys, points, false));
    System.out.println("other dictionary: " + ask(history, keys, points, true));
    System.out.println("unknown keys: " + ask(main, 5, points, true));
    System.out.println("one point: " + ask(main, keys, points.subList(0, 1), true));
    System.out.println("again: " + ask(main, keys, points, true));
  }
}
