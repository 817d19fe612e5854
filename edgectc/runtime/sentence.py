"""A sentence while it is written: its last words stay open, and the next swipe may revise them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from edgectc.core.contracts import ContextModel
from edgectc.core.errors import ConfigError
from edgectc.core.types import Decoded
from edgectc.decoding.search.context import of_sentence
from edgectc.decoding.search.options import MOST_WEIGHT
from edgectc.language.ngram.text import context_of
from edgectc.language.spelling import normalize_word
from edgectc.runtime.recognizer import Recognizer

# Chosen on dev users, see docs/decoding.md.
CONTEXT_WEIGHT = 0.65
CANDIDATES = 12  # words of a swipe that are compared
MOST_OPEN = 8
_WIDTH = 64  # texts of the open words that are kept
_LOOK_BACK = 8  # words; no language model looks further


@dataclass(frozen=True)
class Revision:
    """A word that changed because of what was swiped after it.

    Attributes:
        place: of the word in `Sentence.words`.
        before: what stood there.
        after: what stands there now.
    """

    place: int
    before: str
    after: str


@dataclass(frozen=True)
class Written:
    """What a swipe did to a sentence.

    Attributes:
        words: of the sentence, with the new one.
        candidates: for the new word, the best first, as they are ranked with the words before.
        revisions: earlier words that are others now; `Sentence.choose` takes one back.
    """

    words: tuple[str, ...]
    candidates: tuple[str, ...]
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True)
class _Text:
    """A text of the open words, and what it is worth."""

    words: tuple[str, ...] = ()
    own: tuple[float, ...] = ()  # score of each word without context
    score: float = 0.0


class Sentence:
    """Words of one sentence, swiped one after another and ranked together.

    Of the open words w_1 ... w_n behind the words h that are settled, that text is the best which
    maximises::

        sum over i of score(w_i) + context_weight * (log P(w_i | h, w_1 ... w_i-1) - log P(w_i))

    with the decoder's score without context and the language model's P. Each swipe brings the 12
    best words of its own; of their texts the 64 best are kept. The last ``open_words`` words may
    still change when a later one makes another reading likelier; what the user chose never does.

    Source: of ranking words of gestures together, Ouyang et al. 2017, "Mobile Keyboard Input
    Decoding with Finite-State Transducers" (post-correction of earlier words).
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        context: str | Sequence[str] = "",
        open_words: int = 2,
        context_weight: float = CONTEXT_WEIGHT,
    ) -> None:
        """Begin behind a text.

        Args:
            recognizer: of swipes, with a language model.
            context: the text before, or its words.
            open_words: how many of the last words the next swipe may change, itself included.
            context_weight: of what the language model says, as above.

        Raises:
            ConfigError: no language model, several languages at once, or a number out of range.
        """
        if not 1 <= open_words <= MOST_OPEN or not 0 <= context_weight <= MOST_WEIGHT:
            raise ConfigError(
                f"open_words is {open_words!r}, context_weight {context_weight!r}; expected 1 to "
                f"{MOST_OPEN} and 0 to {MOST_WEIGHT:g}",
                options=["open_words", "context_weight"],
            )
        model = recognizer.language_model
        if recognizer.languages or not isinstance(model, ContextModel):
            have = "several languages" if recognizer.languages else "none that lists what follows"
            raise ConfigError(
                f"a sentence needs one language model, and {recognizer.name!r} has {have}; open it "
                "with one language, and with a .lm or ARPA file"
            )
        self._recognizer, self._model = recognizer, model
        self._open, self._weight = open_words, context_weight
        self._history = tuple(context_of(context) if isinstance(context, str) else context)
        self._settled: list[str] = []
        self._texts = [_Text()]

    def __repr__(self) -> str:
        return f"Sentence({' '.join(self.words)!r}, {len(self._texts[0].words)} open)"

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words so far."""
        return (*self._settled, *self._texts[0].words)

    def swipe(self, trace: object, *, layout: str | os.PathLike[str] | None = None) -> Written:
        """Add the word of a swipe.

        Args:
            trace: as `Recognizer` takes it.
            layout: likewise.

        Returns:
            The sentence, and what of it changed; without a candidate it stays as it was.

        Raises:
            InputError: the trace cannot be used; the sentence stays as it was.
        """
        found = self._recognizer(trace, layout=layout, nbest=CANDIDATES)
        before = self.words
        if not found.candidates:
            return Written(before, ())
        self._extend(found)
        after = self.words
        changed = tuple(
            Revision(place, old, after[place])
            for place, old in enumerate(before)
            if old != after[place]
        )
        ranked = dict.fromkeys(text.words[-1] for text in self._texts)
        self._settle(len(self._texts[0].words) - self._open)
        return Written(after, tuple(ranked), changed)

    def choose(self, place: int, word: str) -> tuple[str, ...]:
        """Return the words after one was set by the user: it is settled, and all before it.

        Args:
            place: in `words`.
            word: what stands there now; any word.

        Raises:
            ConfigError: no such place.
        """
        if not 0 <= place < len(self.words):
            raise ConfigError(
                f"place is {place}, expected 0 to {len(self.words) - 1}: the sentence has "
                f"{len(self.words)} words",
                options=["place"],
            )
        row = place - len(self._settled)
        if row < 0:
            self._settled[place] = word
            return self.words
        self._settled += [*self._texts[0].words[:row], word]
        rest = {text.words[row + 1 :]: text.own[row + 1 :] for text in self._texts}
        again = [self._scored(words, own) for words, own in rest.items()]
        self._texts = sorted(again, key=lambda text: -text.score)
        return self.words

    def _extend(self, found: Decoded) -> None:
        """Put each word of a swipe behind each text."""
        words = [one.text for one in found]
        more = [
            _Text(
                (*text.words, one.text),
                (*text.own, one.score),
                text.score + one.score + self._weight * gain,
            )
            for text in self._texts
            for one, gain in zip(found, self._gains(text.words, words), strict=True)
        ]
        self._texts = sorted(more, key=lambda text: -text.score)[:_WIDTH]

    def _scored(self, words: tuple[str, ...], own: tuple[float, ...]) -> _Text:
        """Return a text with its score behind what is settled now."""
        gains = [self._gains(words[:i], [word])[0] for i, word in enumerate(words)]
        return _Text(words, own, sum(own) + self._weight * sum(gains))

    def _gains(self, before: Sequence[str], words: Sequence[str]) -> list[float]:
        """Return log P(word | what stands before it) - log P(word) of each word."""
        context = [*self._history, *map(normalize_word, [*self._settled, *before])]
        if not context:  # nothing is known, not even that a sentence begins
            return [0.0] * len(words)
        state = self._model.start(of_sentence(context)[-_LOOK_BACK:])
        normal = [normalize_word(word) for word in words]
        alone = self._model.unigram(normal).tolist()
        return [
            self._model.score(state, word)[0] - log_prob
            for word, log_prob in zip(normal, alone, strict=True)
        ]

    def _settle(self, count: int) -> None:
        """Settle the first open words as they stand in the best text."""
        if count <= 0:
            return
        first = self._texts[0].words[:count]
        self._settled += first
        self._texts = [
            _Text(text.words[count:], text.own[count:], text.score)
            for text in self._texts
            if text.words[:count] == first
        ]
