"""Terms to favour: names of contacts, places and products, by class, in several spellings each.

A file of them is TOML, a table a class::

    [contacts]
    weight = 6.0                     # nats of each term; 5 if it is not said
    terms = ["Anna Kowalska", "Zyxgle"]

    [products]
    terms = [{ text = "SQL", spellings = ["sequel", "s q l"], weight = 4.0 }]

or plain text, a term a line, with its weight after a tab if it has one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from edgectc.core.arguments import check
from edgectc.core.config import (
    Range,
    check_numbers,
    check_version,
    from_dict,
    load_toml,
    number,
    shown,
)
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_plain
from edgectc.language.lexicon import MOST_NATS
from edgectc.language.spelling import normalize_word

SCHEMA_VERSION = 1
WEIGHT = 5.0  # nats of a term where nobody says how many
_Weight = Annotated[float, Range(-MOST_NATS, MOST_NATS)]


@dataclass(frozen=True)
class Hotword:
    """A term.

    Attributes:
        text: as it is shown; words apart by spaces.
        spellings: further ways in which it is written or said, that are shown as ``text``.
        weight: nats for a text that holds it; None for those of its class.
    """

    text: str
    spellings: tuple[str, ...] = ()
    weight: float | None = number(None, least=-MOST_NATS, most=MOST_NATS)

    def __post_init__(self) -> None:
        check_numbers(self)
        for one in (self.text, *self.spellings):
            if not one.split() or len(one.splitlines()) != 1 or "\0" in one:
                raise ConfigError(f"{one!r} is no term, expected words on one line")

    @property
    def written(self) -> tuple[str, ...]:
        """Return every way to write it, ``text`` first, each once."""
        return tuple(dict.fromkeys((self.text, *self.spellings)))


@dataclass(frozen=True)
class _Class:
    terms: tuple[Hotword, ...]
    weight: float | None = number(None, least=-MOST_NATS, most=MOST_NATS)

    def __post_init__(self) -> None:
        check_numbers(self)


@dataclass(frozen=True)
class Phrase:
    """One way to write a term.

    Attributes:
        term: text of the term.
        written: this way.
        weight: nats.
        kind: name of the class.
    """

    term: str
    written: str
    weight: float
    kind: str


class Hotwords:
    """Terms in classes, each with a weight.

    Of terms that are written alike, in whatever case, the one that weighs most counts.

    Args:
        classes: name to ``{"terms": [...], "weight": nats}``, as in a file; a term is a text, or
            ``{"text": ..., "spellings": [...], "weight": ...}``.

    Raises:
        ConfigError: an unknown key, a term without words, or a weight beyond 700 nats.
    """

    def __init__(self, classes: Mapping[str, Mapping[str, Any]]) -> None:
        self._classes = {name: _read_class(name, values) for name, values in classes.items()}
        if not any(one.terms for one in self._classes.values()):
            raise ConfigError("hotwords hold no term, expected at least one")

    def __repr__(self) -> str:
        sizes = (f"{len(one.terms):,} {name}" for name, one in self._classes.items())
        return f"Hotwords({', '.join(sizes)})"

    def __len__(self) -> int:
        return sum(len(one.terms) for one in self._classes.values())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return the terms of a file: ``.toml``, or text with a term a line.

        Raises:
            ConfigError: the file is not there, or is not such a file.
        """
        path = Path(path)
        try:
            if path.suffix == ".toml":
                classes = load_toml(path)
                check_version("it", classes.pop("schema_version", SCHEMA_VERSION), SCHEMA_VERSION)
                return cls(classes)
            lines = read_plain(path).decode("utf-8-sig").splitlines()
            return cls({path.stem: {"terms": [*map(_read_line, filter(str.strip, lines))]}})
        except OSError as error:
            raise ConfigError(f"cannot read the hotwords {path}: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"{path} holds no hotwords: {error}") from error

    @classmethod
    def of(
        cls,
        given: Hotwords | Iterable[str] | Mapping[str, float],
        weight: float = WEIGHT,
    ) -> Hotwords:
        """Return hotwords as a decoder may be given them: these, texts, or text to weight.

        Args:
            given: the hotwords.
            weight: nats of a text without one.
        """
        if isinstance(given, Hotwords):
            return given
        if isinstance(given, str):
            raise ConfigError(f"hotwords is the text {given!r}, expected a sequence of texts")
        weights = given if isinstance(given, Mapping) else dict.fromkeys(given, weight)
        return cls({"hotwords": {"terms": [{"text": t, "weight": w} for t, w in weights.items()]}})

    def at(self, weight: float) -> Hotwords:
        """Return the same terms, each of them with this weight in nats."""
        weight = check("weight", _Weight, weight)
        made = Hotwords.__new__(Hotwords)
        made._classes = {
            name: replace(one, terms=tuple(replace(term, weight=weight) for term in one.terms))
            for name, one in self._classes.items()
        }
        return made

    def phrases(self, usual: float = WEIGHT) -> list[Phrase]:
        """Return every way to write every term, each once, in order.

        Args:
            usual: nats of a term without a weight, in a class without one.
        """
        best: dict[tuple[str, ...], Phrase] = {}
        for phrase in self._phrases(usual):
            key = normal(phrase.written.split())
            if key not in best or phrase.weight > best[key].weight:
                best[key] = phrase
        return list(best.values())

    def words(self) -> dict[tuple[str, str], float]:
        """Return (word as shown, word as written) to nats: the terms where a signal is one word.

        Of a term of several words each counts, and of its spellings those of as many words.
        """
        found: dict[tuple[str, str], float] = {}
        for phrase in self.phrases():
            term, written = phrase.term.split(), phrase.written.split()
            for pair in zip(term, written, strict=True) if len(term) == len(written) else ():
                found[pair] = max(phrase.weight, found.get(pair, phrase.weight))
        return found

    def _phrases(self, usual: float) -> Iterator[Phrase]:
        for kind, one in self._classes.items():
            of_class = usual if one.weight is None else one.weight
            for term in one.terms:
                weight = of_class if term.weight is None else term.weight
                for written in term.written:
                    yield Phrase(term.text, written, weight, kind)


def normal(words: Sequence[str]) -> tuple[str, ...]:
    """Return words in the form in which they are compared."""
    return tuple(map(normalize_word, words))


def _read_class(name: str, values: Mapping[str, Any]) -> _Class:
    if not isinstance(values, Mapping) or not isinstance(values.get("terms"), (list, tuple)):
        raise ConfigError(f"{name}: expected a table with a list of terms, got {shown(values)}")
    terms = [{"text": term} if isinstance(term, str) else term for term in values["terms"]]
    return from_dict(_Class, {**values, "terms": terms}, where=f"{name}.")


def _read_line(line: str) -> str | dict[str, Any]:
    text, tab, weight = line.partition("\t")
    if not tab:
        return line.strip()
    try:
        return {"text": text.strip(), "weight": float(weight)}
    except ValueError:
        raise ConfigError(f"the weight of {text!r} is {weight!r}, expected a number") from None
