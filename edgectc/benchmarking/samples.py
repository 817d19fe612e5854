"""What a bench runs on: labelled recordings of a file, or generated ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.benchmarking.plan import Subject
from edgectc.core import registry
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.files import sha256
from edgectc.core.types import Array
from edgectc.data import signals, swipe_files
from edgectc.data.samples import landmarks, neural
from edgectc.data.samples.swipe import swipe
from edgectc.formats import layouts
from edgectc.language.spelling import letters, spell
from edgectc.runtime import loading

_WORDS = ("the", "keyboard", "edge", "hello", "world", "phone", "running", "letters")
_SEED = 0


@dataclass(frozen=True)
class Item:
    """One recording as every family has it.

    Attributes:
        signal: (n, 3) trace or (T, C) recording.
        setting: layout or day it was made with; "" for nothing.
        context: words before it.
        target: symbols that were meant, of a swipe its word; empty without a label.
    """

    signal: Array
    setting: str = ""
    context: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Recordings for one kind of model.

    Attributes:
        items: all of them, in random order; the first ``timed`` are timed, all are scored.
        timed: how many are timed.
        labelled: whether accuracy means anything: real recordings with labels.
        source: where they are from.
        digest: SHA-256 of the items; figures of different ones are not comparable.
    """

    items: tuple[Item, ...]
    timed: int
    labelled: bool
    source: str
    digest: str


def choose(
    subject: Subject,
    *,
    data: str | None,
    split: str,
    lexicon: str | None,
    timed: int,
    scored: int,
) -> Samples:
    """Return the samples for a model and all that take the same ones.

    Args:
        subject: the model.
        data: labelled recordings: swipes ``.jsonl``, or ``.npz`` as training takes them; None
            generates some.
        split: of swipes, "all" or a split of the users as `edgectc eval` takes it.
        lexicon: file to draw the words of generated swipes from instead of the model's own.
        timed: most samples to time.
        scored: most samples to measure accuracy on.

    Raises:
        InputError: the file holds nothing this model can use.
    """
    frontend = registry.create("frontends", dict(subject.about["frontend"]))
    if data is None:
        items = _generated(subject, frontend, lexicon, timed)
        source = f"{len(items)} generated samples, seed {_SEED}"
    else:
        path = Path(data)
        if path.is_dir() and subject.about["frontend"]["type"] == "swipe":
            path = swipe_files.find(data)
        items = _read(subject, path, split, max(timed, scored))
        source = f"{len(items)} samples of {path.name}, split {split}"
    items, refused = _usable(items, subject, frontend)
    if not items:
        raise InputError(
            f"no sample of {data or 'the generator'} can be used by {subject.name!r}: {refused}",
            reason="no_data",
        )
    labelled = data is not None and any(item.target for item in items)
    content = sha256(b"".join(_bytes(item) for item in items))
    return Samples(tuple(items), min(timed, len(items)), labelled, source, content)


def _read(subject: Subject, path: Path, split: str, count: int) -> list[Item]:
    rng = np.random.default_rng(_SEED)
    if subject.about["frontend"]["type"] == "swipe":
        swipes, _ = swipe_files.load(swipe_files.find(str(path)), split=split)
        order = rng.permutation(len(swipes))[:count]
        return [
            Item(s.points, s.layout, s.context, (s.word,) if s.word and letters(s.word) else ())
            for s in (swipes[i] for i in order)
        ]
    if split != "all":
        raise ConfigError(f"split {split!r} is one of swipes; a .npz names its own")
    splits = signals.read(path)
    rows = splits["dev"] or splits["train"]
    order = rng.permutation(len(rows))[:count]
    takes_group = (
        "day" in registry.create("frontends", dict(subject.about["frontend"])).input_contract()
    )
    return [
        Item(row.signal, (row.group or "") if takes_group else "", (), row.target)
        for row in (rows[i] for i in order)
    ]


def _generated(subject: Subject, frontend: Any, lexicon: str | None, count: int) -> list[Item]:
    kind, shape = subject.about["frontend"]["type"], frontend.options
    if kind == "swipe":
        return _swipes(subject, lexicon, count)
    if kind == "neural":
        made = neural.synthesize(
            count, seed=_SEED, channels=shape.channels, days=shape.days, phonemes=shape.phonemes,
            max_frames=shape.max_frames,
        )  # fmt: skip
        return [Item(s.signal, s.group or "", (), s.target) for s in made]
    if kind == "landmarks":
        made = landmarks.synthesize(
            count, seed=_SEED, glosses=frontend.tokens().symbols[1:],
            points=landmarks.Points(shape.pose, shape.hand, shape.face),
            max_frames=shape.max_frames,
        )  # fmt: skip
        return [Item(s.signal, "", (), s.target) for s in made]
    raise ConfigError(
        f"nothing is generated for frontend {kind!r}; give data=FILE", options=["data"]
    )


def _swipes(subject: Subject, lexicon: str | None, count: int) -> list[Item]:
    """Generated swipes of words as frequent as in text."""
    rng = np.random.default_rng(_SEED)
    board = layouts.parse(subject.about["layouts"][0])
    found = loading.find_words(subject.about["lexicon"], _folder(subject), lexicon)
    words: Sequence[str] = _WORDS if found is None else found.words
    share = np.ones(len(words)) if found is None else np.exp(found.log_probs)
    drawn = rng.choice(len(words), 4 * count, p=share / share.sum())
    spelled = [(words[i], s) for i in drawn if (s := spell(words[i], board.letters))]
    return [
        Item(np.round(swipe(s, board, rng), 4), board.name, (), (word,))
        for word, s in spelled[:count]
    ]


def _folder(subject: Subject) -> Path:
    return subject.path.parent if subject.target else subject.path


def _usable(
    items: Sequence[Item], subject: Subject, frontend: Any
) -> tuple[list[Item], dict[str, int]]:
    """Drop what the frontend refuses, before any clock runs."""
    boards = {b.name: b for b in map(layouts.parse, subject.about["layouts"])}
    kept, refused = [], dict[str, int]()
    for item in items:
        try:
            setting = (boards.get(item.setting) or layouts.load(item.setting)) if boards else None
            frontend.prepare(item.signal, setting if boards else item.setting or None)
            kept.append(item)
        except (InputError, UnknownNameError) as error:
            reason = getattr(error, "reason", "unknown_setting")
            refused[reason] = refused.get(reason, 0) + 1
    return kept, refused


def to_json(item: Item) -> dict[str, Any]:
    """Return one item as JSON."""
    return {
        "signal": item.signal.tolist(),
        "setting": item.setting,
        "context": list(item.context),
        "target": list(item.target),
    }


def from_json(values: Mapping[str, Any]) -> Item:
    """Return the item of its JSON form."""
    context, target = tuple(values["context"]), tuple(values["target"])
    return Item(np.array(values["signal"]), str(values["setting"]), context, target)


def write(path: Path, items: Sequence[Item]) -> None:
    """Write items for the workers: memory there must not count the reading of a data set."""
    about = [{**to_json(item), "signal": None} for item in items]
    arrays: dict[str, Any] = {f"s{i}": item.signal for i, item in enumerate(items)}
    with path.open("wb") as file:
        np.savez(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)


def read(path: Path) -> list[Item]:
    """Return the items that `write` wrote."""
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        return [from_json({**values, "signal": file[f"s{i}"]}) for i, values in enumerate(about)]


def _bytes(item: Item) -> bytes:
    about = json.dumps({**to_json(item), "signal": None}, sort_keys=True)
    return about.encode() + np.ascontiguousarray(item.signal).tobytes()
