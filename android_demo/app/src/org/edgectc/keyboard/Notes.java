package org.edgectc.keyboard;

import android.content.Context;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.util.Scanner;

/** Files of the app that grow by lines: the ledger and the recorded swipes. */
final class Notes {
  static final String LEDGER = "ledger.jsonl", SWIPES = "swipes.jsonl";
  private static final long MOST = 4_000_000; // bytes; a full file takes no more

  private Notes() {}

  /** Adds lines; a new file begins with `head`. */
  static void add(Context context, String name, String head, String lines) throws IOException {
    File file = new File(context.getFilesDir(), name);
    if (lines.isEmpty() || file.length() > MOST) return;
    boolean begins = file.length() == 0;
    try (Writer out = new OutputStreamWriter(new FileOutputStream(file, true), "UTF-8")) {
      out.write(begins ? head + lines : lines);
    }
  }

  /** Returns all of a file, "" if there is none. */
  static String text(Context context, String name) throws IOException {
    File file = new File(context.getFilesDir(), name);
    if (!file.exists()) return "";
    try (Scanner scanner = new Scanner(new FileInputStream(file), "UTF-8").useDelimiter("\\A")) {
      return scanner.hasNext() ? scanner.next() : "";
    }
  }

  static void delete(Context context) throws IOException {
    for (String name : new String[] {LEDGER, SWIPES}) {
      File file = new File(context.getFilesDir(), name);
      if (file.exists() && !file.delete()) throw new IOException("cannot delete " + file);
    }
  }
}
