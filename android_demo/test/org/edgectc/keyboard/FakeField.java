package org.edgectc.keyboard;

import android.os.Handler;
import android.os.Looper;
import android.view.inputmethod.EditorInfo;
import android.view.inputmethod.InputConnection;

/** A field of an app: its text, its cursor, and the news of both, which come a little later, as they do from another process. */
final class FakeField implements InputConnection {
  static final int PLAIN = 1, SENTENCES = 0x4001, MULTI = 0x24001, PASSWORD = 0x81, EMAIL = 0x21, ADDRESS = 0x11;
  static final int NUMBER = 2, PHONE = 3, NO_SUGGESTIONS = 0x80001, NO_LEARNING = 0x1000000;
  final EditorInfo info = new EditorInfo();
  final StringBuilder text = new StringBuilder();
  int start, end;
  int action; // that was performed last
  private final Device device;
  private int batches;
  private boolean changed;

  FakeField(Device device, int type, int options) {
    this.device = device;
    info.inputType = type;
    info.imeOptions = options;
  }

  /** Puts the cursor somewhere, as a finger on the text does. */
  void put(int at) {
    setSelection(at, at);
  }

  private boolean tell() {
    changed = true;
    if (batches == 0) news();
    return true;
  }

  private void news() {
    if (!changed) return;
    changed = false;
    final int toStart = start, toEnd = end;
    new Handler(Looper.getMainLooper()).postDelayed(() -> {
      if (device.ime.editor == this) device.ime.onUpdateSelection(0, 0, toStart, toEnd, -1, -1);
    }, 5);
  }

  @Override
  public CharSequence getTextBeforeCursor(int most, int flags) {
    return text.substring(Math.max(0, start - most), start);
  }

  @Override
  public CharSequence getTextAfterCursor(int most, int flags) {
    return text.substring(end, Math.min(text.length(), end + most));
  }

  @Override
  public CharSequence getSelectedText(int flags) {
    return start == end ? null : text.substring(start, end);
  }

  @Override
  public boolean deleteSurroundingText(int before, int after) {
    int from = Math.max(0, start - before);
    text.delete(end, Math.min(text.length(), end + after));
    text.delete(from, start);
    end -= start - from;
    start = from;
    return tell();
  }

  @Override
  public boolean commitText(CharSequence written, int cursor) {
    text.replace(start, end, written.toString());
    start = end = start + written.length();
    return tell();
  }

  @Override
  public boolean setSelection(int from, int to) {
    if (from < 0 || to > text.length()) throw new AssertionError("a selection of " + from + " to " + to);
    start = from;
    end = to;
    return tell();
  }

  @Override
  public boolean performEditorAction(int which) {
    action = which;
    return true;
  }

  @Override
  public boolean beginBatchEdit() {
    batches++;
    return true;
  }

  @Override
  public boolean endBatchEdit() {
    if (--batches == 0) news();
    return true;
  }
}
