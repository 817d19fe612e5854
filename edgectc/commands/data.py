"""`edgectc data`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import Verbs, add_jobs, names, values
from edgectc.commands.output import print_json, print_next, print_readable


def declare(verbs: Verbs) -> None:
    """Declare the verbs of `edgectc data`."""
    verbs.group("data", "Check, generate, import, shard and compare data sets.")
    _declare_check(verbs)
    text = "Write generated samples."
    parser = verbs.add("data synth", "data.run_synthesis", text, function="synth_data")
    parser.add_argument("kind", help="type of a frontend, e.g. swipe, landmarks or neural")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help=".jsonl(.gz) of swipes, or .npz"
    )
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="default 1000")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument(
        "--lexicon", metavar="FILE", help="words of swipes (default: the shipped ones)"
    )
    parser.add_argument("--layout", help="keyboard of swipes (default qwerty)")
    parser.add_argument("--style", help="of swipes: plain or fitted (default plain)")
    text = "of the config whose frontend takes the samples: full or small (default full)"
    parser.add_argument("--size", default="full", help=text)

    text = "Turn a collection of others into swipes or recordings."
    parser = verbs.add("data import", "data.run_import", text, function="import_data")
    text = "what to read; FORMAT is cleverkeys, futo, heliboard or how_we_swipe, of swipes; or "
    text += "array_table, brain_to_text_24, brain_to_text_25 or kaggle_asl, of recordings"
    parser.add_argument("source", metavar="FORMAT:PATH", help=text)
    text = ".jsonl or .jsonl.gz of swipes, .npz of recordings"
    parser.add_argument("--out", required=True, metavar="FILE", help=text)
    text = "dictionary in the format of CMUdict, for sentences that are to be phonemes"
    parser.add_argument("--pronunciations", metavar="FILE", help=text)
    text = "order of the parts in arrays of 543 points (default pose,left_hand,right_hand,face)"
    parser.add_argument("--points", type=names, metavar="PARTS", help=text)

    _declare_sharding(verbs)
    text = "Compare generated swipes with real ones."
    parser = verbs.add("data compare", "data.run_comparison", text, function="compare_data")
    parser.add_argument("real", metavar="REAL", help="labelled swipes, .jsonl or .jsonl.gz")
    text = "swipes to compare (default: each word of REAL, generated once)"
    parser.add_argument("generated", nargs="?", metavar="GENERATED", help=text)
    text = "of REAL: all, train, dev or test (default all)"
    parser.add_argument("--split", default="all", help=text)
    parser.add_argument(
        "--limit", type=int, metavar="N", help="take N swipes of REAL, drawn by --seed"
    )
    parser.add_argument("--style", default="plain", help="of the generator: plain or fitted")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots")


def _declare_check(verbs: Verbs) -> None:
    text = "Say what is wrong with a data set."
    parser = verbs.add("data check", "data.run_check", text, function="check_data")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="swipes (.jsonl, .jsonl.gz) or recordings (.npz, or as others keep them); of several, "
        "each is a split",
    )
    text = "find labels that this model has too few frames for"
    parser.add_argument("--model", metavar="BUNDLE", help=text)
    text = "groups are days, which splits share on purpose"
    parser.add_argument("--days", action="store_true", help=text)
    text = "what takes the recordings, e.g. landmarks or neural (default: what they plainly are)"
    parser.add_argument("--kind", help=text)
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots")
    add_jobs(parser)


def _declare_sharding(verbs: Verbs) -> None:
    text = "Write a data set of any size as shards, which training reads where they lie."
    parser = verbs.add("data shard", "data.run_sharding", text, function="shard_data")
    text = "swipes, or recordings; read one after another"
    parser.add_argument("files", nargs="+", metavar="FILE", help=text)
    text = "folder to make; a set of shards that is there is replaced"
    parser.add_argument("--out", required=True, metavar="DIR", help=text)
    text = "recordings of a shard (default 20000)"
    parser.add_argument("--rows", type=int, default=20_000, metavar="N", help=text)


def run_check(options: Namespace) -> int:
    """Print what is wrong with a data set; exit 1 if figures measured on it would lie."""
    from edgectc.commands.verbs.data_sets import check_data
    from edgectc.core.console import print_table
    from edgectc.data import checks

    findings = check_data(*options.files, **values(options, without=["files"]))
    summary = findings.summary()
    if options.json:
        print_readable(summary, sort_keys=True)
        return 1 if findings.failed else 0
    print(
        f"{summary['usable']} of {summary['rows']} rows usable, {summary['groups']} people or "
        f"days, {summary['labels']} labels; splits: {summary['splits']}"
    )
    if summary["problems"]:
        header = ["problem", "severity", "count", "for example"]
        print_table(header, checks.describe(summary), right=False)
        for line in checks.in_full(summary):
            print(line)
    names = [f"p{p}" for p in (0, 5, 25, 50, 75, 95, 100)]
    rows = [[k, *(f"{v[n]:g}" for n in names)] for k, v in summary["statistics"].items()]
    print_table(["statistic", *names], rows)
    print(f"verdict: {summary['status']}")
    return 1 if findings.failed else 0


def run_synthesis(options: Namespace) -> int:
    """Write generated samples of a family."""
    from edgectc.commands.verbs.data_sets import synth_data

    written = synth_data(**values(options))
    if options.json:
        print_json(written)
    else:
        print(f"{written.path}: {written.samples} samples")
        print_next("data", "check", written.path)
    return 0


def run_import(options: Namespace) -> int:
    """Write the usable rows of a collection, and tell what was refused."""
    from edgectc.commands.verbs.data_sets import import_data
    from edgectc.data.importing import ImportedRecordings

    written = import_data(**values(options))
    if options.json:
        print_json(written)
        return 0
    most_first = sorted(written.refused.items(), key=lambda item: -item[1])
    refused = ", ".join(f"{count} {reason}" for reason, count in most_first) or "none"
    if isinstance(written, ImportedRecordings):
        splits = ", ".join(f"{n} {name or 'of no split'}" for name, n in written.splits.items())
        print(
            f"{written.path}: {written.recordings} recordings ({splits}) of {written.groups} "
            f"people or days, {written.symbols} symbols; refused: {refused}"
        )
    else:
        print(
            f"{written.path}: {written.swipes} swipes of {written.users} users "
            f"({written.without_user} without one); refused: {refused}"
        )
    print_next("data", "check", written.path)
    return 0


def run_sharding(options: Namespace) -> int:
    """Write a set of shards, and tell what was refused."""
    from edgectc.commands.verbs.data_sets import shard_data

    written = shard_data(*options.files, **values(options, without=["files"]))
    if options.json:
        print_json(written)
        return 0
    refused = ", ".join(f"{count} {reason}" for reason, count in written.refused.items()) or "none"
    print(
        f"{written.path}: {written.rows} recordings of {written.groups} people or days in "
        f"{written.shards} shards; refused: {refused}"
    )
    print_next("data", "check", written.path)
    return 0


def run_comparison(options: Namespace) -> int:
    """Print how generated swipes differ from real ones."""
    from edgectc.commands.verbs.data_sets import compare_data
    from edgectc.core.console import print_table

    compared = compare_data(**values(options))
    summary = compared.summary()
    if options.json:
        print(json.dumps({**compared.counts, "statistics": summary}, sort_keys=True))
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
    print_table([*header, "distance", "people"], rows)
    print(
        f"{compared.counts['real']} real, {compared.counts['generated']} generated swipes; "
        "distance: largest difference of the distributions, 0..1; people: the same between two "
        "halves of the real users"
    )
    return 0
