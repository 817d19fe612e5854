"""Recordings of any family, read or generated, as the inputs of a network.

What a family knows of its recordings is in `edgectc.data.samples`; who calibrates, measures, times
or packs a model asks here, and for no family by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core import registry
from edgectc.core.contracts import Frontend, Samples
from edgectc.core.errors import ConfigError, InputError, NonFiniteError
from edgectc.core.messages import say
from edgectc.core.nonfinite import describe
from edgectc.core.types import JSON, Array, Recording
from edgectc.data import readers
from edgectc.data.preparation import Inputs, Preparation
from edgectc.data.refusals import Refusals
from edgectc.formats import reference
from edgectc.formats.bundle import Bundle
from edgectc.formats.layouts import Layout
from edgectc.formats.reference import Case
from edgectc.language.lexicon import Lexicon

_GENERATED = {"train": 512, "dev": 100}  # where nobody says how many
_UNLIKE = 30.0  # times larger or smaller than the reference recordings: another unit


@dataclass(frozen=True)
class Prepared:
    """Usable recordings of one split.

    Attributes:
        recordings: as read.
        inputs: of the network, batch of one.
        about: source for the manifest: file, hash, split, what was dropped.
        left_out: "; left out: 2 too_long (row 7: ...)" for an error message; "" if nothing was.
    """

    recordings: tuple[Recording, ...]
    inputs: tuple[Inputs, ...]
    about: Mapping[str, JSON]
    left_out: str = ""

    def __repr__(self) -> str:
        return f"Prepared({len(self)} recordings of {self.about.get('file')})"

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def names(self) -> list[str]:
        """Return what names each in reports."""
        return [row.name for row in self.recordings]

    @property
    def lengths(self) -> list[int]:
        """Return the valid frames of each."""
        return [int(row["length"][0]) for row in self.inputs]

    def rows(self, chosen: Iterable[int]) -> Prepared:
        """Return some of them."""
        kept = list(chosen)
        recordings = tuple(self.recordings[i] for i in kept)
        return replace(self, recordings=recordings, inputs=tuple(self.inputs[i] for i in kept))


@dataclass(frozen=True)
class Owner:
    """The model that recordings are for.

    Attributes:
        spec: of its frontend.
        layouts: its keyboards.
        cases: its reference cases; recordings have to be in their unit.
    """

    spec: Mapping[str, JSON]
    layouts: tuple[Layout, ...]
    cases: Sequence[Case]

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> Owner:
        """Return what a bundle says."""
        cases = reference.from_safetensors(bundle.file("reference.safetensors"))
        return cls(bundle.index.model["frontend"], bundle.layouts, cases)


def samples_for(
    spec: Mapping[str, JSON],
    layouts: Iterable[Layout] = (),
    *,
    frontend: Frontend | None = None,
    options: Mapping[str, JSON] | None = None,
) -> Samples:
    """Return what a frontend's recordings are.

    Args:
        spec: of the frontend.
        layouts: keyboards of the model, the default first.
        frontend: made of ``spec``; None makes it.
        options: of the plugin in `edgectc.data.samples`.

    Raises:
        UnknownNameError: no recordings of such a type are known.
        ConfigError: an option is unknown.
    """
    if frontend is None:
        frontend = registry.create("frontends", spec)
    named = {layout.name: layout for layout in layouts}
    own = {"type": spec.get("type"), **(options or {})}
    samples: Samples = registry.create("samples", own, frontend=frontend, layouts=named)
    return samples


def load(
    owner: Bundle | Owner,
    frontend: Frontend,
    path: str | None,
    *,
    option: str = "data",
    split: str,
    labelled: bool = False,
    nan_policy: str = "error",
    generated: int | None = None,
    words: Lexicon | None = None,
) -> Prepared:
    """Return the usable recordings of a split; in the unit that the model was trained on.

    Args:
        owner: the model, or its bundle.
        frontend: of the model.
        path: file of recordings; None takes what the environment names, or generates some, and
            says so.
        option: the argument that ``path`` is the value of, for messages.
        split: "train", "dev" or "test".
        labelled: leave out what has no label.
        nan_policy: "error" raises at a recording with NaN or Inf, "drop-samples" counts it.
        generated: how many to generate where there is no file; None for a few.
        words: to generate them of, where recordings are of words.

    Raises:
        NonFiniteError: a recording holds NaN or Inf; names it.
        InputError: the file cannot be read, or its recordings are in another unit.
    """
    if isinstance(owner, Bundle):
        owner = Owner.of_bundle(owner)
    samples = samples_for(owner.spec, owner.layouts, frontend=frontend)
    file = samples.locate(path, option=option)
    prepare, refusals = Preparation(frontend, owner.layouts), Refusals()
    rows: Iterable[Recording | InputError]
    if file is None:
        rows = _generated(owner, frontend, split, option, generated, words)
    else:
        rows = samples.read(file, split)
    usable = list(prepare.each(_labelled(rows, samples, labelled), refusals))
    bad = refusals.counts["not_finite"]
    if bad and nan_policy != "drop-samples":
        raise NonFiniteError(
            f"{bad} samples hold NaN or Inf: {describe(refusals.examples['not_finite'])}; repair "
            "them, or leave them out with nan_policy=drop-samples",
            options=["nan_policy"],
        )
    about: dict[str, JSON] = {"file": file.name if file else "generated", "split": split}
    about |= {"sha256": readers.content_sha256(file)} if file else {}
    about |= {"dropped": dict(refusals.counts), "usable": len(usable)}
    recordings, inputs = tuple(row for row, _ in usable), tuple(one.inputs for _, one in usable)
    left_out = f"; left out: {refusals.text}" if refusals.counts else ""
    prepared = Prepared(recordings, inputs, about, left_out)
    _check_unit(prepared, owner.cases)
    return prepared


def _generated(
    owner: Owner,
    frontend: Frontend,
    split: str,
    option: str,
    count: int | None,
    words: Lexicon | None,
) -> Iterator[Recording]:
    """Return recordings in place of real ones, natural ones of words; seeds 0 and 1."""
    samples = samples_for(owner.spec, owner.layouts, frontend=frontend)
    of_words = "lexicon" in samples.made_with
    if samples.stands_in is None or (of_words and words is None):
        raise InputError(
            f"no recordings were named, expected a file or folder; pass {option}=PATH or set "
            "EDGECTC_DATA=PATH",
            reason="no_data",
            options=[option],
        )
    if split not in _GENERATED:
        raise ConfigError(f"generated recordings have no split {split!r}; use train or dev")
    count = count or _GENERATED[split]
    say(f"no recordings were named: {count} generated ones stand for split {split}")
    lifelike = samples_for(owner.spec, owner.layouts, frontend=frontend, options=samples.stands_in)
    given = words if of_words else None
    return lifelike.synthesize(count, seed=int(split == "dev"), lexicon=given, natural=of_words)


def _labelled(
    rows: Iterable[Recording | InputError], samples: Samples, wanted: bool
) -> Iterator[Recording | InputError]:
    """Yield the rows; in place of one without a label, if labels are wanted, why it is left out."""
    for row in rows:
        if wanted and isinstance(row, Recording) and not samples.labelled(row):
            yield InputError("no label", reason="no_label", name=row.name)
        else:
            yield row


def _check_unit(prepared: Prepared, cases: Sequence[Case]) -> None:
    """Refuse recordings whose first input is far larger or smaller than the reference cases'."""
    expected = _size([case.trace[: case.length] for case in cases])
    frames = [next(iter(row.values()))[0, : int(row["length"][0])] for row in prepared.inputs]
    got = _size(frames) if frames else expected
    if not expected / _UNLIKE <= got <= expected * _UNLIKE:
        name = next(iter(prepared.inputs[0]))
        raise InputError(
            f"the samples' {name!r} is about {got:.3g} in size, the model was trained on about "
            f"{expected:.3g}: they are in another unit; bring them into that of "
            "`edgectc inspect`",
            reason="other_unit",
        )


def _size(frames: Sequence[Array]) -> float:
    """Root mean square, over all recordings."""
    values = np.concatenate([row.reshape(-1) for row in frames]).astype(np.float64)
    return float(np.sqrt((values**2).mean())) if values.size else 0.0
