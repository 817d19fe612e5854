"""The training loop: batches, guards, schedules, devices, checkpoints.

Nothing here knows a family.
"""
