package org.edgectc.core;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads strict JSON: objects become {@link Map}, arrays {@link List}, numbers {@link Double}.
 *
 * <p>Android has org.json, a plain JVM has none, and the core runs on both. What the reader does not
 * know it refuses: duplicate keys, numbers past the range of a double, anything after the value.
 */
public final class Json {
  private static final int DEEPEST = 64;
  private final String text;
  private int at;
  private int depth;

  private Json(String text) {
    this.text = text;
  }

  /** Returns the value of a whole text. */
  public static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value();
    json.space();
    if (json.at != text.length()) {
      throw json.wrong("the end");
    }
    return value;
  }

  /** Returns the member of an object, which must be there. */
  public static Object get(Map<?, ?> object, String key) {
    if (!object.containsKey(key)) {
      throw new ModelException("JSON lacks the key '" + key + "'");
    }
    return object.get(key);
  }

  /** Returns a member that is an object. */
  @SuppressWarnings("unchecked")
  public static Map<String, Object> object(Map<?, ?> object, String key) {
    return (Map<String, Object>) typed(object, key, Map.class);
  }

  /** Returns a member that is an array. */
  @SuppressWarnings("unchecked")
  public static List<Object> array(Map<?, ?> object, String key) {
    return (List<Object>) typed(object, key, List.class);
  }

  /** Returns a member that is a text. */
  public static String text(Map<?, ?> object, String key) {
    return (String) typed(object, key, String.class);
  }

  /** Returns a member that is a number. */
  public static double number(Map<?, ?> object, String key) {
    return (Double) typed(object, key, Double.class);
  }

  /** Returns a member that is a whole number. */
  public static int integer(Map<?, ?> object, String key) {
    double value = number(object, key);
    if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
      throw new ModelException("JSON key '" + key + "' is " + value + ", expected an integer");
    }
    return (int) value;
  }

  private static Object typed(Map<?, ?> object, String key, Class<?> type) {
    Object value = get(object, key);
    if (!type.isInstance(value)) {
      throw new ModelException(
          "JSON key '" + key + "' is no " + type.getSimpleName() + " but " + value);
    }
    return value;
  }

  private Object value() {
    space();
    if (at >= text.length()) {
      throw wrong("a value");
    }
    switch (text.charAt(at)) {
      case '{':
        return nested(true);
      case '[':
        return nested(false);
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Object nested(boolean object) {
    if (++depth > DEEPEST) {
      throw wrong("fewer levels");
    }
    at++;
    Object made = object ? members() : items();
    depth--;
    return made;
  }

  private Map<String, Object> members() {
    Map<String, Object> members = new LinkedHashMap<>();
    if (took('}')) {
      return members;
    }
    do {
      space();
      String key = string();
      need(':');
      if (members.containsKey(key)) {
        throw wrong("a key only once");
      }
      members.put(key, value());
    } while (took(','));
    need('}');
    return members;
  }

  private List<Object> items() {
    List<Object> items = new ArrayList<>();
    if (took(']')) {
      return items;
    }
    do {
      items.add(value());
    } while (took(','));
    need(']');
    return items;
  }

  private String string() {
    if (at >= text.length() || text.charAt(at) != '"') {
      throw wrong("a text");
    }
    StringBuilder made = new StringBuilder();
    for (at++; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == '"') {
        at++;
        return made.toString();
      }
      if (c < ' ') {
        throw wrong("no control character");
      }
      made.append(c == '\\' ? escaped() : c);
    }
    throw wrong("the end of a text");
  }

  private char escaped() {
    if (++at >= text.length()) {
      throw wrong("an escape");
    }
    char c = text.charAt(at);
    int plain = "\"\\/bfnrt".indexOf(c);
    if (plain >= 0) {
      return "\"\\/\b\f\n\r\t".charAt(plain);
    }
    if (c != 'u' || at + 4 >= text.length()) {
      throw wrong("an escape");
    }
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(text.charAt(++at), 16);
      if (digit < 0) {
        throw wrong("four hexadecimal digits");
      }
      code = code * 16 + digit;
    }
    return (char) code;
  }

  private Double number() {
    int start = at;
    while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    try {
      double value = Double.parseDouble(text.substring(start, at));
      if (!Double.isInfinite(value)) {
        return value;
      }
    } catch (NumberFormatException error) {
      // Told below, with its place.
    }
    at = start;
    throw wrong("a finite number");
  }

  private Object word(String expected, Object value) {
    if (!text.startsWith(expected, at)) {
      throw wrong(expected);
    }
    at += expected.length();
    return value;
  }

  private boolean took(char wanted) {
    space();
    if (at < text.length() && text.charAt(at) == wanted) {
      at++;
      return true;
    }
    return false;
  }

  private void need(char wanted) {
    if (!took(wanted)) {
      throw wrong("'" + wanted + "'");
    }
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private ModelException wrong(String expected) {
    return new ModelException("JSON is not valid at character " + at + ": expected " + expected);
  }
}
