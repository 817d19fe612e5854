"""Words: spelling, lexicons, the user's dictionary and language models.

Nothing here knows a network, a trace or a decoder.
"""
