"""Swipes to words: real ones with spliced and generated ones, or generated ones alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from edgectc.core import registry
from edgectc.core.errors import ConfigError
from edgectc.core.messages import say
from edgectc.core.types import Array, Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import generate
from edgectc.data.splicing import splice
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import letters, word_hash
from edgectc.training.cache import recall
from edgectc.training.swipes.arrays import (
    Data,
    SwipeArrays,
    from_numpy,
    joined,
    to_arrays,
    to_numpy,
)
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.competitors import LexiconCompetitors
from edgectc.training.swipes.keyboard_augment import random_layout
from edgectc.training.task import Metric, Run, Score, no_data

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
    """Samples and top-1 of swipes; see `edgectc.core.contracts.Task`."""

    metric = Metric("dev_top1", higher=True)

    def __init__(self, options: Options, run: Run) -> None:
        self._frontend, self._lexicon = run.model.frontend, run.lexicon
        self._decoder = dict(run.decoder)
        if self._decoder.get("type") == "lexicon" and run.lexicon is None:
            raise ConfigError(
                "decoder 'lexicon' needs words; pass lexicon=FILE or overrides=decoder.type=greedy",
                options=["lexicon", "overrides"],
            )
        how = options.data
        if options.layouts:
            how = replace(how, synthetic_layouts=options.layouts)
        self._default = layouts.load(how.layout)
        ingredients = {
            "data": run.data,
            "how": how,
            "lexicon": run.lexicon,
            "frontend": self._frontend.options,
            "model": [run.model.stride, run.seed, run.validation_rows],
        }
        prepared = recall(run.cache, ingredients, lambda: _prepared(how, run, self._default))
        arrays = from_numpy(prepared)
        # Start, size and rows an epoch of what there is to choose from beside the real swipes.
        self._pools: list[tuple[int, int, int]] = []
        self.real = start = int(prepared["real"])
        for size, wanted in zip(
            prepared["pools"].tolist(), prepared["wanted"].tolist(), strict=True
        ):
            rows = min(size, int(self.real * wanted)) if run.data else size
            self._pools.append((start, size, rows))
            start += size
        self.made = sum(rows for _, _, rows in self._pools)
        self._share = shares(arrays.labels[: self.real], how.balance)
        self.train: SwipeArrays = replace(arrays, augment=options.augment)
        self.blank_id = arrays.keys.shape[1]
        self._dev = {name: prepared[f"dev_{name}"] for name in ("trace", "length", "word")}
        self.competitors = self._competitors(arrays.alphabets)
        self.files = {"seen_words.bin": prepared["seen_words"].tobytes()} if run.data else {}
        kind = "training swipes" if run.data else "generated training swipes"
        self.dropped = arrays.dropped
        left_out = dict(self.dropped) or "none"
        say(f"{kind}: {self.real or self.made}; dropped: {left_out}")

    def _competitors(self, alphabets: Sequence[str]) -> LexiconCompetitors | None:
        if self._decoder.get("type") != "lexicon" or self._lexicon is None:
            return None
        return LexiconCompetitors(
            self._decoder, self._lexicon, map(self._frontend.tokens_of, alphabets)
        )

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""
        return self.real + self.made

    def order(self, rng: np.random.Generator) -> Array:
        """Return as many rows as there are real swipes and some of the others, shuffled."""
        real = np.arange(self.real)
        if self._share is not None:
            real = rng.choice(self.real, self.real, p=self._share)
        generated = [start + rng.choice(n, rows, replace=False) for start, n, rows in self._pools]
        return rng.permutation(np.concatenate([real, *generated]))

    @property
    def dev_rows(self) -> int:
        """Return how many dev swipes are scored."""
        return len(self._dev["word"])

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev swipes."""
        keys = self._frontend.context(self._default)
        inputs = {"trace": self._dev["trace"][rows], "length": self._dev["length"][rows]}
        inputs |= {name: np.repeat(table, len(rows), axis=0) for name, table in keys.items()}
        return {name: torch.from_numpy(array) for name, array in inputs.items()}

    def score(self, answers: Iterable[Array]) -> Score:
        """Return top-1 of dev swipes, by the greedy decoder and by the preset."""
        tokens = self._frontend.tokens(self._default)
        decoders = [
            registry.create("decoders", spec, tokens=tokens, lexicon=self._lexicon)
            for spec in ({"type": "greedy"}, dict(self._decoder))
        ]
        hits, examples = np.zeros(2), []
        for word, log_probs in zip(self._dev["word"].tolist(), answers, strict=True):
            texts = [letters(decoder(log_probs, nbest=1).best.text) for decoder in decoders]
            hits += [sample == word for sample in texts]
            examples.append((word, texts[1]))
        greedy, preset = (hits / self.dev_rows).round(5)
        figures = {"dev_greedy_top1": float(greedy), "dev_top1": float(preset)}
        return Score(figures, tuple(examples[:3]))


def _prepared(how: Data, run: Run, default: Layout) -> dict[str, Array]:
    """Return all that is made of the samples before training, as plain arrays."""
    frontend = run.model.frontend
    real, dropped = swipe_files.load(run.data, split="train") if run.data else ([], Counter[str]())
    dev = swipe_files.load(run.data, split="dev")[0] if run.data else _made(how, run, dev=True)
    dev = [swipe for swipe in dev if swipe.word]
    arrays = to_arrays(real, frontend, run.model.stride)
    count = len(arrays)
    sizes, wanted = [], []
    for pool, share in _pools(how, run, real):
        sizes.append(len(pool))
        wanted.append(share)
        arrays = joined(arrays, pool)
    if not dev or not (count if run.data else len(arrays)):
        hint = "swipes need a word and a user (see `edgectc train --help`)"
        raise no_data(str(run.data or "generator"), count, len(dev), hint)
    chosen = [dev[i] for i in run.validated(len(dev))]
    prepared = [frontend.prepare(swipe.points, default) for swipe in chosen]
    seen = [word_hash(swipe.word) for swipe in real if swipe.word]
    return {
        **to_numpy(replace(arrays, dropped=dropped + arrays.dropped)),
        "real": np.array(count),
        "pools": np.array(sizes, np.int64),
        "wanted": np.array(wanted, np.float64),
        "seen_words": np.unique(np.array(seen, "<u4")),
        "dev_trace": np.concatenate([sample["trace"] for sample in prepared]),
        "dev_length": np.concatenate([sample["length"] for sample in prepared]),
        "dev_word": np.array([letters(swipe.word or "") for swipe in chosen], np.str_),
    }


def _pools(how: Data, run: Run, real: list[Swipe]) -> Iterator[tuple[SwipeArrays, float]]:
    """Yield samples to choose from beside the real ones, and how many to take for each of those."""
    frontend, stride = run.model.frontend, run.model.stride
    rng = np.random.default_rng(run.seed)
    shuffled = [random_layout(f"random-{i}", rng) for i in range(how.random_layouts)]
    if run.data is None or how.synthetic > 0:
        generated = _made(how, run, shuffled)
        yield to_arrays(generated, frontend, stride, "generated", shuffled), how.synthetic
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
    chosen = [*map(layouts.load, names), *further]
    count = min(run.validation_rows, how.synthetic_pool) if dev else how.synthetic_pool
    seed = run.seed + dev
    return list(generate(words, chosen, count=count, words=how.synthetic_words, seed=seed))
