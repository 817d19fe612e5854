"""`edgectc hotwords`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import (
    MODEL,
    Verbs,
    add_hotwords,
    add_labelled,
    add_language,
    add_runtime,
    decimals,
    values,
)


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Measure what hotwords bring and cost, by weight, on labelled swipes or recordings."
    parser = verbs.add("hotwords", "favouring.run", text, function="measure_hotwords")
    parser.add_argument("model", nargs="?", help=MODEL)
    add_hotwords(parser, required=True)
    add_labelled(parser, split="dev")
    text = "nats to give to every term, with commas between (default 0,2,4,6,8,10)"
    parser.add_argument("--weights", type=decimals, metavar="NATS", help=text)
    parser.add_argument("--decoder", help="lexicon, beam or spoken (default: the preset)")
    text = "how words are said (CMUdict), for a model of phonemes"
    parser.add_argument("--pronunciations", metavar="FILE", help=text)
    add_language(parser)
    add_runtime(parser)


def run(options: Namespace) -> int:
    """Print recall, false alarms and word errors by weight."""
    from edgectc.commands.verbs.favouring import measure_hotwords
    from edgectc.core.console import print_table
    from edgectc.evaluation.hotwords import lines

    figures = measure_hotwords(**values(options))
    if options.json:
        print(json.dumps(figures, sort_keys=True))
        return 0
    header = ["nats", "found of said", "recall [95 %]", "false alarms", "word errors [95 %]"]
    print_table(header, lines(figures))
    print(
        f"{figures['terms']} terms, {figures['words']} words in {figures['rows']} rows of split "
        f"{options.split}; own: the weights of the file; false alarms: found, and not said; "
        f"dropped rows: {figures['dropped'] or 'none'}"
    )
    own = figures["weights"][-1]["by_class"]
    if len(own) > 1:
        print_table(
            ["class", "found of said", "false alarms"],
            [[k, f"{v['found']} of {v['said']}", str(v["false_alarms"])] for k, v in own.items()],
        )
    return 0
