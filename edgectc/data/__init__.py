"""Swipes, lexicons and layouts: reading, checking and making data (numpy only)."""
