package org.edgectc.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Where each letter's key lies, in the letter-area frame: x 0..1 over the keyboard's width, y 0..1
 * over the rows that hold letters, 0 = top.
 */
public final class Layout {
  /** Name, as in the artifact. */
  public final String name;

  /** Rows of keys, a space is a gap; for drawing. */
  public final List<String> rows = new ArrayList<>();

  /** Left edge of each row's first key. */
  public final double[] rowX;

  /** Width of each row's keys. */
  public final double[] rowKeyWidth;

  /** The letter of each key, row by row from the top left. */
  public final String letters;

  /** Key centres: x, y of key i at 2 i, 2 i + 1. */
  public final double[] centers;

  /** Width of a typical key: the unit of distance. */
  public final double keyWidth;

  /** Height of a key. */
  public final double keyHeight;

  /** Reads the JSON form of a layout, as a manifest holds it. */
  public Layout(Map<?, ?> values) {
    name = Json.text(values, "name");
    List<Object> described = Json.array(values, "rows");
    rowX = new double[described.size()];
    rowKeyWidth = new double[described.size()];
    StringBuilder made = new StringBuilder();
    List<Double> places = new ArrayList<>();
    List<Double> widths = new ArrayList<>();
    for (int i = 0; i < rowX.length; i++) {
      Map<?, ?> row = (Map<?, ?>) described.get(i);
      String keys = Json.text(row, "keys");
      rows.add(keys);
      rowX[i] = Json.number(row, "x");
      rowKeyWidth[i] = Json.number(row, "key_width");
      for (int column = 0; column < keys.length(); column++) {
        if (keys.charAt(column) != ' ') {
          made.append(keys.charAt(column));
          places.add(rowX[i] + (column + 0.5) * rowKeyWidth[i]);
          places.add((i + 0.5) / rowX.length);
          widths.add(rowKeyWidth[i]);
        }
      }
    }
    if (made.length() == 0) {
      throw new ModelException("layout '" + name + "' has no keys");
    }
    letters = made.toString();
    centers = new double[places.size()];
    for (int i = 0; i < centers.length; i++) {
      centers[i] = places.get(i);
    }
    keyWidth = median(widths);
    keyHeight = 1.0 / rowX.length;
  }

  private static double median(List<Double> values) {
    double[] sorted = new double[values.size()];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = values.get(i);
    }
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    boolean odd = sorted.length % 2 == 1;
    return odd ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
