package org.edgectc.keyboard;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What the phone kit tries, of the file that tools/assets.py writes: the model's own traces, and words to swipe. */
final class Trials {
  /** Points x, y, t in turn, in the letter area of a layout. */
  static final class Trace {
    final String layout;
    final double[] points;

    Trace(String line) {
      String[] parts = line.split(" ");
      layout = parts[0];
      points = new double[parts.length - 1];
      for (int i = 0; i < points.length; i++) points[i] = Double.parseDouble(parts[i + 1]);
    }
  }

  final String model, artifact;
  final long bytes;
  final int cases;
  final List<String> prompts;
  final List<Trace> traces = new ArrayList<>();

  Trials(String text) {
    String[] lines = text.split("\n"), head = lines[0].split("\t");
    model = head[0];
    artifact = head[1];
    bytes = Long.parseLong(head[2]);
    cases = Integer.parseInt(head[3]);
    prompts = Arrays.asList(lines[1].split(" "));
    for (int i = 2; i < lines.length; i++) traces.add(new Trace(lines[i]));
  }
}
