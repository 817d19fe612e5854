package org.edgectc.core;

/** One word that a trace may mean. */
public final class Candidate {
  /** The word as it is written. */
  public final String text;

  /** Natural-log score; higher is better. */
  public final double score;

  /** Share among the candidates that were returned, 0..1. */
  public final double probability;

  /** Makes a candidate. */
  public Candidate(String text, double score, double probability) {
    this.text = text;
    this.score = score;
    this.probability = probability;
  }

  @Override
  public String toString() {
    return text;
  }
}
