package android.os;

import java.util.ArrayList;
import java.util.List;

/** A fake of threads with queues: all run in the test's own, in the order of their times, when it says so. */
public final class Looper {
  static final class Task {
    final long at;
    final Runnable what;

    Task(long at, Runnable what) {
      this.at = at;
      this.what = what;
    }
  }

  private static final List<Looper> ALL = new ArrayList<>();
  private static final Looper MAIN = new Looper();
  public static long now = 1000;
  /** Whether threads other than the main one are as slow as can be. */
  public static boolean othersWait;
  final List<Task> tasks = new ArrayList<>();

  Looper() {
    ALL.add(this);
  }

  public static Looper getMainLooper() {
    return MAIN;
  }

  /** Forgets all that was to be done. */
  public static void reset() {
    for (Looper looper : ALL) looper.tasks.clear();
    othersWait = false;
  }

  /** Lets time go by. */
  public static void advance(long ms) {
    long end = now + ms;
    while (true) {
      Looper next = null;
      Task first = null;
      for (Looper looper : ALL) {
        if (othersWait && looper != MAIN) continue;
        for (Task task : looper.tasks) {
          if (task.at <= end && (first == null || task.at < first.at)) {
            first = task;
            next = looper;
          }
        }
      }
      if (first == null) break;
      now = Math.max(now, first.at);
      next.tasks.remove(first);
      first.what.run();
    }
    now = end;
  }
}
