package org.edgectc.core;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Where the tests' files are; run_tests says so by system properties. */
final class Files {
  private Files() {}

  static byte[] read(File file) throws IOException {
    return java.nio.file.Files.readAllBytes(file.toPath());
  }

  static Map<?, ?> json(File file) throws IOException {
    return (Map<?, ?>) Json.parse(new String(read(file), StandardCharsets.UTF_8));
  }

  static Map<?, ?> golden(String name) throws IOException {
    return json(new File(System.getProperty("edgectc.golden"), name));
  }

  static Layout layout(String name) throws IOException {
    return new Layout(json(new File(System.getProperty("edgectc.keyboards"), name + ".json")));
  }
}
