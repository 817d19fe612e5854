"""log_probs to ranked text, one file a search (numpy only)."""
