"""The verbs that join several packages, as functions that `edgectc` offers; they print nothing.

The command line beside this package parses, calls one of them, and prints what it returns.
"""
