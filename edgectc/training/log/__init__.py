"""What a run says: progress, records, curves.

Nothing here changes a run.
"""
