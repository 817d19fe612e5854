package org.edgectc.keyboard;

import java.util.ArrayList;
import java.util.List;

/** Rows of letters, in shares of the width; a line of the file that the build writes of edgectc/formats/keyboards. */
final class Layout {
  final String name, title;
  private final List<String[]> rows = new ArrayList<>();

  /** Reads "name TAB title TAB x width letters TAB ...", a part a row. */
  Layout(String line) {
    String[] parts = line.split("\t");
    name = parts[0];
    title = parts[1];
    for (int i = 2; i < parts.length; i++) rows.add(parts[i].split(" ", 3));
  }

  static List<Layout> of(String lines) {
    List<Layout> made = new ArrayList<>();
    for (String line : lines.split("\n")) made.add(new Layout(line));
    return made;
  }

  int rows() {
    return rows.size();
  }

  double start(int row) {
    return Double.parseDouble(rows.get(row)[0]);
  }

  double keyWidth(int row) {
    return Double.parseDouble(rows.get(row)[1]);
  }

  /** Returns the letters of a row, a space for a gap. */
  String letters(int row) {
    return rows.get(row)[2];
  }

  double end(int row) {
    return start(row) + keyWidth(row) * letters(row).length();
  }
}
