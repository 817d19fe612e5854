"""Model input to log_probs, one file a runtime."""
