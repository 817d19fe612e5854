package org.edgectc.core;

/** Decodes base64; java.util.Base64 is younger than the oldest Android that this app runs on. */
final class Base64 {
  private static final String ALPHABET =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  private Base64() {}

  static byte[] decode(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == '=') {
      end--;
    }
    byte[] made = new byte[end * 6 / 8];
    int bits = 0;
    int held = 0;
    int at = 0;
    for (int i = 0; i < end; i++) {
      int value = ALPHABET.indexOf(text.charAt(i));
      if (value < 0) {
        throw new ModelException("base64 holds '" + text.charAt(i) + "'");
      }
      held = held << 6 | value;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        made[at++] = (byte) (held >> bits);
      }
    }
    return made;
  }
}
