package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.Test;

public class ArtifactTest {
  private static final String ZEROS = String.format("%064d", 0);

  private static byte[] sealed(String manifest) {
    String text = "{\"edgectc_manifest\":1,\"file_sha256\":\"" + ZEROS + "\",\"manifest\":" + manifest;
    byte[] open = ("some graph " + text + "} and more").getBytes(StandardCharsets.US_ASCII);
    String hash = Artifact.sha256(open);
    return new String(open, StandardCharsets.US_ASCII)
        .replace(ZEROS, hash)
        .getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  public void readsWhatIsWhole() {
    Artifact artifact = Artifact.of(sealed("{\"name\":\"a}\\\"b\"}"));
    assertEquals("a}\"b", artifact.manifest.get("name"));
    assertTrue(artifact.bytes.isDirect());
  }

  @Test
  public void refusesEveryDamage() {
    byte[] whole = sealed("{\"name\":\"swipe\"}");
    Random random = new Random(0);
    for (int i = 0; i < 2000; i++) {
      byte[] damaged = whole.clone();
      int at = random.nextInt(damaged.length);
      damaged[at] ^= (byte) (1 << random.nextInt(8));
      refused(damaged);
      refused(java.util.Arrays.copyOf(whole, random.nextInt(whole.length)));
    }
  }

  @Test
  public void refusesAnOnnxFileThatOpensAnother() {
    try {
      Artifact.of(sealed("{\"target\":\"onnx\"}")); // "some graph": no protobuf
      fail("accepted what is no ONNX file");
    } catch (ModelException error) {
      assertTrue(error.getMessage().contains("no ONNX file"));
    }
    assertEquals("pte", Artifact.of(sealed("{\"target\":\"pte\"}")).manifest.get("target"));
  }

  @Test
  public void namesTheCause() {
    assertTrue(message("no manifest".getBytes(StandardCharsets.US_ASCII)).contains("no manifest"));
    String later = "{\"edgectc_manifest\":2,";
    assertTrue(message(later.getBytes(StandardCharsets.US_ASCII)).contains("another version"));
    byte[] damaged = sealed("{}");
    damaged[0] = 'X';
    assertTrue(message(damaged).contains("damaged"));
  }

  private static String message(byte[] file) {
    try {
      Artifact.of(file);
    } catch (ModelException error) {
      return error.getMessage();
    }
    return "";
  }

  private static void refused(byte[] file) {
    try {
      Artifact.of(file);
      fail("accepted a damaged file");
    } catch (ModelException expected) {
      return;
    }
  }
}
