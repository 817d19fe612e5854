package org.edgectc.core;

import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;

/**
 * One exported model file: its bytes, and the manifest inside it.
 *
 * <p>The seal is checked before any runtime sees the bytes (docs/bundle_format.md): the manifest's
 * first words occur once, and the file's SHA-256 with its own digits taken as zeros is what they say.
 */
public final class Artifact {
  private static final Charset ASCII = Charset.forName("US-ASCII");
  private static final byte[] PREFIX = "{\"edgectc_manifest\":1,\"file_sha256\":\"".getBytes(ASCII);
  private static final byte[] ANY_VERSION = "{\"edgectc_manifest\":".getBytes(ASCII);
  private static final int DIGITS = 64;

  /** What the file says of itself, docs/bundle_format.md. */
  public final Map<String, Object> manifest;

  /** The whole file, direct and rewound: runtimes map it without a copy. */
  public final ByteBuffer bytes;

  /** The hash that its seal states, 64 hex digits; checked. */
  public final String sha256;

  private Artifact(Map<String, Object> manifest, ByteBuffer bytes, String sha256) {
    this.manifest = manifest;
    this.bytes = bytes;
    this.sha256 = sha256;
  }

  /**
   * Returns the artifact of a file's bytes.
   *
   * @throws ModelException if there is no manifest, one of another version, or a wrong seal; or if
   *     it is an ONNX file whose runtime would open another file
   */
  public static Artifact of(byte[] file) {
    int at = find(file, PREFIX, 0);
    if (at < 0) {
      throw new ModelException(
          find(file, ANY_VERSION, 0) >= 0
              ? "the model's manifest has another version, expected 1; export it again"
              : "the file has no manifest; make it with `edgectc export`");
    }
    if (find(file, PREFIX, at + 1) >= 0 || at + PREFIX.length + DIGITS > file.length) {
      throw new ModelException("the file's manifest is not whole; copy the model again");
    }
    int digits = at + PREFIX.length;
    String stated = new String(file, digits, DIGITS, ASCII);
    if (!stated.equals(hash(file, digits))) {
      throw new ModelException("the model file is damaged: its hash differs; copy it again");
    }
    Map<String, Object> manifest = manifest(file, at);
    if ("onnx".equals(manifest.get("target"))) {
      OneFile.check(file);
    }
    return new Artifact(manifest, direct(file), stated);
  }

  /** Returns the same manifest over other bytes: how a runtime takes damage, for tests. */
  Artifact with(ByteBuffer other) {
    return new Artifact(manifest, other, sha256);
  }

  /** Returns lowercase hex SHA-256 of bytes. */
  public static String sha256(byte[] data) {
    return hash(data, -1);
  }

  /** Returns a rewound direct copy of bytes. */
  public static ByteBuffer direct(byte[] data) {
    ByteBuffer made = ByteBuffer.allocateDirect(data.length);
    made.put(data);
    made.rewind();
    return made;
  }

  private static Map<String, Object> manifest(byte[] file, int at) {
    int end = at;
    for (int depth = 0; end < file.length; end++) {
      byte c = file[end];
      if (c == '"') { // to the closing quote: braces inside a text do not count
        for (end++; end < file.length && file[end] != '"'; end++) {
          end += file[end] == '\\' ? 1 : 0;
        }
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        break;
      }
    }
    if (end >= file.length) {
      throw new ModelException("the file's manifest is cut off; copy the model again");
    }
    Map<?, ?> whole = (Map<?, ?>) Json.parse(new String(file, at, end + 1 - at, ASCII));
    return Json.object(whole, "manifest");
  }

  private static String hash(byte[] file, int zeros) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      if (zeros < 0) {
        digest.update(file);
      } else {
        byte[] none = new byte[DIGITS];
        java.util.Arrays.fill(none, (byte) '0');
        digest.update(file, 0, zeros);
        digest.update(none);
        digest.update(file, zeros + DIGITS, file.length - zeros - DIGITS);
      }
      StringBuilder hex = new StringBuilder();
      for (byte b : digest.digest()) {
        hex.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
      }
      return hex.toString();
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error); // every Java has SHA-256
    }
  }

  private static int find(byte[] data, byte[] wanted, int from) {
    next:
    for (int i = from; i <= data.length - wanted.length; i++) {
      for (int j = 0; j < wanted.length; j++) {
        if (data[i + j] != wanted[j]) {
          continue next;
        }
      }
      return i;
    }
    return -1;
  }
}
