"""`edgectc hub`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import Verbs, add_trust, values
from edgectc.commands.output import print_next


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Fetch a model from a Hugging Face repository, and check it."
    parser = verbs.add("hub", "hub.run", text, function="from_hub")
    parser.add_argument("repository", metavar="OWNER/NAME", help="repository of the Hub")
    parser.add_argument("--revision", help="tag, branch or commit (default: the newest)")
    parser.add_argument("--out", metavar="DIR", help="folder to make (default: NAME here)")
    add_trust(parser)


def run(options: Namespace) -> int:
    """Print where the model is."""
    from edgectc.commands.verbs.hub import from_hub

    folder = from_hub(**values(options))
    if options.json:
        print(json.dumps({"path": str(folder)}))
    else:
        print(f"{folder}: fetched, and its hashes match")
        print_next("inspect", folder)
    return 0
