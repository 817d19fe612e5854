"""`edgectc sign`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import Verbs, values


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add("sign", "signing.run", "Sign an artifact or bundle: who made it.")
    parser.add_argument("model", help="artifact, or bundle directory with all artifacts in it")
    parser.add_argument(
        "--key", required=True, metavar="FILE", help="Ed25519 private key, see docs/trust.md"
    )
    parser.add_argument(
        "--passphrase-file", metavar="FILE", help="its first line is the key's passphrase"
    )


def run(options: Namespace) -> int:
    """Print what was written."""
    from edgectc.commands.verbs.signing import sign

    made = sign(**values(options))
    if options.json:
        print(json.dumps(made, sort_keys=True))
    else:
        print("\n".join([*made["signatures"], f"signed with the key {made['key']}"]))
    return 0
