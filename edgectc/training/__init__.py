"""Training: settings, tasks, the loop, objectives and the log.

Nothing here exports or packs; that is in `edgectc.exporting`.
"""
