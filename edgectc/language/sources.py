"""Lexicons from word lists: wordfreq, AOSP, counts; casing and offensive words by a second list."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.language import lexicon_file, packed
from edgectc.language.lexicon import Lexicon, subset
from edgectc.language.lexicon_file import read_word_list
from edgectc.language.spelling import letters

# AOSP ranks words 0..255 on a log scale whose step it does not state. Against English word
# frequencies a line with this step fits best (0.066 nats a rank, r = 0.89 over 80,821 words).
_AOSP_RANKS_PER_NAT = 15.0


_AOSP_NOT_WORDS = frozenset({"nonword", "not_a_word"})


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
        ConfigError: unreadable source, malformed line, no usable word, or a limit below 1.
        MissingDependencyError: the package that the source needs is not installed.
    """
    for name, value in {"top": top, "max_letters": max_letters}.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more", options=[name])
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
    return subset(lexicon, ~bad), subset(lexicon, bad) if bad.any() else None


def _cased(word: str, forms: Mapping[str, tuple[float, str]]) -> str:
    if word != word.lower():
        return word
    if word in forms:
        return forms[word][1]
    head, mark, rest = word.partition("'")
    return forms.get(head, (0.0, head))[1] + mark + rest


def _aosp_flags(source: str) -> Iterator[tuple[str, list[str]]]:
    for line in read_word_list(source):
        if line.startswith(" word="):
            fields = dict(field.partition("=")[::2] for field in line.strip().split(","))
            yield fields["word"], fields.get("flags", "").split(":")


def _rows(source: str) -> Iterator[tuple[str, float | None]]:
    """Yield (word, count) of a source; the count is None if the source says it is no word."""
    scheme, colon, language = source.partition(":")
    if colon and scheme == "wordfreq":
        yield from _wordfreq(language)
        return
    if packed.is_packed(source):
        held = packed.read(source)
        yield from zip(held.words, np.exp(held.log_probs).tolist(), strict=True)
        return
    lines = read_word_list(source)
    head = next((line for line in lines if line.strip()), "")
    if head.startswith(lexicon_file.NAME):
        text = lexicon_file.read(source)
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
    except (LookupError, ValueError) as error:  # langcodes has an error of its own
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
