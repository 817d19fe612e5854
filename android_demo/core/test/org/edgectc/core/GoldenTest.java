package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The vectors that every host must answer: tests/golden, specified in docs/host_contract.md. */
public class GoldenTest {
  @Test
  public void refusesTheSameTracesForTheSameReasons() throws Exception {
    Map<?, ?> checks = Files.golden("checks.json");
    int refused = 0;
    for (Object one : Json.array(checks, "points")) {
      Map<?, ?> about = (Map<?, ?>) one;
      String name = Json.text(about, "name");
      Trace trace = trace(Json.array(about, "points"));
      if (trace == null) {
        continue; // rows of another width cannot be said in this interface
      }
      Object reason = Json.get(about, "reason");
      try {
        trace.check();
        assertEquals(name, null, reason);
      } catch (TraceException error) {
        assertEquals(name, reason, error.reason);
        refused++;
      }
    }
    assertTrue(refused > 5);
  }

  @Test
  public void opensTheSameFiles() throws Exception {
    int whole = 0;
    for (Object one : Json.array(Files.golden("checks.json"), "files")) {
      Map<?, ?> about = (Map<?, ?>) one;
      boolean good = true;
      try {
        Artifact.of(Base64.decode(Json.text(about, "base64")));
      } catch (ModelException error) {
        assertNotNull(error.getMessage());
        good = false;
      }
      assertEquals(Json.text(about, "name"), Json.get(about, "whole"), good);
      whole += good ? 1 : 0;
    }
    assertTrue(whole > 0);
  }

  @Test
  public void takesOneFileAlone() throws Exception {
    int outside = 0;
    for (Object one : Json.array(Files.golden("trust.json"), "onnx")) {
      Map<?, ?> about = (Map<?, ?>) one;
      boolean refused = false;
      try {
        OneFile.check(Base64.decode(Json.text(about, "base64")));
      } catch (ModelException error) {
        refused = true;
        if (Json.text(about, "name").equals("initializer")) {
          assertTrue(error.getMessage().contains("'w' lie in another file"));
        }
      }
      assertEquals(Json.text(about, "name"), Json.get(about, "refused"), refused);
      outside += refused ? 1 : 0;
    }
    assertTrue(outside > 10);
  }

  @Test
  public void believesTheSameSignatures() throws Exception {
    int refused = 0;
    for (Object one : Json.array(Files.golden("trust.json"), "signatures")) {
      Map<?, ?> about = (Map<?, ?>) one;
      List<String> trust = new ArrayList<>();
      for (Object key : Json.array(about, "trust")) {
        trust.add((String) key);
      }
      Artifact artifact = Artifact.of(Base64.decode(Json.text(about, "base64")));
      assertEquals(Json.text(about, "sha256"), artifact.sha256);
      String text = (String) Json.get(about, "signature");
      String reason = "";
      try {
        SignatureFile.check(artifact, text, trust);
      } catch (ModelException error) {
        reason = error.reason;
        refused++;
      }
      assertEquals(Json.text(about, "name"), Json.text(about, "refused"), reason);
      if (reason.isEmpty()) { // an older system has no such algorithm
        try {
          SignatureFile.check(artifact.sha256, text, trust, "Ed25519-of-a-newer-system");
          fail("nothing was checked");
        } catch (ModelException error) {
          assertEquals("cannot_check", error.reason);
        }
      }
    }
    assertTrue(refused > 8);
  }

  @Test
  public void resamplesToTheSameFrames() throws Exception {
    Map<?, ?> golden = Files.golden("traces.json");
    SwipeFrontend frontend = new SwipeFrontend(Json.object(Json.object(golden, "model"), "frontend"));
    for (Object one : Json.array(golden, "cases")) {
      sameFrames(frontend, (Map<?, ?>) one);
    }
  }

  @Test
  public void takesOutFingersClocksAndRestsAlike() throws Exception {
    List<Object> repairs = Json.array(Files.golden("checks.json"), "repairs");
    assertTrue(repairs.size() > 6);
    for (Object one : repairs) {
      Map<?, ?> about = (Map<?, ?>) one;
      sameFrames(new SwipeFrontend(Json.object(about, "frontend")), about);
    }
  }

  private static void sameFrames(SwipeFrontend frontend, Map<?, ?> about) throws Exception {
    double[] found =
        frontend.frames(
            trace(Json.array(about, "points")), Files.layout(Json.text(about, "layout")));
    ByteBuffer expected = array(about, "frames");
    assertEquals(Json.text(about, "name"), expected.capacity() / 8, found.length);
    for (int i = 0; i < found.length; i++) {
      assertEquals(Json.text(about, "name") + " " + i, expected.getDouble(8 * i), found[i], 1e-9);
    }
  }

  static Trace trace(List<Object> points) {
    Trace trace = new Trace();
    for (Object row : points) {
      List<?> values = (List<?>) row;
      if (values.size() != 3) {
        return null;
      }
      trace.add(number(values.get(0)), number(values.get(1)), number(values.get(2)));
    }
    return trace;
  }

  private static double number(Object value) {
    // JSON has no NaN or infinity: the vectors write them as texts.
    return value instanceof String ? Double.parseDouble((String) value) : (Double) value;
  }

  static ByteBuffer array(Map<?, ?> about, String key) {
    byte[] data = Base64.decode(Json.text(Json.object(about, key), "base64"));
    return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
  }

  static List<String> texts(List<Object> values) {
    List<String> made = new ArrayList<>();
    for (Object value : values) {
      made.add((String) value);
    }
    return made;
  }

  static void same(String name, List<Object> expected, List<Candidate> found, double tolerance) {
    if (expected.size() != found.size()) {
      fail(name + ": expected " + expected + ", found " + found);
    }
    for (int i = 0; i < found.size(); i++) {
      Map<?, ?> one = (Map<?, ?>) expected.get(i);
      assertEquals(name + ", place " + i, Json.text(one, "text"), found.get(i).text);
      assertEquals(name, Json.number(one, "score"), found.get(i).score, tolerance);
      assertEquals(name, Json.number(one, "probability"), found.get(i).probability, tolerance);
    }
  }
}
