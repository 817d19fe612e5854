package org.edgectc;

/** A key as it is touched, gaps included; any unit, y downwards. */
public final class Key {
  final int letter;
  final double x, y, width, height;

  /**
   * @param letter its code point; 0: belongs to the board but spells nothing
   * @param x of the left upper corner
   * @param y of the left upper corner
   */
  public Key(int letter, double x, double y, double width, double height) {
    this.letter = letter;
    this.x = x;
    this.y = y;
    this.width = width;
    this.height = height;
  }
}
