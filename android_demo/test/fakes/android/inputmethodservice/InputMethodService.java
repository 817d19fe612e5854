package android.inputmethodservice;

import android.content.Context;
import android.view.View;
import android.view.inputmethod.EditorInfo;
import android.view.inputmethod.InputConnection;
import java.util.ArrayList;
import java.util.List;

public class InputMethodService extends Context {
  /** The field that has the focus; set by tests. */
  public InputConnection editor;
  /** Keys that were sent as a hardware keyboard sends them. */
  public final List<Integer> sent = new ArrayList<>();

  public void onCreate() {}

  public void onDestroy() {}

  public View onCreateInputView() {
    return null;
  }

  public boolean onEvaluateFullscreenMode() {
    return true;
  }

  public void onStartInput(EditorInfo info, boolean restarting) {}

  public void onStartInputView(EditorInfo info, boolean restarting) {}

  public void onFinishInput() {}

  public void onUpdateSelection(int oldStart, int oldEnd, int start, int end, int from, int to) {}

  public InputConnection getCurrentInputConnection() {
    return editor;
  }

  public void sendDownUpKeyEvents(int code) {
    sent.add(code);
  }
}
