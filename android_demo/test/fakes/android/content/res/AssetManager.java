package android.content.res;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

public class AssetManager {
  /** Where the assets lie; set by tests. */
  public static File folder;
  /** What was opened. */
  public static final List<String> OPENED = new ArrayList<>();

  public InputStream open(String name) throws IOException {
    OPENED.add(name);
    return new FileInputStream(new File(folder, name));
  }
}
