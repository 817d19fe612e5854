"""What a frontend has to know of its data, found there: glosses, phonemes, days, channels.

A config that names them is taken at its word; what it leaves out, or sets to null, comes from the
data, and of a run that was begun from its own config.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgectc.core import strict_json
from edgectc.core.contracts import Samples
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_plain
from edgectc.core.messages import say, warn
from edgectc.core.types import JSON, Recording
from edgectc.data.recordings import samples_for
from edgectc.data.sources import Sources
from edgectc.training.settings import FIRST

_LOOKED_AT = 500  # recordings, where a config names all


def complete(
    config: Mapping[str, JSON], data: Sources | None, run: Path | None = None
) -> dict[str, JSON]:
    """Return a config whose frontend names what the data holds.

    Args:
        config: of a run, see `edgectc.training.settings.Settings`.
        data: its files; None for generated samples, which fit any frontend.
        run: folder of the run; one that was begun keeps what it found.

    Raises:
        InputError: a file cannot be read.
    """
    values = copy.deepcopy(dict(config))
    model = values.get("model")
    spec = model.get("frontend") if isinstance(model, Mapping) else None
    if data is None or not isinstance(model, dict) or not isinstance(spec, dict):
        return values
    samples = samples_for(spec)
    open_ = [name for name in samples.told if name not in spec]
    found = None if run is None else _begun(run)
    if not open_:
        if samples.told and found is None:  # nothing is to be found, but something may differ
            _tell_what_differs(
                spec, samples.found(itertools.islice(_recordings(samples, data), _LOOKED_AT))
            )
        return values
    if found is None:
        found = samples.found(_recordings(samples, data))
        told = {name: found[name] for name in open_ if name in found}
        _tell_what_differs(spec, found)
        for name in samples.told:
            ours = spec.get(name)
            if name not in found and not (isinstance(ours, list) and len(ours) == 1):
                warn(
                    f"no recording says of which of {name} it is; name it in "
                    f"'group', or take all for one: --set model.frontend.{name}=['all']"
                )
        say(f"found in the data: {', '.join(f'{k}: {_short(v)}' for k, v in told.items())}")
    model["frontend"] = {**{k: v for k, v in found.items() if k in open_}, **spec}
    return values


def left_open(config: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a config without what its frontend sets to null: the data is to tell it."""
    values = dict(config)
    model = values.get("model")
    if isinstance(model, Mapping) and isinstance(spec := model.get("frontend"), Mapping):
        told = {name: value for name, value in spec.items() if value is not None}
        values["model"] = {**model, "frontend": told}
    return values


def _tell_what_differs(spec: Mapping[str, JSON], found: Mapping[str, JSON]) -> None:
    """Say where a config names other days, symbols or channels than the data holds."""
    for name, theirs in found.items():
        ours = spec.get(name, theirs)
        if isinstance(ours, list) and isinstance(theirs, list):
            same = ours == theirs or (bool(theirs) and all(one in ours for one in theirs))
        else:
            same = ours == theirs
        if not same:
            warn(
                f"the config says {name}: {_short(ours)}; the data has "
                f"{_short(theirs)}: --set model.frontend.{name}=null takes what the data has"
            )


def _recordings(samples: Samples, data: Sources) -> Iterator[Recording]:
    for _, path in data.files():
        yield from (row for row in samples.rows(path) if isinstance(row, Recording))


def _begun(run: Path) -> Mapping[str, JSON] | None:
    """Return the frontend of a run that was begun; None if there is none to be read."""
    for folder in (run, run / FIRST):
        try:
            values = strict_json.parse(read_plain(folder / "config.json"))
            spec: Mapping[str, JSON] = values["model"]["frontend"]
            return dict(spec)
        except (OSError, ConfigError, KeyError, TypeError, AttributeError, ValueError):
            continue
    return None


def _short(value: JSON) -> str:
    if not isinstance(value, list):
        return str(value)
    shown = ", ".join(str(one) for one in value[:4])
    return f"{len(value)} ({shown}{', ...' if len(value) > 4 else ''})"
