"""Verbs that use a trained model."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgectc.commands.common import load, print_report, report_dict, swipes_of, torch_module
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Hypothesis, Swipe


def decode(options: Namespace) -> int:
    """Decode a file of swipes or recordings: one answer a row, in input order."""
    from edgectc.data import swipe_files

    loaded = load(options, swipes_only=False)
    if not loaded.layout:
        return _decode_recordings(loaded, options)
    if options.input.endswith(".npz"):
        raise ConfigError(f"model {loaded.name!r} takes swipes (.jsonl), and no {options.input}")
    # A wrong --layout or --decoder is the caller's mistake, not a row's.
    loaded.decoder(loaded.board(options.layout or loaded.layout), options.decoder)
    usable = refused = 0
    for row in swipe_files.read(options.input):
        error, candidates = row.error, []
        if row.swipe is not None:
            try:
                layout = options.layout or _row_layout(loaded, row.swipe.layout, options.decoder)
                candidates = _decode_one(loaded, row.swipe, layout, options)
            except InputError as problem:
                error = problem
        usable, refused = usable + (error is None), refused + (error is not None)
        _print_row(row.index, candidates, error, options)
    return _ended(usable, refused, options)


def _ended(usable: int, refused: int, options: Namespace, what: str = "swipe") -> int:
    if refused:
        print(f"edgectc: {refused} of {usable + refused} rows refused", file=sys.stderr)
    if usable == 0:
        print(f"edgectc: error: no usable {what} in the input", file=sys.stderr)
    return 2 if usable == 0 or (refused and options.strict) else 0


def _decode_recordings(loaded: Any, options: Namespace) -> int:
    """Decode a ``.npz`` of recordings with a model that takes no swipes."""
    from pathlib import Path

    from edgectc.data import signals

    for name in ("layout", "context", "dictionary"):
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name} goes with swipes; model {loaded.name!r} takes none")
    if not options.input.endswith(".npz"):
        takes = ", ".join(loaded.frontend.input_contract())
        raise ConfigError(
            f"model {loaded.name!r} takes no swipes but {takes}; give --input a .npz of recordings"
        )
    loaded.decoder(None, options.decoder)
    usable = refused = 0
    for index, (signal, group) in enumerate(signals.recordings(Path(options.input))):
        error, candidates = None, []
        try:
            decoded = loaded(signal, nbest=options.nbest, layout=group, decoder=options.decoder)
            candidates = [_candidate(c) for c in decoded.candidates]
        except InputError as problem:
            error = problem
        except UnknownNameError as problem:
            error = InputError(str(problem), reason="unknown_group")
        usable, refused = usable + (error is None), refused + (error is not None)
        _print_row(index, candidates, error, options)
    return _ended(usable, refused, options, "recording")


def _row_layout(loaded: Any, name: str, decoder: str | None) -> str:
    """Return the layout a row names if it can be decoded on; a row never names a file."""
    if name.endswith(".json"):
        raise InputError(f"a row names the file {name!r} as layout", reason="unknown_layout")
    try:
        loaded.decoder(loaded.board(name), decoder)
    except (ConfigError, UnknownNameError) as error:
        raise InputError(str(error), reason="unknown_layout") from error
    return name


def _decode_one(loaded: Any, swipe: Swipe, layout: str, options: Namespace) -> list[dict[str, Any]]:
    context = swipe.context if options.context is None else tuple(options.context.split())
    decoded = loaded(
        swipe.points, nbest=options.nbest, layout=layout, decoder=options.decoder, context=context
    )
    return [_candidate(c) for c in decoded.candidates]


def _candidate(found: Hypothesis) -> dict[str, Any]:
    about: dict[str, Any] = {
        "text": found.text,
        "score": round(found.score, 6),
        "probability": round(found.probability, 6),
        "exact": found.exact,
    }
    if found.posterior is not None:
        about["posterior"] = [round(bound, 6) for bound in found.posterior]
    return about


def _print_row(
    index: int, candidates: list[dict[str, Any]], error: InputError | None, options: Namespace
) -> None:
    if options.json:
        row: dict[str, Any] = {"index": index, "candidates": candidates}
        if error is not None:
            row["error"] = {"reason": error.reason, "message": str(error)}
        print(json.dumps(row, ensure_ascii=False))
    elif error is not None:
        print(f"{index}\trefused ({error.reason}): {error}")
    else:
        shown = (f"{c['text']} {c['probability']:.0%}" for c in candidates)
        print(f"{index}\t" + ("  ".join(shown) or "(no word)"))


def tune(options: Namespace) -> int:
    """Tune the decoder's weights and print or write the preset."""
    from edgectc.core.files import write_bytes
    from edgectc.evaluation import accuracy as evaluation
    from edgectc.evaluation import tuning

    swipes: Sequence[Swipe] = swipes_of(options)[0]
    if options.context:
        swipes = [evaluation.with_context(swipe) for swipe in swipes]
    only = options.only.split(",") if options.only else None
    tuned = tuning.tune(load(options), swipes, only=only)
    preset = json.dumps(dict(tuned.preset), sort_keys=True)
    if options.out:
        write_bytes(options.out, preset.encode() + b"\n")
    if options.update:
        _update(options.model, tuned.preset)
    low, high = tuned.gain
    if options.json:
        about = {"before": tuned.before, "after": tuned.after, "gain": [low, high]}
        about["calibration_error"] = list(tuned.calibration)
        print(json.dumps({"preset": tuned.preset, "rows": tuned.rows, **about}, sort_keys=True))
        return 0
    print(preset)
    print(
        f"top-1 {tuned.before:.2%} -> {tuned.after:.2%} on {tuned.rows} swipes of split "
        f"{options.split}; gain {low:+.2%} to {high:+.2%} (95 %, on the rows it was tuned on); "
        f"calibration error {tuned.calibration[0]:.3f} -> {tuned.calibration[1]:.3f}"
    )
    return 0


