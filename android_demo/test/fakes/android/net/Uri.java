package android.net;

import java.io.File;

/** A place that the user chose. */
public class Uri {
  public final File file;

  public Uri(File file) {
    this.file = file;
  }
}
