"""The words that an artifact decodes with, named by hash at export: lexicon and language model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edgectc.core import registry
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_given, sha256
from edgectc.core.types import JSON
from edgectc.formats.records import NamedFile
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon


@dataclass(frozen=True)
class Named:
    """What a manifest says of words, and the lexicon itself.

    Attributes:
        decoder: complete preset.
        lexicon: None where there is none, as is the language model.
        words: of the lexicon.
        folder: of the language model.
    """

    decoder: dict[str, JSON]
    lexicon: NamedFile | None = None
    language_model: NamedFile | None = None
    words: Lexicon | None = None
    folder: Path = Path()


def named(decoder: dict[str, JSON], lexicon: str, language_model: str) -> Named:
    """Return the words of a network made elsewhere.

    Args:
        decoder: preset; {} for greedy, or for beam where words are named.
        lexicon: its path; "" for none.
        language_model: its path; "" for none.

    Raises:
        ConfigError: a file cannot be read, or the decoder makes nothing of it.
    """
    any_words = bool(lexicon or language_model)
    spec = registry.complete("decoders", decoder or {"type": "beam" if any_words else "greedy"})
    uses = registry.module("decoders", str(spec["type"])).USES
    for option, path in (("lexicon", lexicon), ("language_model", language_model)):
        if path and option not in uses:
            raise ConfigError(
                f"the decoder {spec['type']!r} makes nothing of {option}={path!r}; leave it out, "
                "or say decoder={'type': 'beam'} (--preset)",
                options=[option],
            )
    return Named(
        spec,
        _file(lexicon, "lexicon"),
        _file(language_model, "language model"),
        lexicon_file.read(lexicon) if lexicon else None,
        Path(language_model).parent,
    )


def read_preset(path: str) -> dict[str, JSON]:
    """Return the decoder preset of a file, as `edgectc tune-decoder --out` writes it.

    Raises:
        ConfigError: it is none.
    """
    try:
        preset = json.loads(read_given(path, "preset", options=["preset"]))
    except ValueError as error:
        raise ConfigError(f"cannot read the preset {path!r}: {error}") from error
    if not isinstance(preset, dict) or "type" not in preset:
        raise ConfigError(
            f"{path} is no preset: expected an object with a type", options=["preset"]
        )
    return preset


def _file(path: str, what: str) -> NamedFile | None:
    if not path:
        return None
    return NamedFile(Path(path).name, sha256(read_given(path, what)))
