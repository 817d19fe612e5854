"""`edgectc.build_language`: a language pack of a source of words and texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core.arguments import Count, File, FileName, Positive, checked
from edgectc.core.errors import BudgetError, ConfigError
from edgectc.core.files import read_lines
from edgectc.core.messages import say
from edgectc.core.staging import staged_folder
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language import builder, lexicon_file, running_text, sources
from edgectc.language.lexicon import Lexicon, subset
from edgectc.language.packed import PackedLexicon, pack
from edgectc.language.running_text import TextCounts
from edgectc.language.sources import Dropped
from edgectc.language.spelling import APOSTROPHES, HYPHENS, uncased
from edgectc.runtime import languages

# Title and keyboard of the languages that people asked for; any other needs both.
KNOWN = {
    "de": ("German", "german"),
    "en": ("English", "qwerty"),
    "es": ("Spanish", "spanish"),
    "fr": ("French", "azerty"),
    "hi": ("Hindi", "hindi"),
    "it": ("Italian", "qwerty"),
    "nl": ("Dutch", "qwerty"),
    "pl": ("Polish", "qwerty"),
    "pt": ("Portuguese", "portuguese"),
    "ru": ("Russian", "russian_jcuken"),
    "sv": ("Swedish", "swedish"),
    "tr": ("Turkish", "turkish_q"),
    "uk": ("Ukrainian", "ukrainian"),
}
_MODEL_WORDS = 25_000  # of a language model: the most frequent ones
_MODEL_SHARE = 1 / 3  # of a pack's size, at most
_FEWEST_WORDS = 1000


@dataclass(frozen=True)
class BuiltLanguage:
    """A language pack that was written.

    Attributes:
        path: its folder.
        language: its tag.
        layout: name of its keyboard.
        words: of its lexicon.
        ngrams: how many of each length its language model has, from 1; () without one.
        bytes: of the folder.
        dropped: rows of the source that were left out, by reason.
        dropped_share: by reason, their share of the running text that the source counts, 0..1.
        dropped_examples: by reason, the most frequent of them.
        covered: share of the words of ``text``, but the first of each sentence, that the pack can
            spell, 0..1; None without texts.
    """

    path: Path
    language: str
    layout: str
    words: int
    ngrams: tuple[int, ...]
    bytes: int
    dropped: dict[str, int]
    dropped_share: dict[str, float]
    dropped_examples: dict[str, list[str]]
    covered: float | None


@checked
def build_language(
    language: str,
    *,
    out: FileName | None = None,
    source: FileName | Sequence[FileName] | None = None,
    text: Sequence[File] = (),
    weights: Sequence[Positive] | None = None,
    casing: FileName | None = None,
    offensive: FileName | None = None,
    layout: FileName | None = None,
    title: str | None = None,
    top: Count | None = None,
    max_mb: Positive = 6.0,
    note: Sequence[str] = (),
) -> BuiltLanguage:
    """Return where a language pack was written: words, language model and keyboard of a language.

    The lexicon takes as many words as fit beside the language model, which gets a third of
    ``max_mb`` at most. Words that the source lacks and a text has more than once are added: in
    French and Italian those with an apostrophe. Without ``casing`` words are cased as the texts
    write them inside a sentence.

    Args:
        language: tag, e.g. "de".
        out: folder of the pack; "languages/" and the tag by default.
        source: as of `build_lexicon`, or several; ``wordfreq:LANG`` by default.
        text: UTF-8 texts, plain or gzip, for the language model. None: a pack without one.
        weights: one for each source, then one for each text: frequencies are the weighted mean of
            theirs, and the language model is the mixture of the texts. None: the frequencies of
            the source, which must be one, and all texts count as one.
        casing: another source, as whose words lower-case words are written.
        offensive: as of `build_lexicon`: the words go to ``offensive.tsv``.
        layout: name of a keyboard, or path of a ``.json``; needed for a language not known here.
        title: name of the language in English.
        top: most words, the most frequent ones.
        max_mb: size of the pack.
        note: lines on source and licence.

    Raises:
        ConfigError: no layout for this language, an unreadable source or text, or one of no use.
        BudgetError: not even 1,000 words fit into ``max_mb``.
        MissingDependencyError: the package that the source needs is not installed.
    """
    named, keyboard = _named(language, layout)
    folder = _empty(Path(languages.FOLDER) / language if out is None else Path(out))
    wanted = [source] if isinstance(source, str) else list(source or [f"wordfreq:{language}"])
    say(f"{language}: words of {', '.join(wanted)}")
    lines = [list(read_lines(file)) for file in text]
    each = [running_text.count(one) for one in lines]
    counts = running_text.total(each)
    words, dropped = sources.gather(
        wanted, [one.words for one in each], weights=weights, top=top, notes=tuple(note)
    )
    words = sources.recased(words, casing or counts.written)
    whole, flagged = words, None
    if offensive:
        words, flagged = sources.unoffending(words, offensive)
        dropped.lose("offensive", whole, words)
    limit = int(max_mb * 1e6)
    trie = _fitted(words, keyboard, int(limit * (1 - _MODEL_SHARE)) if lines else limit, dropped)
    shares = {reason: round(share, 6) for reason, share in dropped.shares().items()}
    about = {
        "source": wanted[0] if len(wanted) == 1 else [_name(one) for one in wanted],
        "texts": [Path(file).name for file in text],
        "notes": list(note),
        "dropped_share": shares,
        **({} if weights is None else {"weights": list(weights)}),
    }
    with staged_folder(folder) as staging:
        say(f"{language}: language model of {sum(map(len, lines)):,} lines")
        most, of_texts = int(limit * _MODEL_SHARE), weights and weights[len(wanted) :]
        ngrams = _write_model(lines, of_texts, trie, staging / languages.MODEL, most)
        lexicon_file.write(trie, staging / languages.LEXICON)
        if flagged is not None:
            lexicon_file.write(flagged, staging / lexicon_file.OFFENSIVE)
        languages.write_index(staging, language, title or named, keyboard, about)
    return BuiltLanguage(
        folder,
        language,
        keyboard.name,
        len(trie.log_probs),
        ngrams,
        sum(file.stat().st_size for file in folder.iterdir()),
        dict(dropped),
        shares,
        dropped.examples(),
        _covered(trie, counts) if lines else None,
    )


def _named(language: str, layout: str | None) -> tuple[str, Layout]:
    """Return the title and the keyboard of a language."""
    title, usual = KNOWN.get(re.split("[-_]", language)[0], (language, ""))
    if not (layout or usual):
        raise ConfigError(
            f"no keyboard is known for {language!r}; give layout=, the name of one "
            f"({', '.join(layouts.names())}) or the path of a .json",
            options=["layout"],
        )
    return title, layouts.load(layout or usual)


def _write_model(
    texts: Sequence[Sequence[str]],
    weights: Sequence[float] | None,
    words: Lexicon,
    path: Path,
    most: int,
) -> tuple[int, ...]:
    """Write a language model of texts and return its n-grams of each length; () without text."""
    if not texts:
        return ()
    built = builder.build(
        texts,
        weights=weights,
        vocabulary=words.words,
        top=_MODEL_WORDS,
        max_bytes=most,
        quantize=True,
    )
    builder.write(path, built.ngrams)
    return built.ngrams.counts


def _name(source: str) -> str:
    """Return a source as a pack states it: a file by its name, since its place is the builder's."""
    return Path(source).name if Path(source).is_file() else source


