"""The vectors that `scripts/golden.py` writes, a module for each file."""
