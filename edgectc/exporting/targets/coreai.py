"""Core AI: coreai-torch, in an environment of its own; a folder .aimodel, manifest beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from edgectc.core import environments
from edgectc.core.schemes import SUPPORTED
from edgectc.core.staging import scratch
from edgectc.core.types import Array
from edgectc.exporting.lowering import capture, coreai_program
from edgectc.exporting.lowering.quantization_plan import Plan
from edgectc.exporting.plain import Options, PlainTarget
from edgectc.formats import coreai_asset
from edgectc.formats.manifest import Manifest

SCHEMES = SUPPORTED["coreai"]
PACKAGES = ()


def create(options: Options) -> CoreaiTarget:
    """Return the target."""
    return CoreaiTarget(options)


@dataclass(frozen=True)
class Asset:
    """The files of a model asset by their names, and the constants of its network."""

    files: Mapping[str, bytes]
    constants: Mapping[str, Array]


class CoreaiTarget(PlainTarget):
    """Converts to a model asset of one function, for iOS 27 and macOS 27; the artifact is a folder.

    Nothing of it is hardware's own: Core AI specializes it where it is loaded.
    """

    suffix = coreai_asset.SUFFIX

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return no kind: weights in fewer bits are not made."""
        return ()

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Asset:
        """Return the converted network; the one shape is never shorter than ``window``.

        See `edgectc.core.contracts.Target`.

        Raises:
            MissingDependencyError: the environment was not made yet; says by what it is.
            ExportError: capture or conversion failed.
        """
        with scratch() as folder:
            captured = capture.saved(model, inputs, folder / "network.pt2")
            made = folder / f"network{self.suffix}"
            program = Path(coreai_program.__file__)
            arguments = [str(folder / "network.pt2"), str(made)]
            environments.run("coreai", program, arguments, what="exporting .aimodel")
            files = {file.name: file.read_bytes() for file in sorted(made.iterdir())}
        held = {**captured.state_dict, **captured.constants}
        floats = {
            name: value.detach().numpy().astype(np.float32)
            for name, value in held.items()
            if isinstance(value, Tensor) and value.is_floating_point()
        }
        return Asset(files, floats)

    def constants(self, converted: Asset) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant."""
        yield from converted.constants.items()

    def embed(self, converted: Asset, manifest: Manifest) -> dict[str, bytes]:
        """Return the files of the asset, and beside them the unsealed manifest, by their names."""
        return {**converted.files, coreai_asset.MANIFEST: manifest.text().encode("ascii")}
