"""A network as torch.export writes it, for converters in environments of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgectc.core.console import suppress_output
from edgectc.core.errors import ExportError
from edgectc.core.toolchain_errors import explained

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def saved(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    file: Path,
    repaired: Callable[[ExportedProgram], ExportedProgram] = lambda captured: captured,
) -> ExportedProgram:
    """Write a network of one shape to ``file`` (``.pt2``) and return it.

    Args:
        model: the network.
        inputs: its inputs by name, batch of one.
        file: to write.
        repaired: returns the program as the converter takes it.

    Raises:
        ExportError: capture failed.
    """
    import torch

    try:
        with suppress_output():
            captured = repaired(torch.export.export(model, (), dict(inputs), strict=False))
            torch.export.save(captured, file)
    except Exception as error:  # capture raises many unrelated classes
        raise ExportError(f"torch.export failed: {explained(error)}") from error
    return captured
