"""Language models: each file is one, registered by its file name."""
