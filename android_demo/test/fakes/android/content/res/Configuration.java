package android.content.res;

public class Configuration {
  public static final int ORIENTATION_PORTRAIT = 1;
  public static final int ORIENTATION_LANDSCAPE = 2;
  public static final int UI_MODE_NIGHT_MASK = 0x30;
  public static final int UI_MODE_NIGHT_YES = 0x20;
  public int orientation = ORIENTATION_PORTRAIT;
  public int uiMode;
}
