package org.edgectc;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who made a model: the file NAME.sig beside it, docs/bundle_format.md, "Signature". Java 15 and Android 13 bring Ed25519; an
 * older one refuses, by name, what it cannot check.
 */
public final class SignatureFile {
  private static final Charset ASCII = Charset.forName("US-ASCII");
  private static final byte[] SEAL = "{\"edgectc_manifest\":1,\"file_sha256\":\"".getBytes(ASCII);
  private static final String CODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  private static final byte[] SPKI = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};
  private static final Pattern PAIR = Pattern.compile("\\G\\s*([,{])\\s*\"(\\w+)\"\\s*:\\s*(?:\"([!#-\\[\\]-~]*)\"|(1))\\s*(?=[,}])");

  private SignatureFile() {}

  /**
   * Returns if one of the keys has signed a model. {@link Keyboard#open} checks that the model's hash is the one it states.
   *
   * @param text content of its .sig file, null if there is none
   * @param trust public keys, 32 bytes each as base64
   * @throws EdgectcException whose reason is unsigned, malformed, other_key, changed, wrong or cannot_check
   */
  public static void check(ByteBuffer model, String text, List<String> trust) {
    check(hash(model), text, trust, "Ed25519");
  }

  static void check(String sha256, String text, List<String> trust, String algorithm) {
    if (text == null) throw new EdgectcException("the model is not signed; ask its maker for the .sig file", "unsigned");
    Map<String, String> values = parsed(text);
    if (!trust.contains(values.get("public_key"))) {
      throw new EdgectcException("the model is signed with a key that is not trusted", "other_key");
    }
    if (!values.get("sha256").equals(sha256)) {
      throw new EdgectcException("the model was changed after it was signed; get it and its .sig file again", "changed");
    }
    byte[] message = ("edgectc signature 1\nartifact\n" + sha256 + "\n").getBytes(ASCII);
    if (!holds(bytes(values.get("public_key")), message, bytes(values.get("signature")), algorithm)) {
      throw new EdgectcException("the model's signature was not made with the key that it names; do not use it", "wrong");
    }
  }

  private static boolean holds(byte[] key, byte[] message, byte[] signature, String algorithm) {
    byte[] encoded = Arrays.copyOf(SPKI, SPKI.length + key.length);
    System.arraycopy(key, 0, encoded, SPKI.length, key.length);
    try {
      PublicKey read = KeyFactory.getInstance(algorithm).generatePublic(new X509EncodedKeySpec(encoded));
      Signature verifier = Signature.getInstance(algorithm);
      verifier.initVerify(read);
      verifier.update(message);
      return verifier.verify(signature);
    } catch (NoSuchAlgorithmException error) {
      throw new EdgectcException("this system cannot check signatures: Ed25519 needs Android 13 or Java 15", "cannot_check");
    } catch (GeneralSecurityException error) {
      return false; // no point of the curve, or no signature
    }
  }

  /** Returns the five values of a .sig file, each of the form it must have. */
  private static Map<String, String> parsed(String text) {
    Map<String, String> values = new TreeMap<>();
    Matcher pair = PAIR.matcher(text);
    int end = 0;
    boolean once = true;
    while (pair.find()) {
      once &= pair.group(1).equals(end == 0 ? "{" : ",");
      once &= values.put(pair.group(2), pair.group(3) == null ? "1 as a number" : pair.group(3)) == null;
      end = pair.end();
    }
    boolean known = once && text.substring(end).trim().equals("}")
        && values.keySet().toString().equals("[algorithm, public_key, schema_version, sha256, signature]")
        && values.get("schema_version").equals("1 as a number")
        && values.get("algorithm").equals("ed25519")
        && values.get("sha256").matches("[0-9a-f]{64}");
    if (known) {
      byte[] key = bytes(values.get("public_key")), signature = bytes(values.get("signature"));
      if (key != null && key.length == 32 && signature != null && signature.length == 64) return values;
    }
    throw new EdgectcException("the model's .sig file is malformed or of a newer version; get it again", "malformed");
  }

  /** Returns the 64 hex digits that a model's seal states; "" if it has none. */
  private static String hash(ByteBuffer model) {
    ByteBuffer whole = model.slice();
    for (int at = 0; at + SEAL.length + 64 <= whole.capacity(); at++) {
      int i = 0;
      while (i < SEAL.length && whole.get(at + i) == SEAL[i]) i++;
      if (i < SEAL.length) continue;
      byte[] digits = new byte[64];
      for (int j = 0; j < 64; j++) digits[j] = whole.get(at + SEAL.length + j);
      return new String(digits, ASCII);
    }
    return "";
  }

  /** Returns what base64 says, null if it is none. Android has a decoder since version 8 only. */
  private static byte[] bytes(String base64) {
    String code = base64.replaceAll("={0,2}$", "");
    if (base64.length() % 4 != 0 || base64.length() - code.length() != (4 - code.length() % 4) % 4) return null;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int held = 0, bits = 0;
    for (int i = 0; i < code.length(); i++) {
      int value = CODE.indexOf(code.charAt(i));
      if (value < 0) return null;
      held = held << 6 | value;
      bits += 6;
      if (bits >= 8) out.write(held >> (bits -= 8) & 255);
    }
    return (held & (1 << bits) - 1) == 0 ? out.toByteArray() : null;
  }
}
