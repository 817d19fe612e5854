package org.edgectc.core;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Resamples a trace to the frames that the network takes; everything after that is in its graph.
 *
 * <p>The rule and its reasons stand in edgectc/data/frontends/swipe.py, the steps in
 * docs/host_contract.md.
 */
public final class SwipeFrontend {
  private static final List<String> KNOWN =
      Arrays.asList(
          "type", "max_frames", "min_frames", "ms_per_frame", "keys_per_frame", "time_share",
          "slots", "jump_keys", "spread_times", "rest_ms");
  /** Frames of the fixed-shape input. */
  public final int maxFrames;

  /** Most keys a layout may have. */
  public final int slots;

  private final int minFrames;
  private final double msPerFrame;
  private final double keysPerFrame;
  private final double timeShare;
  private final double jumpKeys;
  private final double restMs;
  private final boolean spreadTimes;

  /** Reads the options of a manifest's frontend. */
  public SwipeFrontend(Map<?, ?> options) {
    if (!"swipe".equals(Json.text(options, "type"))) {
      throw new ModelException(
          "the model takes " + Json.text(options, "type") + ", this app makes only swipes");
    }
    for (Object key : options.keySet()) {
      if (!KNOWN.contains(key)) {
        throw new ModelException("the model's frontend has the unknown option '" + key
            + "'; it was made for a newer app");
      }
    }
    maxFrames = Json.integer(options, "max_frames");
    minFrames = Json.integer(options, "min_frames");
    msPerFrame = Json.number(options, "ms_per_frame");
    keysPerFrame = Json.number(options, "keys_per_frame");
    timeShare = Json.number(options, "time_share");
    slots = Json.integer(options, "slots");
    // A model that was made before there were these states none of them.
    jumpKeys = options.containsKey("jump_keys") ? Json.number(options, "jump_keys") : 0.0;
    restMs = options.containsKey("rest_ms") ? Json.number(options, "rest_ms") : 0.0;
    spreadTimes = Boolean.TRUE.equals(options.get("spread_times"));
  }

  /**
   * Returns (length, 3) frames x, y, t in seconds, row by row, t from 0.
   *
   * @throws TraceException if the trace cannot be used
   */
  public double[] frames(Trace all, Layout layout) {
    all.check();
    Trace trace = repaired(all, layout);
    int n = trace.size();
    double[] arc = new double[n];
    for (int i = 1; i < n; i++) {
      double dx = (trace.x(i) - trace.x(i - 1)) / layout.keyWidth;
      double dy = (trace.y(i) - trace.y(i - 1)) / layout.keyHeight;
      arc[i] = arc[i - 1] + Math.hypot(dx, dy);
    }
    double duration = trace.t(n - 1) - trace.t(0);
    double path = arc[n - 1];
    double wanted = Math.ceil(Math.max(duration / msPerFrame, path / keysPerFrame));
    int length = (int) Math.min(Math.max(wanted, minFrames), maxFrames);
    // A finger that does not move has no arc to follow: fall back to time alone.
    double share = path > 0 ? timeShare : 1.0;
    double[] u = new double[n];
    for (int i = 0; i < n; i++) {
      u[i] = share * (trace.t(i) - trace.t(0)) / duration + (1 - share) * arc[i] / Math.max(path, 1e-9);
    }
    double[] frames = new double[3 * length];
    int left = 0;
    for (int k = 0; k < length; k++) {
      double place = k == length - 1 ? u[n - 1] : k * (u[n - 1] / (length - 1));
      // The last point at or before the place, as numpy.interp picks it among equal ones.
      while (left < n - 1 && u[left + 1] <= place) {
        left++;
      }
      int right = Math.min(left + 1, n - 1);
      double part = right > left ? (place - u[left]) / (u[right] - u[left]) : 0.0;
      frames[3 * k] = between(trace.x(left), trace.x(right), part);
      frames[3 * k + 1] = between(trace.y(left), trace.y(right), part);
      double t0 = trace.t(0);
      frames[3 * k + 2] = between((trace.t(left) - t0) / 1000, (trace.t(right) - t0) / 1000, part);
    }
    return frames;
  }

  private Trace repaired(Trace trace, Layout layout) {
    Trace own = jumpKeys > 0 ? Repairs.ownPoints(trace, layout, jumpKeys) : trace;
    Trace spread = spreadTimes ? Repairs.spreadTimes(own) : own;
    return restMs > 0 ? Repairs.withoutRests(spread, layout, restMs) : spread;
  }

  private static double between(double from, double to, double part) {
    return from + (to - from) * part;
  }
}
