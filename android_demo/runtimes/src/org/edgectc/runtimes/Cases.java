package org.edgectc.runtimes;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A model of another runtime with its own reference cases, as tools/cases.py writes them: what goes in, and the log_probs that came
 * out when it was made. All numbers are big-endian.
 */
public final class Cases {
  /** Largest difference of log_probs, in nats. */
  public final double worst;

  public final int cases;
  private final double atol, ms;

  private Cases(double worst, int cases, double atol, double ms) {
    this.worst = worst;
    this.cases = cases;
    this.atol = atol;
    this.ms = ms;
  }

  public boolean passed() {
    return cases > 0 && worst <= atol;
  }

  /** Returns two lines about a file: whether it passed, and how long a run takes, or what went wrong. */
  public static String report(InputStream in, String name, int runs) {
    String title = name.startsWith("model.pte") ? "ExecuTorch" : "ONNX Runtime";
    try {
      Cases made = run(in, name.replace(".cases", ""), runs);
      String mark = made.passed() ? "✓" : "✗";
      return String.format(
          Locale.ROOT, "%s %s: largest difference %.1e over %d cases, at most %.0e expected\nnetwork alone %.2f ms\n",
          mark, title, made.worst, made.cases, made.atol, made.ms);
    } catch (IOException | RuntimeException | LinkageError error) {
      return "✗ " + title + ": " + error.getMessage() + "\n";
    }
  }

  /** Runs all cases; times so many runs. */
  public static Cases run(InputStream stream, String file, int runs) throws IOException {
    try (DataInputStream in = new DataInputStream(new java.io.BufferedInputStream(stream))) {
      ByteBuffer model = ByteBuffer.allocateDirect(in.readInt());
      byte[] bytes = new byte[model.capacity()];
      in.readFully(bytes);
      model.put(bytes).rewind();
      List<Tensor> tensors = new ArrayList<>();
      for (int n = in.readInt(); n > 0; n--) tensors.add(new Tensor(in));
      Network network = Network.of(file, model, tensors);
      try {
        return compared(in, network, runs);
      } finally {
        network.close();
      }
    }
  }

  private static Cases compared(DataInputStream in, Network network, int runs) throws IOException {
    double atol = in.readDouble(), worst = 0;
    int cases = in.readInt();
    List<Tensor> tensors = network.tensors;
    int width = (int) tensors.get(tensors.size() - 1).shape[2];
    for (int one = 0; one < cases; one++) {
      for (int i = 0; i < tensors.size() - 1; i++) tensors.get(i).read(in);
      FloatBuffer found = network.run();
      int rows = in.readInt();
      int[] columns = new int[in.readInt()];
      for (int k = 0; k < columns.length; k++) columns[k] = in.readInt();
      for (int t = 0; t < rows; t++) {
        for (int column : columns) {
          double apart = Math.abs(found.get(t * width + column) - in.readFloat());
          worst = apart <= worst ? worst : apart; // NaN is no agreement
        }
      }
    }
    double[] times = new double[runs];
    for (int run = 0; run < runs; run++) {
      long start = System.nanoTime();
      network.run();
      times[run] = (System.nanoTime() - start) / 1e6;
    }
    Arrays.sort(times);
    return new Cases(worst, cases, atol, times[runs / 2]);
  }
}
