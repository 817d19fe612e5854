"""What is inside an artifact, by target.

Nothing here runs it.
"""
