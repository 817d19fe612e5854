"""The exact best words of a lexicon, each summed over all of its alignments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import ContextModel, LanguageModel
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.search import compiled
from edgectc.decoding.search.checks import (
    check_context,
    check_log_probs,
    check_nbest,
    check_partial,
)
from edgectc.decoding.search.lexicon_numpy import Answer, PlainDecoder, Settings
from edgectc.decoding.search.trace import Path
from edgectc.decoding.search.words import View, Words
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack
from edgectc.language.user_dictionary import UserDictionary

_SLACK = 1e-9  # nats; scores closer than this are equal up to rounding
_MORE_SLACK = 3.0  # nats to search further down while a posterior is too wide

USES = frozenset({"lexicon", "language_model", "dictionary"})
BACKENDS = ("auto", "numpy", "native")


@dataclass(frozen=True)
class Options:
    """Weights of the score, and how hard to search.

    Attributes:
        lm_weight: weight of the lexicon's natural-log frequency.
        letter_score: nats added per letter; above 0 favours long words.
        acoustic_scale: factor on log_probs before they are normalised again: below 1 flattens
            an overconfident model, 1 leaves it unchanged.
        blank_penalty: nats taken from the blank of every frame, after scaling; above 0 favours more
            letters.
        context_weight: weight of what the previous words add, see `LexiconDecoder`.
        template_weight: nats for each key by which the trace misses the letters, where a trace is
            given, see `LexiconDecoder`.
        temperature: divides scores before they become probabilities; chosen so that these are
            calibrated.
        weighed: fewest words to compare, however few are asked for.
        margin: nats under the best word from which on words are no longer looked for: of these only
            such are listed as were met on the way. None finds all that are asked for.
        unknown_score: nats added to a spelling that is no word, so that names can be written; None
            finds only words.
        unknown_letter_score: nats added per letter of such a spelling, beside ``letter_score``.
        no_word_score: nats added to the probability of silence (all blank); None never answers
            "no word" while a word is possible.
        posterior_width: search on until every posterior interval is at most this wide.
        budget: prefixes to grow before the search gives up its proof and a beam takes over.
        beam_size: prefixes that this beam keeps at each frame.
    """

    lm_weight: float = 1.0
    letter_score: float = 0.0
    acoustic_scale: float = 1.0
    blank_penalty: float = 0.0
    context_weight: float = 0.5
    template_weight: float = 0.0
    temperature: float = 1.0
    weighed: int = 1
    margin: float | None = None
    unknown_score: float | None = None
    unknown_letter_score: float = -3.0
    no_word_score: float | None = None
    posterior_width: float = 1.0
    budget: int = 20_000
    beam_size: int = 128

    def __post_init__(self) -> None:
        for name in ("lm_weight", "context_weight", "template_weight"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a finite number >= 0")
        for name in (
            "letter_score",
            "blank_penalty",
            "unknown_score",
            "unknown_letter_score",
            "no_word_score",
        ):
            if not math.isfinite(getattr(self, name) or 0.0):
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a finite number")
        for name in ("acoustic_scale", "temperature", "margin"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} is {value}, expected a number > 0")
        if not 0 < self.posterior_width <= 1:
            raise ConfigError(f"posterior_width is {self.posterior_width}, expected 0 < width <= 1")
        if min(self.budget, self.beam_size, self.weighed) < 1:
            raise ConfigError("budget, beam_size and weighed must be at least 1")
        if self.unknown_score is not None and self.letter_score + self.unknown_letter_score > 0:
            raise ConfigError(
                f"letter_score + unknown_letter_score is "
                f"{self.letter_score + self.unknown_letter_score:.3g}, expected at most 0: "
                "free spelling has no end if letters pay"
            )


def create(
    options: Options,
    *,
    tokens: Tokens,
    lexicon: Lexicon | None,
    language_model: LanguageModel | None = None,
    dictionary: UserDictionary | None = None,
    backend: str = "auto",
) -> LexiconDecoder:
    """Return the decoder; a lexicon that is not packed for these tokens is packed first.

    Packing takes under a second for 250,000 words; a packed file (`edgectc lexicon build --out
    x.trie`) takes a few hundredths.

    Args:
        options: weights of the score.
        tokens: meaning of the columns of log_probs.
        lexicon: the words.
        language_model: what previous words say about the next; needed for ``context``.
        dictionary: words of the user; changes to it are followed.
        backend: "native" is the compiled search, "numpy" the plain one with the same answers;
            "auto" takes native where it was built.

    Raises:
        ConfigError: no lexicon, none of its words can be spelled with ``tokens``, or a native
            search is asked for where there is none.
        UnknownNameError: no such backend.
    """
    if language_model is not None and not isinstance(language_model, ContextModel):
        raise ConfigError(
            "this language model cannot list the words that follow a context, which the lexicon "
            "decoder needs; use an ARPA or .lm file without the kenlm module"
        )
    if lexicon is None:
        raise ConfigError("the lexicon decoder needs a lexicon; give one, or use decoder 'greedy'")
    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    alphabet = {
        symbol: column
        for column, symbol in enumerate(tokens.symbols)
        if len(symbol) == 1 and column != tokens.blank_id
    }
    words = Words(
        pack(lexicon, alphabet.keys()),
        lm_weight=options.lm_weight,
        letter_score=options.letter_score,
        context_weight=options.context_weight,
        language_model=language_model,
        dictionary=dictionary,
    )
    return LexiconDecoder(options, tokens, alphabet, words, backend)


class LexiconDecoder:
    """Finds the best words w of a lexicon.

    The score is maximised exactly::

        score(w)   = log P(w) + lm_weight * lexicon(w) + letter_score * letters(w)
                     + context_weight * context(w)
        P(w)       = sum over all CTC alignments a of w of the product over t of p[t, a[t]]
        p[t]       = softmax(acoustic_scale * log_probs[t], less blank_penalty at the blank)
        lexicon(w) = natural log of the word's share of running text, as the user's words change it
        context(w) = log P_lm(w | previous words) - log P_lm(w), 0 without previous words

    and for a spelling w that is no word, where these are looked for::

        score(w)   = log P(w) + unknown_score + (letter_score + unknown_letter_score) * letters(w)

    Where a trace is given, the words found, at least ``weighed`` of them, are then ranked by::

        score(w) - template_weight * miss(w)

    with `edgectc.decoding.search.trace.Path.miss`. As that takes something from every word, a word
    which still beats the last score found cannot have been beaten by one that was not found.

    Words that are spelled with the same letters ("its", "it's") are one candidate: the one with
    the higher score is shown. ``probability`` is the share of exp(score / temperature) among the
    words that were compared: those returned, and at least ``weighed``. ``posterior`` bounds the
    share of exp(score) among all words of the lexicon, proven; there is none where a trace had a
    say. ``exact`` tells that no better candidate can have been missed; under the ``margin`` nothing
    is exact. Words less
    likely than about exp(-600) times everything the letters can spell count as impossible.
    """

    def __init__(
        self, options: Options, tokens: Tokens, alphabet: dict[str, int], words: Words, backend: str
    ) -> None:
        self._options, self._tokens, self._words = options, tokens, words
        self._letters = words.letters
        unknown = options.unknown_score
        self._margin = math.inf if options.margin is None else options.margin
        self._settings = Settings(
            columns=(*(alphabet[c] for c in words.letters), tokens.blank_id),
            n_tokens=len(tokens),
            scale=options.acoustic_scale,
            blank_penalty=options.blank_penalty,
            letter_score=options.letter_score,
            margin=self._margin,
            budget=options.budget,
            beam_size=options.beam_size,
            spell=None
            if unknown is None
            else (unknown, options.letter_score + options.unknown_letter_score),
            spell_budget=max(1, options.budget // 8),
        )
        library = None if backend == "numpy" else compiled.library()
        if backend == "native" and library is None:
            raise ConfigError("the compiled search was not built; reinstall with a C compiler")
        self._native = (
            compiled.NativeDecoder(library, words.main, self._settings)
            if library and compiled.fits(words.main)
            else None
        )

    @property
    def takes(self) -> frozenset[str]:
        """Return what a call makes something of: a trace, where it has a weight."""
        trace = {"trace"} if self._options.template_weight > 0 else set[str]()
        return frozenset({"context", "partial", *trace})

    @property
    def backend(self) -> str:
        """Return "native" or "numpy"."""
        return "native" if self._native else "numpy"

    def __call__(
        self,
        log_probs: object,
        *,
        nbest: int = 5,
        context: Sequence[str] = (),
        partial: bool = False,
        trace: Path | None = None,
        unfinished: bool | None = None,
    ) -> Decoded:
        """Return the ``nbest`` best words, by score, then text; none if no word is possible.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: most words to return.
            context: words before this one, the last one last; "<s>" is the beginning of a sentence.
                Needs a language model; without words nothing is known of what was before.
            partial: the signal goes on: rank by the probability that the frames so far spell
                the word *or any beginning of it*. Such answers have no times and no posterior.
            trace: where the finger went, for ``template_weight``; a finished trace only.
            unfinished: old name of ``partial``.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        check_nbest(nbest)
        partial = check_partial(partial, unfinished)
        check_context(context, self._words.language_model)
        values = _table(log_probs)
        if values is None or values.shape[1] != len(self._tokens):
            values = check_log_probs(log_probs, len(self._tokens))  # says what is wrong
        view = self._words.view(context)
        slack, width = _SLACK, 1.0 if partial else self._options.posterior_width
        weighed = max(nbest, self._options.weighed)
        answer = self._search(view, values, weighed, slack, partial)
        while answer.scores and answer.exact and _unseen(answer) > width:
            slack += _MORE_SLACK
            answer = self._search(view, values, weighed, slack, partial)
        judge = trace if self._options.template_weight and not partial else None
        return self._decoded(view, answer, judge, nbest, partial)

    def _search(self, view: View, values: Array, nbest: int, slack: float, partial: bool) -> Answer:
        native = self._native
        if native is not None and (view.over is None or view.fits):
            native = view.native(native)
            answer = native(values, nbest=nbest, slack=slack, partial=partial)
            if answer is not None:
                return answer
        check_log_probs(values, len(self._tokens))  # says what the compiled check only refuses
        plain = PlainDecoder(view.trees, self._settings)
        return plain(values, nbest=nbest, slack=slack, partial=partial)

    def _decoded(
        self, view: View, answer: Answer, trace: Path | None, nbest: int, partial: bool
    ) -> Decoded:
        silence, weighed = self._options.no_word_score, max(nbest, self._options.weighed)
        if not answer.scores:
            return Decoded(())
        if silence is not None and answer.log_blank + silence > max(answer.scores):
            return Decoded(())
        misses = self._misses(answer, trace)
        weight = self._options.template_weight
        scores = [score - weight * miss for score, miss in zip(answer.scores, misses, strict=True)]
        # Rounded, so that words equal up to rounding come in one order on every machine.
        ranked = sorted(
            (-round(score / _SLACK), self._shown(view, answer, i), i)
            for i, score in enumerate(scores)
        )[:weighed]
        top, heat = scores[ranked[0][2]], self._options.temperature
        shares = [math.exp((scores[i] - top) / heat) for _, _, i in ranked]
        # No word that was not found scores more than this.
        best = sorted(answer.scores)
        floor = max(best[-1] - self._margin, best[-weighed] if len(best) >= weighed else -math.inf)
        found, every = [], sum(shares)
        for (_, text, i), share in zip(ranked[:nbest], shares, strict=False):
            parts, exact, posterior = self._proven(view, answer, i, partial)
            if trace is not None:  # the score is no share of all words any more
                parts, posterior = {**parts, "template": -misses[i]}, None
            # The shift is what the context takes from every word that it does not name.
            score, exact = scores[i] + view.shift, exact and scores[i] >= floor
            at = answer.frames[i]
            found.append(Hypothesis(text, score, share / every, at, exact, parts, posterior))
        return Decoded(tuple(found))

    def _misses(self, answer: Answer, trace: Path | None) -> list[float]:
        """Return by how many keys the trace misses each word; 0 without a trace."""
        if trace is None:
            return [0.0] * len(answer.scores)
        if self._native is None:
            return [trace.miss("".join(self._letters[n] for n in word)) for word in answer.letters]
        rows = trace.rows(self._letters)
        keyed = ([rows[n] for n in word if rows[n] >= 0] for word in answer.letters)
        return self._native.misses(trace, keyed)

    def _shown(self, view: View, answer: Answer, i: int) -> str:
        spelled = "".join([self._letters[letter] for letter in answer.letters[i]])
        word = answer.words[i]
        return view.text(word, spelled) if word >= 0 else spelled

    def _proven(
        self, view: View, answer: Answer, i: int, partial: bool
    ) -> tuple[dict[str, float], bool, tuple[float, float] | None]:
        """Return the terms of a found word's score, and what is known of its rivals."""
        word, score = answer.words[i], answer.scores[i]
        if word < 0:
            assert self._settings.spell is not None
            weight = self._settings.spell[0] + self._settings.spell[1] * len(answer.letters[i])
            return {"ctc": score - weight}, answer.spelled_exact, None
        posterior = None if partial else _interval(score, answer.log_found, answer.log_rest)
        return {"ctc": score - view.weight(word), **view.parts(word)}, answer.exact, posterior


def _table(log_probs: object) -> Array | None:
    """Return a float64 (T, V) table with T >= 1, or None."""
    try:
        values = np.ascontiguousarray(log_probs, np.float64)
    except (TypeError, ValueError):
        return None
    return values if values.ndim == 2 and len(values) else None


def _unseen(answer: Answer) -> float:
    """Return the largest share that words which were not looked at can have of all."""
    return 1.0 / (1.0 + math.exp(min(700.0, answer.log_found - answer.log_rest)))


def _interval(score: float, log_found: float, log_rest: float) -> tuple[float, float]:
    """Return the least and the most that exp(score) can be of all words together."""
    high = math.exp(min(0.0, score - log_found))
    return high / (1.0 + math.exp(min(700.0, log_rest - log_found))), high
