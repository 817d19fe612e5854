"""What litert-torch converts wrongly, written so that it does not, with the same answers."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node

_TRANSPOSED = (torch.ops.aten.transpose.int, torch.ops.aten.permute.default)


def with_plain_products(program: ExportedProgram) -> ExportedProgram:
    """Return a program whose products of two transposed matrices are those of the plain ones.

    The converter of litert-torch 0.10.0 folds the transposition of the left one into a product that
    becomes FULLY_CONNECTED, which has no place for it, so that the file cannot be loaded ("input
    dims != cols"): A' B' is written (B A)'.
    """
    transpose, bmm = torch.ops.aten.transpose.int, torch.ops.aten.bmm.default
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        ends = any(user.op == "output" for user in node.users)  # whose name is kept
        if node.op != "call_function" or node.target is not bmm or ends:
            continue
        left, right = (_inside(one) for one in node.args)
        if left is None or right is None:
            continue
        with graph.inserting_before(node):
            product = graph.call_function(bmm, (right, left))
            turned = graph.call_function(transpose, (product, 1, 2))
        product.meta["val"] = node.meta["val"].transpose(1, 2)
        turned.meta = dict(node.meta)
        node.replace_all_uses_with(turned)
        graph.erase_node(node)
    program.graph_module.recompile()
    return program


def _inside(node: Any) -> Node | None:
    """Return what a node transposes the last two axes of; None if it does something else."""
    if not isinstance(node, Node) or node.target not in _TRANSPOSED:
        return None
    given: Any = node.args
    axes = sorted(given[1:]) if node.target is _TRANSPOSED[0] else given[1]
    inside: Node = given[0]
    turns = axes in ([1, 2], [-2, -1]) or axes == [0, 2, 1]
    return inside if turns else None
