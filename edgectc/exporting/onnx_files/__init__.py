"""ONNX files of others: what they take and answer found out, doubted, and put behind our contract.

Nothing here needs the network in PyTorch.
"""
