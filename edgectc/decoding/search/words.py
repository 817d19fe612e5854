"""The words of a lexicon decoder: weighed, in context, with those of the user."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgectc.core import forks
from edgectc.decoding.search.context import following
from edgectc.decoding.search.options import Parts
from edgectc.decoding.search.overlay import Known, Overlay, tree_of
from edgectc.decoding.search.prefix_search import Bounds, Tree
from edgectc.language import tries
from edgectc.language.packed import PackedLexicon
from edgectc.language.tries import Trie
from edgectc.language.user_dictionary import UserDictionary

_CONTEXTS = 64  # contexts whose words are kept


@dataclass(frozen=True, slots=True)
class Over:
    """One word of an overlay: how it is shown, and the terms of its weight."""

    text: str
    weight: float
    log_prob: float
    context: float = 0.0


@dataclass(frozen=True, eq=False)
class View:
    """The words as one call sees them.

    Attributes:
        lexicon: the lexicon.
        main: its tree; what the overlay holds is hidden in it.
        over: tree of the overlay, None if there is none.
        overs: its entries.
        unnamed: context term of every word that the context does not name, before weighting; it
            is not in the weights of the trees, as it is the same for all.
        shift: the same, weighted.
    """

    lexicon: PackedLexicon
    main: Tree
    over: Tree | None = None
    overs: Sequence[Over] = ()
    unnamed: float | None = None
    shift: float = 0.0

    @cached_property
    def trees(self) -> tuple[Tree, ...]:
        """The trees to search, the largest first."""
        return (self.main,) if self.over is None else (self.main, self.over)

    def over_of(self, word: int) -> Over | None:
        """Return the overlay's word of a found entry, None for one of the lexicon."""
        row = word - len(self.main.weights)
        return self.overs[row] if row >= 0 else None

    def text(self, word: int, spelled: str) -> str:
        """Return how a found entry with this spelling is shown."""
        over = self.over_of(word)
        return over.text if over else self.lexicon.text(int(self.lexicon.first_word[word]), spelled)

    def weight(self, word: int) -> float:
        """Return all of an entry's score but the signal and `shift`."""
        over = self.over_of(word)
        return over.weight if over else float(self.main.weights[word])

    def parts(self, word: int) -> dict[str, float]:
        """Return the terms of an entry's weight, before weighting."""
        over = self.over_of(word)
        if over:
            parts = {"lexicon": over.log_prob}
        else:
            parts = {"lexicon": float(self.lexicon.log_probs[self.lexicon.first_word[word]])}
        if self.unnamed is not None:
            parts["context"] = self.unnamed + (over.context if over else 0.0)
        return parts


