package org.edgectc.keyboard;

import java.util.Locale;

/** Pieces of JSON. */
final class Json {
  private Json() {}

  static String text(String value) {
    StringBuilder made = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char one = value.charAt(i);
      if (one == '"' || one == '\\') made.append('\\').append(one);
      else if (one < ' ') made.append(String.format(Locale.ROOT, "\\u%04x", (int) one));
      else made.append(one);
    }
    return made.append('"').toString();
  }

  /** Returns a number with so many digits behind the point. */
  static String number(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  static String numbers(double[] values, int digits) {
    StringBuilder made = new StringBuilder("[");
    for (int i = 0; i < values.length; i++) made.append(i > 0 ? ", " : "").append(number(values[i], digits));
    return made.append(']').toString();
  }

  /** Returns rows x, y, t of points in turn, t from the first one. */
  static String points(double[] points) {
    StringBuilder made = new StringBuilder("[");
    for (int i = 0; i + 2 < points.length; i += 3) {
      made.append(i > 0 ? "," : "").append('[').append(number(points[i], 4)).append(',').append(number(points[i + 1], 4));
      made.append(',').append(number(points[i + 2] - points[2], 1)).append(']');
    }
    return made.append(']').toString();
  }
}
