package android.view;

public class KeyEvent {
  public static final int KEYCODE_ENTER = 66;
  public static final int KEYCODE_DEL = 67;
}