class Words:
    """Weighs the words of a lexicon, after a context and as a user knows them."""

    def __init__(self, parts: Parts) -> None:
        lexicon, options = parts.lexicon, parts.options
        self.lexicon, self.letters = lexicon, lexicon.letters
        self.language_model, self.dictionary = parts.language_model, parts.dictionary
        self._spells = parts.spell
        self._numbers = {letter: number for number, letter in enumerate(self.letters)}
        self._lm_weight, self.letter_score = options.lm_weight, options.letter_score
        self._context_weight = options.context_weight
        own = lexicon.log_probs[lexicon.first_word[:-1]]  # of the word that is shown
        weights = options.lm_weight * own + options.letter_score * lexicon.trie.lengths()
        bounds = Bounds(lexicon.trie, weights, options.letter_score)
        self.main = Tree(lexicon.trie, weights, bounds)
        self._user = _UserWords(self, parts.dictionary) if parts.dictionary is not None else None
        self._view = View(lexicon, self.main)
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

    def best(self, spelled: str, entry: int, named: Mapping[str, float]) -> Over | None:
        """Return the word of a spelling that weighs most; None if none is left.

        Args:
            spelled: letters of one lexicon entry, or of words that only the user has.
            entry: that entry, or -1.
            named: context term of words in lower case; others have 0.
        """
        log_probs = dict(self._texts(spelled, entry))
        if self._user is not None and self.dictionary is not None:
            for text in self._user.texts(spelled):
                log_probs.setdefault(text, -math.inf)
            log_probs = {text: self.dictionary.log_prob(text, lp) for text, lp in log_probs.items()}
        overs = []
        for text, log_prob in log_probs.items():
            if log_prob > -math.inf:
                context = named.get(text.lower(), 0.0)
                weight = self._lm_weight * log_prob + self._context_weight * context
                weight += self.letter_score * len(spelled)
                overs.append(Over(text, weight, log_prob, context))
        return max(overs, key=lambda over: (over.weight, over.log_prob), default=None)

    def _after(self, context: tuple[str, ...]) -> View:
        """Return the words after a context: those that the language model names are laid over."""
        assert self.language_model is not None
        words, log_probs, unnamed = following(self.language_model, context)
        named = dict(zip(words, log_probs.tolist(), strict=True))
        self._find(words)
        users = self._user.entries() if self._user else {}
        overs: dict[str, Over | None] = {}
        entries: dict[str, int] = dict(users)
        for word, value in named.items():
            entry, spelled, text, log_prob = self._found[word]
            if entry < 0 or spelled in entries:
                continue
            entries[spelled] = entry
            if text is None:  # several words are spelled like this
                overs[spelled] = self.best(spelled, entry, named)
            else:
                weight = float(self.main.weights[entry]) + self._context_weight * value
                overs[spelled] = Over(text, weight, log_prob, value)
        for spelled, entry in users.items():
            overs[spelled] = self.best(spelled, entry, named)
        return self._laid_over(overs, entries, unnamed)

    def _laid_over(
        self, overs: Mapping[str, Over | None], entries: Mapping[str, int], unnamed: float
    ) -> View:
        hidden = np.zeros(len(self.main.weights), bool)
        hidden[[entry for entry in entries.values() if entry >= 0]] = True
        main, shift = replace(self.main, hidden=hidden), self._context_weight * unnamed
        shown = sorted((s, over) for s, over in overs.items() if over is not None)
        if not shown:
            return View(self.lexicon, main, EMPTY, (), unnamed, shift)
        codes = tries.encode(np.array([spelled for spelled, _ in shown]), self._numbers)
        weights = np.array([over.weight for _, over in shown])
        tree, numbers = tree_of(codes, weights, self.letter_score)
        by_entry = [shown[i][1] for i in np.argsort(numbers)]
        return View(self.lexicon, main, tree, by_entry, unnamed, shift)

    def _find(self, words: Sequence[str]) -> None:
        """Note each lower-case word's entry and spelling, and text and log_prob if it is alone."""
        new = [word for word in words if word not in self._found]
        spelled = [self.spell(word) or "" for word in new]
        entries = self.lexicon.find(spelled).tolist()
        for word, letters, entry in zip(new, spelled, entries, strict=True):
            texts = self._texts(letters, entry)
            if word in (text.lower() for text, _ in texts):
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
        self._overs: list[Over] = []
        self._hidden = np.zeros(len(words.main.weights), bool)

    def texts(self, spelled: str) -> set[str]:
        """Return the user's words with this spelling."""
        return self._texts.get(spelled, set())

    def entries(self) -> dict[str, int]:
        """Return the spellings of all of the user's words, with their lexicon entry or -1."""
        return {s: entry for s, entry in self._entries.items() if s in self._texts}

    def follow(self) -> bool:
        """Take over what changed; tell whether anything did. Unspellable words are passed by."""
        changed = self._dictionary.changed_since(self._seen)
        for text in dict.fromkeys(changed):
            spelled = self._words.spell(text)
            if spelled:
                self._update(text, spelled)
        self._seen += len(changed)  # only now: what an error interrupts is taken over again
        return bool(changed)

    def _update(self, text: str, spelled: str) -> None:
        if spelled not in self._entries:
            self._entries[spelled] = int(self._words.lexicon.find([spelled])[0])
        own = self._texts.setdefault(spelled, set())
        (own.add if text in self._dictionary else own.discard)(text)
        if not own:
            del self._texts[spelled]
        entry = self._entries[spelled]
        over = self._words.best(spelled, entry, {}) if own else None
        row = self._overlay.set(self._words.numbers(spelled), over.weight if over else -math.inf)
        shown = over or Over(text, -math.inf, -math.inf)
        self._overs[row : row + 1] = [shown]  # a new place is the one after the last
        if entry >= 0:
            self._hidden[entry] = bool(own)

    def view(self) -> View:
        """Return the words as they are now."""
        main = replace(self._words.main, hidden=self._hidden.copy())
        return View(self._words.lexicon, main, self._overlay.snapshot(), tuple(self._overs))


EMPTY = Tree(
    Trie(np.zeros(1, np.int32), np.zeros(1, np.uint16), np.full(1, tries.ROOT_LETTER, np.uint16),
         np.full(1, -1, np.int32)),
    np.zeros(0), Known(np.full(1, -np.inf), np.full(1, -np.inf)),
)  # fmt: skip
