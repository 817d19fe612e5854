package android.media;

public class AudioManager {
  public static final int FX_KEYPRESS_STANDARD = 5;
  public static int played;

  public void playSoundEffect(int which) {
    played++;
  }
}
