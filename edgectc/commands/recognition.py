"""`edgectc decode`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from edgectc.commands.arguments import (
    MODEL,
    Verbs,
    add_hotwords,
    add_jobs,
    add_language,
    add_runtime,
    values,
)
from edgectc.commands.output import print_readable
from edgectc.core.messages import say

if TYPE_CHECKING:  # these hold numpy arrays; building the parser stays light
    from edgectc.commands.verbs.recognition import DecodedRow
    from edgectc.core.types import Hypothesis


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "decode", "recognition.run", "Turn finger traces or recordings into ranked texts."
    )
    parser.add_argument("model", nargs="?", help=MODEL)
    parser.add_argument(
        "--input",
        required=True,
        metavar="FILE",
        help="swipes, .jsonl or .jsonl.gz, - for standard input; of a model that takes none, "
        "recordings: .npz, .npy, JSON lines, or a format of docs/data.md",
    )
    parser.add_argument("--nbest", type=int, default=5, help="candidates per row (default 5)")
    parser.add_argument("--layout", help="keyboard of every row, instead of the rows' own")
    parser.add_argument("--strict", action="store_true", help="exit 2 if any row is refused")
    parser.add_argument(
        "--decoder", help="lexicon, beam, spoken, greedy or pyctcdecode (default: the preset)"
    )
    parser.add_argument(
        "--context", metavar="TEXT", help="text before each swipe, e.g. 'I will see you '"
    )
    parser.add_argument(
        "--dictionary", metavar="FILE", help="the user's words, see docs/decoding.md"
    )
    text = "how words are said, as CMUdict or Kaldi write it: words from a model of phonemes"
    parser.add_argument("--pronunciations", metavar="FILE", help=text)
    add_hotwords(parser)
    add_language(parser)
    add_runtime(parser)
    add_jobs(parser)


def run(options: Namespace) -> int:
    """Print one answer a row, in input order."""
    from edgectc.commands.verbs.recognition import decode

    usable = refused = 0
    for row in decode(**values(options)):
        usable, refused = usable + (row.error is None), refused + (row.error is not None)
        _print_row(row, as_json=options.json)
    if refused:
        say(f"edgectc: {refused} of {usable + refused} rows refused")
    return 0


def _print_row(row: DecodedRow, *, as_json: bool) -> None:
    error = row.error
    if as_json:
        candidates = [_candidate(candidate) for candidate in row.decoded]
        document: dict[str, Any] = {"index": row.index, "candidates": candidates}
        if error is not None:
            document["error"] = {"reason": error.reason, "message": str(error)}
        print_readable(document)
    elif error is not None:
        print(f"{row.index}\trefused ({error.reason}): {error}")
    else:
        shown = (f"{c.text} {round(c.probability, 6):.0%}" for c in row.decoded)
        print(f"{row.index}\t" + ("  ".join(shown) or "(no word)"))


def _candidate(candidate: Hypothesis) -> dict[str, Any]:
    document: dict[str, Any] = {
        "text": candidate.text,
        "score": round(candidate.score, 6),
        "probability": round(candidate.probability, 6),
        "exact": candidate.exact,
    }
    if candidate.posterior is not None:
        document["posterior"] = [round(bound, 6) for bound in candidate.posterior]
    return document
