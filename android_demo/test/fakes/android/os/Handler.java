package android.os;

public class Handler {
  private final Looper looper;

  public Handler(Looper looper) {
    this.looper = looper;
  }

  public final boolean post(Runnable what) {
    return postDelayed(what, 0);
  }

  public final boolean postDelayed(Runnable what, long ms) {
    return looper.tasks.add(new Looper.Task(Looper.now + ms, what));
  }

  public final void removeCallbacks(Runnable what) {
    looper.tasks.removeIf(task -> task.what == what);
  }
}
