"""Lexicons from word lists: wordfreq, AOSP, counts; casing and offensive words by a second list."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.language import lexicon_file, packed
from edgectc.language.lexicon import Lexicon, subset
from edgectc.language.lexicon_file import read_word_list
from edgectc.language.spelling import is_word, letters, normalize_word, plain

# AOSP ranks words 0..255 on a log scale whose step it does not state. Against English word
# frequencies a line with this step fits best (0.066 nats a rank, r = 0.89 over 80,821 words).
_AOSP_RANKS_PER_NAT = 15.0
# Of a word that was seen n times in a text, n - 0.75 are counted: absolute discounting, Ney, Essen
# and Kneser 1994, with about the figure that large texts have.
_TEXT_DISCOUNT = 0.75
_AOSP_NOT_WORDS = frozenset({"nonword", "not_a_word"})
_EXAMPLES = 5
_LATER = ("offensive", "letters", "size")  # reasons for which words of a lexicon are left out of it


class Dropped(Counter[str]):
    """How many rows of a source were left out, by reason.

    Attributes:
        kept: counts of the words that were kept.
    """

    kept: float = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, list[tuple[float, str]]] = {}

    def add(self, reason: str, text: str, count: float = 0.0) -> None:
        """Count a row."""
        self[reason] += 1
        self._rows.setdefault(reason, []).append((count, text))

    def lose(self, reason: str, before: Lexicon, after: Lexicon) -> None:
        """Count the words of the lexicon that were left out later on."""
        left = set(after.words)
        for word, log_prob in zip(before.words, before.log_probs.tolist(), strict=True):
            if word not in left:
                self.add(reason, word, self.kept * math.exp(log_prob))

    def join(self, other: Dropped, weight: float) -> None:
        """Add what another source dropped, whose running text is ``weight`` of the whole."""
        total = other.kept + math.fsum(n for rows in other._rows.values() for n, _ in rows)
        for reason, rows in other._rows.items():
            for count, text in rows:
                self.add(reason, text, count * weight / total)
        self.kept += other.kept * weight / total

    def shares(self) -> dict[str, float]:
        """Return, by reason, the share of running text of what was left out, 0..1."""
        lost = {reason: math.fsum(n for n, _ in rows) for reason, rows in self._rows.items()}
        later = sum(lost.get(reason, 0.0) for reason in _LATER)  # they were kept before
        total = self.kept + math.fsum(lost.values()) - later
        return {reason: count / total for reason, count in lost.items()}

    def examples(self) -> dict[str, list[str]]:
        """Return, by reason, the most frequent ones, at most five."""
        best = {
            r: sorted(rows, key=lambda row: (-row[0], row[1])) for r, rows in self._rows.items()
        }
        return {reason: [text for _, text in rows[:_EXAMPLES]] for reason, rows in best.items()}


def build(
    source: str,
    *,
    top: int | None = None,
    min_letters: int = 1,
    max_letters: int = 24,
    notes: tuple[str, ...] = (),
    text: Mapping[str, int] | None = None,
) -> tuple[Lexicon, Dropped]:
    """Return a lexicon and what was dropped, by reason.

    The reasons are ``header``, ``not_a_word`` (the source says so), ``no_count`` (a count of 0, or
    an AOSP word never to be suggested), ``numbers`` (digits without a letter), ``characters`` (no
    word either, by `edgectc.language.spelling.is_word`), ``length`` and ``beyond_top``.

    Args:
        source: ``wordfreq:LANG``; or a file: AOSP ``.combined``, lines of word and count, lines of
            one word (all alike), or a lexicon of ours; each plain or gzip.
        top: most words to keep, the most frequent ones.
        min_letters: fewest letters of a word, apostrophes and hyphens not counted.
        max_letters: most letters of a word.
        notes: source and licence, as the file will state them.
        text: counts of words of running text, by normal form. A word that the source lacks and that
            stands there twice or more, as "l'homme" does where a source parts it, gets its share of
            that text, less the discount of rare events; see `_TEXT_DISCOUNT`.

    Raises:
        ConfigError: unreadable source, malformed line, no usable word, or a limit below 1.
        MissingDependencyError: the package that the source needs is not installed.
    """
    for name, value in {"top": top, "max_letters": max_letters}.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more", options=[name])
    counts: dict[str, float] = {}
    dropped = Dropped()
    for raw, count in _rows(source):
        word = plain(raw)
        if count is None or math.isnan(count):
            dropped.add("not_a_word" if count is None else "header", raw)
        elif count <= 0:
            dropped.add("no_count", raw)
        elif not is_word(word):
            number = any(map(str.isdigit, word)) and not any(map(str.isalpha, word))
            dropped.add("numbers" if number else "characters", raw, count)
        elif not min_letters <= len(letters(word)) <= max_letters:
            dropped.add("length", raw, count)
        else:
            counts[word] = counts.get(word, 0.0) + count
    if text:
        _add_text(counts, text, range(min_letters, max_letters + 1))
    if not counts:
        raise ConfigError(f"{source}: no usable word; dropped: {dict(dropped)}")
    if top is not None and len(counts) > top:
        order = sorted(counts, key=lambda word: (-counts[word], word))
        for word in order[top:]:
            dropped.add("beyond_top", word, counts[word])
        counts = {word: counts[word] for word in order[:top]}
    dropped.kept = math.fsum(counts.values())
    return Lexicon.from_counts(counts, notes), dropped


def gather(
    wanted: Sequence[str],
    texts: Sequence[Mapping[str, int]],
    *,
    weights: Sequence[float] | None = None,
    top: int | None = None,
    notes: tuple[str, ...] = (),
) -> tuple[Lexicon, Dropped]:
    """Return a lexicon of sources and texts, and what was dropped of the sources, by reason.

    Args:
        wanted: sources, as of `build`.
        texts: counts of the words of each text, by normal form.
        weights: of the sources, then of the texts, above 0. None: the words of the one source, with
            those of the texts that it lacks.
        top: most words to keep, the most frequent ones.
        notes: source and licence, as the file will state them.

    Raises:
        ConfigError: as of `build`; another number of weights, or several sources without.
    """
    if weights is None:
        if len(wanted) != 1:
            raise ConfigError(
                f"{len(wanted)} sources without weights; give weights, one for each source, then "
                "one for each text",
                options=["weights"],
            )
        text = sum(map(Counter, texts), Counter[str]())
        return build(wanted[0], top=top, notes=notes, text=text)
    if len(weights) != len(wanted) + len(texts):
        raise ConfigError(
            f"weights are {list(weights)}, expected {len(wanted) + len(texts)}: one for each of "
            f"{len(wanted)} sources, then one for each of {len(texts)} texts",
            options=["weights"],
        )
    dropped = Dropped()
    parts = []
    for source in wanted:
        lexicon, lost = build(source, notes=notes)
        parts.append(lexicon)
        dropped.join(lost, weights[len(parts) - 1] / sum(weights))
    dropped.kept += math.fsum(weights[len(wanted) :]) / sum(weights)
    words = mixed([*parts, *map(of_text, texts)], weights)
    if top is not None and len(words.words) > top:
        kept = subset(words, np.arange(len(words.words)) < top)
        dropped.lose("beyond_top", words, kept)
        dropped.kept *= float(np.exp(kept.log_probs).sum())
        words = kept
    return words, dropped


def _add_text(counts: dict[str, float], text: Mapping[str, int], lengths: range) -> None:
    """Add the words of a text that ``counts`` lacks, on the scale of ``counts``."""
    known = {normalize_word(word) for word in counts}
    scale = (math.fsum(counts.values()) or 1.0) / max(1, sum(text.values()))
    for word, count in text.items():
        if count >= 2 and word not in known and is_word(word) and len(letters(word)) in lengths:
            counts[word] = (count - _TEXT_DISCOUNT) * scale


def of_text(words: Mapping[str, int], *, most_letters: int = 24) -> Lexicon:
    """Return the words that a text has twice or more, with their share of it, discounted.

    Args:
        words: their counts, by normal form.
        most_letters: of a word.

    Raises:
        ConfigError: none is left.
    """
    counts: dict[str, float] = {}
    _add_text(counts, words, range(1, most_letters + 1))
    if not counts:
        raise ConfigError(
            f"the text has no word twice ({sum(words.values()):,} words in all); give more text"
        )
    return Lexicon.from_counts(counts)


def mixed(lexicons: Sequence[Lexicon], weights: Sequence[float]) -> Lexicon:
    """Return the words of several lexicons, with the weighted mean of their frequencies.

    Words are written as the first lexicon that has them writes them: where it has "May" and "may"
    and another "may" alone, both stay, and the second gets what the other says.

    Source: linear interpolation, as of language models, Jelinek and Mercer 1980.

    Args:
        lexicons: words with log_probs.
        weights: one each, above 0; they are divided by their sum.
    """
    forms: dict[str, str] = {}  # the most frequent way to write each normal form
    shares: dict[str, float] = {}
    for lexicon, weight in zip(lexicons, weights, strict=True):
        frequencies = np.exp(lexicon.log_probs)
        frequencies *= weight / (sum(weights) * frequencies.sum())
        known = dict(forms)
        for word, share in zip(lexicon.words, frequencies.tolist(), strict=True):
            normal = normalize_word(word)
            forms.setdefault(normal, word)
            written = word if word in shares else known.get(normal, word)
            shares[written] = shares.get(written, 0.0) + share
    notes = tuple(dict.fromkeys(note for lexicon in lexicons for note in lexicon.notes))
    return Lexicon.from_counts(shares, notes)


def recased(lexicon: Lexicon, source: str | Mapping[str, float]) -> Lexicon:
    """Return the lexicon with its lower-case words written as ``source`` has them: "i'm" as "I'm".

    Of several casings the most frequent counts, and one with capitals only if it is e times as
    frequent as the one without: a needless capital is worse than a missing one. A word that the
    source lacks takes the casing of what stands before its apostrophe ("london's" that of
    "London"), or stays.

    Lists that were casefolded, as those of wordfreq, have "strasse" for "Straße" and "λόγοσ" for
    "λόγος". Where ``source`` knows such a spelling and the lexicon has it nowhere, the word's
    frequency is shared among its spellings by their counts: "masse" becomes "Masse" and "Maße".

    Args:
        lexicon: words; those with a capital already are left alone.
        source: as of `build`; or words as they are written, with their counts.

    Returns:
        The words in their order; the most frequent first if a word became several.

    Raises:
        ConfigError: unreadable source.
        MissingDependencyError: the package that the source needs is not installed.
    """
    known = _spellings(_rows(source) if isinstance(source, str) else source.items())
    held = {*lexicon.words}  # of "pm" beside "PM", each stays
    lower = {word.lower() for word in held}
    log_probs: dict[str, float] = {}
    for word, log_prob in zip(lexicon.words, lexicon.log_probs.tolist(), strict=True):
        folded = [
            spelling
            for key, spelling in known.get(word, {}).items()
            if key != word and spelling.count and key not in lower
        ]
        if not folded:
            cased = _cased(word, known)
            log_probs[word if cased in held else cased] = log_prob
            continue
        own = known[word].get(word)
        each = [*folded, own] if own and own.count else folded
        total = math.fsum(spelling.count for spelling in each)
        for spelling in each:
            log_probs[spelling.written] = log_prob + math.log(spelling.count / total)
    words = list(log_probs)
    if len(words) > len(lexicon.words):
        words.sort(key=lambda word: (-log_probs[word], word))
    values = np.array([log_probs[word] for word in words], np.float64)
    return Lexicon(tuple(words), values, lexicon.notes)


@dataclass
class _Spelling:
    """A spelling whatever its case: how often it stands in a list, and its best casing."""

    count: float = 0.0
    weight: float = -1.0  # of the best casing: its count, e times as much without a capital
    written: str = ""


def _spellings(rows: Iterable[tuple[str, float | None]]) -> dict[str, dict[str, _Spelling]]:
    """Return, by normal form, the spellings of a list by their lower case."""
    known: dict[str, dict[str, _Spelling]] = {}
    for raw, count in rows:
        word = plain(raw)
        lower = word.lower()
        if count is None or not count >= 0 or len(lower) != len(word):
            continue
        spelling = known.setdefault(normalize_word(word), {}).setdefault(lower, _Spelling())
        spelling.count += count
        weight = count * (math.e if word == lower else 1.0)
        if (weight, word) > (spelling.weight, spelling.written):
            spelling.weight, spelling.written = weight, word
    return known


def unoffending(lexicon: Lexicon, source: str) -> tuple[Lexicon, Lexicon | None]:
    """Return the words that ``source`` does not flag as offensive, and those it does.

    A word that the source has as it is written goes by that entry, so "John" stays where "john" is
    flagged; any other word is flagged where any casing of it is.

    Args:
        lexicon: words.
        source: AOSP ``.combined`` whose words say ``flags=offensive``, or a list of words.

    Returns:
        Both keep their log_probs; None if no word is flagged. All that is flagged, of the lexicon
        or not, is ``unsaid`` in the first.

    Raises:
        ConfigError: unreadable source, one that flags nothing, or nothing is left.
    """
    entries = _offensive(source)
    flagged = {normalize_word(word) for word, offensive in entries.items() if offensive}
    bad = np.array(
        [entries.get(word, normalize_word(word) in flagged) for word in lexicon.words], bool
    )
    kept = replace(subset(lexicon, ~bad), unsaid=frozenset(flagged))
    return kept, subset(lexicon, bad) if bad.any() else None


def _cased(word: str, known: Mapping[str, Mapping[str, _Spelling]]) -> str:
    if word != word.lower():
        return word
    for part in (word, word.partition("'")[0]):
        spelling = known.get(normalize_word(part), {}).get(part)
        if spelling is not None:
            return spelling.written + word[len(part) :]
    return word


def _offensive(source: str) -> dict[str, bool]:
    """Return words of a list and whether it flags them."""
    lines = read_word_list(source)
    if not any(line.startswith(" word=") for line in lines):
        return dict.fromkeys(_listed(lines, source), True)
    fields = [_aosp_fields(line) for line in lines if line.startswith(" word=")]
    entries = {f["word"]: "offensive" in f.get("flags", "").split(":") for f in fields}
    if any(entries.values()):
        return entries
    # Of German, French, Spanish: "kommen", "sein" and "perro" stand among them.
    possibly = sum(f.get("possibly_offensive") == "true" for f in fields)
    raise ConfigError(
        f"{source}: no word has flags=offensive"
        + f" and {possibly} have possibly_offensive=true, ordinary words among them"
        * bool(possibly)
        + "; give a list of offensive words, a line each"
    )


def _listed(lines: Sequence[str], source: str) -> Iterator[str]:
    """Yield the words of a list of offensive words; lines that begin with # are none."""
    words = {n: plain(line.strip()) for n, line in enumerate(lines, start=1) if line[:1] != "#"}
    if not any(words.values()):
        raise ConfigError(f"{source}: no offensive word is listed; write a word a line")
    for number, word in words.items():
        if word and not is_word(word):
            raise ConfigError(
                f"{source}:{number}: expected an offensive word, got {word!r}; write a word a line"
            )
        if word:
            yield word


