"""What is trained, by name; plugins alone.

What they share is in `edgectc.training.swipes` and beside it.
"""
