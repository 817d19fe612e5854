package org.edgectc.runtimes;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.nio.file.Files;
import org.junit.Test;

/** The self-test of other runtimes, on the shipped model's own cases. */
public class CasesTest {
  private static byte[] file() throws Exception {
    return Files.readAllBytes(new File(System.getProperty("edgectc.assets"), "runtimes/model.onnx.cases").toPath());
  }

  private static InputStream open(byte[] bytes) {
    return new ByteArrayInputStream(bytes);
  }

  @Test
  public void everyCaseComesOutAsWhenTheModelWasMade() throws Exception {
    Cases made = Cases.run(open(file()), "model.onnx", 3);
    assertTrue("differs by " + made.worst, made.passed());
    assertTrue(made.cases > 5);
    System.out.printf("note: %d cases within %.1e%n", made.cases, made.worst);
  }

  @Test
  public void anotherAnswerFails() throws Exception {
    byte[] bytes = file();
    bytes[bytes.length - 4] ^= 0x40; // the exponent of the last log_prob
    String told = Cases.report(open(bytes), "model.onnx.cases", 1);
    assertTrue(told, told.startsWith("✗ ONNX Runtime: largest difference"));
  }

  @Test
  public void aDamagedModelIsAnError() throws Exception {
    byte[] bytes = file();
    java.util.Arrays.fill(bytes, 100, 100000, (byte) 7);
    String told = Cases.report(open(bytes), "model.onnx.cases", 1);
    assertTrue(told, told.startsWith("✗ ONNX Runtime: "));
    assertEquals(1, told.split("\n").length);
  }
}
