"""Features inside the graph, by name; plugins alone.

From the inputs that a frontend prepared to what an encoder takes.
"""
