"""The beam search of the package pyctcdecode, with our input checks and our answers."""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgectc.core.config import check_numbers, number
from edgectc.core.console import suppress_output, suppress_stderr
from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.staging import scratch
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded, Hypothesis, WordSpan
from edgectc.decoding.search.beam_words import Speller, entries
from edgectc.decoding.search.checks import check_log_probs, check_nbest
from edgectc.decoding.search.options import MOST_WEIGHT
from edgectc.decoding.search.spans import word_spans
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon

USES = frozenset({"lexicon", "hotwords"})
INSTALL = "pip install pyctcdecode --no-deps pygtrie"  # with its own pins it wants numpy < 2
_PIECE = ("▁", "##")  # how a word piece begins
_SPECIAL = re.compile(r"[<\[].+[>\]]")  # <s>, <unk>: taken as they are, but for a second blank
_SYMBOL = re.compile(r"<[^<>]+>|\[[^\[\]]+\]|.")  # of a text: a special one, or a letter
_BLANK = re.compile(r"[<\[]pad[>\]]", re.IGNORECASE)


@dataclass(frozen=True)
class Options:
    """What `pyctcdecode` lets one choose, in our names and units.

    Attributes:
        beam_size: prefixes kept after each frame (``beam_width``).
        beam_threshold: nats under the best prefix beyond which one is dropped
            (``beam_prune_logp``).
        token_threshold: natural-log probability under which a token is skipped
            (``token_min_logp``).
        kenlm_model: path of a word model, ARPA or KenLM binary. None: a unigram model of the
            lexicon, if there is one.
        lm_weight: weight of the model's natural-log probabilities (``alpha``).
        word_score: nats per word, with a model (``beta``).
        unknown_score: log10 units per word that is in no lexicon, times ``lm_weight``
            (``unk_score_offset``); needs a model.
        hotword_score: nats per hotword (``hotword_weight``).
        separator: symbol that ends a word; None where there are no words.
    """

    beam_size: int = number(100, least=1, most=1_000_000)
    beam_threshold: float = 10.0
    token_threshold: float = -5.0
    kenlm_model: str | None = None
    lm_weight: float = number(0.5, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    word_score: float = number(0.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    unknown_score: float = number(-10.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    hotword_score: float = number(10.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    separator: str | None = None

    def __post_init__(self) -> None:
        check_numbers(self)
        if not self.beam_threshold > 0:
            raise ConfigError(f"beam_threshold is {self.beam_threshold}, expected nats above 0")
        if not self.token_threshold <= 0:
            raise ConfigError(
                f"token_threshold is {self.token_threshold}, expected a natural-log probability"
            )


def create(
    options: Options,
    *,
    tokens: Tokens,
    lexicon: Lexicon | None = None,
    hotwords: Hotwords | Iterable[str] = (),
) -> PyctcdecodeDecoder:
    """Return the decoder.

    Args:
        options: width and weights.
        tokens: meaning of the columns of log_probs.
        lexicon: words that are not unknown. The package ignores them without a KenLM model, so
            without ``options.kenlm_model`` they are made into one, of single words.
        hotwords: words to favour, all by ``options.hotword_score``.

    Raises:
        ConfigError: tokens, hotwords or a model that the package cannot use.
        MissingDependencyError: it, or kenlm where a model is needed, is not installed.
    """
    if isinstance(hotwords, (str, Mapping, Hotwords)):
        raise ConfigError(
            f"hotwords are {hotwords!r}, expected a sequence of texts; pyctcdecode has one weight "
            "for all, hotword_score"
        )
    return PyctcdecodeDecoder(options, tokens, lexicon, tuple(hotwords))


class PyctcdecodeDecoder:
    """Finds texts by the search of `pyctcdecode`.

    The score is summed up as the search goes::

        score(w) = ctc(w) + lm_weight * (log P_lm(w) + ln(10) * unknown_score * unknown(w))
                   + word_score * words(w) + hotword_score * hotwords(w)

    ``ctc`` is a sum over the alignments that survived, without those of prefixes that it dropped
    because a better one had the same last words; ``words`` counts the end of the text as none.
    ``parts`` holds ``ctc`` and the rest as ``weighed``. It knows the frames of words, not of
    tokens, so ``timesteps`` is empty. Probabilities under 1e-15 count as 1e-15. The empty text is
    no candidate, and where it is best there is none.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"normalize", "spans"})

    def __init__(
        self,
        options: Options,
        tokens: Tokens,
        lexicon: Lexicon | None,
        hotwords: tuple[str, ...],
    ) -> None:
        package = _package()
        labels = _labels(tokens, options.separator)
        self._options, self._tokens, self._hotwords = options, tokens, hotwords
        unigrams: list[str] | None = None
        log_probs: list[float] = []
        self._texts: dict[str, str] = {}
        self._pieces = any(symbol.startswith(_PIECE) for symbol in tokens.symbols)
        if lexicon is not None:
            rows, texts, log_probs = entries(lexicon, Speller(tokens, options.separator))
            unigrams = [tokens.decode(spelling) for spelling in rows]
            self._texts = dict(zip(unigrams, texts, strict=True))
        path = options.kenlm_model
        if path is not None and not Path(path).is_file():
            raise ConfigError(f"kenlm_model: no file {path!r}")
        with scratch() as folder, suppress_output(), suppress_stderr():
            if path is not None or unigrams is not None:
                _kenlm()
            if path is None and unigrams is not None:
                path = str(folder / "words.arpa")
                _write_arpa(Path(path), unigrams, log_probs)
            try:
                self._decoder = package.build_ctcdecoder(
                    labels, path, unigrams=unigrams, alpha=options.lm_weight,
                    beta=options.word_score, unk_score_offset=options.unknown_score,
                )  # fmt: skip
            except (ValueError, OSError) as error:
                raise ConfigError(f"pyctcdecode: {error}") from error
        # The package keeps its models in the class until told otherwise.
        weakref.finalize(self, self._decoder.cleanup)

    def __call__(
        self, log_probs: object, *, nbest: int = 5, spans: bool = False, normalize: bool = False
    ) -> Decoded:
        """Return the ``nbest`` best texts, by score; none where the empty text is best.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: most texts to return.
            spans: tell where each word is, by our alignment, not the package's.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
            ConfigError: spans of word pieces, whose words it cannot spell.
        """
        nbest = check_nbest(nbest)
        if spans and self._pieces:
            raise ConfigError(
                "decoder 'pyctcdecode' cannot tell the spans of word pieces; use decoder 'beam'",
                options=["spans"],
            )
        values = check_log_probs(log_probs, len(self._tokens), normalize=normalize)
        options = self._options
        beams = self._decoder.decode_beams(
            # Never above 0, so that it cannot take them for probabilities, which it would guess.
            np.minimum(values, 0.0),
            beam_width=options.beam_size,
            beam_prune_logp=-options.beam_threshold,
            token_min_logp=options.token_threshold,
            hotwords=self._hotwords or None,
            hotword_weight=options.hotword_score,
        )
        if not beams or not beams[0][0]:
            return Decoded(())
        scores = np.array([beam[-1] for beam in beams])
        share = np.exp(scores - scores.max())
        share /= share.sum()
        hypotheses: list[Hypothesis] = []
        for (text, *_, ctc, score), probability in zip(beams, share.tolist(), strict=True):
            if text and len(hypotheses) < nbest:
                parts = {"ctc": float(ctc), "weighed": float(score - ctc)}
                shown = " ".join(self._texts.get(word, word) for word in text.split())
                words = self._spans(values, text) if spans else ()
                hypotheses.append(
                    Hypothesis(shown, float(score), probability, parts=parts, words=words)
                )
        return Decoded(tuple(hypotheses))

    def _spans(self, values: Array, text: str) -> tuple[WordSpan, ...]:
        """Return the span of each word of a text of the package."""
        tokens, words = self._tokens, []
        for word in text.split():
            ids = [token for part in re.findall(_SYMBOL, word) for token in tokens.encode([part])]
            words.append((self._texts.get(word, word), ids))
        boundary = tokens.ids.get(self._options.separator or "", -1)
        return word_spans(values, words, blank=tokens.blank_id, boundary=boundary)


def _labels(tokens: Tokens, separator: str | None) -> list[str]:
    """Return the labels in the form that the package does not reinterpret.

    Raises:
        ConfigError: tokens that it cannot tell apart, or would take for something else.
    """
    if separator is not None and separator not in tokens.symbols:
        raise ConfigError(f"separator {separator!r} is no token of the model")
    pieces = any(symbol.startswith(_PIECE) for symbol in tokens.symbols)
    labels = []
    for token, symbol in enumerate(tokens.symbols):
        if token == tokens.blank_id:
            labels.append("")
        elif symbol == separator and not pieces:
            labels.append(" ")
        elif symbol == " " or _BLANK.fullmatch(symbol):
            role = "separator" if symbol == " " else "blank"
            raise ConfigError(
                f"pyctcdecode takes token {symbol!r} for its {role}, which it is not here; "
                "use decoder 'beam'"
            )
        elif symbol == "|" and separator is None:
            raise ConfigError("pyctcdecode takes token '|' for a separator; give it as separator")
        elif len(symbol) > 1 and not pieces and not _SPECIAL.fullmatch(symbol):
            raise ConfigError(
                f"pyctcdecode needs tokens of one character, or word pieces that begin with '▁'; "
                f"it cannot tell {symbol!r}; use decoder 'beam'"
            )
        else:
            labels.append(symbol)
    if pieces and separator is not None:
        raise ConfigError("word pieces need no separator; set it to None")
    return labels


def _write_arpa(path: Path, words: list[str], log_probs: list[float]) -> None:
    """Write a model of single words; KenLM wants a bigram, so there is one that never counts."""
    surplus = max(0.0, float(np.logaddexp.reduce(log_probs)))  # weights need not be shares
    scores = [(value - surplus) / math.log(10) for value in log_probs]
    rows = [f"{score:.6f}\t{word}\t0" for word, score in zip(words, scores, strict=True)]
    rows += [f"{min(scores):.6f}\t<unk>\t0", "-99\t<s>\t0", "0\t</s>"]
    head = f"\\data\\\nngram 1={len(rows)}\nngram 2=1\n\n\\1-grams:\n"
    tail = "\n\n\\2-grams:\n-99\t<s> <unk>\n\n\\end\\\n"
    path.write_text(head + "\n".join(rows) + tail, encoding="utf-8")


def _package() -> Any:
    try:
        with suppress_output():  # it warns where kenlm is not installed
            import pyctcdecode
    except ImportError as error:
        raise MissingDependencyError(
            "decoder 'pyctcdecode'", package=error.name or "pyctcdecode", command=INSTALL
        ) from error
    return pyctcdecode


def _kenlm() -> None:
    try:
        import kenlm  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "decoder 'pyctcdecode' with a lexicon or a language model",
            package="kenlm",
            command="pip install kenlm",
        ) from error
