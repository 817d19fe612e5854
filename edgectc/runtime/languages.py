"""Language packs: the words, language model and keyboard of a language, for any swipe model.

A pack is a folder: ``language.json``, ``lexicon.trie``, where there is text ``words.lm``, and where
offensive words are known ``offensive.tsv``. ``edgectc language build`` makes one;
``edgectc.load(language=...)`` takes its path, or its name where it lies in ``languages/`` of the
working folder, of the source tree, also where the package was installed from it, or of the package.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgectc.core import strict_json
from edgectc.core.config import OMITTED, check_version, dumps, from_dict, to_dict
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
    origin,
)
from edgectc.core.files import file_sha256, read_plain
from edgectc.core.staging import recover
from edgectc.formats.layouts import Layout
from edgectc.formats.records import NamedFile
from edgectc.language import lexicon as lexicons
from edgectc.language import lexicon_file, loading
from edgectc.runtime.recognizer import Recognizer, Vocabulary

SCHEMA_VERSION = 1
INDEX = "language.json"
FOLDER = "languages"
LEXICON, MODEL = "lexicon.trie", "words.lm"
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # BCP 47, as far as packs need it


@dataclass(frozen=True)
class Index:
    """The content of ``language.json``.

    Attributes:
        language: BCP 47 tag, e.g. "de" or "pt-BR".
        title: name of the language in English.
        layout: keyboard that is assumed where a call names none.
        lexicon: the words.
        language_model: what previous words say about the next.
        offensive: words that are only suggested on demand.
        sources: what the pack was built from, and what of it was left out.
    """

    schema_version: int
    language: str
    title: str
    layout: Layout
    lexicon: NamedFile
    language_model: NamedFile | None = field(default=None, metadata=OMITTED)
    offensive: NamedFile | None = field(default=None, metadata=OMITTED)
    sources: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.language):
            raise ConfigError(
                f"language is {self.language!r}, expected a tag such as 'de' or 'pt-BR'",
                options=["language"],
            )


@dataclass(frozen=True)
class LanguagePack:
    """A pack whose index was read; its files are checked when they are asked for."""

    path: Path
    index: Index

    def __repr__(self) -> str:
        return f"LanguagePack({self.index.language!r}, {str(self.path)!r})"

    def file(self, named: NamedFile) -> str:
        """Return the path of a file of the pack after checking its hash.

        Raises:
            BundleFileMissingError: it is not there.
            BundleMismatchError: its hash differs.
        """
        path = self.path / named.file
        if not path.is_file():
            raise BundleFileMissingError(f"{path} is missing; build the language pack again")
        if file_sha256(path) != named.sha256:
            raise BundleMismatchError(
                f"{path} is not the file that this language pack was built with; build it again"
            )
        return str(path)

    def vocabulary(self, *, offensive: bool = False, required: bool = False) -> Vocabulary:
        """Return the words and the language model.

        Args:
            offensive: with the offensive words.
            required: raise where the language model cannot be read.

        Raises:
            ConfigError: offensive words are wanted and the pack has none, or a file is malformed.
            BundleError: a file is missing, or another than the pack was built with.
        """
        words = lexicon_file.read(self.file(self.index.lexicon))
        if offensive:
            if self.index.offensive is None:
                raise ConfigError(
                    f"{self.path} knows no offensive words; leave offensive out, or build the pack "
                    "with offensive=FILE",
                    options=["offensive"],
                )
            words = lexicons.merged(words, lexicon_file.read(self.file(self.index.offensive)))
        model = self.index.language_model
        return Vocabulary(
            words, loading.load(self.file(model), required=required) if model else None
        )


def names() -> list[str]:
    """Return the names of the packs in the folders that `locate` looks into."""
    found = {p.parent.name for folder in _folders() for p in folder.glob(f"*/{INDEX}")}
    return sorted(found)


def locate(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a pack by its path or name.

    Raises:
        ConfigError: no such pack; says how to build it.
    """
    for folder in (Path(name), *(folder / name for folder in _folders())):
        recover(folder)
        if (folder / INDEX).is_file():
            return folder
    raise ConfigError(
        f"no language pack {os.fspath(name)!r}; here are: {', '.join(names()) or 'none'}; packs "
        f"are looked for in {FOLDER}/ of the working folder and of edgectc's source tree: give the "
        f"path of one, or build one with `edgectc language build {Path(name).name}`",
        options=["language"],
    )


