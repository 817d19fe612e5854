"""The words that an artifact decodes with, named by hash at export, and how they are said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edgectc.core import registry
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_given, sha256
from edgectc.core.tokens import Tokens
from edgectc.core.types import JSON
from edgectc.formats.records import NamedFile
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import spoken


@dataclass(frozen=True)
class Named:
    """What a manifest says of words, and the lexicon itself.

    Attributes:
        decoder: complete preset.
        lexicon: None where there is none, as are the pronunciations and the language model.
        pronunciations: how its words are said, of a network that answers in phonemes.
        words: of the lexicon, or else of the pronunciations.
        folder: of the language model.
    """

    decoder: dict[str, JSON]
    lexicon: NamedFile | None = None
    pronunciations: NamedFile | None = None
    language_model: NamedFile | None = None
    words: Lexicon | None = None
    folder: Path = Path()


def named(
    decoder: dict[str, JSON],
    tokens: Tokens,
    *,
    lexicon: str,
    pronunciations: str,
    language_model: str,
) -> Named:
    """Return the words of a network made elsewhere.

    Args:
        decoder: preset; {} for greedy, for beam where words are named, or for spoken where it is
            named how they are said.
        tokens: of the network.
        lexicon: its path; "" for none.
        pronunciations: path of a dictionary of CMUdict or Kaldi; "" for none.
        language_model: its path; "" for none.

    Raises:
        ConfigError: a file cannot be read, or the decoder or the tokens make nothing of it.
    """
    usual = "spoken" if pronunciations else "beam" if lexicon or language_model else "greedy"
    spec = registry.complete("decoders", decoder or {"type": usual})
    uses = registry.module("decoders", str(spec["type"])).USES
    for option, path in (("lexicon", lexicon), ("language_model", language_model)):
        if path and option not in uses:
            raise ConfigError(
                f"the decoder {spec['type']!r} makes nothing of {option}={path!r}; leave it out, "
                "or say decoder={'type': 'beam'} (--preset)",
                options=[option],
            )
    words = lexicon_file.read(lexicon) if lexicon else None
    if pronunciations:
        if spec["type"] != "spoken":
            raise ConfigError(
                f"the decoder {spec['type']!r} makes nothing of pronunciations={pronunciations!r}; "
                "leave it out, or say decoder={'type': 'spoken'} (--preset)",
                options=["pronunciations"],
            )
        words = spoken(words, pronunciations)
        # Words that no token says, or no word at all, are told now and not when it is loaded.
        registry.create("decoders", spec, tokens=tokens, lexicon=words)
    return Named(
        spec,
        _file(lexicon, "lexicon"),
        _file(pronunciations, "pronunciations"),
        _file(language_model, "language model"),
        words,
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
