"""Swipes to words: real ones with spliced and generated ones, or generated ones alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from edgectc.core.errors import ConfigError
from edgectc.core.messages import say, warn
from edgectc.core.types import Array
from edgectc.data.refusals import Refusals
from edgectc.data.sources import HELD_OUT
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.training.cache import kept, part, recall
from edgectc.training.mixing import BUFFER_ROWS, check_count, draw, epoch_rows, nearby
from edgectc.training.sharded import are_shards, prepared_folder
from edgectc.training.swipes.arrays import Data, SwipeArrays, from_numpy
from edgectc.training.swipes.assembling import ShardedSwipes, assemble, keyboards_of
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.competitors import LexiconCompetitors
from edgectc.training.swipes.held_out import HeldOutSwipes
from edgectc.training.swipes.nuisances import Reporting
from edgectc.training.task import Metric, Run, Score


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
    buffer_rows = 0

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
        if run.data is not None:
            check_count(how.weights, len(run.data.data))
        keyboards = keyboards_of(how)
        ingredients = {
            "data": run.data,
            "how": how,
            "lexicon": run.lexicon,
            "frontend": [type(self._frontend).__name__, self._frontend.options],
            "keyboards": [layouts.describe(layout) for layout in keyboards],
            "model": [run.model.stride, run.model.window, run.seed, run.validation_rows],
        }
        prepared = _prepared(run, how, keyboards, ingredients)
        self.buffer_rows = BUFFER_ROWS if are_shards(run.data) else 0
        arrays = from_numpy(part(prepared, "train."))
        # Start, size and rows an epoch of what there is to choose from beside the real swipes.
        self._pools: list[tuple[int, int, int]] = []
        self.real = start = int(prepared["real"])
        self._origins, self._weights = prepared["origins"], how.weights if run.data else ()
        drawn = epoch_rows(self._origins, self._weights)
        for size, wanted in zip(
            prepared["pools"].tolist(), prepared["wanted"].tolist(), strict=True
        ):
            rows = min(size, int(drawn * wanted)) if run.data else size
            self._pools.append((start, size, rows))
            start += size
        self.made = sum(rows for _, _, rows in self._pools)
        self._share = shares(arrays.labels[: self.real], how.balance)
        self.train: SwipeArrays = replace(
            arrays,
            augment=options.augment,
            reporting=Reporting.of(run.model.frontend, run.model),
        )
        self.blank_id = arrays.keys.shape[1]
        held = {split: from_numpy(part(prepared, f"{split}.")) for split in HELD_OUT}
        self.dev, self.test = (
            HeldOutSwipes(
                _validated(run, split, held[split]),
                self._frontend, self._decoder, self._lexicon, name=split,
            )
            for split in HELD_OUT
        )  # fmt: skip
        self.competitors = self._competitors(arrays.alphabets)
        self.files = {"seen_words.bin": prepared["seen_words"].tobytes()} if run.data else {}
        self.dropped = arrays.refusals.reasons
        self.rows = json.loads(str(prepared["rows"]))
        refusals = {"train": arrays.refusals} | {name: one.refusals for name, one in held.items()}
        _tell(run, self, str(prepared["split"]), refusals)
        if problem := str(prepared["problem"]):
            warn(f"{run.data}: {problem}")

    def _competitors(self, alphabets: Sequence[str]) -> LexiconCompetitors | None:
        if self._decoder.get("type") != "lexicon" or self._lexicon is None:
            return None
        return LexiconCompetitors(
            self._decoder, self._lexicon, map(self._frontend.tokens_of, alphabets)
        )

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""
        return epoch_rows(self._origins, self._weights) + self.made

    def order(self, rng: np.random.Generator) -> Array:
        """Return as many rows as there are real swipes and some of the others, shuffled."""
        real = draw(self._origins, self._weights, rng)
        if self._share is not None:
            share = self._share[real]
            share = share / share.sum() if self._weights else share
            real = rng.choice(real, len(real), p=share)
        generated = [start + rng.choice(n, rows, replace=False) for start, n, rows in self._pools]
        rows = np.concatenate([real, *generated])
        return nearby(rows, self.real, rng) if self.buffer_rows else rng.permutation(rows)

    @property
    def dev_rows(self) -> int:
        """Return how many dev swipes are scored."""
        return len(self.dev)

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev swipes, each on its own keyboard."""
        return self.dev.inputs(rows)

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return top-1 of dev swipes, by the greedy decoder and by the preset."""
        return self.dev.score(answers, rows)


def _prepared(
    run: Run, how: Data, keyboards: Sequence[Layout], ingredients: Mapping[str, Any]
) -> Mapping[str, Array]:
    """Return all samples of a run, of shards or not, kept or made."""
    if run.data is None or not are_shards(run.data):
        return recall(run.cache, ingredients, lambda: assemble(how, run, keyboards))
    folder = prepared_folder(run.data, run.cache)
    return kept(folder, ingredients, lambda w: ShardedSwipes(how, run, keyboards).write(w))


def _validated(run: Run, split: str, arrays: SwipeArrays) -> SwipeArrays:
    """Return the swipes of a split that are scored; of many dev swipes, always the same ones."""
    return arrays.take(run.validated(len(arrays))) if split == "dev" else arrays


def _tell(run: Run, task: SwipeTask, how: str, refusals: Mapping[str, Refusals]) -> None:
    kind = "training swipes" if run.data else "generated training swipes"
    held = f"dev: {len(task.dev)}, test: {len(task.test)}"
    if run.data:
        held += f" ({how})"
    left_out = [f"{split}: {one.text}" for split, one in refusals.items() if one.reasons]
    told = f"dropped: {'; '.join(left_out) or 'none'}"
    say(f"{kind}: {task.real or task.made}, {held}; {told}")


def shares(labels: Sequence[tuple[int, ...]], balance: float) -> Array | None:
    """Return (n,) how often to draw each sample, summing to 1; None for all alike."""
    if not balance or not labels:
        return None
    counts = Counter(labels)
    weight = np.array([counts[label] ** -balance for label in labels])
    return np.asarray(weight / weight.sum())
