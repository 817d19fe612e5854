"""After training: a bundle of the best weights, tuned and measured, and the page that says it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgectc.commands.verbs.accuracy import evaluate, tune_decoder
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.messages import say
from edgectc.core.types import JSON
from edgectc.formats.bundle import Bundle
from edgectc.training import identity as identities

File = str | os.PathLike[str]
PREDICTIONS = "predictions.jsonl"
_CONFUSIONS, _EXAMPLES = 10, 20
_NOTES = {"dev": " (which also chose the checkpoint: nothing was kept for a test)"}
_FIGURES = ("rows", "users", "top1", "top3", "top5", "top1_shown", "cer", "error_rate", "exact",
            "oracle", "user_p10", "calibration_error", "metric", "slices", "by_group")  # fmt: skip


@dataclass(frozen=True)
class HeldOut:
    """What a bundle is tuned and measured on.

    Attributes:
        data: files that were trained on, and split; () for generated samples.
        dev: files to tune on; () for the dev split of the first of ``data``.
        test: files to measure on; () for the test split of the first of ``data``, or its dev split
            where nothing is kept for a test.
    """

    data: tuple[File, ...]
    dev: tuple[File, ...] = ()
    test: tuple[File, ...] = ()


def finish(bundle: Bundle, run: Path, held: HeldOut) -> dict[str, JSON]:
    """Return what there is to say of a bundle, by title, after its decoder is tuned.

    What cannot be done says why and is left out: a decoder without weights, too few recordings.

    Args:
        bundle: of the best weights of the run; its preset is changed.
        run: folder of the run, for the file of predictions.
        held: recordings.
    """
    told: dict[str, JSON] = {"Bundle": {"path": str(bundle.path), "files": [*bundle.index.files]}}
    if not held.data and os.environ.get("EDGECTC_DATA") and _trained_on_files(run):
        held = replace(held, data=(os.environ["EDGECTC_DATA"],))
    if not held.data:
        return {**told, "Figures": "not measured: the samples are generated, name --data"}
    told["Decoder"] = _tuned(bundle, held)
    return told | _measured(bundle, run, held)


def _trained_on_files(run: Path) -> bool:
    identity = identities.read(run)
    return identity is not None and bool(identity.data)


def _tuned(bundle: Bundle, held: HeldOut) -> JSON:
    data, split = (held.dev[0], "all") if held.dev else (held.data[0], "dev")
    try:
        tuned = tune_decoder(bundle.path, data, split=split, update=True)
    except (ConfigError, InputError) as error:
        reason = error.spelled(lambda name: f"--{name.replace('_', '-')}")
        if "min_labels" in error.options:  # which training does not take
            reason += f", by `edgectc tune-decoder {shlex.quote(str(bundle.path))} --update`"
        say(f"edgectc: the decoder keeps its preset: {reason}")
        return f"keeps its preset: {reason}"
    return {"preset": dict(tuned.preset), "tuned on": f"{os.fspath(data)}, {split}"}


def _measured(bundle: Bundle, run: Path, held: HeldOut) -> dict[str, JSON]:
    """Return figures, confusions and answers on the test recordings, else on the dev ones."""
    choices: list[tuple[File, str]] = [(file, "all") for file in held.test]
    choices = choices[:1] or [(held.data[0], "test"), (held.data[0], "dev")]
    choices += [(file, "all") for file in held.dev[:1]]
    why = ""
    for data, split in choices:
        try:
            found = evaluate(
                bundle.path, data, split=split, confusions=_CONFUSIONS,
                predictions=run / PREDICTIONS,
            )  # fmt: skip
        except InputError as error:
            why = why or str(error)
            continue
        figures = {name: found[name] for name in _FIGURES if found.get(name) is not None}
        return {
            f"Figures on {Path(data).name}, {split}{_NOTES.get(split, '')}": figures,
            "Confusions": found.get("confusions"),
            "Decoded": _answers(run / PREDICTIONS),
        }
    say(f"edgectc: not measured: {why}")
    return {"Figures": f"not measured: {why}"}


def _answers(path: Path) -> list[Sequence[JSON]]:
    """Return what was meant and the first answers, of the first predictions."""
    shown: list[Sequence[JSON]] = [["meant", "said", "or"]]
    with path.open(encoding="utf-8") as lines:
        for _, line in zip(range(_EXAMPLES), lines, strict=False):
            row: Mapping[str, JSON] = json.loads(line)
            candidates = row["candidates"]
            assert isinstance(candidates, Sequence)
            texts = [c["text"] for c in candidates if isinstance(c, Mapping)]
            shown.append([row["reference"], *(texts[:1] or [""]), ", ".join(map(str, texts[1:3]))])
    return shown
