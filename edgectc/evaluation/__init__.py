"""Whether a model is right: verification, accuracy, comparison, tuning.

Nothing here makes a model or an artifact.
"""
