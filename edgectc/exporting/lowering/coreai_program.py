"""Runs in the environment "coreai": an exported program to a model asset.

    python coreai_program.py PROGRAM.pt2 OUT.aimodel

It imports nothing of edgectc, which that environment need not have.
"""

from __future__ import annotations

import sys
from pathlib import Path


def convert(program: str, out: str) -> None:
    """Write a model asset."""
    import torch
    from coreai_torch import TorchConverter, get_decomp_table

    table = get_decomp_table()
    # coreai-torch 0.4.3 lowers no argmin.
    table[torch.ops.aten.argmin.default] = lambda x, *at, **how: torch.argmax(-x, *at, **how)
    captured = torch.export.load(program).run_decompositions(table)
    converter = TorchConverter().add_exported_program(captured, output_names=["log_probs"])
    converter.to_coreai().save_asset(Path(out))


if __name__ == "__main__":
    convert(*sys.argv[1:])
