package android.view.accessibility;

import android.graphics.Rect;
import android.view.View;
import java.util.ArrayList;
import java.util.List;

public class AccessibilityNodeInfo {
  public static final int ACTION_CLICK = 16;
  public final List<Integer> children = new ArrayList<>();
  public CharSequence said;
  public Rect place;

  public static AccessibilityNodeInfo obtain(View view) {
    return new AccessibilityNodeInfo();
  }

  public static AccessibilityNodeInfo obtain(View view, int id) {
    return new AccessibilityNodeInfo();
  }

  public void addChild(View view, int id) {
    children.add(id);
  }

  public void setPackageName(CharSequence name) {}

  public void setClassName(CharSequence name) {}

  public void setContentDescription(CharSequence text) {
    said = text;
  }

  public void setParent(View view) {}

  public void setBoundsInParent(Rect box) {}

  public void setBoundsInScreen(Rect box) {
    place = box;
  }

  public void setEnabled(boolean on) {}

  public void setVisibleToUser(boolean on) {}

  public void setClickable(boolean on) {}

  public void addAction(int action) {}
}
