"""The words of a lexicon decoder: weighed, in context, with those of the user."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgectc.core import forks
from edgectc.core.types import Array
from edgectc.decoding.search.context import following
from edgectc.decoding.search.options import Parts
from edgectc.decoding.search.overlay import Known, Overlay, tree_of
from edgectc.decoding.search.prefix_search import Bounds, Tree
from edgectc.language import tries
from edgectc.language.packed import PackedLexicon
from edgectc.language.spelling import normalize_word
from edgectc.language.tries import Trie
from edgectc.language.user_dictionary import UserDictionary

_CONTEXTS = 64  # contexts whose words are kept


@dataclass(frozen=True, slots=True)
class Over:
    """A word: how it is shown, and the terms of its weight."""

    text: str
    weight: float
    log_prob: float
    context: float = 0.0
    hot: float = 0.0


@dataclass(frozen=True, eq=False)
class View:
    """The words as one call sees them.

    Attributes:
        lexicon: the lexicon.
        main: its tree; what the overlay holds is hidden in it.
        over: tree of the overlay, None if there is none.
        overs: the words of each of its entries, the heaviest first.
        unnamed: context term of every word that the context does not name, before weighting; it
            is not in the weights of the trees, as it is the same for all.
        shift: the same, weighted.
        lm_weight: what log_probs are weighted with.
        unsaid: what no free spelling is, in letter numbers: by the lexicon, and hidden by the user.
    """

    lexicon: PackedLexicon
    main: Tree
    over: Tree | None = None
    overs: Sequence[Sequence[Over]] = ()
    unnamed: float | None = None
    shift: float = 0.0
    lm_weight: float = 0.0
    unsaid: frozenset[tuple[int, ...]] = frozenset()

    @cached_property
    def trees(self) -> tuple[Tree, ...]:
        """The trees to search, the largest first."""
        return (self.main,) if self.over is None else (self.main, self.over)

    def words(self, entry: int, spelled: str) -> Sequence[Over]:
        """Return the words of a found entry with this spelling, the heaviest first."""
        row = entry - len(self.main.weights)
        if row >= 0:
            return self.overs[row]
        heaviest = float(self.main.weights[entry])
        first, last = self.lexicon.first_word[entry : entry + 2].tolist()
        log_probs = self.lexicon.log_probs[first:last].tolist()
        return [
            Over(
                self.lexicon.text(word, spelled),
                heaviest + self.lm_weight * (log_prob - log_probs[0]),
                log_prob,
            )
            for word, log_prob in zip(range(first, last), log_probs, strict=True)
        ]

    def parts(self, word: Over) -> dict[str, float]:
        """Return the terms of a word's weight, before weighting."""
        parts = {"lexicon": word.log_prob}
        if self.unnamed is not None:
            parts["context"] = self.unnamed + word.context
        return {**parts, "hotwords": word.hot} if word.hot else parts


def _more(overs: Sequence[Sequence[Over]]) -> Array:
    """Return `Tree.more` of an overlay."""
    return np.array([_together(words) for words in overs], np.float64)


def _together(words: Sequence[Over]) -> float:
    if len(words) < 2:
        return 0.0
    return math.log(math.fsum(math.exp(word.weight - words[0].weight) for word in words))


