"""From a recording to the inputs of a network: one way, for training, measuring and timing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edgectc.core.contracts import Frontend, Setting
from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.types import Array, Recording
from edgectc.data.refusals import Refusals
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout

Inputs = Mapping[str, Array]


@dataclass(frozen=True)
class Sample:
    """What a network is given of one recording.

    Attributes:
        inputs: by the names of the frontend's contract, batch of one, padded.
        setting: keyboard or day that the recording was prepared with.
    """

    inputs: Inputs
    setting: Setting

    @property
    def length(self) -> int:
        """Return the valid frames."""
        return int(self.inputs["length"][0])

    @property
    def frames(self) -> Array:
        """Return (length, C) float32 without the padding."""
        first = next(iter(self.inputs.values()))
        return first[0, : self.length]

    @property
    def context(self) -> Inputs:
        """Return the inputs after ``length``."""
        return {name: self.inputs[name] for name in list(self.inputs)[2:]}


class Preparation:
    """Prepares each recording with the keyboard, or the day, that it names itself."""

    def __init__(self, frontend: Frontend, keyboards: Iterable[Layout] = ()) -> None:
        """Take a frontend and the keyboards of its model, the default first; none for no keyboard.

        A recording may name a keyboard that ships, too; it never names a file.
        """
        self.frontend = frontend
        self.keyboards = {layout.name: layout for layout in keyboards}

    def setting(self, recording: Recording) -> Setting:
        """Return the keyboard or day of a recording; one that names none has the default keyboard.

        Raises:
            InputError: reason ``unknown_layout``: no such keyboard; ``unknown_group``: no such day;
                ``no_group``: it names no day, and there are several.
        """
        name = recording.setting
        if self.keyboards:
            name = name or next(iter(self.keyboards))
            return self.keyboards.get(name) or _shipped(name)
        known = self.frontend.settings
        if known and name not in known and (name or len(known) > 1):
            got = f"the group {name!r}" if name else "no group"
            raise InputError(
                f"the recording has {got}, expected one of the model's {len(known)}: "
                f"{', '.join(known[:4])}{' ...' if len(known) > 4 else ''}; name it in 'group'",
                reason="unknown_group" if name else "no_group",
            )
        return name or None

    def __call__(self, recording: Recording) -> Sample:
        """Return the inputs of a recording.

        Raises:
            InputError: it cannot be used; ``reason`` names why.
        """
        setting = self.setting(recording)
        try:
            return Sample(self.frontend.prepare(recording.signal, setting), setting)
        except UnknownNameError as error:
            reason = "unknown_layout" if error.kind == "layout" else "unknown_group"
            raise InputError(str(error), reason=reason) from error

    def each(
        self, rows: Iterable[Recording | InputError], refusals: Refusals
    ) -> Iterator[tuple[Recording, Sample]]:
        """Yield the recordings that can be used with their inputs; count the others."""
        for row in rows:
            refusals.rows += 1
            if isinstance(row, InputError):
                refusals.add(row)
                continue
            try:
                sample = self(row)
            except InputError as error:
                refusals.add(error, row.name)
            else:
                yield row, sample


def _shipped(name: str) -> Layout:
    try:
        return layouts.shipped(name)
    except UnknownNameError as error:
        raise InputError(str(error), reason="unknown_layout") from error
