package org.edgectc.keyboard;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.edgectc.EdgectcException;
import org.edgectc.Key;
import org.edgectc.Keyboard;
import org.edgectc.Word;

/** What this phone takes, and how well it reads its owner: the file of docs/phone.md. */
final class PhoneKit {
  private static final int RUNS = 7, TESTS = 15, MOST = 5, TAPPED = 10;
  private static final String[] NEXT = {"thank ", "see you ", "I am going to ", "how are ", "what do you "};

  /** A piece of work to time. */
  private abstract static class Work {
    abstract void run();

    /** Returns the milliseconds that it takes, the median of some runs. */
    final double ms(int runs) {
      double[] times = new double[runs];
      for (int run = 0; run < runs; run++) {
        long start = System.nanoTime();
        run();
        times[run] = (System.nanoTime() - start) / 1e6;
      }
      return middle(times);
    }
  }

  private final Keyboard keyboard;
  private final Trials trials;
  private final List<Layout> layouts;
  private final List<String> prompts = new ArrayList<>();
  private final List<String> swipes = new ArrayList<>();
  private final double openMs;
  private double firstMs;
  private double[] swipeMs, networkMs, tapMs, nextMs;
  private String failure = "";
  private int at, right;

  /** @param openMs that the keyboard took to open */
  PhoneKit(Keyboard keyboard, Trials trials, List<Layout> layouts, double openMs) {
    this.keyboard = keyboard;
    this.trials = trials;
    this.layouts = layouts;
    this.openMs = openMs;
  }

