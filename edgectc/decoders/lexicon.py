"""The exact best words of a lexicon, each summed over all of its alignments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgectc.data.lexicons import Lexicon, spell
from edgectc.decoders import _native, _trie
from edgectc.decoders._checks import check_log_probs, check_nbest, log_sum
from edgectc.errors import ConfigError, UnknownNameError
from edgectc.tokens import Tokens
from edgectc.types import Array, Decoded, Hypothesis

_SLACK = 1e-9  # nats; scores closer than this are equal up to rounding
_WEIGHED = 8  # words that share the probability, however few are asked for

BACKENDS = ("auto", "numpy", "native")


@dataclass(frozen=True)
class Options:
    """Weights of the score.

    Attributes:
        lm_weight: weight of the lexicon's natural-log frequency.
        letter_score: nats added per letter; above 0 favours long words.
        acoustic_scale: factor on log_probs before they are normalised again: below 1 flattens
            an overconfident model, 1 leaves it unchanged.
    """

    lm_weight: float = 1.0
    letter_score: float = 0.0
    acoustic_scale: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lm_weight) and self.lm_weight >= 0):
            raise ConfigError(f"lm_weight is {self.lm_weight}, expected a finite number >= 0")
        if not math.isfinite(self.letter_score):
            raise ConfigError(f"letter_score is {self.letter_score}, expected a finite number")
        if not (math.isfinite(self.acoustic_scale) and self.acoustic_scale > 0):
            raise ConfigError(f"acoustic_scale is {self.acoustic_scale}, expected a number > 0")


def create(
    options: Options, *, tokens: Tokens, lexicon: Lexicon | None, backend: str = "auto"
) -> LexiconDecoder:
    """Return the decoder; builds the prefix tree (under a second for 300,000 words).

    Args:
        options: weights of the score.
        tokens: meaning of the columns of log_probs.
        lexicon: the words.
        backend: "native" is the compiled search, "numpy" the plain one with the same answers;
            "auto" takes native where it was built.

    Raises:
        ConfigError: no lexicon, none of its words can be spelled with ``tokens``, or a native
            search is asked for where there is none.
        UnknownNameError: no such backend.
    """
    if lexicon is None:
        raise ConfigError("the lexicon decoder needs a lexicon; give one, or use decoder 'greedy'")
    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    return LexiconDecoder(options, tokens, lexicon, backend)


class LexiconDecoder:
    """Finds the best words w of a lexicon.

    The score is maximised exactly::

        score(w) = log P(w) + lm_weight * lexicon(w) + letter_score * letters(w)
        P(w)     = sum over all CTC alignments a of w of the product over t of p[t, a[t]]
        p[t]     = softmax(acoustic_scale * log_probs[t])

    Words that are spelled with the same letters ("its", "it's") are one candidate: their
    frequencies are added, the more frequent one is shown. ``probability`` is the share of
    exp(score) among the eight best words (or ``nbest``, if more); it is not calibrated. Words less
    likely than about exp(-600) times everything the letters can spell count as impossible.
    """

    def __init__(
        self, options: Options, tokens: Tokens, lexicon: Lexicon, backend: str = "auto"
    ) -> None:
        self._options, self._tokens = options, tokens
        alphabet = {
            symbol: column
            for column, symbol in enumerate(tokens.symbols)
            if len(symbol) == 1 and column != tokens.blank_id
        }
        spelled, self._texts, self._log_probs = _entries(lexicon, frozenset(alphabet))
        used = sorted(set("".join(spelled.tolist())), key=alphabet.__getitem__)
        self._columns = [alphabet[letter] for letter in used]
        self._numbers = {letter: number for number, letter in enumerate(used)}
        self._spelled = spelled
        self._weights = options.lm_weight * self._log_probs
        self._weights = self._weights + options.letter_score * np.char.str_len(spelled)
        self._trie = _trie.build(spelled, self._weights, self._numbers)
        self._library = None if backend == "numpy" else _native.library()
        if backend == "native" and self._library is None:
            raise ConfigError("the compiled search was not built; reinstall with a C compiler")
        self._native = (
            _native.NativeSearch(self._library, self._trie, self._weights)
            if self._library and _native.NativeSearch.fits(self._weights)
            else None
        )

    @property
    def backend(self) -> str:
        """Return "native" or "numpy"."""
        return "native" if self._native else "numpy"

    def __call__(self, log_probs: object, *, nbest: int = 5) -> Decoded:
        """Return the ``nbest`` best words, by score, then text; none if no word is possible.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: most words to return.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        check_nbest(nbest)
        values = check_log_probs(log_probs, len(self._tokens)) * self._options.acoustic_scale
        columns = [*self._columns, self._tokens.blank_id]
        used = values[:, columns] - log_sum(values)[:, None]
        mass = log_sum(used)
        if not np.all(np.isfinite(mass)):  # a frame that no letter and no blank can take
            return Decoded(())
        wanted = max(nbest, _WEIGHED)
        entries, scores = self._search(used - mass[:, None], wanted)
        if not len(entries):
            return Decoded(())
        scores = scores + mass.sum()
        # Rounded, so that words equal up to rounding come in one order on every machine.
        steps = np.round(scores / _SLACK)
        near = np.flatnonzero(steps >= np.sort(steps)[-wanted:][0])
        best = sorted(near, key=lambda i: (-steps[i], self._texts[entries[i]]))[:wanted]
        share = np.exp(scores[best] - scores[best].max())
        top = best[:nbest]
        return self._decoded(entries[top], scores[top], share[:nbest] / share.sum(), used)

    def _search(self, log_probs: Array, nbest: int) -> tuple[Array, Array]:
        """Return entries and scores, the ``nbest`` best and ties of the last among them."""
        if self._native:
            found = self._native(np.ascontiguousarray(log_probs), nbest=nbest, slack=_SLACK)
            if found:
                return found
        return _trie.search(self._trie, self._weights, log_probs, nbest=nbest, slack=_SLACK)

    def _decoded(self, entries: Array, scores: Array, share: Array, used: Array) -> Decoded:
        labels = [[self._numbers[c] for c in str(self._spelled[entry])] for entry in entries]
        if self._library:
            frames = _native.align(self._library, np.ascontiguousarray(used), labels)
        else:
            frames = _align(used, labels)
        found = []
        for i, entry in enumerate(entries):
            parts = {
                "ctc": float(scores[i] - self._weights[entry]),
                "lexicon": float(self._log_probs[entry]),
            }
            text, score = self._texts[entry], float(scores[i])
            found.append(Hypothesis(text, score, float(share[i]), frames[i], True, parts))
        return Decoded(tuple(found))


