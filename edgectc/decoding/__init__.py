"""From log_probs to texts: decoders by name, and the searches they are made of.

Nothing here knows how log_probs were made; no torch.
"""