class Words:
    """Weighs the words of a lexicon, after a context and as a user knows them."""

    def __init__(self, parts: Parts) -> None:
        lexicon, options = parts.lexicon, parts.options
        self.lexicon, self.letters = lexicon, lexicon.letters
        self.language_model, self.dictionary = parts.language_model, parts.dictionary
        self._spells = parts.spell
        self._numbers = {letter: number for number, letter in enumerate(self.letters)}
        self.lm_weight, self.letter_score = options.lm_weight, options.letter_score
        self._context_weight = options.context_weight
        self._never = frozenset(tuple(self.numbers(spelled)) for spelled in lexicon.unsaid)
        own = lexicon.log_probs[lexicon.first_word[:-1]]  # of the heaviest word
        weights = options.lm_weight * own + options.letter_score * lexicon.trie.lengths()
        bounds = Bounds(lexicon.trie, weights, options.letter_score)
        self.main = Tree(lexicon.trie, weights, bounds, more=self._more_words())
        self.hotwords: dict[str, dict[str, float]] = {}  # by spelling
        for (text, spelled), nats in parts.hotwords.items():
            self.hotwords.setdefault(spelled, {})[text] = nats
        self._rarest = float(lexicon.log_probs.min())
        if self.hotwords and self.dictionary is None:
            self.dictionary = UserDictionary()
        self._user = _UserWords(self, self.dictionary) if self.dictionary is not None else None
        self._view = View(lexicon, self.main, lm_weight=self.lm_weight, unsaid=self._never)
        self._contexts: dict[tuple[str, ...], View] = {}
        self._found: dict[str, tuple[int, str, str | None, float]] = {}
        self._held: dict[str, list[tuple[str, float]]] = {}
        self._lock = threading.Lock()

    def view(self, context: Sequence[str]) -> View:
        """Return the words after ``context``, as the user's dictionary is now."""
        context = tuple(context) if self.language_model is not None else ()
        if self._user is None and not context:
            return self._view
        with forks.whole(), self._lock:
            if self._user is not None and self._user.follow():
                self._view = self._user.view()
                self._contexts.clear()
            if not context:
                return self._view
            if context not in self._contexts:
                if len(self._contexts) >= _CONTEXTS:
                    del self._contexts[next(iter(self._contexts))]
                self._contexts[context] = self._after(context)
            return self._contexts[context]

    def numbers(self, spelled: str) -> list[int]:
        """Return the letter numbers of a spelling."""
        return [self._numbers[letter] for letter in spelled]

    def spell(self, word: str) -> str | None:
        """Return the letters to write a word with, None if there are none here."""
        return self._spells(word)

    def known(self, spelled: str, entry: int, named: Mapping[str, float]) -> list[Over]:
        """Return the words of a spelling that are not hidden, the heaviest first.

        Args:
            spelled: letters of one lexicon entry, or of words that only the user has.
            entry: that entry, or -1.
            named: context term of words in normal form; others have 0.
        """
        log_probs, hot = dict(self._texts(spelled, entry)), self.hotwords.get(spelled, {})
        if self._user is not None and self.dictionary is not None:
            held = {normalize_word(text): lp for text, lp in reversed(log_probs.items())}
            for text, nats in hot.items():
                if nats > 0:
                    usual = held.get(normalize_word(text), self._rarest)
                    log_probs.setdefault(text, usual)
            for text in sorted(self._user.texts(spelled)):
                log_probs.setdefault(text, -math.inf)
            log_probs = {text: self.dictionary.log_prob(text, lp) for text, lp in log_probs.items()}
        overs = []
        for text, log_prob in log_probs.items():
            if log_prob > -math.inf:
                context = named.get(normalize_word(text), 0.0)
                weight = self.lm_weight * log_prob + self._context_weight * context
                weight += self.letter_score * len(spelled) + hot.get(text, 0.0)
                overs.append(Over(text, weight, log_prob, context, hot.get(text, 0.0)))
        return sorted(overs, key=lambda over: -over.weight)

    def never(self) -> frozenset[tuple[int, ...]]:
        """Return the spellings that no free spelling is, in letter numbers."""
        return self._never | self._user.unsaid() if self._user else self._never

    def _more_words(self) -> Array | None:
        """Return `Tree.more` of the lexicon."""
        first, log_probs = self.lexicon.first_word, self.lexicon.log_probs
        if len(log_probs) == len(first) - 1:
            return None
        starts = np.asarray(first[:-1], np.int64)
        less = self.lm_weight * (log_probs - np.repeat(log_probs[starts], np.diff(first)))
        return np.log(np.add.reduceat(np.exp(less), starts))

    def _after(self, context: tuple[str, ...]) -> View:
        """Return the words after a context: those that the language model names are laid over."""
        assert self.language_model is not None
        words, log_probs, unnamed = following(self.language_model, context)
        named = dict(zip(words, log_probs.tolist(), strict=True))
        self._find(words)
        users = self._user.entries() if self._user else {}
        overs: dict[str, list[Over]] = {}
        entries: dict[str, int] = dict(users)
        for word, value in named.items():
            entry, spelled, text, log_prob = self._found[word]
            if entry < 0 or spelled in entries:
                continue
            entries[spelled] = entry
            if text is None:  # several words are spelled like this
                overs[spelled] = self.known(spelled, entry, named)
            else:
                weight = float(self.main.weights[entry]) + self._context_weight * value
                overs[spelled] = [Over(text, weight, log_prob, value)]
        for spelled, entry in users.items():
            overs[spelled] = self.known(spelled, entry, named)
        return self._laid_over(overs, entries, unnamed)

    def _laid_over(
        self, overs: Mapping[str, list[Over]], entries: Mapping[str, int], unnamed: float
    ) -> View:
        hidden = np.zeros(len(self.main.weights), bool)
        hidden[[entry for entry in entries.values() if entry >= 0]] = True
        main, shift = replace(self.main, hidden=hidden), self._context_weight * unnamed
        shown = sorted((s, words) for s, words in overs.items() if words)
        unsaid = self.never()
        if not shown:
            return View(self.lexicon, main, EMPTY, (), unnamed, shift, self.lm_weight, unsaid)
        codes = tries.encode(np.array([spelled for spelled, _ in shown]), self._numbers)
        weights = np.array([words[0].weight for _, words in shown])
        tree, numbers = tree_of(codes, weights, self.letter_score)
        by_entry = [shown[i][1] for i in np.argsort(numbers)]
        over = replace(tree, more=_more(by_entry))
        return View(self.lexicon, main, over, by_entry, unnamed, shift, self.lm_weight, unsaid)

    def _find(self, words: Sequence[str]) -> None:
        """Note each normal word's entry and spelling, and text and log_prob if it is alone."""
        new = [word for word in words if word not in self._found]
        spelled = [self.spell(word) or "" for word in new]
        entries = self.lexicon.find(spelled).tolist()
        for word, letters, entry in zip(new, spelled, entries, strict=True):
            texts = self._texts(letters, entry)
            if word not in (normalize_word(text) for text, _ in texts):
                entry = self.lexicon.find_normal(word)  # "strasse" may be spelled "straße" here
                letters = self.lexicon.spelling(entry) if entry >= 0 else letters
                texts = self._texts(letters, entry)
            if texts:
                alone = texts[0] if len(texts) == 1 else (None, 0.0)
                self._found[word] = (entry, letters, *alone)
            else:
                self._found[word] = (-1, letters, None, 0.0)

    def _texts(self, spelled: str, entry: int) -> list[tuple[str, float]]:
        """Return the words of a lexicon entry with their log_probs; none for -1."""
        if entry < 0:
            return []
        if spelled not in self._held:
            first, last = self.lexicon.first_word[entry : entry + 2].tolist()
            log_probs = self.lexicon.log_probs[first:last].tolist()
            texts = [self.lexicon.text(word, spelled) for word in range(first, last)]
            self._held[spelled] = list(zip(texts, log_probs, strict=True))
        return self._held[spelled]


