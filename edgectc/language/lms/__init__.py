"""Language models by the name of their file format; plugins alone.

What they share is in `edgectc.language.ngram`.
"""
