"""The browser keyboard: its files, and a server for them.

The page itself is made from `web_demo/`.
"""
