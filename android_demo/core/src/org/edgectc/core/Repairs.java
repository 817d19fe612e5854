package org.edgectc.core;

/**
 * Takes out of a trace what a screen or a hand put in; the rules and their reasons stand in
 * edgectc/data/repairs.py.
 */
final class Repairs {
  private static final int MOST_POINTS = 6;
  private static final double TIMES_STEP = 2.0;
  private static final double KEYS_PER_MS = 0.06;
  private static final double INNER = 0.5;
  private static final double STILL = 0.25;

  private final Trace trace;
  private final Layout layout;

  private Repairs(Trace trace, Layout layout) {
    this.trace = trace;
    this.layout = layout;
  }

  /** Returns the points of one finger; the first and the last are always among them. */
  static Trace ownPoints(Trace trace, Layout layout, double jumpKeys) {
    Repairs it = new Repairs(trace, layout);
    Trace kept = new Trace();
    kept.add(trace.x(0), trace.y(0), trace.t(0));
    int last = 0;
    double before = 0.0;
    for (int k = 1; k < trace.size(); k++) {
      k = it.ownFrom(last, k, Math.max(jumpKeys, TIMES_STEP * before));
      before = it.apart(last, k);
      last = k;
      kept.add(trace.x(k), trace.y(k), trace.t(k));
    }
    return kept;
  }

  /** Returns the points with equal times spread evenly to the next time. */
  static Trace spreadTimes(Trace trace) {
    Trace spread = new Trace();
    int n = trace.size();
    int next;
    for (int i = 0; i < n; i = next) {
      next = i + 1;
      while (next < n && trace.t(next) == trace.t(i)) {
        next++;
      }
      double span = next < n ? trace.t(next) - trace.t(i) : 0.0;
      for (int k = i; k < next; k++) {
        spread.add(trace.x(k), trace.y(k), trace.t(k) + span * (k - i) / (next - i));
      }
    }
    return spread;
  }

  /** Returns the points with times in which no rest of the finger is longer than restMs. */
  static Trace withoutRests(Trace trace, Layout layout, double restMs) {
    Repairs it = new Repairs(trace, layout);
    int last = trace.size() - 1;
    double[] steps = new double[last];
    for (int i = 0; i < last; i++) {
      steps[i] = trace.t(i + 1) - trace.t(i);
    }
    int j;
    for (int i = 0; i < last; i = Math.max(j, i + 1)) {
      j = i;
      while (j < last && it.apart(i, j + 1) <= STILL) {
        j++;
      }
      double span = trace.t(j) - trace.t(i);
      for (int k = i; span > restMs && k < j; k++) {
        steps[k] *= restMs / span;
      }
    }
    Trace shorter = new Trace();
    double t = trace.t(0);
    for (int i = 0; i <= last; i++) {
      t += i > 0 ? Math.min(steps[i - 1], restMs) : 0.0;
      shorter.add(trace.x(i), trace.y(i), t);
    }
    return shorter;
  }

  /** Returns the point after a run of another finger that begins at first, else first. */
  private int ownFrom(int last, int first, double least) {
    double there = apart(last, first);
    if (!jumps(there, least, last, first)) {
      return first;
    }
    for (int k = first + 1; k < Math.min(trace.size(), first + MOST_POINTS + 1); k++) {
      double step = apart(k - 1, k);
      if (jumps(step, least, k - 1, k) && apart(last, k) < Math.min(there, step)) {
        return k;
      }
      if (step > INNER * there) {
        return first;
      }
    }
    return first;
  }

  private boolean jumps(double length, double least, int from, int to) {
    return length > least && length > KEYS_PER_MS * (trace.t(to) - trace.t(from));
  }

  private double apart(int a, int b) {
    // On a screen's grid, distances of just a quarter of a key are common: the last bit counts.
    return Math.hypot(
        trace.x(b) / layout.keyWidth - trace.x(a) / layout.keyWidth,
        trace.y(b) / layout.keyHeight - trace.y(a) / layout.keyHeight);
  }
}
