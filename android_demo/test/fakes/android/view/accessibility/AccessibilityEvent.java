package android.view.accessibility;

import android.view.View;

public class AccessibilityEvent {
  public static final int TYPE_VIEW_HOVER_ENTER = 128;
  public static final int TYPE_VIEW_HOVER_EXIT = 256;
  public static final int TYPE_WINDOW_CONTENT_CHANGED = 2048;
  public final int type;
  public CharSequence said;

  private AccessibilityEvent(int type) {
    this.type = type;
  }

  public static AccessibilityEvent obtain(int type) {
    return new AccessibilityEvent(type);
  }

  public void setPackageName(CharSequence name) {}

  public void setClassName(CharSequence name) {}

  public void setContentDescription(CharSequence text) {
    said = text;
  }

  public void setEnabled(boolean on) {}

  public void setSource(View view, int id) {}
}
