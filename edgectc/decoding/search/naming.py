"""Terms shown as they are written, whichever of their spellings a text holds."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgectc.core.contracts import LanguageModel, WordModel
from edgectc.core.errors import ConfigError
from edgectc.core.types import Hypothesis, WordSpan
from edgectc.decoding.search.beam_tables import Spelling
from edgectc.language.hotwords import Phrase, normal
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import PackedLexicon

_MOST_FREQUENT = 1_000  # words of which a language model should know one


class Names:
    """Replaces spellings by their terms.

    Args:
        terms: the words of a spelling in normal form, to the term that it stands for.
    """

    def __init__(self, terms: Mapping[tuple[str, ...], str]) -> None:
        self._terms = dict(terms)
        self._longest = max(map(len, terms), default=0)

    @classmethod
    def of(cls, phrases: Iterable[Phrase], emitted: Callable[[str], str]) -> Names:
        """Return the names of phrases that can be spelled.

        Args:
            phrases: those.
            emitted: how a decoder writes a word of them without this.
        """
        terms: dict[tuple[str, ...], str] = {}
        for phrase in phrases:
            words = phrase.written.split()
            terms[normal(words)] = terms[normal([*map(emitted, words)])] = phrase.term
        return cls(terms)

    def text(self, text: str) -> str:
        """Return a text of words apart by spaces with its terms as they are written."""
        words = text.split()
        return " ".join(
            " ".join(words[first:last]) if term is None else term
            for first, last, term in self._runs(words)
        )

    def terms(self, words: Sequence[str]) -> Counter[str]:
        """Return how often each term stands in a text."""
        return Counter(term for *_, term in self._runs(words) if term is not None)

    def spans(self, words: Sequence[WordSpan]) -> tuple[WordSpan, ...]:
        """Return the spans of the words of `text`.

        A term of another number of words than its spelling is one span, as sure as the least sure
        of its words.
        """
        found: list[WordSpan] = []
        for first, last, term in self._runs([word.text for word in words]):
            run = words[first:last]
            parts = [word.text for word in run] if term is None else term.split()
            if term is not None and len(parts) != len(run):
                least = min(word.confidence for word in run)
                found.append(WordSpan(term, run[0].start, run[-1].end, least))
            else:
                pairs = zip(run, parts, strict=True)
                found += [replace(word, text=part) for word, part in pairs]
        return tuple(found)

    def merged(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Return texts with their terms as they are written, each once, by its best spelling.

        The probability is that of all spellings.
        """
        best: dict[str, Hypothesis] = {}
        for one in hypotheses:
            text = self.text(one.text)
            held = best.get(text)
            if held is None:
                best[text] = replace(one, text=text, words=self.spans(one.words))
            else:
                share = min(1.0, held.probability + one.probability)
                best[text] = replace(held, probability=share)
        return list(best.values())

    def _runs(self, words: Sequence[str]) -> Iterator[tuple[int, int, str | None]]:
        """Yield the runs of words, from the first to the one after the last, with the term each."""
        plain, at = normal(words), 0
        while at < len(words):
            for end in range(min(len(words), at + self._longest), at, -1):
                if plain[at:end] in self._terms:
                    yield at, end, self._terms[plain[at:end]]
                    at = end
                    break
            else:
                yield at, at + 1, None
                at += 1


def favoured(phrases: Iterable[Phrase], spells: Callable[[str], Spelling | None]) -> list[Phrase]:
    """Return the phrases that can be spelled; of those spelled alike the one that weighs most.

    What cannot be spelled is left out, which is said.

    Args:
        phrases: the ways to write the terms.
        spells: tokens, or letters, of a word; None for none.

    Raises:
        ConfigError: none of them can be spelled.
    """
    best: dict[tuple[Spelling | None, ...], Phrase] = {}
    left: list[str] = []
    for phrase in phrases:
        spelled = tuple(map(spells, phrase.written.split()))
        if not all(spelled):
            left.append(phrase.written)
        elif spelled not in best or phrase.weight > best[spelled].weight:
            best[spelled] = phrase
    if left and not best:
        raise ConfigError(
            f"none of the {len(left)} hotwords can be found: the tokens of the model cannot spell "
            f"{left[0]!r}; give it a spelling that they can"
        )
    if left:
        say_left_out(left, len(left) + len(best))
    return list(best.values())


def say_left_out(terms: Sequence[str], count: int) -> None:
    """Warn of some of ``count`` spellings of hotwords that the model cannot write."""
    logging.getLogger("edgectc").warning(
        "%d of %d spellings of hotwords are left out: the tokens of the model cannot spell %r",
        len(terms),
        count,
        terms[0],
    )


def say_strange(model: LanguageModel | None, words: Lexicon | Sequence[str]) -> None:
    """Warn of a language model that knows none of the most frequent words, or of the tokens.

    It would rank as if it knew nothing, and nobody would see why.
    """
    if not isinstance(model, WordModel):
        return
    sample = words if isinstance(words, Sequence) else ()
    what = "tokens, each of which is a word without a separator"
    if isinstance(words, Lexicon):
        best = int(words.log_probs.argmax())
        if model.known(_text(words, best)):  # the usual case, at the cost of one word
            return
        order = np.argsort(-words.log_probs, kind="stable")[:_MOST_FREQUENT]
        sample, what = [_text(words, row) for row in order.tolist()], "most frequent words"
    if sample and not any(map(model.known, sample)):
        logging.getLogger("edgectc").warning(
            "edgectc: the language model knows none of the %d %s, not even %r; give one of the "
            "same language, whose words are spelled so",
            len(sample),
            what,
            sample[-1],
        )


def _text(words: Lexicon, row: int) -> str:
    """Return a word; of a packed lexicon without making them all."""
    return words.text(row) if isinstance(words, PackedLexicon) else words.words[row]
