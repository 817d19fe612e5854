package android.view;

public class WindowInsets {
  private final int bottom;

  public WindowInsets(int bottom) {
    this.bottom = bottom;
  }

  public int getSystemWindowInsetBottom() {
    return bottom;
  }
}
