package android.app;

import android.content.Context;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A screen: its view, what other threads want done on its own, and what it asked of others. */
public class Activity extends Context {
  public final Queue<Runnable> wishes = new ConcurrentLinkedQueue<>();
  public View content;
  public Intent asked;
  public int code;

  /** Does what other threads wanted done. */
  public void settle() {
    for (Runnable wish = wishes.poll(); wish != null; wish = wishes.poll()) wish.run();
  }

  /** Answers what was asked of others. */
  public void answer(Intent with) {
    onActivityResult(code, 0, with);
  }

  public void create() {
    onCreate(null);
  }

  public void destroy() {
    onDestroy();
  }

  protected void onCreate(Bundle state) {}

  protected void onDestroy() {}

  protected void onActivityResult(int code, int result, Intent with) {}

  public void setTitle(int text) {}

  public void setContentView(View view) {
    content = view;
  }

  public final void runOnUiThread(Runnable what) {
    wishes.add(what);
  }

  public void startActivityForResult(Intent intent, int wanted) {
    asked = intent;
    code = wanted;
  }
}
