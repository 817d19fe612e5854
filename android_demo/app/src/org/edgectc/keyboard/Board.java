package org.edgectc.keyboard;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.edgectc.Field;

/** A page of keys, and where they lie: in pixels, gaps included. */
final class Board {
  enum Kind { LETTER, SIGN, SPACE, SHIFT, DELETE, ENTER, PAGE, LAYOUT, SIDE }

  enum Page { LETTERS, SIGNS, MORE_SIGNS, NUMBERS }

  /** A key; what it writes is its label, but for those with a kind of their own. */
  static final class Key {
    final Kind kind;
    final String label;
    final String more; // what a long press offers, a character each
    final Page page; // that it leads to
    final float x, y, width, height;

    Key(Kind kind, String label, String more, Page page, float x, float y, float width, float height) {
      this.kind = kind;
      this.label = label;
      this.more = more;
      this.page = page;
      this.x = x;
      this.y = y;
      this.width = width;
      this.height = height;
    }

    boolean writes() {
      return kind == Kind.LETTER || kind == Kind.SIGN;
    }

    float middle() {
      return x + width / 2;
    }
  }

  /** What the keys are made for. */
  static final class Wish {
    Layout layout;
    Field field;
    boolean numberRow, otherLayouts;
    int side; // -1: for the left hand, 1: for the right one, 0: for both
    float width, rowHeight, top;
  }

  private static final String DIGITS = "1234567890";
  private static final String[] SIGNS = {DIGITS, "@#$_&-+()/", "*\"':;!?"};
  private static final String[] MORE_SIGNS = {"~`|•√π÷×§¶", "£¢€¥^°={}\\", "%©®™✓[]"};
  private static final String[] PHONE = {"123-", "456+", "789⌫", "*0#⏎"};
  private static final String[] DATE = {"123-", "456/", "789⌫", ".0:⏎"};
  private static final String[] NUMBERS = {"123-", "456 ", "789⌫", ",0.⏎"};
  private static final float ONE_HAND = 0.8f; // of the width
  private static final Map<String, String> MORE = new HashMap<>();

  static {
    String[] all = {
      "aàáâäæãåā", "cçćč", "dð", "eéèêëēė", "iíìîïī", "lł", "nñń", "oóòôöœøõō", "sßśš", "tþ", "uúùûüū", "yýÿ", "zžźż",
      "$€£¥¢", "-–—_", "'’‘", "\"“”«»", "?¿", "!¡", ".…?!,'\":;", ",;:", "(<[{", ")>]}", "+±", "*†★", "/\\", "&§", "%‰", "=≠≈"
    };
    for (String one : all) MORE.put(one.substring(0, 1), one.substring(1));
  }

  final List<Key> keys = new ArrayList<>();
  final Page page;
  private final Wish wish;
  private final float left, width;
  private float y;

  private Board(Page page, Wish wish) {
    this.page = page;
    this.wish = wish;
    y = wish.top;
    width = wish.side == 0 ? wish.width : wish.width * ONE_HAND;
    left = wish.side > 0 ? wish.width - width : 0;
  }

  /** Returns the page that a field begins with. */
  static Page first(Field field) {
    boolean digits = field.kind == Field.Kind.NUMBER || field.kind == Field.Kind.PHONE || field.kind == Field.Kind.DATE;
    return digits ? Page.NUMBERS : Page.LETTERS;
  }

  static int rows(Page page, Wish wish) {
    return page == Page.LETTERS ? wish.layout.rows() + 1 + (numberRow(wish) ? 1 : 0) : 4;
  }

  private static boolean numberRow(Wish wish) {
    return wish.numberRow || wish.field.kind == Field.Kind.PASSWORD;
  }

  static Board of(Page page, Wish wish) {
    Board board = new Board(page, wish);
    if (page == Page.LETTERS) {
      board.letters();
    } else if (page == Page.NUMBERS) {
      board.numbers();
    } else {
      board.signs(page == Page.SIGNS ? SIGNS : MORE_SIGNS);
    }
    if (wish.side != 0) {
      float free = wish.width - board.width;
      float x = wish.side > 0 ? 0 : board.width;
      board.keys.add(new Key(Kind.SIDE, wish.side > 0 ? "‹" : "›", "", null, x, wish.top, free, board.y - wish.top));
    }
    return board;
  }

  /** Returns the keys with letters, as the library takes them: their box is the whole width. */
  List<org.edgectc.Key> forWords() {
    List<org.edgectc.Key> made = new ArrayList<>();
    float first = Float.MAX_VALUE;
    for (Key key : keys) {
      if (key.kind != Kind.LETTER) continue;
      first = Math.min(first, key.y);
      made.add(new org.edgectc.Key(key.label.codePointAt(0), key.x, key.y, key.width, key.height));
    }
    if (made.isEmpty()) return Collections.emptyList();
    made.add(new org.edgectc.Key(0, left, first, 1, wish.rowHeight));
    made.add(new org.edgectc.Key(0, left + width - 1, first, 1, wish.rowHeight));
    return made;
  }

  /** Returns points x, y, t in turn with x and y in shares of the letters' rows, as files of swipes have them. */
  double[] inLetterArea(double[] points) {
    float first = Float.MAX_VALUE, end = 0;
    for (Key key : keys) {
      if (key.kind != Kind.LETTER) continue;
      first = Math.min(first, key.y);
      end = Math.max(end, key.y + key.height);
    }
    double[] made = points.clone();
    for (int i = 0; i + 2 < made.length; i += 3) {
      made[i] = (points[i] - left) / width;
      made[i + 1] = (points[i + 1] - first) / (end - first);
    }
    return made;
  }

