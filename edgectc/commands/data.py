"""Verbs on data sets."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Callable


def arguments(verb: Callable[..., argparse.ArgumentParser], group: argparse.ArgumentParser) -> None:
    """Declare the verbs of `edgectc data`.

    Args:
        verb: declares one; see `edgectc.commands.cli.build_parser`.
        group: parser of ``edgectc data``.
    """
    among = group.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=type(group)
    )
    one = verb("data check", "data.check", "Say what is wrong with a data set.", among)
    one.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="swipes (.jsonl, .jsonl.gz) or recordings (.npz); of several, each is a split",
    )
    text = "find labels that this model has too few frames for"
    one.add_argument("--model", metavar="BUNDLE", help=text)
    text = "groups are days, which splits share on purpose"
    one.add_argument("--days", action="store_true", help=text)
    one.add_argument("--html", metavar="FILE", help="also write a page with plots")

    one = verb("data synth", "data.synth", "Write generated samples.", among)
    one.add_argument("kind", help="type of a frontend, e.g. swipe, landmarks or neural")
    one.add_argument("--out", required=True, metavar="FILE", help=".jsonl(.gz) of swipes, or .npz")
    one.add_argument("--count", type=int, default=1000, metavar="N", help="default 1000")
    one.add_argument("--seed", type=int, default=0, help="default 0")
    one.add_argument("--lexicon", metavar="FILE", help="words of swipes")
    one.add_argument("--layout", default="qwerty", help="keyboard of swipes (default qwerty)")
    one.add_argument("--style", help="of swipes: plain or fitted (default plain)")
    text = "of the config whose frontend takes the samples: full or small (default full)"
    one.add_argument("--size", default="full", help=text)

    one = verb("data import", "data.import_", "Turn a collection of others into swipes.", among)
    text = "what to read; FORMAT is cleverkeys, futo or how_we_swipe"
    one.add_argument("source", metavar="FORMAT:PATH", help=text)
    one.add_argument("--out", required=True, metavar="FILE", help=".jsonl or .jsonl.gz")

    one = verb("data compare", "data.compare", "Compare generated swipes with real ones.", among)
    one.add_argument("real", metavar="REAL", help="labelled swipes, .jsonl or .jsonl.gz")
    text = "swipes to compare (default: each word of REAL, generated once)"
    one.add_argument("generated", nargs="?", metavar="GENERATED", help=text)
    text = "of REAL: all, train, dev or test (default all)"
    one.add_argument("--split", default="all", help=text)
    one.add_argument(
        "--limit", type=int, metavar="N", help="take N swipes of REAL, drawn by --seed"
    )
    one.add_argument("--style", default="plain", help="of the generator: plain or fitted")
    one.add_argument("--seed", type=int, default=0, help="default 0")
    one.add_argument("--html", metavar="FILE", help="also write a page with plots")


def check(options: Namespace) -> int:
    """Print what is wrong with a data set; exit 1 if figures measured on it would lie."""
    from edgectc.core.console import table
    from edgectc.core.files import write_bytes
    from edgectc.data import checks, checks_page

    found = checks.check_data(options.files, model=options.model, days=options.days)
    summary = found.summary()
    if options.html:
        title = f"Data check: {', '.join(options.files)}"
        write_bytes(options.html, checks_page.page(found, title).encode())
    if options.json:
        print(json.dumps(summary, sort_keys=True, ensure_ascii=False))
        return 1 if found.failed else 0
    print(
        f"{summary['usable']} of {summary['rows']} rows usable, {summary['groups']} people or "
        f"days, {summary['labels']} labels; splits: {summary['splits']}"
    )
    if summary["problems"]:
        header = ["problem", "severity", "count", "for example"]
        print(table(header, checks.describe(summary), right=False))
    names = [f"p{p}" for p in (0, 5, 25, 50, 75, 95, 100)]
    rows = [[k, *(f"{v[n]:g}" for n in names)] for k, v in summary["statistics"].items()]
    print(table(["statistic", *names], rows))
    print(f"verdict: {summary['status']}")
    return 1 if found.failed else 0


def synth(options: Namespace) -> int:
    """Write generated samples of a family, as training reads them."""
    from edgectc.data.synthesis import synth_data

    names = ("count", "seed", "lexicon", "layout", "style", "size")
    made = synth_data(options.kind, options.out, **{name: getattr(options, name) for name in names})
    if options.json:
        about = {"path": str(made.path), "kind": made.kind, "samples": made.samples}
        print(json.dumps(about, sort_keys=True))
    else:
        print(f"{made.path}: {made.samples} samples")
    return 0


def import_(options: Namespace) -> int:
    """Write the usable rows of a collection, and tell what was refused."""
    from dataclasses import asdict

    from edgectc.data.importers import import_data

    made = import_data(options.source, options.out)
    if options.json:
        print(json.dumps({**asdict(made), "path": str(made.path)}, sort_keys=True))
    else:
        most = sorted(made.refused.items(), key=lambda item: -item[1])
        refused = ", ".join(f"{n} {reason}" for reason, n in most) or "none"
        print(
            f"{made.path}: {made.swipes} swipes of {made.users} users "
            f"({made.without_user} without one); refused: {refused}"
        )
    return 0


def compare(options: Namespace) -> int:
    """Print how generated swipes differ from real ones."""
    from edgectc.core.console import table
    from edgectc.core.files import write_bytes
    from edgectc.data import checks_page
    from edgectc.data.synthesis import compare_data

    names = ("split", "limit", "style", "seed")
    found = compare_data(
        options.real, options.generated, **{name: getattr(options, name) for name in names}
    )
    summary = found.summary()
    if options.html:
        title = f"Generated against real swipes: {options.real}"
        write_bytes(options.html, checks_page.comparison(found, title).encode())
    if options.json:
        print(json.dumps({**found.counts, "statistics": summary}, sort_keys=True))
        return 0
    header = ["statistic", *(f"{who} p{p}" for who in ("real", "gen.") for p in (10, 50, 90))]
    rows = [
        [
            name,
            *(f"{v[who][f'p{p}']:g}" for who in ("real", "generated") for p in (10, 50, 90)),
            f"{v['distance']:.3f}",
            "-" if v["between_people"] is None else f"{v['between_people']:.3f}",
        ]
        for name, v in summary.items()
    ]
    print(table([*header, "distance", "people"], rows))
    print(
        f"{found.counts['real']} real, {found.counts['generated']} generated swipes; distance: "
        "largest difference of the distributions, 0..1; people: the same between two halves of the "
        "real users"
    )
    return 0
