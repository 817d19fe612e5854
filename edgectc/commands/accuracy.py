"""`edgectc eval` and `edgectc tune-decoder`."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from edgectc.commands.arguments import (
    MODEL,
    Verbs,
    add_hotwords,
    add_jobs,
    add_labelled,
    add_language,
    add_runtime,
    names,
    values,
)
from edgectc.core.messages import say

_HEADER = ["slice", "rows", "top-1 [95 %]", "top-3", "top-5", "CER"]


def declare(verbs: Verbs) -> None:
    """Declare the verbs."""
    text = "Measure accuracy on labelled swipes or recordings."
    parser = verbs.add("eval", "accuracy.run_evaluation", text, function="evaluate")
    parser.add_argument("model", nargs="?", help=MODEL)
    add_labelled(parser, split="all")
    parser.add_argument("--decoder", help="lexicon, template, greedy ... (default: the preset)")
    text = "candidates of each row (default 5)"
    parser.add_argument("--nbest", type=int, default=5, metavar="N", help=text)
    text = "write every answer: JSON lines of id, group, reference, candidates, errors"
    parser.add_argument("--predictions", metavar="FILE", help=text)
    text = "dictionary of words and phonemes (CMUdict): words of the decoder count by phonemes"
    parser.add_argument("--pronunciations", metavar="FILE", help=text)
    text = "another model, or a decoder of this one, e.g. template: paired difference"
    parser.add_argument("--against", metavar="MODEL", help=text)
    text = "swipes: with shuffled labels and a wrong layout top-1 must be under 10 %%; else exit 1"
    parser.add_argument("--control", action="store_true", help=text)
    text = "natural sentences, one a line: a slice of the swipes whose prompt is among them"
    parser.add_argument("--sentences", metavar="FILE", help=text)
    text = "another lexicon, as `lexicon build` reads it: slices of the swipes of its words"
    parser.add_argument("--words", metavar="FILE", help=text)
    text = "give each swipe the two words before it in its prompt"
    parser.add_argument("--context", action="store_true", help=text)
    text = "print the N most frequent mistakes of each kind"
    parser.add_argument("--confusions", type=int, default=0, metavar="N", help=text)
    add_hotwords(parser)
    add_language(parser)
    add_runtime(parser)
    add_jobs(parser)

    text = "Choose the decoder's weights on labelled dev rows."
    parser = verbs.add("tune-decoder", "accuracy.run_tuning", text, function="tune_decoder")
    parser.add_argument("model", nargs="?", help=MODEL)
    add_labelled(parser, split="dev")
    text = "begin with this one, with its defaults, instead of the preset"
    parser.add_argument("--decoder", help=text)
    text = "give each swipe the two words before it in its prompt, to tune context_weight too"
    parser.add_argument("--context", action="store_true", help=text)
    text = "choose these weights, e.g. context_weight,temperature; the others stay (default: all)"
    parser.add_argument("--only", type=names, metavar="NAMES", help=text)
    parser.add_argument("--out", metavar="FILE", help="write the preset, for pack --preset")
    parser.add_argument(
        "--update", action="store_true", help="write the preset into the bundle; export anew then"
    )
    text = "fewest words or symbols to write a preset from (default 100, of which one is a point)"
    parser.add_argument("--min-labels", type=int, default=100, metavar="N", help=text)
    add_runtime(parser)


def run_evaluation(options: Namespace) -> int:
    """Print accuracy with intervals and slices; exit 1 if a control did not fail as it must."""
    from edgectc.commands.verbs.accuracy import evaluate, failed_controls

    figures = evaluate(**values(options))
    if options.json:
        print(json.dumps(figures, sort_keys=True))
    elif "metric" in figures:
        _print_sequences(figures)
    else:
        _print(figures)
    return int(failed_controls(figures))


def _print(figures: Mapping[str, Any]) -> None:
    from edgectc.core.console import print_table
    from edgectc.evaluation import accuracy, comparison

    against = figures.get("against")
    rows = accuracy.lines(figures)
    if against:
        rows += [
            [f"{against['name']}: {row[0]}", *row[1:]] for row in accuracy.lines(against["figures"])
        ]
    print_table(_HEADER, rows)
    print(
        f"{figures['users']} users; intervals by user; words compared by letters; "
        "out-of-vocabulary counts as wrong\n"
        f"10th percentile of users: top-1 {figures['user_p10']:.1%}; calibration error "
        f"{figures['calibration_error']:.3f}"
    )
    if against:
        print(
            f"difference to {against['name']} in top-1: {_points(against['difference'])}; alone "
            f"right {against['only_first']} against {against['only_second']}, McNemar p "
            f"{against['mcnemar_p']:.2g}"
        )
    for name, value in figures.get("controls", {}).items():
        verdict = "fails as it must" if value <= comparison.CONTROL_LIMIT else "DOES NOT FAIL"
        print(f"control, {name}: top-1 {value:.1%}, {verdict}")
    for right, answer, times in figures.get("confusions", ()):
        print(f"{times:5d}  {right} -> {answer or '(no word)'}")
    speed = f"median {figures['ms_per_swipe']:.2f} ms per swipe"
    print(f"runner {figures['runner']}, {speed}; dropped rows: {figures['dropped'] or 'none'}")


def _print_sequences(figures: Mapping[str, Any]) -> None:
    from edgectc.core.console import print_table
    from edgectc.evaluation.sequences import lines, shown

    metric, against = figures["metric"], figures.get("against")
    rows = lines(figures)
    if against:
        rows += [[f"{against['name']}: {row[0]}", *row[1:]] for row in lines(against["figures"])]
    print_table(["group", "rows", "symbols", f"{metric} [95 %]"], rows)
    print(
        f"{figures['substitutions']} substituted, {figures['deletions']} left out, "
        f"{figures['insertions']} put in; without an error {shown(figures['exact'])}; closest "
        f"candidate {shown(figures['oracle'])}"
    )
    if "word_error_rate" in figures:
        print(f"words, equal where they sound alike: WER {shown(figures['word_error_rate'])}")
    if figures["out_of_vocabulary"]:
        print(f"{figures['out_of_vocabulary']} symbols that the model cannot say count as wrong")
    print(
        "intervals by group where there are several, by recording within one"
        + ("" if figures["groups"] > 1 else "; one group or none: they say nothing of others")
    )
    if against:
        print(
            f"difference to {against['name']} in {metric}: {_points(against['difference'])}; fewer "
            f"errors in {against['only_first']} against {against['only_second']} recordings, sign "
            f"test p {against['sign_p']:.2g}"
        )
    for kind, found in figures.get("confusions", {}).items():
        for *symbols, times in found:
            print(f"{times:5d}  {kind.removesuffix('s')}  {' -> '.join(symbols)}")
    for name, detail in figures["warnings"].items():
        print(f"warning: {name}: {detail}")
    if figures["trained_on"]:
        print(
            f"warning: {figures['trained_on']} rows are of split train; measure with --split test"
        )
    speed = f"median {figures['ms_per_recording']:.2f} ms per recording"
    print(f"runner {figures['runner']}, {speed}; dropped rows: {figures['dropped'] or 'none'}")


def _points(difference: Mapping[str, Any]) -> str:
    low, high = difference["low"], difference["high"]
    span = "" if low is None else f" [{low:+.1%}, {high:+.1%}]"
    return f"{difference['value']:+.1%}{span}"


def run_tuning(options: Namespace) -> int:
    """Print the preset of the tuned weights."""
    from edgectc.commands.verbs.accuracy import tune_decoder

    tuned = tune_decoder(**values(options))
    if options.update:
        from edgectc.formats import bundle

        path = bundle.locate(options.model)
        say(f"{path}: preset updated; now: edgectc export {path} --target ...")
    low, high = tuned.gain
    if options.json:
        document = {
            "preset": tuned.preset,
            "metric": tuned.metric,
            "rows": tuned.rows,
            "before": tuned.before,
            "after": tuned.after,
            "gain": [low, high],
            "calibration_error": list(tuned.calibration),
            "dropped": dict(tuned.dropped),
        }
        print(json.dumps(document, sort_keys=True))
        return 0
    print(json.dumps(dict(tuned.preset), sort_keys=True))
    print(
        f"{tuned.metric} {tuned.before:.2%} -> {tuned.after:.2%} on {tuned.rows} rows of split "
        f"{options.split}; gain {low:+.2%} to {high:+.2%} (95 %, on the rows it was tuned on); "
        f"calibration error {tuned.calibration[0]:.3f} -> {tuned.calibration[1]:.3f}; "
        f"dropped rows: {dict(tuned.dropped) or 'none'}"
    )
    return 0
