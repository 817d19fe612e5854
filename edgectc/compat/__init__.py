"""Modules that answer to the names of other packages, so that their users can change over."""
