"""What is minimised: CTC and the terms beside it.

Nothing here knows a family.
"""
