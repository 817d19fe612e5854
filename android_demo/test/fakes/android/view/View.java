package android.view;

import android.content.Context;
import android.content.res.Resources;
import android.graphics.Canvas;
import android.os.Handler;
import android.os.Looper;
import android.view.accessibility.AccessibilityNodeInfo;
import android.view.accessibility.AccessibilityNodeProvider;

/** A view that is as wide as it is told to be, and as high as it wants. */
public class View {
  public static final int NO_ID = -1, VISIBLE = 0, GONE = 8;
  public static int vibrated;
  public ViewParent parent;
  private final Context context;
  private final Handler main = new Handler(Looper.getMainLooper());
  public int visibility = VISIBLE;
  private OnClickListener clicked;
  private Object tag;
  private int width, height, wanted, measured;

  public interface OnClickListener {
    void onClick(View view);
  }

  public interface OnApplyWindowInsetsListener {
    WindowInsets onApplyWindowInsets(View view, WindowInsets insets);
  }

  public static final class MeasureSpec {
    public static int getSize(int spec) {
      return spec;
    }
  }

  public View(Context context) {
    this.context = context;
  }

  /** Gives it a width, now; it is laid out anew whenever it asks, a moment later. */
  public void layout(int given) {
    wanted = given;
    onMeasure(given, 0);
    if (given == width && measured == height) return;
    int oldWidth = width, oldHeight = height;
    width = given;
    height = measured;
    onSizeChanged(width, height, oldWidth, oldHeight);
  }

  public Canvas draw() {
    Canvas canvas = new Canvas(width, height);
    onDraw(canvas);
    return canvas;
  }

  public void hover(MotionEvent event) {
    dispatchHoverEvent(event);
  }

  public void requestLayout() {
    main.post(() -> layout(wanted));
  }

  protected void onMeasure(int width, int height) {}

  protected void onSizeChanged(int width, int height, int oldWidth, int oldHeight) {}

  protected void onDraw(Canvas canvas) {}

  protected final void setMeasuredDimension(int width, int height) {
    measured = height;
  }

  protected boolean dispatchHoverEvent(MotionEvent event) {
    return false;
  }

  public boolean onTouchEvent(MotionEvent event) {
    return false;
  }

  public WindowInsets onApplyWindowInsets(WindowInsets insets) {
    return insets;
  }

  public AccessibilityNodeProvider getAccessibilityNodeProvider() {
    return null;
  }

  public void onInitializeAccessibilityNodeInfo(AccessibilityNodeInfo node) {}

  public void sendAccessibilityEvent(int type) {}

  public void getLocationOnScreen(int[] place) {
    place[0] = 0;
    place[1] = 1000;
  }

  public final Context getContext() {
    return context;
  }

  public Resources getResources() {
    return context.getResources();
  }

  public final int getWidth() {
    return width;
  }

  public final int getHeight() {
    return height;
  }

  public final ViewParent getParent() {
    return parent;
  }

  public void setFocusable(boolean on) {}

  public void setVisibility(int now) {
    visibility = now;
  }

  public void setTag(Object given) {
    tag = given;
  }

  public Object getTag() {
    return tag;
  }

  public void setOnClickListener(OnClickListener listener) {
    clicked = listener;
  }

  public void click() {
    clicked.onClick(this);
  }

  public void setPadding(int left, int top, int right, int bottom) {}

  public void setOnApplyWindowInsetsListener(OnApplyWindowInsetsListener listener) {}

  public void invalidate() {}

  public boolean performHapticFeedback(int which) {
    vibrated++;
    return true;
  }

  public boolean postDelayed(Runnable what, long ms) {
    return main.postDelayed(what, ms);
  }

  public boolean removeCallbacks(Runnable what) {
    main.removeCallbacks(what);
    return true;
  }
}
