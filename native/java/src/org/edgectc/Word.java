package org.edgectc;

/** A ranked word. */
public final class Word {
  public final String text;
  /** Natural log. */
  public final double score;
  /** Share among the words compared. */
  public final double probability;
  /** Whether no better word was missed. */
  public final boolean exact;

  Word(String text, double score, double probability, boolean exact) {
    this.text = text;
    this.score = score;
    this.probability = probability;
    this.exact = exact;
  }

  @Override
  public String toString() {
    return text;
  }
}
