"""The command line: argument parsing and exit codes; the work is in `edgectc.commands`.

Exit codes: 0 done; 1 a check failed; 2 usage, config, bad input or bundle; 3 missing dependency or
nothing could be checked; 4 a tool chain failed.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from errno import ENOSPC
from typing import Any, NoReturn

from edgectc.commands import bench, byo, data, demo, quantize, training
from edgectc.core.errors import EdgectcError
from edgectc.core.version import __version__

_MODEL = (
    "bundle directory, artifact (.onnx, .pte, .mlpackage), or shipped model (default: swipe-en)"
)


class _Parser(argparse.ArgumentParser):
    """One line of error, with the nearest spelling."""

    given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        known = {option for action in self._actions for option in action.option_strings}
        for word in self.given:
            # A misspelt option is the cause, a missing argument only what follows from it.
            if message.startswith("the following arguments are required") and (
                word.startswith("--") and word.split("=")[0] not in known
            ):
                message = f"unrecognized argument {word!r}{self.near(word)}"
        self.exit(2, f"{self.prog}: error: {message}\n")

    def near(self, word: str) -> str:
        """Return a hint for a misspelt option."""
        known = [option for action in self._actions for option in action.option_strings]
        found = difflib.get_close_matches(word.split("=")[0], known, n=1)
        return f"; did you mean {found[0]!r}?" if found else f"; see {self.prog} --help"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    options.arguments = list(sys.argv[1:] if arguments is None else arguments)
    if rest:
        used = parser.verbs.get(options.verb, parser) if options.verb else parser
        used.error(f"unrecognized argument {rest[0]!r}{used.near(rest[0])}")
    if options.verb is None:
        parser.print_help()
        return 0
    try:
        module, _, function = options.run.partition(".")
        commands = importlib.import_module(f"edgectc.commands.{module}")
        code: int = getattr(commands, function)(options)
        sys.stdout.flush()
        return code
    except EdgectcError as error:
        if options.debug:
            raise
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:
        if options.debug:
            raise
        where = f": {error.filename}" if error.filename else ""
        advice = "; make room and run the same command again" if error.errno == ENOSPC else ""
        return _fail(f"{error.strerror or error}{where}{advice}", 2)
    except Exception as error:  # the last net: one line, and --debug for the rest
        if options.debug:
            raise
        return _fail(f"internal error: {type(error).__name__}: {error}; --debug shows where", 4)


def _fail(message: str, code: int) -> int:
    print(f"edgectc: error: {' '.join(message.split())}", file=sys.stderr)
    return code


class _Root(_Parser):
    verbs: dict[str, _Parser]


def build_parser() -> _Root:
    """Return the parser of every verb."""
    parser = _Root(
        prog="edgectc",
        description="CTC models from training to a phone, proven at every step.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"edgectc {__version__}")
    parser.set_defaults(verb=None, debug=False)
    parser.verbs = {}
    sub = parser.add_subparsers(metavar="VERB", parser_class=_Parser)

    def verb(name: str, run: str, text: str, among: Any = sub) -> _Parser:
        last = name.rpartition(" ")[2]
        made: _Parser = among.add_parser(last, help=text, description=text, allow_abbrev=False)
        made.set_defaults(verb=name, run=run)
        made.add_argument("--json", action="store_true", help="print JSON to standard output")
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        parser.verbs[name] = made
        return made

    _use(verb)
    _look(verb)
    _make(verb)
    _pack(verb)
    _lexicon(verb)
    bench.arguments(
        verb("bench", "bench.run", "Measure size, speed, memory and accuracy side by side.")
    )
    text = "Check, generate, import and compare data sets."
    parser.verbs["data"] = sub.add_parser("data", help=text, description=text, allow_abbrev=False)
    data.arguments(verb, parser.verbs["data"])
    text = "Build, pack and score n-gram language models."
    parser.verbs["lm"] = sub.add_parser("lm", help=text, description=text, allow_abbrev=False)
    _language(verb, parser.verbs["lm"])
    return parser


def _use(verb: object) -> None:
    """Verbs that decode."""
    assert callable(verb)
    one = verb("decode", "use.decode", "Turn finger traces or recordings into ranked texts.")
    one.add_argument("model", nargs="?", help=_MODEL)
    one.add_argument(
        "--input",
        required=True,
        metavar="FILE",
        help="swipes, .jsonl or .jsonl.gz; of a model that takes none, recordings, .npz",
    )
    one.add_argument("--nbest", type=int, default=5, help="candidates per row (default 5)")
    one.add_argument("--layout", help="keyboard of every row, instead of the rows' own")
    one.add_argument("--strict", action="store_true", help="exit 2 if any row is refused")
    one.add_argument("--decoder", help="lexicon, beam, greedy or pyctcdecode (default: the preset)")
    one.add_argument("--context", metavar="WORDS", help="words before each swipe, e.g. 'see you'")
    one.add_argument("--dictionary", metavar="FILE", help="the user's words, see docs/decoding.md")
    _runtime(one)

    one = verb("eval", "evaluate.evaluate", "Measure accuracy on labelled swipes.")
    one.add_argument("model", nargs="?", help=_MODEL)
    _labelled(one, split="all")
    one.add_argument("--decoder", help="lexicon, template, greedy ... (default: the preset)")
    text = "another model, or a decoder of this one, e.g. template: paired difference in top-1"
    one.add_argument("--against", metavar="MODEL", help=text)
    text = "with shuffled labels and a wrong layout top-1 must fall under 10 %%; exit 1 if not"
    one.add_argument("--control", action="store_true", help=text)
    text = "natural sentences, one a line: a slice of the swipes whose prompt is among them"
    one.add_argument("--sentences", metavar="FILE", help=text)
    text = "another lexicon, as `lexicon build` reads it: slices of the swipes of its words"
    one.add_argument("--words", metavar="FILE", help=text)
    text = "give each swipe the two words before it in its prompt"
    one.add_argument("--context", action="store_true", help=text)
    text = "print the N most frequent mistakes"
    one.add_argument("--confusions", type=int, default=0, metavar="N", help=text)
    _runtime(one)

    one = verb("tune-decoder", "use.tune", "Choose the decoder's weights on labelled dev swipes.")
    one.add_argument("model", nargs="?", help=_MODEL)
    _labelled(one, split="dev")
    text = "give each swipe the two words before it in its prompt, to tune context_weight too"
    one.add_argument("--context", action="store_true", help=text)
    text = "choose these weights, e.g. context_weight,temperature; the others stay (default: all)"
    one.add_argument("--only", metavar="NAMES", help=text)
    one.add_argument("--out", metavar="FILE", help="write the preset, for pack --preset")
    one.add_argument(
        "--update", action="store_true", help="write the preset into the bundle; export anew then"
    )
    _runtime(one)


def _look(verb: object) -> None:
    """Verbs that look at what is there."""
    assert callable(verb)
    one = verb(
        "verify", "use.verify", "Check that an artifact or bundle still is the trained model."
    )
    one.add_argument("model", nargs="?", help=_MODEL)
    one.add_argument("--lexicon", metavar="FILE", help="lexicon to check words with")
    one.add_argument(
        "--drill", action="store_true", help="name the first operator that answers otherwise"
    )
    one.add_argument(
        "--network",
        metavar="BUNDLE",
        help="of --drill: bundle or package.module:factory (default: the bundle it was made from)",
    )
    one.add_argument("--weights", metavar="FILE", help="of --network: its .safetensors")

    one = verb(
        "inspect", "inspect.inspect", "Print what a bundle or artifact says, and its operators."
    )
    one.add_argument("model", nargs="?", help=_MODEL)

    one = verb("doctor", "doctor.examine", "Tell what this machine can do, and what to install.")
    one.add_argument("--need", metavar="EXTRA", help="exit 3 unless all that it needs is there")
    one.add_argument(
        "--errors",
        nargs="?",
        const="",
        metavar="TEXT",
        help="explain an error of a tool chain; without a text, list those that are known",
    )
    one.add_argument("--deep", action="store_true", help="import each package, in its own process")

    one = verb("demo", "demo.run", "Swipe in a browser: serve a keyboard with a model.")
    one.add_argument("model", nargs="?", help=_MODEL)
    demo.arguments(one)

    one = verb("list", "use.show", "List what is registered.")
    one.add_argument(
        "kind",
        nargs="?",
        help="targets, schemes, layouts, models, decoders, ... (default: everything)",
    )


def _make(verb: object) -> None:
    """Verbs that make models and artifacts."""
    assert callable(verb)
    one = verb("export", "make.export", "Export a model to one verified, self-describing file.")
    one.add_argument("model", nargs="?", metavar="BUNDLE", help="bundle (default: swipe-en)")
    byo.arguments(one)
    one.add_argument("--target", required=True, help="onnx, pte or coreml")
    one.add_argument("--scheme", default="float32", help="number format (default float32)")
    one.add_argument("--opset", type=int, help="onnx: operator set, 14 to 25 (default 18)")
    one.add_argument("--exporter", help="onnx: dynamo or legacy (default dynamo)")
    one.add_argument(
        "--dynamic-batch",
        action="store_true",
        default=None,
        help="onnx: take any number of samples at once",
    )
    one.add_argument("--delegate", help="pte: xnnpack (default), portable (slow) or coreml")
    one.add_argument(
        "--buckets", metavar="N,N", help="pte: lengths in frames, one method each, e.g. 32,64"
    )
    one.add_argument("--length", help="pte: static (default) or dynamic")
    one.add_argument("--out", metavar="PATH", help="file or folder (default: NAME.SUFFIX here)")
    one.add_argument(
        "--isolate", action="store_true", help="in a process of its own: a crash is an error"
    )

    text = "Make a smaller, faster artifact that is still right, or refuse with numbers."
    quantize.arguments(verb("quantize", "quantize.quantize", text))

    training.arguments(verb("train", "training.train", "Train a model; run again to resume."))


def _pack(verb: object) -> None:
    assert callable(verb)
    one = verb(
        "pack",
        "make.pack",
        "Pack a run, an untrained family, or a bundle with other words or preset.",
    )
    one.add_argument(
        "run_dir", nargs="?", metavar="SOURCE", help="folder that train wrote, or a bundle"
    )
    one.add_argument("--init", metavar="FAMILY", help="untrained weights instead of a run")
    one.add_argument("--config", default="small", metavar="SIZE", help="of --init (default small)")
    one.add_argument("--seed", type=int, default=0, help="of --init (default 0)")
    one.add_argument("--out", required=True, metavar="DIR", help="bundle to make or replace")
    one.add_argument("--name", help="model name (default: name of --out)")
    one.add_argument("--lexicon", metavar="FILE", help="lexicon to carry, if the decoder needs one")
    one.add_argument("--licence", default="", help="licence of the lexicon")
    one.add_argument("--language-model", metavar="FILE", help="language model to carry, .lm")
    one.add_argument("--lm-licence", default="", help="licence of the language model")
    text = "decode with the words of this bundle; not copied, found by hash beside it or shipped"
    one.add_argument("--words-of", metavar="BUNDLE", help=text)
    one.add_argument("--preset", metavar="FILE", help="decoder preset from tune-decoder")
    one.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change the decoder preset of SOURCE, e.g. lm_weight=0.3; null switches an option off",
    )


def _lexicon(verb: object) -> None:
    assert callable(verb)
    one = verb("lexicon", "make.lexicon", "Build a lexicon: words with natural-log frequencies.")
    one.add_argument("action", choices=["build"])
    one.add_argument("source", help="wordfreq:LANG, AOSP .combined, TSV of counts, or a word list")
    one.add_argument("--out", required=True, metavar="FILE", help=".tsv, .tsv.gz or .trie")
    one.add_argument(
        "--letters",
        default="abcdefghijklmnopqrstuvwxyz",
        metavar="ABC",
        help="all letters of the keyboard that a .trie is packed for (default a to z)",
    )
    one.add_argument("--top", type=int, metavar="N", help="keep the N most frequent words")
    one.add_argument("--max-letters", type=int, default=24, metavar="N")
    text = "case lower-case words as this source has them, e.g. an AOSP .combined: I, I'm, Monday"
    one.add_argument("--casing", metavar="SOURCE", help=text)
    text = "AOSP .combined: words it flags as offensive go to offensive.tsv beside --out"
    one.add_argument("--offensive", metavar="FILE", help=text)
    one.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="TEXT",
        help="source or licence line for the head of the file",
    )


def _language(verb: object, group: argparse.ArgumentParser) -> None:
    """Verbs of `edgectc lm`."""
    assert callable(verb)
    among = group.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=_Parser
    )
    one = verb("lm build", "lm.build", "Build an n-gram model from text and models.", among)
    one.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="UTF-8 text, plain or .gz, or a model to mix in: ARPA, .lm or CMU Sphinx .lm.bin",
    )
    one.add_argument("--out", required=True, metavar="FILE", help=".arpa, .arpa.gz or .lm")
    one.add_argument("--order", type=int, default=3, help="longest n-gram, 1 to 5 (default 3)")
    one.add_argument(
        "--weights",
        metavar="X,X,...",
        help="estimate each text by itself and mix the INPUTs so, e.g. 0.7,0.3 (needed if one is a "
        "model; default: count all as one)",
    )
    one.add_argument("--vocabulary", metavar="FILE", help="lexicon or word list: the words to keep")
    one.add_argument("--top", type=int, metavar="N", help="keep the N most frequent words")
    one.add_argument(
        "--prune",
        default="0",
        metavar="N,N,...",
        help="leave out 1-, 2-, ...-grams that the texts have so often or less, and no model has, "
        "e.g. 0,1,2 (default 0)",
    )
    one.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="FILE",
        help="drop sentences of the texts whose letters equal a line of FILE",
    )
    one.add_argument(
        "--max-mb",
        type=float,
        metavar="MB",
        help="largest .lm file; the n-grams that matter least are left out (Stolcke 1998)",
    )
    one.add_argument("--quantize", action="store_true", help="one byte a number (.lm only)")

    one = verb("lm pack", "lm.pack", "Pack an ARPA file into one that is mapped.", among)
    one.add_argument(
        "arpa", metavar="ARPA", help="ARPA file, plain or .gz, or CMU Sphinx .lm.bin; orders 1 to 5"
    )
    one.add_argument("--out", required=True, metavar="FILE", help=".lm file to write")
    one.add_argument("--quantize", action="store_true", help="one byte a number")

    one = verb("lm score", "lm.score", "Print how well a model foresees a text.", among)
    one.add_argument(
        "model", metavar="FILE", help=".lm, ARPA, binary of KenLM or CMU Sphinx, or lexicon"
    )
    one.add_argument("text", metavar="TEXT", help="UTF-8 text, plain or .gz")


def _labelled(one: argparse.ArgumentParser, *, split: str) -> None:
    _data(one)
    one.add_argument(
        "--split", default=split, help=f"all, train, dev or test, by user hash (default {split})"
    )
    one.add_argument("--limit", type=int, metavar="N", help="at most N swipes, chosen at random")


def _runtime(one: argparse.ArgumentParser) -> None:
    one.add_argument("--lexicon", metavar="FILE", help="lexicon instead of the model's own")
    one.add_argument(
        "--language-model", metavar="FILE", help="language model instead of the model's own"
    )
    one.add_argument(
        "--lm-required", action="store_true", help="fail where the language model cannot be had"
    )
    one.add_argument("--offensive", action="store_true", help="suggest offensive words too")
    one.add_argument("--runner", help="onnx, pte or eager (default: what is there)")
    one.add_argument("--threads", type=int, default=1, help="threads of the runtime (default 1)")


def _data(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--data", metavar="PATH", help="swipe file or data folder (default: $EDGECTC_DATA)"
    )


if __name__ == "__main__":
    sys.exit(main())
