"""LiteRT: litert-torch, in an environment of its own, one .tflite file; manifest after its end."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from edgectc.core import environments
from edgectc.core.schemes import SUPPORTED
from edgectc.core.staging import scratch, write_bytes
from edgectc.core.types import Array
from edgectc.exporting.lowering import capture, litert_program, litert_repairs
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, LINEAR, Plan
from edgectc.exporting.plain import Last, Options, PlainTarget
from edgectc.formats.manifest import Manifest

SCHEMES = SUPPORTED["litert"]
PACKAGES = ()
_RECIPES = {"int8-dynamic": "dynamic_wi8_afp32", "int8-weight": "weight_only_wi8_afp32"}


def create(options: Options) -> LitertTarget:
    """Return the target."""
    return LitertTarget(options)


@dataclass(frozen=True)
class Flatbuffer:
    """A .tflite file, and its constants of floats by name."""

    data: bytes
    constants: Mapping[str, Array]


class LitertTarget(PlainTarget):
    """Converts to a flatbuffer of one signature, whose inputs have their names."""

    suffix = ".tflite"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._written = Last[Flatbuffer]()

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators whose weights a scheme stores in int8."""
        return (CONVOLUTION, LINEAR) if scheme in _RECIPES else ()

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Flatbuffer:
        """Return the converted network; the one shape is never shorter than ``window``.

        See `edgectc.core.contracts.Target`.

        Raises:
            MissingDependencyError: the environment was not made yet; says by what it is.
            ExportError: capture or conversion failed.
        """
        own = _told_apart(model)
        names = [_scope(own, name) for name in sorted(plan.operators if plan else ())]
        made = self._written.of(model, (), lambda: _converted(own, inputs))
        if plan is None:
            return made
        wanted = {"recipe": _RECIPES[plan.scheme.name], "operators": names}
        with scratch() as folder:
            write_bytes(folder / "float.tflite", made.data)
            write_bytes(folder / "plan.json", json.dumps(wanted).encode())
            return _ran(folder, "quantize", "float.tflite", "plan.json")

    def constants(self, converted: Flatbuffer) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant, but where a maximum begins."""
        for name, values in converted.constants.items():
            if values.size > 1 or not np.isneginf(values).all():
                yield name, values

    def embed(self, converted: Flatbuffer, manifest: Manifest) -> bytes:
        """Return the file with the unsealed manifest after the flatbuffer.

        A flatbuffer is read from its beginning, so what follows it changes nothing; files that go
        with a model are appended in the same way.

        Source: TensorFlow Lite Metadata, "associated files".
        """
        return converted.data + manifest.text().encode("ascii")


def _converted(model: nn.Module, inputs: Mapping[str, Tensor]) -> Flatbuffer:
    with scratch() as folder:
        capture.saved(model, inputs, folder / "network.pt2", litert_repairs.with_plain_products)
        arrays: dict[str, Any] = {name: value.numpy() for name, value in inputs.items()}
        np.savez(folder / "inputs.npz", **arrays)
        return _ran(folder, "convert", "network.pt2", "inputs.npz")


def _ran(folder: Path, step: str, *given: str) -> Flatbuffer:
    """Return what a step of `litert_program` makes of files of a folder."""
    out, floats = folder / "out.tflite", folder / "constants.npz"
    arguments = [step, *(str(folder / name) for name in given), str(out), str(floats)]
    program = Path(litert_program.__file__)
    environments.run("litert", program, arguments, what="exporting .tflite")
    with np.load(floats) as held:
        return Flatbuffer(out.read_bytes(), {**held})


def _told_apart(model: nn.Module) -> nn.Module:
    """Return a copy whose modules of lists and dictionaries have classes of their own.

    litert-torch names a layer by the classes and names on the way to it, and leaves out lists,
    which are never called: the layers of two blocks would have one name.
    """
    model = copy.deepcopy(model)
    for path, held in list(model.named_modules()):
        if isinstance(held, (nn.ModuleList, nn.ModuleDict)):
            for name, child in held.named_children():
                kind, place = type(child), f"{path}.{name}".replace(".", "_")
                told = {
                    "__module__": kind.__module__,
                    "__qualname__": f"{kind.__qualname__}_{place}",
                }
                child.__class__ = type(f"{kind.__name__}_{place}", (kind,), told)
    return model


def _scope(model: nn.Module, path: str) -> str:
    """Return how litert-torch names the weights of a module: classes and names on the way to it.

    Lists and dictionaries of modules are never called, and so it does not know of them.
    """
    module, parts = model, [_class(model)]
    for name in path.split("."):
        module = module.get_submodule(name)
        if not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
            parts.append(f"{_class(module)}_{name}")
    return "/".join(parts)


def _class(module: nn.Module) -> str:
    kind = type(module)
    return f"{kind.__module__}.{kind.__qualname__}"
