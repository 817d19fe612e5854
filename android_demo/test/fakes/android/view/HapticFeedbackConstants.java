package android.view;

public final class HapticFeedbackConstants {
  public static final int KEYBOARD_TAP = 3;
}
