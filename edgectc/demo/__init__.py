"""The browser keyboard: its files, and a server for them."""
