"""edgectc: CTC sequence models from training to a phone, proven at every step.

Names are imported on first use, so ``import edgectc`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "Decoded": "core.types",
    "EdgectcError": "core.errors",
    "Hypothesis": "core.types",
    "InputError": "core.errors",
    "Recognizer": "runtime.recognizer",
    "UserDictionary": "language.user_dictionary",
    "bench": "benchmarking.benchmark",
    "decode_batch": "decoding.api",
    "evaluate": "evaluation.accuracy",
    "export": "exporting.exporter",
    "load": "runtime.loading",
    "make_decoder": "decoding.api",
    "quantize": "quantization.quantizer",
    "verify": "evaluation.verification",
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
    from edgectc.benchmarking.benchmark import bench
    from edgectc.core.errors import EdgectcError, InputError
    from edgectc.core.types import Decoded, Hypothesis
    from edgectc.decoding.api import decode_batch, make_decoder
    from edgectc.evaluation.accuracy import evaluate
    from edgectc.evaluation.verification import verify
    from edgectc.exporting.exporter import export
    from edgectc.language.user_dictionary import UserDictionary
    from edgectc.quantization.quantizer import quantize
    from edgectc.runtime.loading import load
    from edgectc.runtime.recognizer import Recognizer


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'edgectc' has no attribute {name!r}")
    try:
        module = importlib.import_module(f"edgectc.{_WHERE[name]}")
    except ModuleNotFoundError as error:
        from edgectc.core.errors import MissingDependencyError

        raise MissingDependencyError(
            f"edgectc.{name}", package=str(error.name), extra="torch"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
