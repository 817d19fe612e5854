package org.edgectc.core;

/** What a keyboard must know of written text: capitals and spaces; its words are {@link Engine}'s. */
public final class Text {
  private static final String ENDS = ".!?";
  private static final String NO_SPACE_AFTER = "([{\"'“‘-/@#";

  private Text() {}

  /** Returns whether the next word begins a sentence. */
  public static boolean startsSentence(String before) {
    int i = before.length();
    boolean spaced = i == 0;
    while (i > 0 && Character.isWhitespace(before.charAt(i - 1))) {
      spaced = true;
      i--;
      if (before.charAt(i) == '\n') {
        return true;
      }
    }
    return i == 0 || (spaced && ENDS.indexOf(before.charAt(i - 1)) >= 0);
  }

  /** Returns a word with the space that joins it to the text before it, if one is missing. */
  public static String joined(String before, String word) {
    if (before.isEmpty()) {
      return word;
    }
    char last = before.charAt(before.length() - 1);
    boolean close = Character.isWhitespace(last) || NO_SPACE_AFTER.indexOf(last) >= 0;
    return close ? word : " " + word;
  }

  /** Returns a word with a capital first letter. */
  public static String capitalized(String word) {
    if (word.isEmpty()) {
      return word;
    }
    int first = word.offsetByCodePoints(0, 1);
    return word.substring(0, first).toUpperCase(java.util.Locale.ROOT) + word.substring(first);
  }

  /** Returns whether a text ends with another. */
  public static boolean endsWith(String before, String end) {
    // A field may give less text than was asked for: then what it gives decides.
    return before.endsWith(end) || (!before.isEmpty() && end.endsWith(before));
  }
}
