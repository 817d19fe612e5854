"""What `scripts/structure.py` measures a package by, one question a module."""
