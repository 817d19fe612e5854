"""edgectc: CTC sequence models from training to a phone, proven at every step.

Names are imported on first use, so ``import edgectc`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "Decoded": "types",
    "EdgectcError": "errors",
    "Hypothesis": "types",
    "InputError": "errors",
    "Recognizer": "recognizer",
    "UserDictionary": "data.personal",
    "bench": "benchmark",
    "decode_batch": "decoding",
    "evaluate": "evaluation",
    "export": "exporter",
    "load": "recognizer",
    "make_decoder": "decoding",
    "quantize": "quantizer",
    "verify": "parity",
}

__all__ = [
    "Decoded",
    "EdgectcError",
    "Hypothesis",
    "InputError",
    "Recognizer",
    "UserDictionary",
    "bench",
    "decode_batch",
    "evaluate",
    "export",
    "load",
    "make_decoder",
    "quantize",
    "verify",
]

if TYPE_CHECKING:
    from edgectc.benchmark import bench
    from edgectc.data.personal import UserDictionary
    from edgectc.decoding import decode_batch, make_decoder
    from edgectc.errors import EdgectcError, InputError
    from edgectc.evaluation import evaluate
    from edgectc.exporter import export
    from edgectc.parity import verify
    from edgectc.quantizer import quantize
    from edgectc.recognizer import Recognizer, load
    from edgectc.types import Decoded, Hypothesis


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'edgectc' has no attribute {name!r}")
    try:
        module = importlib.import_module(f"edgectc.{_WHERE[name]}")
    except ModuleNotFoundError as error:
        from edgectc.errors import MissingDependencyError

        raise MissingDependencyError(
            f"edgectc.{name}", package=str(error.name), extra="torch"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
