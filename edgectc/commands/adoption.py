"""`edgectc adopt`: an ONNX file of others to an artifact."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import Named, Verbs, count, named, values
from edgectc.commands.output import print_next, print_report, report_dict


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Make a sealed, self-describing artifact of an ONNX file of others."
    parser = verbs.add("adopt", "adoption.run", text)
    parser.add_argument("path", metavar="FILE", help="the ONNX file; it is not changed")
    text = "tokens.txt or vocab.json (default: those inside the file, or beside it)"
    parser.add_argument("--tokens", metavar="FILE", help=text)
    text = "symbol or column of the blank (default: found out)"
    parser.add_argument("--blank", metavar="TOKEN", help=text)
    text = ".npz with features, and if wanted lengths and texts (default: noise)"
    parser.add_argument("--sample", metavar="FILE", help=text)
    parser.add_argument("--out", metavar="PATH", help="file or folder (default: NAME-adopted.onnx)")
    parser.add_argument("--name", help="of the model (default: that of the file)")
    text = "what stands between symbols in a text (default nothing)"
    parser.add_argument("--separator", default="", help=text)
    text = "of the input: NT, NTC, NCT, NCHW or NHWC (default: found out)"
    parser.add_argument("--layout", help=text)
    parser.add_argument("--height", type=int, help="of images, in pixels (default: found out)")
    parser.add_argument("--axes", help="of the answer: NTV, TNV or NVT (default: found out)")
    text = "log_probs, logits or probabilities (default: found out)"
    parser.add_argument("--answers", metavar="KIND", help=text)
    text = "input frames per output frame (default: found out)"
    parser.add_argument("--stride", type=int, help=text)
    text = "longest recording (default: as is usual for its kind)"
    parser.add_argument("--max-frames", type=int, metavar="N", help=text)
    text = "name of the output with the scores (default: found out)"
    parser.add_argument("--answer", metavar="NAME", help=text)
    text = "value of an input that is always the same"
    parser.add_argument(
        "--constants", action=Named, type=_constant, metavar="NAME=VALUE",
        help=text,
    )  # fmt: skip
    text = "how many there are of an input of integers (a speaker, a language)"
    parser.add_argument("--counts", action=Named, type=count, metavar="NAME=N", help=text)
    text = "output that follows an input of a file that remembers (default: by names)"
    parser.add_argument("--states", action=Named, type=_pair, metavar="INPUT=OUTPUT", help=text)
    text = "frames by which a step of a file that remembers moves on (default: what it says)"
    parser.add_argument("--chunk", type=int, metavar="FRAMES", help=text)
    text = "frames that a step sees after its chunk (default: the rest of what it takes)"
    parser.add_argument("--look-ahead", type=int, metavar="FRAMES", help=text)
    text = "what 1 means in a mask, valid or padding; or added, to scores (default: found out)"
    parser.add_argument("--mask", default="", metavar="MEANING", help=text)
    text = "bytes of reference cases (default: 12 %% of the file); none; or a file beside it"
    parser.add_argument("--references", metavar="BYTES", help=text)


def run(options: Namespace) -> int:
    """Adopt, verify, and say what was found and where the artifact is."""
    from edgectc.core import lazy

    with lazy.requires("edgectc adopt", extra="export-onnx"):
        from edgectc.exporting.adopter import adopt
    artifact = adopt(options.path, **values(options, without=["path"]))
    if options.json:
        document = {"path": str(artifact.path), "bytes": artifact.bytes, "target": "onnx"}
        print(json.dumps({**document, **report_dict(artifact.report)}, sort_keys=True))
        return 0
    print_report(artifact.report)
    print(f"{artifact.path}: {artifact.bytes / 1e6:.2f} MB")
    print_next("inspect", artifact.path)
    return 0


def _constant(text: str) -> tuple[str, list[float]]:
    """Return name and values of ``NAME=VALUE`` or ``NAME=VALUE,VALUE``."""
    return named(text, "NAME=NUMBER,NUMBER", lambda said: [float(one) for one in said.split(",")])


def _pair(text: str) -> tuple[str, str]:
    """Return both sides of ``INPUT=OUTPUT``."""
    return named(text, "INPUT=OUTPUT", str)
