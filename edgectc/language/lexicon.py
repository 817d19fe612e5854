"""Words with their natural-log frequencies: comparing, spelling, reading, writing, building.

A lexicon file is UTF-8 text, plain or gzip::

    # edgectc lexicon 1
    # source: ...            any number of notes: where the words are from, under which licence
    the<TAB>-2.9263          word as it is cased, natural log of its share, most frequent first

The bytes depend on the content alone, so the SHA-256 of a lexicon can be stated and checked.
"""

from __future__ import annotations

import gzip
import io
import math
import unicodedata
import zlib
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.files import file_sha256, sha256, write_bytes
from edgectc.core.types import Array

if TYPE_CHECKING:
    from edgectc.language.packed import PackedLexicon

__all__ = [
    "Lexicon", "build", "file_sha256", "letters", "merged", "recased", "spell", "unoffending",
]  # fmt: skip

OFFENSIVE = "offensive.tsv"  # words that are left out of the lexicon beside it

_HEAD = "# edgectc lexicon 1"
# AOSP ranks words 0..255 on a log scale whose step it does not state. Against English word
# frequencies a line with this step fits best (0.066 nats a rank, r = 0.89 over 80,821 words).
_AOSP_RANKS_PER_NAT = 15.0
_AOSP_NOT_WORDS = frozenset({"nonword", "not_a_word"})


def letters(text: str) -> str:
    """Return the alphabetic characters of ``text``, casefolded, in NFC: how words are compared."""
    if text.isascii() and text.isalpha():
        return text.lower()
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "".join(c for c in folded if c.isalpha())


