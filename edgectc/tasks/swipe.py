"""Swipes to words: real ones with spliced and generated ones, or generated ones alone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from edgectc import registry
from edgectc.data import jsonl, layouts
from edgectc.data.layouts import Layout
from edgectc.data.lexicons import Lexicon, letters
from edgectc.data.splicing import splice
from edgectc.data.synthesis import generate
from edgectc.errors import ConfigError
from edgectc.evaluation import word_hash
from edgectc.tasks._base import Metric, Run, Score, no_data
from edgectc.tasks._rebuilding import random_layout
from edgectc.tasks._swipes import Data, SwipeArrays, joined, to_arrays
from edgectc.tasks._warping import Augment
from edgectc.types import Array, Swipe

# What generated swipes spell if no lexicon is given.
_WORDS = "the and you that was for are with this have from they know want been good much some time"


@dataclass(frozen=True)
class Options:
    """Where swipes come from and how they are warped.

    Attributes:
        layouts: keyboards that swipes are generated on; none leaves it to ``data``. The first is
            the one that untagged swipes were made on.
        data: amounts of real and generated swipes.
        augment: random change of each training trace.
    """

    layouts: tuple[str, ...] = ()
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        if self.layouts and self.layouts[0] != self.data.layout:
            raise ValueError(f"data.layout is {self.data.layout!r}, expected {self.layouts[0]!r}")


def create(options: Options, *, run: Run) -> SwipeTask:
    """Return the task; without ``run.data``, a file of swipes, all of them are generated.

    Raises:
        ConfigError: the decoder needs a lexicon.
        InputError: no usable samples.
    """
    return SwipeTask(options, run)


class SwipeTask:
    """Samples and top-1 of swipes; see `edgectc.tasks._base.Task`."""

    metric = Metric("dev_top1", higher=True)

    def __init__(self, options: Options, run: Run) -> None:
        self._frontend, self._lexicon = run.model.frontend, run.lexicon
        self._decoder = dict(run.decoder)
        if self._decoder.get("type") == "lexicon" and run.lexicon is None:
            raise ConfigError(
                "the lexicon decoder needs words; pass --lexicon FILE or --set decoder.type=greedy"
            )
        self._dropped = Counter[str]()
        how = options.data
        if options.layouts:
            how = replace(how, synthetic_layouts=options.layouts)
        self._default = layouts.load(how.layout)
        real, dev = self._real(run) if run.data else ([], _made(how, run, dev=True))
        arrays = to_arrays(real, run.model.frontend, run.model.stride)
        self.real = len(arrays)
        self._share = shares(arrays.labels, how.balance)
        self._pools: list[tuple[int, int, int]] = []  # start, size and rows an epoch
        for pool, wanted in _pools(how, run, real):
            rows = min(len(pool), int(self.real * wanted)) if run.data else len(pool)
            self._pools.append((len(arrays), len(pool), rows))
            arrays = joined(arrays, pool)
        self.made = sum(rows for _, _, rows in self._pools)
        if not dev or not (self.real if run.data else self.made):
            hint = "swipes need a word and a user (see `edgectc train --help`)"
            raise no_data(str(run.data or "generator"), self.real, len(dev), hint)
        self.train: SwipeArrays = replace(arrays, augment=options.augment)
        self.blank_id = arrays.keys.shape[1]
        self._dev = [dev[i] for i in run.validated(len(dev))]
        seen = [word_hash(s.word) for s in real if s.word]
        words = np.unique(np.array(seen, "<u4")).tobytes()
        self.files = {"seen_words.bin": words} if run.data else {}
        kind = "training swipes" if run.data else "generated training swipes"
        self.dropped = self._dropped + arrays.dropped
        left_out = dict(self.dropped) or "none"
        print(f"{kind}: {self.real or self.made}; dropped: {left_out}", file=sys.stderr)

    def _real(self, run: Run) -> tuple[list[Swipe], list[Swipe]]:
        """Return the swipes of training users and the labelled ones of dev users."""
        assert run.data
        train, self._dropped = jsonl.load(run.data, split="train")
        return train, [s for s in jsonl.load(run.data, split="dev")[0] if s.word]

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""
        return self.real + self.made

    def order(self, rng: np.random.Generator) -> Array:
        """Return as many rows as there are real swipes and some of the others, shuffled."""
        real = np.arange(self.real)
        if self._share is not None:
            real = rng.choice(self.real, self.real, p=self._share)
        made = [start + rng.choice(n, rows, replace=False) for start, n, rows in self._pools]
        return rng.permutation(np.concatenate([real, *made]))

    @property
    def dev_rows(self) -> int:
        """Return how many dev swipes are scored."""
        return len(self._dev)

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev swipes."""
        made = [self._frontend.prepare(self._dev[i].points, self._default) for i in rows]
        return {k: torch.from_numpy(np.concatenate([one[k] for one in made])) for k in made[0]}

    def score(self, answers: Iterable[Array]) -> Score:
        """Return top-1 of dev swipes, by the greedy decoder and by the preset."""
        tokens = self._frontend.tokens(self._default)
        decoders = [
            registry.create("decoders", spec, tokens=tokens, lexicon=self._lexicon)
            for spec in ({"type": "greedy"}, dict(self._decoder))
        ]
        hits, examples = np.zeros(2), []
        for sample, log_probs in zip(self._dev, answers, strict=True):
            word = letters(sample.word or "")
            said = [letters(decoder(log_probs, nbest=1).best.text) for decoder in decoders]
            hits += [one == word for one in said]
            examples.append((word, said[1]))
        greedy, preset = (hits / len(self._dev)).round(5)
        figures = {"dev_greedy_top1": float(greedy), "dev_top1": float(preset)}
        return Score(figures, tuple(examples[:3]))


def _pools(how: Data, run: Run, real: list[Swipe]) -> Iterator[tuple[SwipeArrays, float]]:
    """Yield samples to choose from beside the real ones, and how many to take for each of those."""
    frontend, stride = run.model.frontend, run.model.stride
    rng = np.random.default_rng(run.seed)
    boards = [random_layout(f"random-{i}", rng) for i in range(how.random_layouts)]
    if run.data is None or how.synthetic > 0:
        made = _made(how, run, boards)
        yield to_arrays(made, frontend, stride, "generated", boards), how.synthetic
    if real and how.spliced > 0:
        spliced = list(splice(real, how.spliced_pool, rng))
        yield to_arrays(spliced, frontend, stride, "spliced"), how.spliced


def shares(labels: Sequence[tuple[int, ...]], balance: float) -> Array | None:
    """Return (n,) how often to draw each sample, summing to 1; None for all alike."""
    if not balance or not labels:
        return None
    counts = Counter(labels)
    weight = np.array([counts[label] ** -balance for label in labels])
    return np.asarray(weight / weight.sum())


def _made(how: Data, run: Run, further: Sequence[Layout] = (), *, dev: bool = False) -> list[Swipe]:
    """Return generated swipes; those of dev on the default layout, of other traces."""
    words = run.lexicon or Lexicon.from_counts(dict.fromkeys(_WORDS.split(), 1.0))
    names = (how.layout,) if dev else how.synthetic_layouts
    boards = [*map(layouts.load, names), *further]
    count = min(run.validation_rows, how.synthetic_pool) if dev else how.synthetic_pool
    seed = run.seed + dev
    return list(generate(words, boards, count=count, words=how.synthetic_words, seed=seed))
