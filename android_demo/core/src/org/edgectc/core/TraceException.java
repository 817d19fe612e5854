package org.edgectc.core;

/** A trace that cannot be used. */
public final class TraceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Machine-readable cause, the same words as in Python, e.g. "one_point". */
  public final String reason;

  /** Says why, for people and for programs. */
  public TraceException(String reason, String message) {
    super(message);
    this.reason = reason;
  }
}