def spell(word: str, alphabet: Container[str]) -> str | None:
    """Return the letters to swipe for ``word``, or None if the alphabet cannot type it.

    A letter that the alphabet lacks is replaced by its base letter: "é" by "e" on a board
    without "é".
    """
    spelled = letters(word)
    if not all(c in alphabet for c in spelled):
        spelled = "".join(c if c in alphabet else _base(c) for c in spelled)
        if not all(c in alphabet for c in spelled):
            return None
    return spelled or None


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words and how frequent they are.

    Attributes:
        words: n different words as they are shown, n >= 1.
        log_probs: (n,) float64 natural log of each word's share of running text.
        notes: lines on source and licence.

    Raises:
        ConfigError: no words, a word twice, another number of log_probs, or one not finite.
    """

    words: tuple[str, ...]
    log_probs: Array
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            raise ConfigError("a lexicon needs at least one word")
        if self.log_probs.shape != (len(self.words),):
            raise ConfigError(
                f"a lexicon of {len(self.words)} words got log_probs {self.log_probs.shape}"
            )
        if not np.all(np.isfinite(self.log_probs)):
            raise ConfigError("a lexicon holds a log_prob that is not finite; leave the word out")
        if len(set(self.words)) != len(self.words):
            twice = next(word for word, n in Counter(self.words).items() if n > 1)
            raise ConfigError(f"a lexicon holds {twice!r} twice; add the counts up")

    @classmethod
    def from_counts(cls, counts: Mapping[str, float], notes: tuple[str, ...] = ()) -> Lexicon:
        """Return the words of ``counts``, most frequent first; counts may have any scale > 0."""
        if not all(math.isfinite(count) and count > 0 for count in counts.values()):
            raise ConfigError("the count of a word must be finite and above 0")
        order = sorted(counts, key=lambda word: (-counts[word], word))
        values = np.array([counts[word] for word in order], np.float64)
        return cls(tuple(order), np.log(values / values.sum()), notes)

    @classmethod
    def read(cls, path: str | Path) -> Lexicon:
        """Return the lexicon of a file, text or packed.

        Raises:
            ConfigError: the file cannot be read, or a line is malformed (named by number).
        """
        from edgectc.language import packed  # which builds on this module

        if packed.is_packed(path):
            return packed.read(path)
        lines = _text(path).splitlines()
        if not lines or not f"{lines[0]} ".startswith(f"{_HEAD} "):
            raise ConfigError(
                f"{path}:1: expected {_HEAD!r}; to turn a word list into a lexicon, "
                "run `edgectc lexicon build`"
            )
        notes, words, log_probs = [], [], []
        for number, line in enumerate(lines[1:], start=2):
            if line.startswith("# "):
                notes.append(line[2:])
                continue
            word, _, value = line.partition("\t")
            try:
                log_probs.append(float(value))
            except ValueError:
                log_probs.append(math.nan)
            if not word or not math.isfinite(log_probs[-1]):
                raise ConfigError(f"{path}:{number}: expected word<TAB>log_prob, got {line!r}")
            words.append(word)
        try:
            return cls(tuple(words), np.array(log_probs, np.float64), tuple(notes))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def packed(self, alphabet: Set[str]) -> PackedLexicon:
        """Return the words that ``alphabet`` can spell, by spelling.

        Raises:
            ConfigError: it can spell none of them.
        """
        from edgectc.language import packed  # which builds on this module

        return packed.pack(self, alphabet)

    def write(self, path: str | Path) -> None:
        """Write the file whole or not at all; a name that ends in ``.gz`` is compressed.

        Raises:
            ConfigError: a word or note that is not one line of its own.
        """
        for text in (*self.words, *self.notes):
            if text.splitlines() != [text] or "\t" in text:
                raise ConfigError(f"{text!r} is empty or holds a tab or line break")
        # Sorted by what is written, so that reading and writing again changes nothing.
        values = (np.round(self.log_probs, 4) + 0.0).tolist()  # + 0.0 makes -0.0 a plain 0
        rows = sorted(zip(self.words, values, strict=True), key=lambda row: (-row[1], row[0]))
        lines = [_HEAD, *(f"# {note}" for note in self.notes)]
        lines += [f"{word}\t{value:.4f}" for word, value in rows]
        data = ("\n".join(lines) + "\n").encode()
        write_bytes(path, _compressed(data) if str(path).endswith(".gz") else data)


def build(
    source: str,
    *,
    top: int | None = None,
    min_letters: int = 1,
    max_letters: int = 24,
    notes: tuple[str, ...] = (),
) -> tuple[Lexicon, Counter[str]]:
    """Return a lexicon and how many rows were dropped, by reason.

    The reasons are ``not_a_word`` (the source says so), ``no_count``, ``characters`` (anything
    but letters, apostrophes and hyphens), ``length`` and ``beyond_top``.

    Args:
        source: ``wordfreq:LANG``; or a file: AOSP ``.combined``, lines of word and count, lines of
            one word (all alike), or a lexicon of ours; each plain or gzip.
        top: most words to keep, the most frequent ones.
        min_letters: fewest letters of a word, apostrophes and hyphens not counted.
        max_letters: most letters of a word.
        notes: source and licence, as the file will state them.

    Raises:
        ConfigError: unreadable source, malformed line, or no usable word.
        MissingDependencyError: the package that the source needs is not installed.
    """
    counts: dict[str, float] = {}
    dropped: Counter[str] = Counter()
    for raw, count in _rows(source):
        word = unicodedata.normalize("NFC", raw).replace("\u2019", "'")
        if count is None or count <= 0:
            dropped["not_a_word" if count is None else "no_count"] += 1
        elif not all(c.isalpha() or c in "'-" for c in word) or not (n := len(letters(word))):
            dropped["characters"] += 1
        elif not min_letters <= n <= max_letters:
            dropped["length"] += 1
        else:
            counts[word] = counts.get(word, 0.0) + count
    if not counts:
        raise ConfigError(f"{source}: no usable word; dropped: {dict(dropped)}")
    if top is not None and len(counts) > top:
        dropped["beyond_top"] = len(counts) - top
        kept = sorted(counts, key=lambda word: (-counts[word], word))[:top]
        counts = {word: counts[word] for word in kept}
    return Lexicon.from_counts(counts, notes), dropped


def recased(lexicon: Lexicon, source: str) -> Lexicon:
    """Return the lexicon with its lower-case words cased as ``source`` has them: "i'm" as "I'm".

    Of several forms the most frequent counts, and one with capitals only if it is e times as
    frequent as the one without: a needless capital is worse than a missing one. A word that the
    source lacks takes the casing of what stands before its apostrophe ("london's" that of
    "London"), or stays.

    Args:
        lexicon: words; those with a capital already are left alone.
        source: as of `build`.

    Raises:
        ConfigError: unreadable source.
        MissingDependencyError: the package that the source needs is not installed.
    """
    forms: dict[str, tuple[float, str]] = {}
    for raw, count in _rows(source):
        word = raw.replace("\u2019", "'")
        if count is not None and len(word.lower()) == len(word):
            form = (count * (math.e if word == word.lower() else 1.0), word)
            forms[word.lower()] = max(forms.get(word.lower(), form), form)
    words = tuple(_cased(word, forms) for word in lexicon.words)
    return Lexicon(words, lexicon.log_probs, lexicon.notes)


def unoffending(lexicon: Lexicon, source: str) -> tuple[Lexicon, Lexicon | None]:
    """Return the words that ``source`` does not flag as offensive, and those it does.

    Args:
        lexicon: words.
        source: AOSP ``.combined`` file, whose ``flags`` say ``offensive``.

    Returns:
        Both keep their log_probs; None if no word is flagged.

    Raises:
        ConfigError: unreadable source, one that flags nothing, or nothing is left.
    """
    flagged = {word.lower() for word, flags in _aosp_flags(source) if "offensive" in flags}
    if not flagged:
        raise ConfigError(f"{source}: no word is flagged as offensive; expected an AOSP .combined")
    bad = np.array([word.lower() in flagged for word in lexicon.words])
    return _chosen(lexicon, ~bad), _chosen(lexicon, bad) if bad.any() else None


def merged(first: Lexicon, second: Lexicon) -> Lexicon:
    """Return the words of both; one that both have keeps the figure of the first."""
    held = set(first.words)
    new = np.array([word not in held for word in second.words], bool)
    words = tuple(word for word, fresh in zip(second.words, new, strict=True) if fresh)
    log_probs = np.concatenate([first.log_probs, second.log_probs[new]])
    return Lexicon(first.words + words, log_probs, first.notes)


def _chosen(lexicon: Lexicon, keep: Array) -> Lexicon:
    words = tuple(word for word, kept in zip(lexicon.words, keep, strict=True) if kept)
    return Lexicon(words, lexicon.log_probs[keep], lexicon.notes)


def _cased(word: str, forms: Mapping[str, tuple[float, str]]) -> str:
    if word != word.lower():
        return word
    if word in forms:
        return forms[word][1]
    head, mark, rest = word.partition("'")
    return forms.get(head, (0.0, head))[1] + mark + rest


def _aosp_flags(source: str) -> Iterator[tuple[str, list[str]]]:
    for line in _text(source).splitlines():
        if line.startswith(" word="):
            fields = dict(field.partition("=")[::2] for field in line.strip().split(","))
            yield fields["word"], fields.get("flags", "").split(":")


def _rows(source: str) -> Iterator[tuple[str, float | None]]:
    """Yield (word, count) of a source; the count is None if the source says it is no word."""
    scheme, colon, language = source.partition(":")
    if colon and scheme == "wordfreq":
        yield from _wordfreq(language)
        return
    from edgectc.language import packed  # which builds on this module

    if packed.is_packed(source):
        held = packed.read(source)
        yield from zip(held.words, np.exp(held.log_probs).tolist(), strict=True)
        return
    lines = _text(source).splitlines()
    head = next((line for line in lines if line.strip()), "")
    if head.startswith(_HEAD):
        text = Lexicon.read(source)
        yield from zip(text.words, np.exp(text.log_probs).tolist(), strict=True)
    elif head.startswith(("dictionary=", " word=")):
        yield from _aosp(lines, source)
    else:
        yield from _counted(lines, source)


def _wordfreq(language: str) -> Iterator[tuple[str, float]]:
    try:
        import wordfreq
    except ImportError as error:
        raise MissingDependencyError(
            f"source 'wordfreq:{language}'", package="wordfreq", extra="lexicon"
        ) from error
    try:
        yield from wordfreq.get_frequency_dict(language, wordlist="best").items()
    except LookupError as error:
        known = ", ".join(sorted(wordfreq.available_languages()))
        raise ConfigError(f"wordfreq has no language {language!r}; it has: {known}") from error


def _aosp(lines: list[str], source: str) -> Iterator[tuple[str, float | None]]:
    """Rows of an AOSP word list: `` word=the,f=222,flags=,originalFreq=222``; others are skipped.

    Assumed, as AOSP does not state it: the natural log of the frequency is (f - 255) / 15 + const.
    """
    for number, line in enumerate(lines, start=1):
        if not line.startswith(" word="):
            continue
        fields = dict(field.partition("=")[::2] for field in line.strip().split(","))
        rank = fields.get("f", "")
        if not (rank.isdecimal() and int(rank) <= 255):
            raise ConfigError(f"{source}:{number}: expected f=0..255, got {line!r}")
        marked = _AOSP_NOT_WORDS.intersection(fields.get("flags", "").split(":"))
        if marked or fields.get("not_a_word") == "true":
            yield fields["word"], None
        else:
            yield fields["word"], math.exp((int(rank) - 255) / _AOSP_RANKS_PER_NAT)


def _counted(lines: list[str], source: str) -> Iterator[tuple[str, float]]:
    """Rows of lines "word count" or "word"; a first line "word count" in words is a header."""
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        try:
            count = float(fields[1]) if len(fields) > 1 else 1.0
        except ValueError:
            count = math.nan
        if math.isfinite(count) and len(fields) <= 2:
            yield fields[0], count
        elif number > 1 or len(fields) != 2:
            raise ConfigError(f"{source}:{number}: expected word<TAB>count or a word, got {line!r}")


def _base(letter: str) -> str:
    """Return ``letter`` without its marks: "é" -> "e"; "ø" has none and stays."""
    parts = unicodedata.normalize("NFD", letter)
    return "".join(c for c in parts if not unicodedata.combining(c))


def _compressed(data: bytes) -> bytes:
    """Return gzip bytes without time, file name or operating system, so that they repeat."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def _text(path: str | Path) -> str:
    """Return the text of a file; its content, not its name, says whether it is gzip."""
    try:
        data = Path(path).read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"no lexicon or word list {str(path)!r}") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path} as UTF-8 text, plain or gzip: {error}") from error


def word_hash(word: str) -> int:
    """Return the 32-bit hash of a word's letters that ``seen_words.bin`` stores."""
    return int(sha256(letters(word).encode())[:8], 16)