def _empty(folder: Path) -> Path:
    """Return a folder that holds a pack at most: nothing else is lost.

    Raises:
        ConfigError: something else is there.
    """
    if not folder.exists():
        return folder
    ours = {languages.INDEX, languages.LEXICON, languages.MODEL, lexicon_file.OFFENSIVE}
    others = [p.name for p in folder.iterdir() if p.name not in ours] if folder.is_dir() else ["it"]
    if others:
        raise ConfigError(
            f"{folder} is no language pack: it holds {others[0]!r}; choose another out=",
            options=["out"],
        )
    return folder


def _fitted(words: Lexicon, layout: Layout, most: int, dropped: Dropped) -> PackedLexicon:
    """Return as many of the words, the most frequent first, as a packed file of ``most`` holds."""
    # Nobody swipes them, even where they have a key: "it's" is swiped over "its".
    letters = frozenset(layout.letters) - {*APOSTROPHES, *HYPHENS}
    spelled = pack(words, letters)
    if len(spelled.log_probs) < len(words.log_probs):
        dropped.lose("letters", words, spelled)
    whole, size = spelled, len(words.words)
    while (taken := len(spelled.file_bytes())) > most:
        size = int(size * 0.99 * most / taken)
        if size < _FEWEST_WORDS:
            raise BudgetError(
                f"{len(spelled.log_probs):,} words take {taken:,} bytes, and {most:,} are allowed; "
                "raise max_mb",
            )
        spelled = pack(subset(words, np.arange(len(words.words)) < size), letters)
    if spelled is not whole:
        dropped.lose("size", whole, spelled)
    return spelled


def _covered(lexicon: Lexicon, counts: TextCounts) -> float:
    """Share of the text that the words write, as it is spelled: "strasse" is not "Straße"."""
    known = set(map(uncased, lexicon.words))
    held = sum(count for word, count in counts.written.items() if uncased(word) in known)
    return held / max(1, counts.written.total())