class _UserWords:
    """The overlay of a user's dictionary, kept up to date word by word."""

    def __init__(self, words: Words, dictionary: UserDictionary) -> None:
        self._words, self._dictionary = words, dictionary
        self._seen = 0  # changes
        self._texts: dict[str, set[str]] = {}
        self._entries: dict[str, int] = {}
        self._overlay = Overlay(words.letter_score)
        self._overs: list[list[Over]] = []
        self._hidden = np.zeros(len(words.main.weights), bool)
        self._new = bool(words.hotwords)  # not laid over yet

    def texts(self, spelled: str) -> set[str]:
        """Return the user's words with this spelling."""
        return self._texts.get(spelled, set())

    def entries(self) -> dict[str, int]:
        """Return the spellings of all of the user's words, with their lexicon entry or -1."""
        held = self._texts.keys() | self._words.hotwords.keys()
        return {s: entry for s, entry in self._entries.items() if s in held}

    def follow(self) -> bool:
        """Take over what changed; tell whether anything did. Unspellable words are passed by."""
        changed = self._dictionary.changed_since(self._seen)
        for text in dict.fromkeys(changed):
            spelled = self._words.spell(text)
            if spelled:
                self._update(text, spelled)
        for spelled in self._words.hotwords if self._new else ():
            self._lay(spelled)
        new = self._new or bool(changed)
        self._seen += len(changed)  # only now: what an error interrupts is taken over again
        self._new = False
        return new

    def _update(self, text: str, spelled: str) -> None:
        own = self._texts.setdefault(spelled, set())
        (own.add if text in self._dictionary else own.discard)(text)
        if not own:
            del self._texts[spelled]
        self._lay(spelled)

    def _lay(self, spelled: str) -> None:
        if spelled not in self._entries:
            self._entries[spelled] = int(self._words.lexicon.find([spelled])[0])
        own = spelled in self._texts or spelled in self._words.hotwords
        entry = self._entries[spelled]
        words = self._words.known(spelled, entry, {}) if own else []
        weight = words[0].weight if words else -math.inf
        row = self._overlay.set(self._words.numbers(spelled), weight)
        self._overs[row : row + 1] = [words]  # a new place is the one after the last
        if entry >= 0:
            self._hidden[entry] = own

    def view(self) -> View:
        """Return the words as they are now."""
        main = replace(self._words.main, hidden=self._hidden.copy())
        over = replace(self._overlay.snapshot(), more=_more(self._overs))
        overs, lm_weight = tuple(self._overs), self._words.lm_weight
        unsaid = self._words.never()
        return View(self._words.lexicon, main, over, overs, lm_weight=lm_weight, unsaid=unsaid)

    def unsaid(self) -> frozenset[tuple[int, ...]]:
        """Return the spellings of words that are hidden, in letter numbers."""
        known = self._dictionary
        return frozenset(
            tuple(self._words.numbers(spelled))
            for spelled, texts in self._texts.items()
            if any(known[text].hidden for text in texts)
        )


EMPTY = Tree(
    Trie(np.ones(2, np.int32), np.full(1, tries.ROOT_LETTER, np.uint16),
         **tries.bits_of(np.zeros(1, bool))),
    np.zeros(0), Known(np.full(1, -np.inf), np.full(1, -np.inf)),
)  # fmt: skip
