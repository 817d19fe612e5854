"""Recordings out of nothing: for tests, samples, and trials without a data set.

Plain functions of a seed; `edgectc.data.samples` says which of them a family uses.
"""
