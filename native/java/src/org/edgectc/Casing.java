package org.edgectc;

import java.util.Locale;

/** Capitals and the spaces between words. */
final class Casing {
  private static final String NO_SPACE_AFTER = "([{\"'“‘-/@#_";

  private Casing() {}

  static String capitalized(String word) {
    if (word.isEmpty()) return word;
    int first = word.offsetByCodePoints(0, 1);
    return word.substring(0, first).toUpperCase(Locale.ROOT) + word.substring(first);
  }

  static String upper(String word) {
    return word.toUpperCase(Locale.ROOT);
  }

  /** Returns a word of the lexicon with the capitals that were typed: "teh" the, "Teh" The, "TEH" THE; its own it keeps. */
  static String like(String word, String typed) {
    boolean several = typed.codePointCount(0, typed.length()) > 1;
    if (several && !typed.equals(typed.toLowerCase(Locale.ROOT)) && typed.equals(upper(typed))) return upper(word);
    boolean first = !typed.isEmpty() && Character.isUpperCase(typed.codePointAt(0));
    return first ? capitalized(word) : word;
  }

  /** Returns a word with the space that sets it apart from the text before it, if one is missing. */
  static String joined(String before, String word) {
    if (before.isEmpty()) return word;
    char last = before.charAt(before.length() - 1);
    return Character.isWhitespace(last) || NO_SPACE_AFTER.indexOf(last) >= 0 ? word : " " + word;
  }

  static boolean isLetter(int point) {
    int type = Character.getType(point);
    return Character.isLetter(point) || type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK;
  }

  /** Returns whether what comes after this text is no word of its own: the rest of another one, or of an address. */
  static boolean continues(String before) {
    if (before.isEmpty()) return false;
    char last = before.charAt(before.length() - 1);
    return !Character.isWhitespace(last) && "([{<\"'“‘„«¿¡-–—,;!?…".indexOf(last) < 0;
  }
}
