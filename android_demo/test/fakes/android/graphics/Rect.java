package android.graphics;

public class Rect {
  public int left, top, right, bottom;

  public Rect(int left, int top, int right, int bottom) {
    this.left = left;
    this.top = top;
    this.right = right;
    this.bottom = bottom;
  }

  public void offset(int x, int y) {
    left += x;
    right += x;
    top += y;
    bottom += y;
  }
}
