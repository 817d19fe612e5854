"""What a user taught a keyboard: own words, how often they are used, and words never to show."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeAlias

from edgectc.core import strict_json
from edgectc.core.arguments import Positive, check
from edgectc.core.config import (
    Range,
    check_numbers,
    check_version,
    dumps,
    from_dict,
    number,
    to_dict,
)
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_plain, sha256
from edgectc.core.staging import write_bytes
from edgectc.language.lexicon import MOST_NATS
from edgectc.language.spelling import letters, normalize_word

SCHEMA_VERSION = 2  # the first with a digest, which may be left out
Share: TypeAlias = Annotated[float, Range(0, 1, above=True)]
Nats: TypeAlias = Annotated[float, Range(-MOST_NATS, MOST_NATS)]
MOST_USES = 1e9  # of a word
_DIGEST, _NONE = "sha256", "0" * 64  # of a file, and what stands there while it is hashed
MOST_LETTERS = 255  # of a word, as in native/src/engine_parts.h


@dataclass(frozen=True)
class Personal:
    """One word of a user.

    Attributes:
        count: times it was used; each makes it more frequent, see `UserDictionary.log_prob`.
        boost: nats added to its natural-log frequency.
        hidden: never to be suggested, in whatever case.
    """

    count: float = number(0.0, least=0, most=MOST_USES)
    boost: float = number(0.0, least=-MOST_NATS, most=MOST_NATS)
    hidden: bool = False

    def __post_init__(self) -> None:
        check_numbers(self)


class UserDictionary:
    """Words and their `Personal` figures; decoders that hold one follow every change.

    A change costs what the word's letters cost, however many words there are.

    Args:
        share: what one use of a word adds to its share of running text.
    """

    def __init__(self, *, share: float = 1e-5) -> None:
        self.share = check("share", Share, share)
        if self.share >= 1:
            raise ConfigError(f"share is {share}, expected a number between 0 and 1")
        self._words: dict[str, Personal] = {}
        self._hidden: dict[str, set[str]] = {}  # words that are hidden, by their normal form
        self._changed: list[str] = []

    def __repr__(self) -> str:
        return f"UserDictionary({len(self):,} words)"

    def add(self, word: str, count: float = 1.0) -> None:
        """Count uses of a word, new or known; it is shown again if it was hidden, in any case.

        Raises:
            ConfigError: the word has no letter or over 255, lies on several lines, or holds a NUL
                or half of a surrogate pair; or the count is not above 0 or not finite.
        """
        uses: float = check("count", Positive, count)
        held = self[word]
        total = min(held.count + uses, MOST_USES)
        self._put(word, replace(held, count=total, hidden=False))
        for other in sorted(self._hidden.get(normalize_word(word), ())):
            self._put(other, replace(self[other], hidden=False))

    def boost(self, word: str, nats: float) -> None:
        """Make a word more (nats > 0) or less likely; 0 takes the boost back."""
        self._put(word, replace(self[word], boost=check("nats", Nats, nats)))

    def hide(self, word: str) -> None:
        """Never suggest a word, in whatever case, be it the user's own or of the lexicon."""
        self._put(word, replace(self[word], hidden=True))

    def remove(self, word: str) -> None:
        """Forget all about a word; one of the lexicon is then as it was.

        Raises:
            ConfigError: the user has no such word.
        """
        if word not in self._words:
            raise ConfigError(f"the user dictionary has no word {word!r}")
        del self._words[word]
        self._note(word, hidden=False)

    def __getitem__(self, word: str) -> Personal:
        return self._words.get(word, Personal())

    def __contains__(self, word: object) -> bool:
        return word in self._words

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    @property
    def version(self) -> int:
        """Number of changes so far."""
        return len(self._changed)

    def changed_since(self, version: int) -> list[str]:
        """Return the words that changed after the given number of changes."""
        return self._changed[version:]

    def log_prob(self, word: str, log_prob: float) -> float:
        """Return the personal natural-log frequency of a word, -inf to leave it out.

        That is log(exp(log_prob) + share * count) + boost.

        Args:
            word: as it is shown.
            log_prob: its frequency in the lexicon, -inf if it is not there.
        """
        held = self[word]
        total = math.exp(log_prob) + self.share * held.count
        hidden = bool(self._hidden) and normalize_word(word) in self._hidden
        return -math.inf if hidden or total == 0 else math.log(total) + held.boost

    def save(self, path: str | Path) -> None:
        """Write the words whole or not at all, for this user of the machine alone.

        The C library reads the file, too, and writes it alike.
        """
        words = {word: to_dict(held) for word, held in self._words.items()}
        values = {"schema_version": SCHEMA_VERSION, "share": self.share, "words": words}
        plain = dumps({**values, _DIGEST: _NONE}).encode()
        write_bytes(path, plain.replace(_NONE.encode(), sha256(plain).encode(), 1), private=True)

    @classmethod
    def read(cls, path: str | Path) -> UserDictionary:
        """Return the words of a file that `save` wrote.

        A word that earlier versions took, and that no engine can hold, is left out with a warning.

        Raises:
            ConfigError: the file is not there, or is not such a file.
        """
        try:
            data = read_plain(path)
            values = strict_json.parse(data)
            if values.get("schema_version") != 1:
                check_version("it", values.get("schema_version", SCHEMA_VERSION), SCHEMA_VERSION)
            _check_digest(data, values.pop(_DIGEST, None))
            if set(values) != {"schema_version", "share", "words"}:
                raise ConfigError(f"expected schema_version, share and words, got {sorted(values)}")
            dictionary = cls(share=float(values["share"]))
            for word, held in values["words"].items():
                personal = from_dict(Personal, held, where=f"words.{word}.")
                if why := _unfit(word):  # earlier versions took it, and the rest is worth keeping
                    logging.getLogger("edgectc").warning("%s: left out: %s", path, why)
                else:
                    dictionary._put(word, personal)
            return dictionary
        except OSError as error:
            raise ConfigError(f"cannot read the user dictionary {path}: {error.strerror}") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} is no user dictionary: {error}") from error

    def _put(self, word: str, held: Personal) -> None:
        check("word", str, word)
        if not letters(word) or word.splitlines() != [word]:
            raise ConfigError(f"{word!r} is no word: it needs a letter, on one line")
        if why := _unfit(word):
            raise ConfigError(why)
        self._words[word] = held
        self._note(word, hidden=held.hidden)

    def _note(self, word: str, *, hidden: bool) -> None:
        """Take down that a word changed, and whether it is hidden now."""
        name = normalize_word(word)
        alike = self._hidden.setdefault(name, set())
        (alike.add if hidden else alike.discard)(word)
        if not alike:
            del self._hidden[name]
        self._changed.append(word)


def _check_digest(data: bytes, digest: str | None) -> None:
    """Refuse bytes that do not hash to their digest, where they have one."""
    if digest is None:
        return
    plain = data.replace(str(digest).encode(), _NONE.encode(), 1)
    if len(str(digest)) != len(_NONE) or sha256(plain) != digest:
        raise ConfigError(
            f"it is damaged: its bytes are not those that were saved; leave out {_DIGEST} if you "
            "changed them yourself"
        )


def _unfit(word: str) -> str:
    """Return why no engine can hold a word, "" if it can."""
    n = len(letters(word))
    if n > MOST_LETTERS:
        return f"{word[:20]!r}... has {n} letters, expected at most {MOST_LETTERS}"
    if strange := [c for c in word if c == "\0" or "\ud800" <= c <= "\udfff"]:
        return f"{word!r} holds {strange[0]!r}, which is no character of a text; leave it out"
    return ""