def _update(model: str | None, preset: Mapping[str, Any]) -> None:
    """Write a preset into a bundle; its artifacts hold the old one, so they go."""
    from edgectc.formats import bundle

    place = bundle.locate(model)
    if not bundle.is_bundle(place):
        raise ConfigError(
            f"{place} is an artifact, whose preset only a new export changes: tune its bundle with "
            "--update, then export it"
        )
    repack = torch_module("exporting.packing").repack
    repack(bundle.read(place), place, decoder=preset)
    print(f"{place}: preset updated; now: edgectc export {place} --target ...", file=sys.stderr)


def verify(options: Namespace) -> int:
    """Print every check; exit 1 if one failed, 3 if the numbers could not be checked."""
    from edgectc.commands import layerwise
    from edgectc.evaluation import verification

    for name in ("network", "weights"):
        if getattr(options, name) and not options.drill:
            raise ConfigError(f"--{name} goes with --drill")
    report = verification.verify(options.model, lexicon=options.lexicon)
    found = layerwise.drill(options) if options.drill else None
    if options.json and found is not None:
        print(json.dumps({**report_dict(report), "drill": found}, sort_keys=True))
    else:
        print_report(report, options)
    if found is not None and not options.json:
        print("\n".join(layerwise.lines(found)))
    return {"pass": 0, "fail": 1, "not_run": 3}[report.status]


def show(options: Namespace) -> int:
    """List registered names; nothing is imported for it."""
    from edgectc.core import config, registry, schemes
    from edgectc.core.console import table
    from edgectc.formats import bundle, layouts

    if options.kind == "schemes":
        found_here = schemes.support()
        rows = [[name, *cells.values()] for name, cells in found_here.items()]
        header = ["scheme", *schemes.SUPPORTED]
        print(json.dumps(found_here) if options.json else table(header, rows, right=False))
        return 0
    kinds: dict[str, Callable[[], list[str]]] = {
        kind: lambda kind=kind: registry.names(kind)  # type: ignore[misc]
        for kind in registry.KINDS
    }
    kinds |= {
        "families": lambda: sorted(config.families()),
        "layouts": layouts.names,
        "models": bundle.shipped_names,
        "schemes": lambda: sorted(schemes.SCHEMES),
    }
    if options.kind is not None and options.kind not in kinds:
        raise UnknownNameError("kind", options.kind, kinds)
    chosen = [options.kind] if options.kind else sorted(kinds)
    found = {kind: kinds[kind]() for kind in chosen}
    if options.json:
        print(json.dumps(found if options.kind is None else found[options.kind]))
    else:
        for kind, names in found.items():
            print("\n".join(names) if options.kind else f"{kind}: {', '.join(names)}")
    return 0
