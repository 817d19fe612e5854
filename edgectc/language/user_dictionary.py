"""What a user taught a keyboard: own words, how often they are used, and words never to show."""

from __future__ import annotations

import copy
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
from edgectc.core.types import JSON
from edgectc.language.lexicon import MOST_NATS
from edgectc.language.spelling import letters, normalize_word

SCHEMA_VERSION = 3  # the first with learnt words; without any, 2 is written
Share: TypeAlias = Annotated[float, Range(0, 1, above=True)]
Nats: TypeAlias = Annotated[float, Range(-MOST_NATS, MOST_NATS)]
MOST_USES, MOST_DAYS = 1e9, 1e6  # of a word
HALF_LIFE = 30.0  # days after which a learnt use counts half
FADED = 0.05  # learnt uses under which a word is forgotten
MOST_LEARNT = 10_000  # words of which nothing else is known
_MOST_NAME = 15  # bytes of a language's name
_DIGEST, _NONE = "sha256", "0" * 64  # of a file, and what stands there while it is hashed
MOST_LETTERS = 255  # of a word, as in native/src/engine_parts.h


@dataclass(frozen=True)
class Personal:
    """One word of a user.

    Attributes:
        count: times it was used; each makes it more frequent, see `UserDictionary.log_prob`.
        boost: nats added to its natural-log frequency.
        hidden: never to be suggested, in whatever case.
        learnt: uses that fade, as many as they were on ``day``, see `UserDictionary.learn`.
        day: when they were counted last.
        language: of these uses, "" for all.
    """

    count: float = number(0.0, least=0, most=MOST_USES)
    boost: float = number(0.0, least=-MOST_NATS, most=MOST_NATS)
    hidden: bool = False
    learnt: float = number(0.0, least=0, most=MOST_USES)
    day: float = number(0.0, least=0, most=MOST_DAYS)
    language: str = ""

    def __post_init__(self) -> None:
        check_numbers(self)
        if len(self.language.encode()) > _MOST_NAME:
            raise ConfigError(
                f"language is {self.language!r}, expected at most {_MOST_NAME} characters"
            )


@dataclass
class _Clock:
    """The day that a dictionary and its views go by."""

    today: float = 0.0


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
        self._clock = _Clock()
        self._language: str | None = None

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

    def learn(self, word: str, uses: float = 1.0, *, language: str = "") -> bool:
        """Learn a word that was written, and tell whether it was: no word is that is hidden.

        What is learnt counts half after 30 days of `today`, and is forgotten when little is left,
        or when 10,000 other words are learnt more.

        Source: of uses that fade, Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay", 2009.

        Args:
            word: as it is shown.
            uses: how often it was written; below 0 takes so many back.
            language: that it was written in; one that was written in two is of all, which "" means.

        Raises:
            ConfigError: it is no word, or ``uses`` is 0 or not finite.
        """
        if not (math.isfinite(uses) and uses):
            raise ConfigError(f"uses is {uses}, expected a number that is not 0")
        self._check(word)
        held = self[word]
        if normalize_word(word) in self._hidden or (held.learnt == 0 and uses < 0):
            return False
        if held.learnt and uses > 0 and held.language != language:
            language = ""
        elif held.learnt:
            language = held.language
        learnt = min(self._faded(held) + uses, MOST_USES)
        if learnt < FADED:
            learnt, language = 0.0, ""
        now = replace(held, learnt=learnt, day=self._clock.today if learnt else 0.0)
        now = replace(now, language=language)
        if now == Personal():
            if known := word in self._words:
                self.remove(word)
            return known
        if word not in self._words:
            self._make_room()
        self._put(word, now)
        return True

    def today(self, day: float) -> None:
        """Say which day it is, 0 to 1e6 from any origin that stays the same; it is 0 at first.

        Raises:
            ConfigError: it is no such number.
        """
        if not 0 <= day <= MOST_DAYS:
            raise ConfigError(f"day is {day}, expected a number from 0 to {MOST_DAYS:g}")
        if day == self._clock.today:
            return
        self._clock.today = day
        for word in [word for word, held in self._words.items() if held.learnt]:
            held = self._words[word]
            if _only_learnt(held) and self._faded(held) < FADED:
                self.remove(word)
            else:
                self._note(word, hidden=held.hidden)

    def uses(self, word: str) -> float:
        """Return how often a word counts as used today."""
        held = self[word]
        here = self._language is None or held.language in ("", self._language)
        if not (held.learnt and here):
            return held.count
        return min(held.count + self._faded(held), MOST_USES)

    def of(self, language: str) -> UserDictionary:
        """Return the same words, kept up to date, as they are used in one language."""
        other = copy.copy(self)  # the words themselves are shared
        other._language = language
        return other

    def _faded(self, held: Personal) -> float:
        days = max(0.0, self._clock.today - held.day)
        return held.learnt * math.exp(-math.log(2) / HALF_LIFE * days)

    def _make_room(self) -> None:
        """Forget the word that was learnt least, where there are too many."""
        if len(self._words) < MOST_LEARNT:
            return
        learnt = [word for word, held in self._words.items() if _only_learnt(held)]
        if len(learnt) >= MOST_LEARNT:
            self.remove(min(learnt, key=lambda word: self._faded(self._words[word])))

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

        That is log(exp(log_prob) + share * uses) + boost.

        Args:
            word: as it is shown.
            log_prob: its frequency in the lexicon, -inf if it is not there.
        """
        held = self[word]
        total = math.exp(log_prob) + self.share * self.uses(word)
        hidden = bool(self._hidden) and normalize_word(word) in self._hidden
        return -math.inf if hidden or total == 0 else math.log(total) + held.boost

    def save(self, path: str | Path) -> None:
        """Write the words whole or not at all, for this user of the machine alone.

        The C library reads the file, too, and writes it alike.
        """
        words = {word: _written(held) for word, held in self._words.items()}
        version = SCHEMA_VERSION if any(held.learnt for held in self._words.values()) else 2
        values = {"schema_version": version, "share": self.share, "words": words}
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
            if values.get("schema_version") not in (1, 2):
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
        self._check(word)
        self._words[word] = held
        self._note(word, hidden=held.hidden)

    @staticmethod
    def _check(word: str) -> None:
        check("word", str, word)
        if not letters(word) or word.splitlines() != [word]:
            raise ConfigError(f"{word!r} is no word: it needs a letter, on one line")
        if why := _unfit(word):
            raise ConfigError(why)

    def _note(self, word: str, *, hidden: bool) -> None:
        """Take down that a word changed, and whether it is hidden now."""
        name = normalize_word(word)
        alike = self._hidden.setdefault(name, set())
        (alike.add if hidden else alike.discard)(word)
        if not alike:
            del self._hidden[name]
        self._changed.append(word)


def _only_learnt(held: Personal) -> bool:
    """Return whether nothing but learnt uses is known of a word."""
    return held.learnt > 0 and not (held.count or held.boost or held.hidden)


def _written(held: Personal) -> dict[str, JSON]:
    """Return what a file says of a word; of learnt uses only where there are any."""
    learnt = ("learnt", "day", "language")
    return {name: value for name, value in to_dict(held).items() if name not in learnt or value}


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
