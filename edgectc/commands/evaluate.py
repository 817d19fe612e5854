"""Measuring accuracy as a sceptic would: slices, controls, and another system beside it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgectc.commands.common import load, swipes_of
from edgectc.core.errors import InputError
from edgectc.core.types import Swipe

_HEADER = ["slice", "rows", "top-1 [95 %]", "top-3", "top-5", "CER"]


def evaluate(options: Namespace) -> int:
    """Print accuracy with intervals and slices; exit 1 if a control did not fail as it must."""
    from edgectc.evaluation import accuracy as evaluation
    from edgectc.evaluation import comparison
    from edgectc.formats import bundle

    loaded = load(options)
    swipes, dropped = swipes_of(options)
    rows = evaluation.labelled(swipes)
    if options.context:
        rows = [evaluation.with_context(row) for row in rows]
    known = evaluation.Known(
        seen=evaluation.seen_words(bundle.locate(options.model)),
        lexicon=evaluation.spellings(loaded.lexicon) if loaded.lexicon else None,
        sentences=_sentences(options.sentences),
        words=_words(options.words),
    )
    answers, spent = evaluation.answer(loaded, rows, decoder=options.decoder)
    figures: dict[str, Any] = evaluation.summarize(answers, rows, known)
    figures |= {"ms_per_swipe": spent, "dropped": dict(dropped), "split": options.split}
    figures["runner"] = loaded.runner_name
    if options.confusions:
        figures["confusions"] = evaluation.confusions(answers)[: options.confusions]
    if options.against:
        theirs = _others(options, loaded, rows)
        figures["against"] = {
            "name": options.against,
            "figures": evaluation.summarize(theirs, rows, known),
            **comparison.compare(answers, theirs),
        }
    if options.control:
        figures["controls"] = comparison.controls(loaded, rows, answers)
    if options.json:
        print(json.dumps(figures, sort_keys=True))
    else:
        _print(figures)
    failed = [v for v in figures.get("controls", {}).values() if v > comparison.CONTROL_LIMIT]
    return 1 if failed else 0


def _others(options: Namespace, loaded: Any, rows: Sequence[Swipe]) -> Any:
    """Return the answers of the system to compare with: a decoder of this model, or a model."""
    from edgectc.core import registry
    from edgectc.evaluation import accuracy as evaluation

    if options.against in registry.names("decoders"):
        return evaluation.answer(loaded, rows, decoder=options.against)[0]
    other = load(Namespace(**{**vars(options), "model": options.against, "lexicon": None}))
    return evaluation.answer(other, rows)[0]


def _sentences(path: str | None) -> frozenset[str] | None:
    from edgectc.language.spelling import letters

    if path is None:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the sentences {path!r}: {getattr(error, 'strerror', None) or error}; "
            "expected UTF-8 text, a sentence a line",
            reason="unreadable_file",
        ) from error
    return frozenset(filter(None, map(letters, lines)))


def _words(source: str | None) -> tuple[str, frozenset[str]] | None:
    from edgectc.evaluation import accuracy as evaluation
    from edgectc.language import sources

    if source is None:
        return None
    return Path(source).name.partition(".")[0], evaluation.spellings(sources.build(source)[0])


def _print(figures: Mapping[str, Any]) -> None:
    from edgectc.core.console import table
    from edgectc.evaluation import accuracy as evaluation
    from edgectc.evaluation import comparison

    against = figures.get("against")
    rows = evaluation.lines(figures)
    if against:
        rows += [[f"{against['name']}: {row[0]}", *row[1:]] for row in
                 evaluation.lines(against["figures"])]  # fmt: skip
    print(table(_HEADER, rows))
    print(
        f"{figures['users']} users; intervals by bootstrap over users; words compared by letters; "
        "out-of-vocabulary counts as wrong\n"
        f"10th percentile of users: top-1 {figures['user_p10']:.1%}; calibration error "
        f"{figures['calibration_error']:.3f}"
    )
    if against:
        by = against["difference"]
        span = "" if by["low"] is None else f" [{by['low']:+.1%}, {by['high']:+.1%}]"
        print(
            f"difference to {against['name']} in top-1: {by['value']:+.1%}{span}; alone right "
            f"{against['only_first']} against {against['only_second']}, McNemar p "
            f"{against['mcnemar_p']:.2g}"
        )
    for name, value in figures.get("controls", {}).items():
        verdict = "fails as it must" if value <= comparison.CONTROL_LIMIT else "DOES NOT FAIL"
        print(f"control, {name}: top-1 {value:.1%}, {verdict}")
    for right, said, times in figures.get("confusions", ()):
        print(f"{times:5d}  {right} -> {said or '(no word)'}")
    speed = f"median {figures['ms_per_swipe']:.2f} ms per swipe"
    print(f"runner {figures['runner']}, {speed}; dropped rows: {figures['dropped'] or 'none'}")
