"""Words of a lexicon that an answer could be mistaken for, on any keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgectc.core import registry
from edgectc.core.contracts import Decoder
from edgectc.core.tokens import Tokens
from edgectc.core.types import JSON, Array
from edgectc.decoding.decoders.lexicon import Options
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import spell
from edgectc.training.task import Competitor

# Competitors of a label; nats under the best beyond which a word is none, its gradient nothing.
_WORDS = 6
_MARGIN = 8.0


class LexiconCompetitors:
    """Finds them as the run's decoder does; see `edgectc.training.task.Competitors`."""

    def __init__(
        self, decoder: Mapping[str, JSON], lexicon: Lexicon, tokens: Iterable[Tokens]
    ) -> None:
        """Take what words are to be found in; nothing is made before it is asked for.

        Args:
            decoder: spec of a lexicon decoder.
            lexicon: the words.
            tokens: of each keyboard.
        """
        own = {"margin": _MARGIN, "rescore_size": 1, "unknown_score": None, "no_word_score": None}
        self._spec = registry.changed("decoders", decoder, own)
        options = {name: value for name, value in self._spec.items() if name != "type"}
        self._options = Options(**options)
        self.acoustic_scale = self._options.acoustic_scale
        self.blank_penalty = self._options.blank_penalty
        self._lexicon, self._tokens = lexicon, list(tokens)
        self._searches: dict[tuple[str, ...], Decoder] = {}
        self._log_probs: dict[frozenset[str], dict[str, float]] = {}

    def __call__(
        self, layout_id: int, label: tuple[int, ...], log_probs: Array
    ) -> list[Competitor]:
        """Return the label, then the words most like it; nothing if the label is no word."""
        tokens = self._tokens[layout_id]
        spelled = "".join(tokens.symbols[i] for i in label)
        log_prob = self._words(tokens).get(spelled)
        if log_prob is None:
            return []
        how = self._options
        log_prior = how.lm_weight * log_prob + how.letter_score * len(spelled)
        competitors = {label: Competitor(label, log_prior)}
        for hypothesis in self._search(tokens)(log_probs, nbest=_WORDS):
            letters = spell(hypothesis.text, self._alphabet(tokens)) or ""
            ids = tuple(tokens.encode(letters))
            competitors.setdefault(ids, Competitor(ids, hypothesis.score - hypothesis.parts["ctc"]))
        return list(competitors.values())

    def _search(self, tokens: Tokens) -> Decoder:
        if tokens.symbols not in self._searches:
            self._searches[tokens.symbols] = registry.create(
                "decoders", self._spec, tokens=tokens, lexicon=self._lexicon
            )
        return self._searches[tokens.symbols]

    def _words(self, tokens: Tokens) -> dict[str, float]:
        """Return the words that these tokens spell: letters to the log-prob that is shown."""
        alphabet = self._alphabet(tokens)
        if alphabet not in self._log_probs:
            held: dict[str, float] = {}
            for word, log_prob in zip(
                self._lexicon.words, self._lexicon.log_probs.tolist(), strict=True
            ):
                spelled = spell(word, alphabet)
                if spelled is not None:
                    held[spelled] = max(log_prob, held.get(spelled, log_prob))
            self._log_probs[alphabet] = held
        return self._log_probs[alphabet]

    def _alphabet(self, tokens: Tokens) -> frozenset[str]:
        return frozenset(symbol for symbol in tokens.symbols if len(symbol) == 1)