def _entries(lexicon: Lexicon, alphabet: frozenset[str]) -> tuple[Array, list[str], Array]:
    """Return spelling (n,) ascending, text and log_prob (n,) of the words that can be typed."""
    spelled = [spell(word, alphabet) for word in lexicon.words]
    rows = np.array([row for row, letters in enumerate(spelled) if letters], np.int64)
    if not len(rows):
        raise ConfigError(
            f"none of the {len(lexicon.words)} words of the lexicon can be spelled with "
            f"{''.join(sorted(alphabet))!r}; use a lexicon for this layout"
        )
    log_probs = lexicon.log_probs[rows]
    unique, entry = np.unique([s for s in spelled if s], return_inverse=True)
    total = np.full(len(unique), -np.inf)
    np.logaddexp.at(total, entry, log_probs)
    # The last assignment stays: the most frequent word, of equals the first in the lexicon.
    rising = np.argsort(-log_probs, kind="stable")[::-1]
    shown = np.empty(len(unique), np.int64)
    shown[entry[rising]] = rows[rising]
    return unique, [lexicon.words[row] for row in shown], total


def _align(log_probs: Array, labels: list[list[int]]) -> list[tuple[int, ...]]:
    """Return, for each label sequence, the frame where its best path is surest of each letter.

    Args:
        log_probs: (T, K+1), the blank last.
        labels: letters of each sequence, 0..K-1; T must allow all of them.

    Source: Viterbi over the label with blanks between, Graves et al. 2006, section 4.1.
    """
    T, blank = len(log_probs), log_probs.shape[1] - 1
    states = np.full((len(labels), 2 * max(map(len, labels)) + 1), blank)
    for row, label in enumerate(labels):
        states[row, 1 : 2 * len(label) : 2] = label
    emitted = log_probs[:, states]  # (T, n, S)
    skip = np.zeros(states.shape)  # from the letter before, over the blank between
    skip[:, :2] = -np.inf
    skip[:, 2:][(states[:, 2:] == blank) | (states[:, 2:] == states[:, :-2])] = -np.inf

    ways = np.full((3, *states.shape), -np.inf)  # stay, next, skip
    score = np.full(states.shape, -np.inf)
    score[:, :2] = emitted[0, :, :2]
    came = np.zeros((T, *states.shape), np.int8)
    for t in range(1, T):
        ways[0], ways[1, :, 1:], ways[2, :, 2:] = score, score[:, :-1], score[:, :-2]
        ways[2] += skip
        ways.argmax(axis=0, out=came[t])
        score = ways.max(axis=0) + emitted[t]
    return [
        _frames(score[row], came[:, row], emitted[:, row], len(label))
        for row, label in enumerate(labels)
    ]


def _frames(score: Array, came: Array, emitted: Array, letters: int) -> tuple[int, ...]:
    """Walk one best path back; ``score`` (S,), ``came`` and ``emitted`` (T, S)."""
    state = 2 * letters - int(score[2 * letters - 1] >= score[2 * letters])
    best = [(-math.inf, -1)] * letters
    for t in range(len(came) - 1, -1, -1):
        if state % 2:
            best[state // 2] = max(best[state // 2], (float(emitted[t, state]), -t))
        state -= int(came[t, state])
    return tuple(-negative for _, negative in best)
