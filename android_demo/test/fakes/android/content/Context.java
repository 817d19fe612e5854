package android.content;

import android.content.res.AssetManager;
import android.content.res.Resources;
import java.io.File;
import java.util.Map;
import java.util.TreeMap;

/** A fake of the app's surroundings: files, assets, settings, strings. */
public class Context {
  public static final int MODE_PRIVATE = 0;
  public static final String AUDIO_SERVICE = "audio";
  /** Where the app's files lie; set by tests. */
  public static File files;
  private static final Map<String, SharedPreferences> SETTINGS = new TreeMap<>();
  private static final Resources RESOURCES = new Resources();
  private static final AssetManager ASSETS = new AssetManager();

  public static void forgetSettings() {
    SETTINGS.clear();
  }

  public SharedPreferences getSharedPreferences(String name, int mode) {
    if (!SETTINGS.containsKey(name)) SETTINGS.put(name, new SharedPreferences.Fake());
    return SETTINGS.get(name);
  }

  public File getFilesDir() {
    return files;
  }

  public AssetManager getAssets() {
    return ASSETS;
  }

  public Resources getResources() {
    return RESOURCES;
  }

  public String getString(int id, Object... with) {
    return RESOURCES.getString(id, with);
  }

  public Object getSystemService(String name) {
    return new android.media.AudioManager();
  }

  public ContentResolver getContentResolver() {
    return new ContentResolver();
  }

  public String getPackageName() {
    return "org.edgectc.keyboard";
  }
}
