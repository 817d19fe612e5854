package org.edgectc;

/** What the strip above the keys offers. */
public final class Suggestion {
  public final String text;
  /** Whether it is what was typed, letter by letter; picked, it becomes a word of the user. */
  public final boolean typed;

  Suggestion(String text, boolean typed) {
    this.text = text;
    this.typed = typed;
  }

  @Override
  public String toString() {
    return text;
  }
}
