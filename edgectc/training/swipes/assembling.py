"""All samples of a run of swipes, before training: real, spliced and generated ones, as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from edgectc.core.column_files import ColumnWriter
from edgectc.core.types import Array, Recording
from edgectc.data import sources, swipe_files, swipe_scales
from edgectc.data.generators.swipes import generate
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.refusals import Refusals
from edgectc.data.sources import HELD_OUT, DataSet
from edgectc.data.splicing import splice
from edgectc.data.splits import SPLITS
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import word_hash
from edgectc.training.cache import append, prefixed
from edgectc.training.sharded import Piece, ShardedSources
from edgectc.training.swipes.arrays import (
    Data,
    SwipeArrays,
    TableNumbers,
    joined,
    to_arrays,
    to_numpy,
)
from edgectc.training.swipes.keyboard_augment import random_layout
from edgectc.training.task import Lengths, Run, no_data

# What generated swipes spell if no lexicon is given.
_STROKES = 40_000  # swipes of shards whose strokes are spliced, drawn at random
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
    usable = [row for row in found.rows["train"] if isinstance(row, Recording)]
    if run.data:
        where = str(run.data)
        for refusals in (real.refusals, *(one.refusals for one in held.values())):
            refusals.check(how.max_dropped, where, "data.max_dropped")
    arrays, sizes, wanted = real, [], []
    for pool, share in _pools(how, run, usable, prepare):
        sizes.append(len(pool))
        wanted.append(share)
        arrays = joined(arrays, pool)
    problem = swipe_scales.problem(usable, prepare.keyboards) if run.data else ""
    count = len(real)
    if not len(held["dev"]) or not (count if run.data else len(arrays)):
        refusals = real.refusals + held["dev"].refusals
        read = {split: len(found.rows[split]) for split in SPLITS}
        raise no_data(str(run.data or "generator"), count, len(held["dev"]), _hint(read, refusals))
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
        "problem": np.array(problem),
    }


def _hint(read: Mapping[str, int], refusals: Refusals) -> str:
    """Return what became of the rows that were read, where too few can be used."""
    told = ", ".join(f"{count} {split}" for split, count in read.items())
    return (
        f"read: {told}; left out: {refusals.text}; swipes need a word, and rows of split train and "
        "dev, or none that names a split (see docs/data.md)"
    )


class ShardedSwipes:
    """Makes of shards what `assemble` makes of files, as columns, a piece at a time."""

    def __init__(self, how: Data, run: Run, keyboards: Sequence[Layout]) -> None:
        """Take what `assemble` takes; ``run.data`` are shards."""
        assert run.data is not None
        samples = samples_for({"type": "swipe"}, keyboards, frontend=run.model.frontend)
        self._how, self._run = how, run
        self._prepare = Preparation(run.model.frontend, keyboards)
        default = keyboards[0].name
        self._rows = ShardedSources(run.data, samples.rows, people=True, default=default)
        self._tables = {split: TableNumbers() for split in SPLITS}
        self._refusals = {split: Refusals() for split in SPLITS}
        self._seen, self._strokes = set[int](), list[Recording]()
        rng, count = np.random.default_rng(run.seed), self._rows.train_rows
        most = _STROKES if how.spliced > 0 else 0
        chosen = rng.choice(count, most, replace=False) if count > most else np.arange(count)
        self._chosen = np.zeros(count, bool)
        self._chosen[chosen] = most > 0

    def write(self, writer: ColumnWriter) -> None:
        """Write all columns.

        Raises:
            InputError: too few rows can be used.
        """
        how, run = self._how, self._run
        for split in SPLITS:  # each column is there, with no row too
            self._append(writer, split, to_arrays([], self._prepare, run.model))
        work = partial(_of_piece, self._prepare, Lengths.of(run.model), how.infeasible)
        problem = ""
        for found in run.workers(work, self._pieces()):
            problem = problem or found.problem
            self._seen |= found.words
            self._strokes += found.strokes
            for split, made in found.made.items():
                if split == "train":
                    writer.append({"origins": np.full(len(made), found.origin, np.int64)})
                self._append(writer, split, made)
        for refusals in self._refusals.values():
            refusals.check(how.max_dropped, str(run.data), "data.max_dropped")
        count, dev = writer.rows("train.places"), writer.rows("dev.places")
        if not count or not dev:
            refusals = self._refusals["train"] + self._refusals["dev"]
            raise no_data(str(run.data), count, dev, _hint(self._rows.counts, refusals))
        sizes, wanted = [], []
        for pool, share in _pools(how, run, self._strokes, self._prepare):
            sizes.append(len(pool))
            wanted.append(share)
            self._append(writer, "train", pool)
        writer.put(self._whole())
        writer.put(
            {
                "real": np.array(count),
                "pools": np.array(sizes, np.int64),
                "wanted": np.array(wanted, np.float64),
                "problem": np.array(problem),
            }
        )

    def _append(self, writer: ColumnWriter, split: str, made: SwipeArrays) -> None:
        self._refusals[split] += made.refusals
        append(writer, f"{split}.", self._tables[split].rows(made))

    def _pieces(self) -> Iterator[tuple[Piece, Array]]:
        """Yield the pieces, each with (n,) bool: of which training recordings strokes are kept."""
        met = 0
        for piece in self._rows.pieces():
            yield piece, self._chosen[met : met + piece.train_recordings]
            met += piece.train_recordings

    def _whole(self) -> Mapping[str, Array]:
        """Return what there is of all rows together."""
        whole: dict[str, Array] = {}
        for split in SPLITS:
            whole |= prefixed(f"{split}.", self._tables[split].columns())
            whole[f"{split}.refusals"] = np.array(self._refusals[split].to_json())
        return {
            **whole,
            "seen_words": np.array(sorted(self._seen), "<u4"),
            "rows": np.array(json.dumps(dict(self._rows.counts))),
            "split": np.array(self._rows.how),
        }


@dataclass(frozen=True)
class _Made:
    """What is made of a piece: samples by split, words of training rows, some for strokes."""

    origin: int
    made: Mapping[str, SwipeArrays]
    words: set[int]
    strokes: list[Recording]
    problem: str


def _of_piece(
    prepare: Preparation, lengths: Lengths, infeasible: str, given: tuple[Piece, Array]
) -> _Made:
    """Return what is made of a piece and its choice, see `ShardedSwipes`; in any process."""
    piece, chosen = given
    rows = piece.rows()
    made = {
        split: to_arrays(
            some, prepare, lengths, infeasible=infeasible if split == "train" else "",
            first=piece.first[split],
        )
        for split, some in rows.items()
    }  # fmt: skip
    usable = [row for row in rows.get("train", ()) if isinstance(row, Recording)]
    words = {word_hash(row.target[0]) for row in usable if row.target}
    strokes = [row for row, kept in zip(usable, chosen, strict=True) if kept]
    problem = swipe_scales.problem(usable, prepare.keyboards)
    return _Made(piece.origin, made, words, strokes, problem)


def _read(how: Data, run: Run, keyboards: Sequence[Layout]) -> DataSet:
    """Return the rows of all files; without any, generated ones to validate on."""
    if run.data is None:
        count = min(run.validation_rows, how.synthetic_pool)
        made = _made(how, run, keyboards[:1], count=count, seed=run.seed + 1)
        return DataSet({"train": [], "dev": list(made), "test": []})
    samples = samples_for({"type": "swipe"}, keyboards, frontend=run.model.frontend)
    return sources.read(run.data, samples.rows)


def _held_out(found: DataSet, split: str, run: Run, prepare: Preparation) -> SwipeArrays:
    """Return the swipes of a split that may be scored."""
    return to_arrays(found.rows[split], prepare, run.model, infeasible="")


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
