package android.content;

import android.net.Uri;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.OutputStream;

public class ContentResolver {
  public final OutputStream openOutputStream(Uri place) throws FileNotFoundException {
    return new FileOutputStream(place.file);
  }
}
