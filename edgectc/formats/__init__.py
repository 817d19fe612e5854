"""The files of the product: bundle, manifest, reference cases and keyboard layouts.

Reading, checking and writing them; nothing here runs a network or makes one.
"""
