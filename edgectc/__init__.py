"""edgectc: CTC sequence models from training to a phone, proven at every step.

The packages stand on floors, and a package imports only from floors below its own::

    9  __main__
    8  commands
    7  quantization
    6  exporting
    5  evaluation  benchmarking
    4  runtime  training  kit  compat
    3  data  decoding  networks
    2  formats  language
    1  core

Every verb of the command line is a function here with the same options: ``--max-drop`` is
``max_drop``. A verb of a group names its object, ``lexicon build`` is `build_lexicon`; ``eval`` and
``list``, which Python has, are `evaluate` and `list_names`. Names are imported on first use, so
``import edgectc`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from edgectc.core import privacy
from edgectc.core.version import __version__

privacy.opt_out()

_WHERE = {
    "BudgetError": "core.errors",
    "BundleError": "core.errors",
    "BundleFileMissingError": "core.errors",
    "BundleMismatchError": "core.errors",
    "ConfigError": "core.errors",
    "Decoded": "core.types",
    "EdgectcError": "core.errors",
    "ExportError": "core.errors",
    "Hotwords": "language.hotwords",
    "Hypothesis": "core.types",
    "InputError": "core.errors",
    "Keyboard": "runtime.keyboard",
    "MissingDependencyError": "core.errors",
    "NonFiniteError": "core.errors",
    "ParityError": "core.errors",
    "Recognizer": "runtime.recognizer",
    "Recording": "core.types",
    "Report": "core.types",
    "Sentence": "runtime.sentence",
    "Swipe": "core.types",
    "UnknownNameError": "core.errors",
    "UnsupportedSchemeError": "core.errors",
    "UserDictionary": "language.user_dictionary",
    "WriteError": "core.errors",
    "adopt": "exporting.adopter",
    "bench": "benchmarking.benchmark",
    "build_language": "commands.verbs.languages",
    "build_language_model": "commands.verbs.words",
    "build_lexicon": "commands.verbs.words",
    "check_data": "commands.verbs.data_sets",
    "compare_data": "commands.verbs.data_sets",
    "compare_layers": "commands.verbs.artifacts",
    "decode": "commands.verbs.recognition",
    "decode_batch": "decoding.api",
    "demo": "commands.verbs.machine",
    "doctor": "commands.verbs.machine",
    "evaluate": "commands.verbs.accuracy",
    "export": "exporting.exporter",
    "from_hub": "commands.verbs.hub",
    "import_data": "commands.verbs.data_sets",
    "inspect": "commands.verbs.artifacts",
    "list_names": "commands.verbs.machine",
    "load": "runtime.loading",
    "make_decoder": "decoding.api",
    "measure_hotwords": "commands.verbs.favouring",
    "pack": "commands.verbs.models",
    "pack_language_model": "commands.verbs.words",
    "pack_lexicon": "commands.verbs.words",
    "quantize": "quantization.quantizer",
    "read_tokens": "core.vocabularies",
    "report": "commands.verbs.ledgers",
    "sample": "data.synthesis",
    "score_language_model": "commands.verbs.words",
    "shard_data": "commands.verbs.data_sets",
    "sign": "commands.verbs.signing",
    "synth_data": "commands.verbs.data_sets",
    "train": "commands.verbs.models",
    "tune_decoder": "commands.verbs.accuracy",
    "verify": "commands.verbs.artifacts",
}

__all__ = [
    "BudgetError",
    "BundleError",
    "BundleFileMissingError",
    "BundleMismatchError",
    "ConfigError",
    "Decoded",
    "EdgectcError",
    "ExportError",
    "Hotwords",
    "Hypothesis",
    "InputError",
    "Keyboard",
    "MissingDependencyError",
    "NonFiniteError",
    "ParityError",
    "Recognizer",
    "Recording",
    "Report",
    "Sentence",
    "Swipe",
    "UnknownNameError",
    "UnsupportedSchemeError",
    "UserDictionary",
    "WriteError",
    "__version__",
    "adopt",
    "bench",
    "build_language",
    "build_language_model",
    "build_lexicon",
    "check_data",
    "compare_data",
    "compare_layers",
    "decode",
    "decode_batch",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "from_hub",
    "import_data",
    "inspect",
    "list_names",
    "load",
    "make_decoder",
    "measure_hotwords",
    "pack",
    "pack_language_model",
    "pack_lexicon",
    "quantize",
    "read_tokens",
    "report",
    "sample",
    "score_language_model",
    "shard_data",
    "sign",
    "synth_data",
    "train",
    "tune_decoder",
    "verify",
]

if TYPE_CHECKING:
    from edgectc.benchmarking.benchmark import bench
    from edgectc.commands.verbs.accuracy import evaluate, tune_decoder
    from edgectc.commands.verbs.artifacts import compare_layers, inspect, verify
    from edgectc.commands.verbs.data_sets import (
        check_data,
        compare_data,
        import_data,
        shard_data,
        synth_data,
    )
    from edgectc.commands.verbs.favouring import measure_hotwords
    from edgectc.commands.verbs.hub import from_hub
    from edgectc.commands.verbs.languages import build_language
    from edgectc.commands.verbs.ledgers import report
    from edgectc.commands.verbs.machine import demo, doctor, list_names
    from edgectc.commands.verbs.models import pack, train
    from edgectc.commands.verbs.recognition import decode
    from edgectc.commands.verbs.signing import sign
    from edgectc.commands.verbs.words import (
        build_language_model,
        build_lexicon,
        pack_language_model,
        pack_lexicon,
        score_language_model,
    )
    from edgectc.core.errors import (
        BudgetError,
        BundleError,
        BundleFileMissingError,
        BundleMismatchError,
        ConfigError,
        EdgectcError,
        ExportError,
        InputError,
        MissingDependencyError,
        NonFiniteError,
        ParityError,
        UnknownNameError,
        UnsupportedSchemeError,
        WriteError,
    )
    from edgectc.core.types import Decoded, Hypothesis, Recording, Report, Swipe
    from edgectc.core.vocabularies import read_tokens
    from edgectc.data.synthesis import sample
    from edgectc.decoding.api import decode_batch, make_decoder
    from edgectc.exporting.adopter import adopt
    from edgectc.exporting.exporter import export
    from edgectc.language.hotwords import Hotwords
    from edgectc.language.user_dictionary import UserDictionary
    from edgectc.quantization.quantizer import quantize
    from edgectc.runtime.keyboard import Keyboard
    from edgectc.runtime.loading import load
    from edgectc.runtime.recognizer import Recognizer
    from edgectc.runtime.sentence import Sentence


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'edgectc' has no attribute {name!r}")
    module = f"edgectc.{_WHERE[name]}"
    try:
        value = vars(importlib.import_module(module))[name]
    except ModuleNotFoundError as error:
        from edgectc.core import lazy

        value = lazy.stand_in(module, name, error)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
