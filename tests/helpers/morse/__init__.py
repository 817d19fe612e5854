"""A family that nobody planned for: keyed tones to letters. It joins by entry points alone."""
