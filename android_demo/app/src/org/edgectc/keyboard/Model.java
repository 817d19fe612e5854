package org.edgectc.keyboard;

import android.content.Context;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Scanner;
import org.edgectc.EdgectcException;
import org.edgectc.Keyboard;

/** The model that the package carries: unpacked into the app's files once, then mapped from there. */
final class Model {
  private static final String[] FILES = {"model.edgectc", "model.trie", "model.lm"};
  private static final String TESTED = "tested"; // an empty file: this phone answered the model's own cases

  private Model() {}

  /** Returns an open keyboard, its model tested on this processor once. */
  static Keyboard open(Context context) throws IOException {
    File folder = unpacked(context);
    Keyboard keyboard =
        Keyboard.open(new File(folder, FILES[0]), new File(folder, FILES[1]), new File(folder, FILES[2]));
    try {
      File tested = new File(folder, TESTED);
      if (!tested.exists()) {
        keyboard.test();
        tested.createNewFile();
      }
      return keyboard;
    } catch (EdgectcException | IOException refused) {
      keyboard.close();
      throw refused;
    }
  }

  /** Returns the lines of a text that the package carries. */
  static String text(Context context, String name) {
    try (InputStream in = context.getAssets().open(name)) {
      return new Scanner(in, "UTF-8").useDelimiter("\\A").next().trim();
    } catch (IOException error) {
      throw new IllegalStateException("the package has no " + name + ": build it again", error);
    }
  }

  /** Returns the folder of the files. It is named by their content, and is whole where it has its name. */
  private static File unpacked(Context context) throws IOException {
    String name = "model-" + text(context, "model/id");
    File folder = new File(context.getFilesDir(), name);
    if (folder.isDirectory()) return folder;
    for (File old : context.getFilesDir().listFiles()) {
      if (old.getName().startsWith("model-")) delete(old);
    }
    File partial = new File(context.getFilesDir(), name + ".partial");
    if (!partial.mkdirs()) throw new IOException("no room for the model in " + context.getFilesDir());
    for (String file : FILES) copy(context, "model/" + file, new File(partial, file));
    if (!partial.renameTo(folder)) throw new IOException("cannot write " + folder);
    return folder;
  }

  private static void copy(Context context, String asset, File to) throws IOException {
    try (InputStream in = context.getAssets().open(asset);
        FileOutputStream out = new FileOutputStream(to)) {
      byte[] block = new byte[1 << 16];
      for (int n = in.read(block); n >= 0; n = in.read(block)) out.write(block, 0, n);
      out.getFD().sync();
    }
  }

  private static void delete(File folder) {
    File[] inside = folder.listFiles();
    for (int i = 0; inside != null && i < inside.length; i++) inside[i].delete();
    folder.delete();
  }

  /** Returns the user's words, null if there are none. */
  static byte[] words(Context context) throws IOException {
    File file = new File(context.getFilesDir(), "words");
    if (!file.exists()) return null;
    byte[] made = new byte[(int) file.length()];
    try (java.io.DataInputStream in = new java.io.DataInputStream(new java.io.FileInputStream(file))) {
      in.readFully(made);
    }
    return made;
  }

  /** Keeps the user's words, whole or not at all; null forgets them. */
  static void keep(Context context, byte[] words) throws IOException {
    File file = new File(context.getFilesDir(), "words"), partial = new File(file + ".partial");
    if (words == null) {
      if (file.exists() && !file.delete()) throw new IOException("cannot delete " + file);
      return;
    }
    try (FileOutputStream out = new FileOutputStream(partial)) {
      out.write(words);
      out.getFD().sync();
    }
    if (!partial.renameTo(file)) throw new IOException("cannot write " + file);
  }
}
