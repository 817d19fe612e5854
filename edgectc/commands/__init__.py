"""The command line: one module of arguments and output for each verb.

Verbs that join several packages live here; nothing below imports it.
"""
