package org.edgectc.core;

import java.util.Arrays;

/** The path of a finger: x, y in the letter-area frame and t in milliseconds, point by point. */
public final class Trace {
  private static final double PIXELS_FROM = 5.0;
  private static final double MIN_DURATION_MS = 10.0;
  private static final double MAX_DURATION_MS = 60_000.0;
  private double[] values = new double[3 * 128];
  private int count;

  /** Adds a point. */
  public void add(double x, double y, double tMs) {
    if (3 * count == values.length) {
      values = Arrays.copyOf(values, 2 * values.length);
    }
    values[3 * count] = x;
    values[3 * count + 1] = y;
    values[3 * count + 2] = tMs;
    count++;
  }

  /** Number of points. */
  public int size() {
    return count;
  }

  /** Returns a trace of its own with the same points. */
  public Trace copy() {
    Trace made = new Trace();
    made.values = values.clone();
    made.count = count;
    return made;
  }

  /** x of point i. */
  public double x(int i) {
    return values[3 * i];
  }

  /** y of point i. */
  public double y(int i) {
    return values[3 * i + 1];
  }

  /** Time of point i in milliseconds. */
  public double t(int i) {
    return values[3 * i + 2];
  }

  /**
   * Refuses a trace that cannot be used, for the reasons and with the limits of
   * edgectc/data/validation.py, in the same order.
   */
  public void check() {
    if (count == 0) {
      throw new TraceException("empty", "the trace holds no point");
    }
    if (count == 1) {
      throw new TraceException("one_point", "the trace is a tap: one point has no path");
    }
    int far = 0;
    for (int i = 0; i < count; i++) {
      if (!finite(x(i)) || !finite(y(i)) || !finite(t(i))) {
        throw new TraceException("not_finite", "point " + i + " is not finite");
      }
      far += Math.abs(x(i)) > PIXELS_FROM || Math.abs(y(i)) > PIXELS_FROM ? 1 : 0;
    }
    if (2 * far > count) {
      throw new TraceException(
          "pixel_coordinates", "the coordinates are pixels, not fractions of the letter area");
    }
    for (int i = 0; i < count; i++) {
      if (x(i) < -0.5 || x(i) > 1.5 || y(i) < -1.0 || y(i) > 2.5) {
        throw new TraceException("off_keyboard", "point " + i + " is off the keyboard");
      }
    }
    for (int i = 1; i < count; i++) {
      if (t(i) < t(i - 1)) {
        throw new TraceException("time_backwards", "time runs backwards at point " + i);
      }
    }
    double duration = t(count - 1) - t(0);
    if (duration == 0.0) {
      throw new TraceException("time_constant", "all points have the same time");
    }
    if (duration < MIN_DURATION_MS) {
      throw new TraceException("time_too_short", "the trace lasts under 10 ms");
    }
    if (duration > MAX_DURATION_MS) {
      throw new TraceException("time_too_long", "the trace lasts over a minute");
    }
  }

  private static boolean finite(double value) {
    return !Double.isNaN(value) && !Double.isInfinite(value);
  }
}
