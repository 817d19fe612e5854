package org.edgectc.keyboard;

import android.app.Activity;
import android.content.Intent;
import android.widget.Toast;
import java.io.IOException;
import java.io.OutputStream;

/** Files that their owner saves where they like, without a permission. */
final class Saved {
  private Saved() {}

  /** Lets the user choose a place; the activity is told so with `code`. */
  static void ask(Activity activity, int code, String name, String type) {
    Intent wish = new Intent(Intent.ACTION_CREATE_DOCUMENT);
    wish.addCategory(Intent.CATEGORY_OPENABLE);
    wish.setType(type);
    wish.putExtra(Intent.EXTRA_TITLE, name);
    activity.startActivityForResult(wish, code);
  }

  /** Writes a text to the place that was chosen; none was if that is null. */
  static void write(Activity activity, Intent chosen, String text) {
    if (chosen == null || chosen.getData() == null) return;
    try (OutputStream out = activity.getContentResolver().openOutputStream(chosen.getData())) {
      out.write(text.getBytes("UTF-8"));
    } catch (IOException error) {
      say(activity, error);
    }
  }

  static void say(Activity activity, IOException error) {
    Toast.makeText(activity, activity.getString(R.string.not_saved, error.getMessage()), Toast.LENGTH_LONG).show();
  }
}
