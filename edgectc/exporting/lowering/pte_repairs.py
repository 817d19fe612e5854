"""Graphs as ExecuTorch takes them: what it reads and PyTorch leaves out is filled in."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

_POOLS = (torch.ops.aten.max_pool2d.default, torch.ops.aten.avg_pool2d.default)


def with_strides(program: ExportedProgram) -> ExportedProgram:
    """Return the program, every pooling with its stride said, which is its window by default.

    XNNPACK's partitioner of ExecuTorch 1.4 reads the third argument of ``max_pool2d`` and fails
    with "tuple index out of range" where it is left out.
    """
    changed = False
    for node in program.graph.nodes:
        if node.target in _POOLS and (len(node.args) == 2 or not node.args[2]):
            node.args = (*node.args[:2], node.args[1], *node.args[3:])
            changed = True
    if changed:
        program.graph_module.recompile()
    return program
