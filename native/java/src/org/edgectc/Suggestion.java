package org.edgectc;

/** What the strip above the keys offers. */
public final class Suggestion {
  public final String text;
  /** Whether it is what was typed, letter by letter; picked, it becomes a word of the user. */
  public final boolean typed;
  /** Share among the words compared, NaN for what was typed. */
  public final double probability;

  Suggestion(String text, boolean typed, double probability) {
    this.text = text;
    this.typed = typed;
    this.probability = probability;
  }

  @Override
  public String toString() {
    return text;
  }
}
