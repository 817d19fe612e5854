"""Use of a model: load a bundle or an artifact, run its network, decode.

Only what is needed to use one; nothing here trains, exports or measures.
"""
