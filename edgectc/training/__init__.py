"""From labelled samples to a checkpoint (torch)."""
