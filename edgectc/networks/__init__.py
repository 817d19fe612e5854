"""The network that is trained and exported: features, encoder, head, lengths.

Torch modules alone; nothing here reads files or trains.
"""
