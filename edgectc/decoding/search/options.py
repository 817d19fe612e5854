"""What the lexicon decoder lets one choose: the one place of names, ranges and defaults.

`native/build.py` makes the table of the C library out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import ContextModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.search.signs import Signs
from edgectc.language.packed import PackedLexicon
from edgectc.language.spelling import spell
from edgectc.language.user_dictionary import UserDictionary

MOST_WEIGHT = 1e6  # sums of such weights stay finite


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
        context_weight: weight of what the previous words add, see the lexicon decoder.
        template_weight: nats for each key by which the trace misses the letters, where a trace is
            given, see the lexicon decoder.
        temperature: divides scores before they become probabilities; chosen so that these are
            calibrated.
        rescore_size: fewest words to compare, however few are asked for.
        margin: nats under the best word from which on words are no longer looked for: of these only
            such are listed as were met on the way. None finds all that are asked for.
        unknown_score: nats added to a spelling that is no word, so that names can be written; None
            finds only words.
        unknown_letter_score: nats added per letter of such a spelling, beside ``letter_score``.
        no_word_score: nats added to the probability of silence (all blank); None never answers
            "no word" while a word is possible.
        posterior_width: search on until every posterior interval is at most this wide. None tells
            no posterior, and the search grows about a third of the prefixes.
        budget: prefixes to grow before the search gives up its proof and a beam takes over.
        beam_size: prefixes that this beam keeps at each frame.
    """

    lm_weight: float = number(1.0, least=0, most=MOST_WEIGHT)
    letter_score: float = number(0.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    acoustic_scale: float = number(1.0, above=0, most=MOST_WEIGHT)
    blank_penalty: float = number(0.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    context_weight: float = number(0.5, least=0, most=MOST_WEIGHT)
    template_weight: float = number(0.0, least=0, most=MOST_WEIGHT)
    temperature: float = number(1.0, above=0, most=MOST_WEIGHT)
    rescore_size: int = number(1, least=1, most=100_000, formerly=("weighed",))
    margin: float | None = number(None, above=0)
    unknown_score: float | None = number(None, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    unknown_letter_score: float = number(-3.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    no_word_score: float | None = number(None, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    posterior_width: float | None = number(1.0, above=0, most=1)
    budget: int = number(20_000, least=1, most=1_000_000_000)
    beam_size: int = number(128, least=1, most=1_000_000)

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.unknown_score is not None and self.letter_score + self.unknown_letter_score > 0:
            raise ConfigError(
                f"letter_score + unknown_letter_score is "
                f"{self.letter_score + self.unknown_letter_score:.3g}, expected at most 0: "
                "free spelling has no end if letters pay"
            )


@dataclass(frozen=True, eq=False)
class Parts:
    """What a lexicon decoder is made of.

    Attributes:
        options: weights of the score.
        tokens: meaning of the columns of log_probs.
        lexicon: the words, spelled with letters that all have a column.
        language_model: what previous words say about the next, or None.
        dictionary: words of the user, or None.
        hotwords: words to favour and how they are spelled, to nats.
        spells: how its letters stand for the tokens; None where each is a token itself.
    """

    options: Options
    tokens: Tokens
    lexicon: PackedLexicon
    language_model: ContextModel | None = None
    dictionary: UserDictionary | None = None
    spells: Signs | None = None
    hotwords: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Column of each letter of the lexicon, then that of the blank."""
        ids = self.spells.columns if self.spells else self.tokens.ids
        return (*(ids[c] for c in self.lexicon.letters), self.tokens.blank_id)

    @cached_property
    def renames(self) -> bool:
        """Whether a hotword is not spelled as it is written, so that a word may be found twice."""
        return any(spell(text, self.lexicon.alphabet) != spelled for text, spelled in self.hotwords)

    def spell(self, word: str) -> str | None:
        """Return the letters to write a word with, or None if there are none here."""
        return self.spells.spell(word) if self.spells else spell(word, self.lexicon.alphabet)
