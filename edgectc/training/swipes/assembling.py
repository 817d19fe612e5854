"""All samples of a run of swipes, before training: real, spliced and generated ones, as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from edgectc.core.types import Array, Recording
from edgectc.data import sources, swipe_files
from edgectc.data.generators.swipes import generate
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.sources import HELD_OUT, DataSet
from edgectc.data.splicing import splice
from edgectc.data.splits import SPLITS
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import word_hash
from edgectc.training.cache import prefixed
from edgectc.training.swipes.arrays import Data, SwipeArrays, joined, to_arrays, to_numpy
from edgectc.training.swipes.keyboard_augment import random_layout
from edgectc.training.task import Run, no_data

# What generated swipes spell if no lexicon is given.
_WORDS = "the and you that was for are with this have from they know want been good much some time"


def keyboards_of(how: Data) -> list[Layout]:
    """Return the keyboards that swipes may be on beside those that ship, the default first."""
    named = dict.fromkeys([how.layout, *how.synthetic_layouts])
    return [layouts.load(name) for name in named]


def assemble(how: Data, run: Run, keyboards: Sequence[Layout]) -> dict[str, Array]:
    """Return all that is made of the samples before training, as plain arrays."""
    prepare = Preparation(run.model.frontend, keyboards)
    found = _read(how, run, keyboards)
    real = to_arrays(found.rows["train"], prepare, run.model, infeasible=how.infeasible)
    held = {split: _held_out(found, split, run, prepare) for split in HELD_OUT}
    if run.data:
        where = str(run.data)
        for refusals in (real.refusals, *(one.refusals for one in held.values())):
            refusals.check(how.max_dropped, where, "data.max_dropped")
    arrays, sizes, wanted = real, [], []
    usable = [row for row in found.rows["train"] if isinstance(row, Recording)]
    for pool, share in _pools(how, run, usable, prepare):
        sizes.append(len(pool))
        wanted.append(share)
        arrays = joined(arrays, pool)
    count = len(real)
    if not len(held["dev"]) or not (count if run.data else len(arrays)):
        refusals = real.refusals + held["dev"].refusals
        hint = f"left out: {refusals.text}; swipes need a word (see docs/data.md)"
        raise no_data(str(run.data or "generator"), count, len(held["dev"]), hint)
    seen = [word_hash(row.target[0]) for row in usable if row.target]
    rows = {split: len(found.rows[split]) for split in SPLITS} if run.data else {}
    return {
        **prefixed("train.", to_numpy(arrays)),
        **prefixed("dev.", to_numpy(held["dev"])),
        **prefixed("test.", to_numpy(held["test"])),
        "real": np.array(count),
        "origins": np.array([found.origins[i] for i in real.places], np.int64),
        "pools": np.array(sizes, np.int64),
        "wanted": np.array(wanted, np.float64),
        "seen_words": np.unique(np.array(seen, "<u4")),
        "rows": np.array(json.dumps(rows)),
        "split": np.array(found.how),
    }


def _read(how: Data, run: Run, keyboards: Sequence[Layout]) -> DataSet:
    """Return the rows of all files; without any, generated ones to validate on."""
    if run.data is None:
        count = min(run.validation_rows, how.synthetic_pool)
        made = _made(how, run, keyboards[:1], count=count, seed=run.seed + 1)
        return DataSet({"train": [], "dev": list(made), "test": []})
    samples = samples_for({"type": "swipe"}, keyboards, frontend=run.model.frontend)
    return sources.read(run.data, samples.rows)


def _held_out(found: DataSet, split: str, run: Run, prepare: Preparation) -> SwipeArrays:
    """Return the swipes of a split that are scored; of many dev swipes, always the same ones."""
    arrays = to_arrays(found.rows[split], prepare, run.model, infeasible="")
    return arrays.take(run.validated(len(arrays))) if split == "dev" else arrays


def _pools(
    how: Data, run: Run, real: Sequence[Recording], prepare: Preparation
) -> Iterator[tuple[SwipeArrays, float]]:
    """Yield samples to choose from beside the real ones, and how many to take for each of those."""
    rng = np.random.default_rng(run.seed)
    shuffled = [random_layout(f"random-{i}", rng) for i in range(how.random_layouts)]
    if run.data is None or how.synthetic > 0:
        chosen = [prepare.keyboards[name] for name in _names_of(how)]
        keyboards = [*chosen, *shuffled]
        generated = _made(how, run, keyboards, count=how.synthetic_pool, seed=run.seed)
        further = Preparation(prepare.frontend, [*prepare.keyboards.values(), *shuffled])
        yield to_arrays(generated, further, run.model, "generated"), how.synthetic
    if real and how.spliced > 0:
        swipes = [swipe_files.from_recording(row) for row in real]
        known = {name: layouts.shipped(name) for name in layouts.names()} | prepare.keyboards
        spliced = splice(swipes, how.spliced_pool, rng, known)
        rows = [swipe_files.recording(swipe) for swipe in spliced]
        yield to_arrays(rows, prepare, run.model, "spliced"), how.spliced


def _names_of(how: Data) -> list[str]:
    return [layouts.load(name).name for name in how.synthetic_layouts]


def _made(
    how: Data, run: Run, keyboards: Sequence[Layout], *, count: int, seed: int
) -> Iterator[Recording]:
    """Yield generated swipes."""
    words = run.lexicon or Lexicon.from_counts(dict.fromkeys(_WORDS.split(), 1.0))
    made = generate(words, keyboards, count=count, words=how.synthetic_words, seed=seed)
    return map(swipe_files.recording, made)
