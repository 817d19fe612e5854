package android.view.inputmethod;

public class EditorInfo {
  public static final int IME_MASK_ACTION = 0xff;
  public static final int IME_ACTION_UNSPECIFIED = 0;
  public static final int IME_ACTION_NONE = 1;
  public static final int IME_ACTION_GO = 2;
  public static final int IME_ACTION_SEARCH = 3;
  public static final int IME_ACTION_SEND = 4;
  public static final int IME_ACTION_NEXT = 5;
  public static final int IME_ACTION_DONE = 6;
  public static final int IME_FLAG_NO_ENTER_ACTION = 0x40000000;
  public int inputType, imeOptions, initialSelEnd, actionId;
  public CharSequence actionLabel;
}
