"""Model and scheme to artifact, one file a format (torch and converters)."""
