package org.edgectc.core;

/** A model file that cannot be used: damaged, of another version, or not made for this app. */
public final class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why a signature is refused, see SignatureFile; "" for all else. */
  public final String reason;

  /** Says what was found, what was expected and what to do. */
  public ModelException(String message) {
    this(message, "");
  }

  ModelException(String message, String reason) {
    super(message);
    this.reason = reason;
  }
}
