"""In-graph features and heads, one file a model family (torch)."""
