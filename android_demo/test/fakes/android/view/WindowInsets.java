package android.view;

public class WindowInsets {
  private final int bottom;

  public WindowInsets(int bottom) {
    this.bottom = bottom;
  }

  public int getSystemWindowInsetBottom() {
    return bottom;
  }

  public int getSystemWindowInsetTop() {
    return 0;
  }

  public int getSystemWindowInsetLeft() {
    return 0;
  }

  public int getSystemWindowInsetRight() {
    return 0;
  }
}