  static double middle(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** Measures all that needs no finger. */
  void measure() {
    List<Trials.Trace> traces = new ArrayList<>();
    for (Trials.Trace trace : trials.traces) {
      if (named(trace.layout) != null) traces.add(trace);
    }
    place(named(traces.get(0).layout));
    firstMs = swiped(traces.get(0)).ms(1);
    try {
      keyboard.test();
    } catch (EdgectcException wrong) {
      failure = wrong.getMessage();
    }
    networkMs = new double[failure.isEmpty() ? TESTS : 1];
    for (int run = 0; run < networkMs.length && failure.isEmpty(); run++) networkMs[run] = tested().ms(1) / trials.cases;
    swipeMs = new double[traces.size()];
    for (int i = 0; i < swipeMs.length; i++) {
      place(named(traces.get(i).layout));
      swipeMs[i] = swiped(traces.get(i)).ms(RUNS);
    }
    place(layouts.get(0));
    for (String prompt : trials.prompts) {
      if (keyboard.knows(prompt)) prompts.add(prompt);
    }
    tapMs = new double[Math.max(1, Math.min(TAPPED, prompts.size()))];
    for (int i = 0; i < Math.min(tapMs.length, prompts.size()); i++) tapMs[i] = tapped(middles(prompts.get(i), layouts.get(0))).ms(RUNS);
    nextMs = new double[NEXT.length];
    for (int i = 0; i < NEXT.length; i++) nextMs[i] = foretold(NEXT[i]).ms(RUNS);
    keyboard.before("", true);
  }

  private Work swiped(final Trials.Trace trace) {
    return new Work() {
      @Override
      void run() {
        keyboard.swipe(trace.points, MOST);
      }
    };
  }

  private Work tested() {
    return new Work() {
      @Override
      void run() {
        keyboard.test();
      }
    };
  }

  private Work tapped(final double[] taps) {
    return new Work() {
      @Override
      void run() {
        keyboard.tap(taps, MOST);
      }
    };
  }

  private Work foretold(final String before) {
    return new Work() {
      @Override
      void run() {
        keyboard.before(before, true);
        keyboard.tapping(new double[0], MOST);
      }
    };
  }

  private Layout named(String name) {
    for (Layout layout : layouts) {
      if (layout.name.equals(name)) return layout;
    }
    return null;
  }

  /** Lays the keys out so that the letter area is the unit square. */
  private void place(Layout layout) {
    List<Key> keys = new ArrayList<>();
    keys.add(new Key(0, 0, 0, 1, 1));
    double high = 1.0 / layout.rows();
    for (int row = 0; row < layout.rows(); row++) {
      double wide = layout.keyWidth(row);
      for (int i = 0; i < layout.letters(row).length(); i++) {
        char letter = layout.letters(row).charAt(i);
        if (letter != ' ') keys.add(new Key(letter, layout.start(row) + i * wide, row * high, wide, high));
      }
    }
    keyboard.place(keys);
  }

  private static double[] middles(String word, Layout layout) {
    double[] taps = new double[3 * word.length()];
    for (int i = 0; i < word.length(); i++) {
      for (int row = 0; row < layout.rows(); row++) {
        int at = layout.letters(row).indexOf(word.charAt(i));
        if (at < 0) continue;
        taps[3 * i] = layout.start(row) + (at + 0.5) * layout.keyWidth(row);
        taps[3 * i + 1] = (row + 0.5) / layout.rows();
      }
    }
    return taps;
  }

  /** Returns the word to swipe now, "" after the last one. */
  String prompt() {
    return at < prompts.size() ? prompts.get(at) : "";
  }

  int place() {
    return at;
  }

  int prompts() {
    return prompts.size();
  }

  void skip() {
    at++;
  }

  /**
   * Reads a swipe of the word that is asked for.
   *
   * @param points in the letter area
   * @return what came out first, "" for what is no swipe
   */
  String swipe(double[] points, Layout layout) {
    place(layout);
    long start = System.nanoTime();
    List<Word> words;
    try {
      words = keyboard.swipe(points, MOST);
    } catch (EdgectcException refused) {
      return "";
    }
    double ms = (System.nanoTime() - start) / 1e6;
    String asked = prompts.get(at++);
    int rank = 0;
    for (int i = words.size() - 1; i >= 0; i--) {
      if (words.get(i).text.toLowerCase(Locale.ROOT).equals(asked)) rank = i + 1;
    }
    if (rank == 1) right++;
    swipes.add(
        "{\"word\": " + Json.text(asked) + ", \"rank\": " + rank + ", \"ms\": " + Json.number(ms, 3)
            + ", \"layout\": " + Json.text(layout.name) + ", \"points\": " + Json.points(points) + "}");
    return words.isEmpty() ? "–" : words.get(0).text;
  }

  /** Returns what came out, to show. */
  String told() {
    String cases = failure.isEmpty() ? "✓ the model's own cases, " + trials.cases : "✗ the model's own cases: " + failure;
    return String.format(
        Locale.ROOT, "%s\nopened in %.1f ms, a swipe %.2f ms, a word of taps %.2f ms\n%d of %d swipes right at first\n",
        cases, openMs, middle(swipeMs), middle(tapMs), right, swipes.size());
  }

  /** Returns the file. */
  String json(String device, String system) {
    StringBuilder made = new StringBuilder("{\"edgectc_phone\": 1, \"host\": \"android\",\n");
    made.append(" \"device\": {\"name\": ").append(Json.text(device)).append(", \"system\": ").append(Json.text(system));
    made.append(", \"cores\": ").append(Runtime.getRuntime().availableProcessors());
    made.append(", \"memory_bytes\": ").append(figure("/proc/meminfo", "MemTotal:")).append("},\n");
    made.append(" \"model\": {\"name\": ").append(Json.text(trials.model)).append(", \"artifact\": ").append(Json.text(trials.artifact));
    made.append(", \"size_bytes\": ").append(trials.bytes).append("},\n \"parity\": {\"cases\": ").append(trials.cases);
    made.append(", \"passed\": ").append(failure.isEmpty()).append(", \"reason\": ").append(Json.text(failure)).append("},\n");
    made.append(" \"times\": {\"open_ms\": ").append(Json.number(openMs, 3)).append(", \"first_ms\": ").append(Json.number(firstMs, 3));
    made.append(", \"swipe_ms\": ").append(Json.numbers(swipeMs, 3)).append(", \"network_ms\": ").append(Json.numbers(networkMs, 3));
    made.append(", \"tap_ms\": ").append(Json.numbers(tapMs, 3)).append(", \"next_ms\": ").append(Json.numbers(nextMs, 3)).append("},\n");
    made.append(" \"memory\": {\"bytes\": ").append(figure("/proc/self/status", "VmHWM:")).append(", \"of\": \"the app, at most\"},\n");
    made.append(" \"swipes\": [");
    for (int i = 0; i < swipes.size(); i++) made.append(i > 0 ? ",\n  " : "\n  ").append(swipes.get(i));
    return made.append("]}\n").toString();
  }

  /** Returns a number of kibibytes that the system tells, as bytes; "null" if it does not. */
  private static String figure(String file, String name) {
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(new FileInputStream(file), "UTF-8"))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(name)) return String.valueOf(1024 * Long.parseLong(line.replaceAll("[^0-9]", "")));
      }
    } catch (IOException | NumberFormatException untold) {
      return "null";
    }
    return "null";
  }
}
