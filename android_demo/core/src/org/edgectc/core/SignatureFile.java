package org.edgectc.core;

import java.nio.charset.Charset;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * Who made a model: the file NAME.sig beside it, docs/bundle_format.md, "Signature".
 *
 * <p>Java 15 and Android 13 bring Ed25519; an older one refuses, by name, what it cannot check.
 */
public final class SignatureFile {
  private static final Charset ASCII = Charset.forName("US-ASCII");
  private static final String ALGORITHM = "Ed25519";
  private static final byte[] SPKI = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};
  private static final List<String> KEYS =
      Arrays.asList("algorithm", "public_key", "schema_version", "sha256", "signature");

  private SignatureFile() {}

  /**
   * Returns if one of the keys has signed an artifact.
   *
   * @param artifact that was opened, its seal checked
   * @param text content of its .sig file, null if there is none
   * @param trust public keys, 32 bytes each as base64
   * @throws ModelException whose reason is unsigned, malformed, other_key, changed, wrong or
   *     cannot_check
   */
  public static void check(Artifact artifact, String text, List<String> trust) {
    check(artifact.sha256, text, trust, ALGORITHM);
  }

  static void check(String sha256, String text, List<String> trust, String algorithm) {
    if (text == null) {
      throw new ModelException("the model is not signed; ask its maker for the .sig file", "unsigned");
    }
    Map<?, ?> values = parsed(text);
    String key = Json.text(values, "public_key");
    if (!trust.contains(key)) {
      throw new ModelException("the model is signed with a key that is not trusted", "other_key");
    }
    if (!Json.text(values, "sha256").equals(sha256)) {
      throw new ModelException(
          "the model was changed after it was signed; get it and its .sig file again", "changed");
    }
    byte[] message = ("edgectc signature 1\nartifact\n" + sha256 + "\n").getBytes(ASCII);
    if (!holds(Base64.decode(key), message, Base64.decode(Json.text(values, "signature")), algorithm)) {
      throw new ModelException(
          "the model's signature was not made with the key that it names; do not use it", "wrong");
    }
  }

  private static boolean holds(byte[] key, byte[] message, byte[] signature, String algorithm) {
    byte[] encoded = Arrays.copyOf(SPKI, SPKI.length + key.length);
    System.arraycopy(key, 0, encoded, SPKI.length, key.length);
    try {
      PublicKey read =
          KeyFactory.getInstance(algorithm).generatePublic(new X509EncodedKeySpec(encoded));
      Signature verifier = Signature.getInstance(algorithm);
      verifier.initVerify(read);
      verifier.update(message);
      return verifier.verify(signature);
    } catch (NoSuchAlgorithmException error) {
      throw new ModelException(
          "this system cannot check signatures: Ed25519 needs Android 13 or Java 15", "cannot_check");
    } catch (GeneralSecurityException error) {
      return false; // no point of the curve, or no signature
    }
  }

  private static Map<?, ?> parsed(String text) {
    try {
      Map<?, ?> values = (Map<?, ?>) Json.parse(text);
      boolean known =
          values.keySet().equals(new HashSet<Object>(KEYS))
              && ((Number) Json.get(values, "schema_version")).doubleValue() == 1
              && Json.text(values, "algorithm").equals("ed25519")
              && Json.text(values, "sha256").matches("[0-9a-f]{64}");
      if (known
          && Base64.decode(Json.text(values, "public_key")).length == 32
          && Base64.decode(Json.text(values, "signature")).length == 64) {
        return values;
      }
    } catch (ModelException | ClassCastException | NullPointerException error) {
      // The same words as below.
    }
    throw new ModelException(
        "the model's .sig file is malformed or of a newer version; get it again", "malformed");
  }
}
