package org.edgectc;

/** What was refused, and why. */
public final class EdgectcException extends RuntimeException {
  /** "one_point" (a tap), "off_keyboard" ... where points were no swipe, else "". */
  public final String reason;

  EdgectcException(String message, String reason) {
    super(message);
    this.reason = reason;
  }
}
