package org.edgectc;

/** What a field of text allows, by the numbers of Android's {@code EditorInfo}: inputType and imeOptions. */
public final class Field {
  /** What is written there; KEYS: a terminal or a game, which takes keys alone. */
  public enum Kind { TEXT, PASSWORD, EMAIL, ADDRESS, NUMBER, PHONE, KEYS }

  private static final int CLASS = 0xf, VARIATION = 0xff0; // masks of android.text.InputType
  private static final int TEXT = 1, NUMBER = 2, PHONE = 3, DATE = 4;
  private static final int URI = 0x10, MAIL = 0x20, PASSWORD = 0x80, VISIBLE_PASSWORD = 0x90, FILTER = 0xb0;
  private static final int WEB_MAIL = 0xd0, WEB_PASSWORD = 0xe0;
  private static final int CHARACTERS = 0x1000, WORDS = 0x2000, SENTENCES = 0x4000, NO_SUGGESTIONS = 0x80000;
  private static final int NO_LEARNING = 0x1000000; // of imeOptions, since Android 8

  public final Kind kind;
  /** Whether words are swiped, suggested, corrected, capitalised and set apart there. */
  public final boolean words;
  /** Whether what is written there may be learnt. */
  public final boolean learns;
  private final int capitals;

  private Field(Kind kind, boolean words, boolean learns, int capitals) {
    this.kind = kind;
    this.words = words;
    this.learns = learns;
    this.capitals = capitals;
  }

  public static Field of(int inputType, int imeOptions) {
    Kind kind = kind(inputType & CLASS, inputType & VARIATION);
    boolean filters = (inputType & VARIATION) == FILTER || (inputType & NO_SUGGESTIONS) != 0;
    boolean words = kind == Kind.TEXT && !filters;
    return new Field(kind, words, words && (imeOptions & NO_LEARNING) == 0, words ? inputType : 0);
  }

  private static Kind kind(int type, int variation) {
    switch (type) {
      case TEXT:
        if (variation == PASSWORD || variation == VISIBLE_PASSWORD || variation == WEB_PASSWORD) return Kind.PASSWORD;
        if (variation == MAIL || variation == WEB_MAIL) return Kind.EMAIL;
        return variation == URI ? Kind.ADDRESS : Kind.TEXT;
      case NUMBER:
      case DATE:
        return Kind.NUMBER;
      case PHONE:
        return Kind.PHONE;
      default:
        return Kind.KEYS;
    }
  }

  /** Returns whether a letter after this text is a capital. */
  public boolean capital(String before) {
    if ((capitals & CHARACTERS) != 0) return true;
    if ((capitals & WORDS) != 0 && (before.isEmpty() || Character.isWhitespace(before.charAt(before.length() - 1)))) return true;
    return (capitals & (SENTENCES | WORDS)) != 0 && startsSentence(before);
  }

  private static boolean startsSentence(String before) {
    int i = before.length();
    while (i > 0 && Character.isWhitespace(before.charAt(i - 1))) {
      if (before.charAt(--i) == '\n') return true;
    }
    if (i == 0) return true;
    boolean spaced = i < before.length();
    while (i > 0 && "\"')]}”’".indexOf(before.charAt(i - 1)) >= 0) i--; // "Stop!" she said: as people are used to, a capital
    return spaced && i > 0 && ".!?…".indexOf(before.charAt(i - 1)) >= 0;
  }
}
