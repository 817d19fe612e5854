"""Trace-safe sequence encoders (torch)."""
