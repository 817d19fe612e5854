"""Runners by name: inputs to log_probs, in one runtime each; plugins alone.

Nothing here decodes.
"""
