"""Size, speed, memory and accuracy of models, side by side.

Nothing here decides whether a model is right.
"""