  /** Returns the key that is touched, the nearest one beside all. */
  Key at(float x, float y) {
    Key best = null;
    float least = Float.MAX_VALUE;
    for (Key key : keys) {
      float dx = Math.max(0, Math.max(key.x - x, x - key.x - key.width));
      float dy = Math.max(0, Math.max(key.y - y, y - key.y - key.height));
      if (dx + dy < least) {
        least = dx + dy;
        best = key;
      }
    }
    return best;
  }

  private void letters() {
    boolean digits = numberRow(wish);
    if (digits) row(DIGITS);
    Layout layout = wish.layout;
    int last = layout.rows() - 1;
    boolean beside = layout.start(last) >= 0.1 && layout.end(last) <= 0.9;
    for (int row = 0; row <= last; row++) {
      String letters = layout.letters(row);
      float wide = (float) layout.keyWidth(row), x = (float) layout.start(row);
      if (row == last && beside) add(Kind.SHIFT, "⇧", null, 0, x);
      for (int i = 0; i < letters.length(); i++, x += wide) {
        String letter = letters.substring(i, i + 1);
        if (letter.equals(" ")) continue;
        String more = MORE.containsKey(letter) ? MORE.get(letter) : "";
        if (row == 0 && !digits && i < DIGITS.length()) more = DIGITS.charAt(i) + more;
        key(Character.isLetter(letter.charAt(0)) ? Kind.LETTER : Kind.SIGN, letter, more, null, x, wide);
      }
      if (row == last && beside) add(Kind.DELETE, "⌫", null, x, 1 - x);
      y += wish.rowHeight;
    }
    bottom(!beside, "?123", Page.SIGNS);
  }

  private void signs(String[] rows) {
    row(rows[0]);
    row(rows[1]);
    boolean first = page == Page.SIGNS;
    add(Kind.PAGE, first ? "=\\<" : "?123", first ? Page.MORE_SIGNS : Page.SIGNS, 0, 0.15f);
    float wide = 0.7f / rows[2].length();
    for (int i = 0; i < rows[2].length(); i++) sign(rows[2].substring(i, i + 1), 0.15f + i * wide, wide);
    add(Kind.DELETE, "⌫", null, 0.85f, 0.15f);
    y += wish.rowHeight;
    bottom(false, "abc", Page.LETTERS);
  }

  private void numbers() {
    boolean phone = wish.field.kind == Field.Kind.PHONE, date = wish.field.kind == Field.Kind.DATE;
    for (String row : phone ? PHONE : date ? DATE : NUMBERS) {
      for (int i = 0; i < row.length(); i++) {
        String label = row.substring(i, i + 1);
        float wide = i < 3 ? 0.27f : 0.19f, x = 0.27f * i;
        if (label.equals("⌫")) add(Kind.DELETE, label, null, x, wide);
        else if (label.equals("⏎")) add(Kind.ENTER, label, null, x, wide);
        else if (label.equals(" ")) add(Kind.SPACE, label, null, x, wide);
        else key(Kind.SIGN, label, moreNumbers(label, phone, date), null, x, wide);
      }
      y += wish.rowHeight;
    }
  }

  /** Returns what else belongs to numbers: pauses and brackets of phones, spaces of dates. */
  private static String moreNumbers(String label, boolean phone, boolean date) {
    if (phone) return label.equals("-") ? "()./ " : label.equals("+") ? ",;N" : "";
    return label.equals("-") ? date ? " " : "+()" : "";
  }

  private void row(String labels) {
    float wide = 1f / labels.length();
    for (int i = 0; i < labels.length(); i++) sign(labels.substring(i, i + 1), i * wide, wide);
    y += wish.rowHeight;
  }

  /** The row below; `whole`: shift and delete found no place above it. */
  private void bottom(boolean whole, String label, Page leads) {
    float x = 0;
    if (whole) x = next(Kind.SHIFT, "⇧", null, x, 0.12f);
    x = next(Kind.PAGE, label, leads, x, whole ? 0.12f : 0.15f);
    if (wish.otherLayouts && page == Page.LETTERS) x = next(Kind.LAYOUT, "", null, x, 0.1f);
    boolean mail = wish.field.kind == Field.Kind.EMAIL, address = wish.field.kind == Field.Kind.ADDRESS;
    sign(mail ? "@" : address ? "/" : ",", x, 0.1f);
    x += 0.1f;
    float end = whole ? 0.66f : 0.75f;
    x = next(Kind.SPACE, " ", null, x, end - x);
    sign(".", x, 0.1f);
    x += 0.1f;
    if (whole) x = next(Kind.DELETE, "⌫", null, x, 0.12f);
    add(Kind.ENTER, "⏎", null, x, 1 - x);
    y += wish.rowHeight;
  }

  private float next(Kind kind, String label, Page leads, float x, float wide) {
    add(kind, label, leads, x, wide);
    return x + wide;
  }

  private void sign(String label, float x, float wide) {
    key(Kind.SIGN, label, MORE.containsKey(label) ? MORE.get(label) : "", null, x, wide);
  }

  private void add(Kind kind, String label, Page leads, float x, float wide) {
    key(kind, label, "", leads, x, wide);
  }

  private void key(Kind kind, String label, String more, Page leads, float x, float wide) {
    keys.add(new Key(kind, label, more, leads, left + x * width, y, wide * width, wish.rowHeight));
  }
}
