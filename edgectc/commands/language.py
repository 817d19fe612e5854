"""`edgectc lexicon`, `edgectc lm` and `edgectc language`."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from edgectc.commands.arguments import Parser, Verbs, decimals, integers, values
from edgectc.commands.output import print_json

if TYPE_CHECKING:  # holds numpy arrays; building the parser stays light
    from edgectc.commands.verbs.words import PackedModel


def declare_lexicon(verbs: Verbs) -> None:
    """Declare the verbs of `edgectc lexicon`."""
    verbs.group("lexicon", "Build and pack lexicons: words with natural-log frequencies.")
    text = "Pack a lexicon into a file that is mapped, or one of an earlier version anew."
    parser = verbs.add("lexicon pack", "language.run_words", text, function="pack_lexicon")
    parser.add_argument("source", metavar="LEXICON", help=".trie, .tsv or .tsv.gz")
    parser.add_argument("--out", required=True, metavar="FILE", help=".trie file to write")
    text = "all letters of the keyboard (default: those of a .trie, else a to z)"
    parser.add_argument("--letters", metavar="ABC", help=text)

    text = "Build a lexicon: words with natural-log frequencies."
    parser = verbs.add("lexicon build", "language.run_lexicon", text, function="build_lexicon")
    parser.add_argument(
        "source", help="wordfreq:LANG, AOSP .combined, TSV of counts, or a word list"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help=".tsv, .tsv.gz or .trie")
    parser.add_argument(
        "--letters",
        default="abcdefghijklmnopqrstuvwxyz",
        metavar="ABC",
        help="all letters of the keyboard that a .trie is packed for (default a to z)",
    )
    parser.add_argument("--top", type=int, metavar="N", help="keep the N most frequent words")
    parser.add_argument("--max-letters", type=int, default=24, metavar="N")
    text = "case lower-case words as this source has them, e.g. an AOSP .combined: I, I'm, Monday"
    parser.add_argument("--casing", metavar="SOURCE", help=text)
    text = (
        "words that go to offensive.tsv beside --out: a list, or those with flags=offensive of an "
    )
    text += "AOSP .combined"
    parser.add_argument("--offensive", metavar="FILE", help=text)
    parser.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="TEXT",
        help="source or licence line for the head of the file",
    )


def declare_models(verbs: Verbs) -> None:
    """Declare the verbs of `edgectc lm`."""
    verbs.group("lm", "Build, pack and score n-gram language models.")
    text = "Build an n-gram model from text and models."
    _add_build(verbs.add("lm build", "language.run_build", text, function="build_language_model"))

    text = "Pack an ARPA file into one that is mapped."
    parser = verbs.add("lm pack", "language.run_packing", text, function="pack_language_model")
    parser.add_argument(
        "arpa", metavar="ARPA", help="ARPA file, plain or .gz, or CMU Sphinx .lm.bin; orders 1 to 5"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help=".lm file to write")
    parser.add_argument("--quantize", action="store_true", help="one byte a number")

    text = "Print how well a model predicts a text."
    parser = verbs.add("lm score", "language.run_score", text, function="score_language_model")
    parser.add_argument(
        "model", metavar="FILE", help=".lm, ARPA, binary of KenLM or CMU Sphinx, or lexicon"
    )
    parser.add_argument("text", metavar="TEXT", help="UTF-8 text, plain or .gz")


def declare_languages(verbs: Verbs) -> None:
    """Declare the verb of `edgectc language`."""
    text = "Build a language pack: words, language model and keyboard for any swipe model."
    verbs.group("language", text)
    parser = verbs.add("language build", "language.run_language", text, function="build_language")
    parser.add_argument("language", metavar="TAG", help="tag of the language: de, fr, pt-BR ...")
    text = "folder of the pack (default languages/TAG)"
    parser.add_argument("--out", metavar="FOLDER", help=text)
    text = "wordfreq:LANG, AOSP .combined, TSV of counts, or a word list (default wordfreq:TAG); "
    text += "may be given more than once, with --weights"
    parser.add_argument("--source", action="append", metavar="SOURCE", help=text)
    text = "UTF-8 text for the language model, plain or .gz; may be given more than once"
    parser.add_argument("--text", action="append", default=[], metavar="FILE", help=text)
    text = "mix frequencies so: a number for each source, then one for each text, e.g. 0.6,0.2,0.2"
    parser.add_argument("--weights", type=decimals, metavar="X,X,...", help=text)
    text = "case words as this source has them (default: as the texts do)"
    parser.add_argument("--casing", metavar="SOURCE", help=text)
    text = "words that are suggested on demand only: a list, or those with flags=offensive of an "
    text += "AOSP .combined"
    parser.add_argument("--offensive", metavar="FILE", help=text)
    parser.add_argument("--layout", metavar="NAME", help="keyboard: a name, or a .json")
    parser.add_argument("--title", metavar="TEXT", help="name of the language in English")
    parser.add_argument("--top", type=int, metavar="N", help="keep the N most frequent words")
    text = "size of the pack (default 6)"
    parser.add_argument("--max-mb", type=float, default=6.0, metavar="MB", help=text)
    parser.add_argument(
        "--note", action="append", default=[], metavar="TEXT", help="line on source or licence"
    )


def _add_build(parser: Parser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="UTF-8 text, plain or .gz, or a model to mix in: ARPA, .lm or CMU Sphinx .lm.bin",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help=".arpa, .arpa.gz or .lm")
    parser.add_argument("--order", type=int, default=3, help="longest n-gram, 1 to 5 (default 3)")
    parser.add_argument(
        "--weights",
        type=decimals,
        metavar="X,X,...",
        help="estimate each text by itself and mix the INPUTs so, e.g. 0.7,0.3 (needed if one is a "
        "model; default: count all as one)",
    )
    parser.add_argument(
        "--vocabulary", metavar="FILE", help="lexicon or word list: the words to keep"
    )
    parser.add_argument("--top", type=int, metavar="N", help="keep the N most frequent words")
    parser.add_argument(
        "--prune",
        type=integers,
        default=(0,),
        metavar="N,N,...",
        help="leave out 1-, 2-, ...-grams that the texts have so often or less, and no model has, "
        "e.g. 0,1,2 (default 0)",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="FILE",
        help="drop sentences of the texts whose letters equal a line of FILE",
    )
    parser.add_argument(
        "--max-mb",
        type=float,
        metavar="MB",
        help="largest .lm file; the n-grams that matter least are left out (Stolcke 1998)",
    )
    parser.add_argument("--quantize", action="store_true", help="one byte a number (.lm only)")


def run_lexicon(options: Namespace) -> int:
    """Build a lexicon file."""
    from edgectc.commands.verbs.words import build_lexicon

    lexicon = build_lexicon(**values(options))
    if options.json:
        print_json(lexicon)
    else:
        print(f"{lexicon.path}: {lexicon.words:,} words, sha256 {lexicon.sha256}")
        print(f"dropped rows: {'' if lexicon.dropped else 'none'}")
        for reason, rows in lexicon.dropped.items():
            share, words = lexicon.dropped_share[reason], lexicon.dropped_examples[reason]
            print(f"  {reason}: {rows:,}, {share:.2%} of running text, e.g. {', '.join(words)}")
    return 0


def run_language(options: Namespace) -> int:
    """Build a language pack."""
    from edgectc.commands.verbs.languages import build_language

    pack = build_language(options.language, **values(options, without=["language"]))
    if options.json:
        print_json(pack)
        return 0
    model = ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(pack.ngrams, start=1))
    print(f"{pack.path}: {pack.bytes / 1e6:.2f} MB, {pack.words:,} words on {pack.layout}")
    print(f"language model: {model or 'none, as there is no text'}")
    if pack.covered is not None:
        print(f"covers {pack.covered:.1%} of the words of the texts")
    for reason, rows in pack.dropped.items():
        share, words = pack.dropped_share[reason], pack.dropped_examples[reason]
        print(f"  {reason}: {rows:,}, {share:.2%} of running text, e.g. {', '.join(words)}")
    print(f"next: edgectc decode --language {pack.path} --input FILE")
    return 0


def run_words(options: Namespace) -> int:
    """Pack a lexicon into a file that is mapped."""
    from edgectc.commands.verbs.words import pack_lexicon

    lexicon = pack_lexicon(**values(options))
    if options.json:
        print_json(lexicon)
    else:
        print(
            f"{lexicon.path}: {lexicon.words:,} words, {lexicon.bytes:,} bytes, "
            f"sha256 {lexicon.sha256}; {lexicon.left_out:,} words left out"
        )
    return 0


def run_build(options: Namespace) -> int:
    """Build a language model from text and from other models."""
    from edgectc.commands.verbs.words import build_language_model

    model = build_language_model(*options.inputs, **values(options, without=["inputs"]))
    if options.json:
        print_json(model)
        return 0
    print(
        f"text: {model.sentences:,} sentences, {model.words:,} words, "
        f"{model.unknown:,} outside the vocabulary; {model.dropped:,} sentences excluded"
    )
    _print_file(model)
    return 0


def run_packing(options: Namespace) -> int:
    """Pack an ARPA file into one that is mapped."""
    from edgectc.commands.verbs.words import pack_language_model

    model = pack_language_model(**values(options))
    if options.json:
        print_json(model)
    else:
        _print_file(model)
    return 0


def run_score(options: Namespace) -> int:
    """Print how well a model predicts a text."""
    from edgectc.commands.verbs.words import score_language_model

    score = score_language_model(**values(options))
    from dataclasses import asdict

    if options.json:
        document = {
            **asdict(score),
            "perplexity": score.perplexity,
            "known_perplexity": score.known_perplexity,
        }
        print(json.dumps(document, sort_keys=True))
        return 0
    print(f"text:        {score.sentences:,} sentences, {score.words:,} words")
    print(f"unknown:     {score.unknown:,} words ({score.unknown / score.words:.2%})")
    print(f"log-prob:    {score.log_prob:.2f} nats")
    print(
        f"perplexity:  {score.perplexity:.2f}, without unknown words {score.known_perplexity:.2f}"
    )
    return 0


def _print_file(model: PackedModel) -> None:
    sizes = ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(model.ngrams, start=1))
    print(f"{model.path}: {model.bytes / 1e6:.2f} MB, {sizes}")