def _aosp_fields(line: str) -> dict[str, str]:
    return dict(field.partition("=")[::2] for field in line.strip().split(","))


def _rows(source: str) -> Iterator[tuple[str, float | None]]:
    """Yield (word, count) of a source.

    The count is None if the source says that it is no word, and NaN for a header.
    """
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
    A word with f=0 is known but never to be suggested: its count is 0.
    """
    for number, line in enumerate(lines, start=1):
        if not line.startswith(" word="):
            continue
        fields = _aosp_fields(line)
        rank = fields.get("f", "")
        if not (rank.isdecimal() and int(rank) <= 255):
            raise ConfigError(f"{source}:{number}: expected f=0..255, got {line!r}")
        marked = _AOSP_NOT_WORDS.intersection(fields.get("flags", "").split(":"))
        if marked or fields.get("not_a_word") == "true":
            yield fields["word"], None
        else:
            share = math.exp((int(rank) - 255) / _AOSP_RANKS_PER_NAT)
            yield fields["word"], share if int(rank) else 0.0


def _counted(lines: list[str], source: str) -> Iterator[tuple[str, float]]:
    """Rows of lines "word count" or "word"; two words without a digit in line 1 are a header."""
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
        elif number == 1 and len(fields) == 2 and not any(map(str.isdigit, line)):
            logging.getLogger("edgectc").warning("%s:1: %r is taken for a header", source, line)
            yield line, math.nan
        else:
            raise ConfigError(
                f"{source}:{number}: expected word<TAB>count or a word, got {line!r}; write the "
                "count in digits with at most a decimal point"
            )
