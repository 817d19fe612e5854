"""Errors, types, contracts, files, configuration and numbers that every other package builds on.

Nothing here knows a model, a file format or a family; numpy and the standard library alone.
"""