def read(name: str | os.PathLike[str]) -> LanguagePack:
    """Return a pack by its path or name.

    Raises:
        ConfigError: no such pack.
        BundleError: its index is malformed or of another version.
    """
    folder = locate(name)
    where = f"{folder / INDEX}"
    try:
        values = strict_json.parse(read_plain(folder / INDEX, most=strict_json.MOST_BYTES))
        if not isinstance(values, dict):
            raise ConfigError("not a JSON object")
        check_version(where, values.get("schema_version", SCHEMA_VERSION), SCHEMA_VERSION)
        return LanguagePack(folder, from_dict(Index, values))
    except ValueError as error:
        raise BundleError(f"{where} is malformed: {error}") from error


def speaking(
    recognizer: Recognizer,
    wanted: Sequence[str],
    *,
    offensive: bool = False,
    required: bool = False,
) -> Recognizer:
    """Return a recognizer that writes the languages of packs.

    Args:
        recognizer: of a swipe model.
        wanted: names or paths of packs, the main language first; "own", or the language in the name
            of the model where no pack is called so, stands for the model's own words.
        offensive: suggest offensive words too.
        required: raise where a language model cannot be had.

    Raises:
        ConfigError: no such pack, none named, one named twice, or a model without keyboards.
        BundleError: a pack is damaged.
    """
    if not wanted or len({*wanted}) < len(wanted):
        raise ConfigError(
            f"language is {list(wanted)!r}, expected one or more different packs",
            options=["language"],
        )
    if not recognizer.layout:
        raise ConfigError(
            f"language packs are for swipes; model {recognizer.name!r} takes none; leave language "
            "out",
            options=["language"],
        )
    spoken: dict[str, Vocabulary] = {}
    keyboard = None
    for place, name in enumerate(wanted):
        if _is_own(name, recognizer):
            spoken[name] = _own(recognizer, name)
            continue
        pack = read(name)
        spoken[pack.index.language] = pack.vocabulary(offensive=offensive, required=required)
        if place == 0:
            keyboard = pack.index.layout
    if len(spoken) < len(wanted):
        raise ConfigError(
            f"language is {list(wanted)!r}, and two of these packs are of one language; leave one "
            "out",
            options=["language"],
        )
    return recognizer.speaking(spoken, layout=keyboard)


def _is_own(name: str, recognizer: Recognizer) -> bool:
    """Return whether a name means the words that the model brings."""
    return name == "own" or (name in recognizer.name.split("-") and name not in names())


def _own(recognizer: Recognizer, name: str) -> Vocabulary:
    if recognizer.lexicon is None:
        raise ConfigError(
            f"language {name!r}: model {recognizer.name!r} brings no words of its own",
            options=["language"],
        )
    return Vocabulary(recognizer.lexicon, recognizer.language_model)


def write_index(
    folder: Path, language: str, title: str, layout: Layout, sources: Mapping[str, Any]
) -> None:
    """Write the index of a pack whose other files are in place, the last step of making one.

    Raises:
        ConfigError: ``language`` is no tag.
    """
    held = {
        name: NamedFile(name, file_sha256(folder / name))
        for name in (LEXICON, MODEL, lexicon_file.OFFENSIVE)
        if (folder / name).is_file()
    }
    index = Index(
        SCHEMA_VERSION,
        language,
        title,
        layout,
        held[LEXICON],
        held.get(MODEL),
        held.get(lexicon_file.OFFENSIVE),
        sources,
    )
    (folder / INDEX).write_text(dumps(to_dict(index)), encoding="utf-8")


def _folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    installed_from = [Path(tree, FOLDER)] if (tree := origin()) else []
    return [Path(FOLDER), package / FOLDER, package.parent / FOLDER, *installed_from]
