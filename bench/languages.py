"""What language packs write, alone and mixed: first words right.

    python bench/languages.py --packs languages/de languages/fr --text de=de.txt fr=fr.txt \
        [--model MODEL] [--words 1000] [--data DATA] [--out FILE]

Three tables. No real swipes in other languages with a licence to use them are known, so those of
the texts are generated, which are easier than real ones: only differences mean something. The
context of a word is its sentence so far. A word outside the lexicon counts as wrong. The lines of a
text that the packs' language models were built from must not be given here.

1. Each language by its own pack, and by the wrong one, which must fail.
2. English (real swipes of dev users, with their sentences) with further languages switched on.
3. Sentences that change the language in the middle, against each word by its own pack.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.files import read_lines
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.evaluation.accuracy import with_context
from edgectc.formats.layouts import Layout
from edgectc.language.ngram.text import pieces
from edgectc.language.spelling import (
    letters,
    normalize_word,
    plain,
    spell,
    uncased,
    written_words,
)
from edgectc.runtime import languages


@dataclass(frozen=True)
class Word:
    """A word of a text as it is written, what stands before it, and the seed of its swipe."""

    text: str
    context: tuple[str, ...]
    seed: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", nargs="+", required=True)
    parser.add_argument("--text", nargs="+", required=True, metavar="LANG=FILE")
    parser.add_argument("--model")
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--data", help="real English swipes for the second table")
    parser.add_argument("--sentences", help="natural sentences: only swipes of these prompts")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    texts = dict(one.split("=", 1) for one in options.text)
    words = {tag: _words(file, options.words) for tag, file in texts.items()}
    packs = {languages.read(one).index.language: one for one in options.packs}
    parts = [heading(("numpy",), repeats=f"{options.words} words of each text")]
    parts.append(_alone(options.model, packs, words))
    if options.data:
        parts.append(_english(options.model, packs, options.data, options.sentences, options.words))
    parts.append(_mixed(options.model, packs, words))
    publish("\n\n".join(parts) + "\n", options.out)


def _words(file: str, count: int) -> list[Word]:
    """Return words of running text, from sentences drawn with a seed."""
    lines = list(read_lines(file))
    found: list[Word] = []
    for row in np.random.default_rng(0).permutation(len(lines)).tolist():
        for sentence in pieces(lines[row]):
            written = [plain(word) for word in written_words(sentence)]
            for place, text in enumerate(written):
                before = ("<s>", *map(normalize_word, written[:place]))
                found.append(Word(text, before, len(found)))
        if len(found) >= count:
            break
    return found[:count]


def _answers(
    model: edgectc.Recognizer, layout: Layout, words: Sequence[Word]
) -> list[tuple[str, str]]:
    """Return each word that has two letters or more on this keyboard, and what was answered."""
    answers = []
    for word in words:
        spelled = spell(word.text, {*layout.letters} - {"'"}) or ""
        if len(spelled) < 2:
            continue
        trace = swipe(spelled, layout, np.random.default_rng(word.seed))
        found = model(trace, layout=layout.name, nbest=1, context=_context(model, word.context))
        answers.append((word.text, found.best.text))
    return answers


def _by_letters(answers: Sequence[tuple[str, str]]) -> list[float]:
    return [float(letters(word) == letters(answer)) for word, answer in answers]


def _by_spelling(answers: Sequence[tuple[str, str]]) -> list[float]:
    """As `_by_letters`, with apostrophes, and "ß" is not "ss"."""
    return [float(uncased(word) == uncased(answer)) for word, answer in answers]


def _right(model: edgectc.Recognizer, layout: Layout, words: Sequence[Word]) -> list[float]:
    return _by_letters(_answers(model, layout, words))


def _context(model: edgectc.Recognizer, context: tuple[str, ...]) -> tuple[str, ...]:
    return context if model.language_model is not None or model.languages else ()


def _share(rights: Sequence[float]) -> str:
    low, high = metrics.bootstrap(np.array(rights))
    return f"{np.mean(rights):.1%} [{low:.1%}, {high:.1%}]"


def _paired(rights: Sequence[float], before: Sequence[float]) -> str:
    difference = np.array(rights) - np.array(before)
    low, high = metrics.bootstrap(difference)
    return f"{difference.mean():+.1%} [{low:+.1%}, {high:+.1%}]"


def _alone(name: str | None, packs: dict[str, str], words: dict[str, list[Word]]) -> str:
    rows = []
    for tag, pack in progress(packs.items(), "language"):
        if tag not in words:
            continue
        model = edgectc.load(name, language=[pack])
        layout = model.setting(model.layout)
        own = _answers(model, layout, words[tag])
        row = [tag, len(own), _share(_by_letters(own)), _share(_by_spelling(own))]
        wrong = next((other for other in packs if other != tag), None)
        stranger = edgectc.load(name, language=[packs[wrong]]) if wrong else None
        fails = _right(stranger, layout, words[tag]) if stranger else None
        rows.append([*row, f"{np.mean(fails):.1%} ({wrong})" if fails else "-"])
    return table(["language", "words", "by letters", "as spelled", "by the wrong pack"], rows)


def _english(
    name: str | None, packs: dict[str, str], data: str, prompts: str | None, count: int
) -> str:
    found, _ = swipe_files.load(str(swipe_files.find(data)), split="dev")
    natural = {letters(line) for line in read_lines(prompts)} if prompts else None
    usable = [
        with_context(s, words=12)
        for s in found
        if s.word and s.prompt and (natural is None or letters(s.prompt) in natural)
    ]
    chosen = np.random.default_rng(0).permutation(len(usable))[:count].tolist()
    rows, alone = [], None
    further = [[], *([tag] for tag in packs), [*packs][:2]]
    for tags in progress(further, "mix"):
        model = edgectc.load(name, language=["own", *(packs[tag] for tag in tags)])
        rights = []
        for row in chosen:
            s = usable[row]
            answer = model(s.points, nbest=1, context=s.context)
            rights.append(float(letters(answer.best.text) == letters(s.word or "")))
        alone = alone or rights
        mix = " + ".join(["en", *tags])
        rows.append([mix, len(rights), _share(rights), _paired(rights, alone)])
    return table(["written", "swipes", "top-1", "to English alone"], rows)


def _mixed(name: str | None, packs: dict[str, str], words: dict[str, list[Word]]) -> str:
    """Words of another language behind three English ones and behind n of its own."""
    rows = []
    for tag in packs:
        if tag not in words:
            continue
        model = edgectc.load(name, language=["own", packs[tag]])
        alone = edgectc.load(name, language=[packs[tag]])
        layout = alone.setting(alone.layout)
        for own in (0, 1, 2, 3):
            usable = [w for w in words[tag] if len(w.context) > own]
            english = ("<s>", "this", "is", "the")
            before = [
                Word(w.text, (*english, *(w.context[-own:] if own else ())), w.seed) for w in usable
            ]
            here = _right(model, layout, before)
            there = _right(alone, layout, usable)
            rows.append([tag, own, len(here), _share(here), _paired(here, there)])
    return table(["language", "words since the change", "words", "top-1", "to its pack"], rows)


if __name__ == "__main__":
    main()
