"""Verbs on data sets."""

from __future__ import annotations

import argparse
import itertools
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from edgectc.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:  # types hold numpy arrays; building the parser stays light
    from edgectc.types import Sample, Swipe

_PEOPLE = 50  # generated users, so that swipes can be split by user


def arguments(verb: Callable[..., argparse.ArgumentParser], group: argparse.ArgumentParser) -> None:
    """Declare the verbs of `edgectc data`.

    Args:
        verb: declares one; see `edgectc.cli.build_parser`.
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
    one.add_argument("kind", help="swipe, landmarks or neural")
    one.add_argument("--out", required=True, metavar="FILE", help=".jsonl(.gz) of swipes, or .npz")
    one.add_argument("--count", type=int, default=1000, metavar="N", help="default 1000")
    one.add_argument("--seed", type=int, default=0, help="default 0")
    one.add_argument("--lexicon", metavar="FILE", help="words of swipes")
    one.add_argument("--layout", default="qwerty", help="keyboard of swipes (default qwerty)")
    text = "of landmarks and neural: full or small (default full)"
    one.add_argument("--size", default="full", help=text)

    one = verb("data import", "data.import_", "Turn a collection of others into swipes.", among)
    text = "what to read; FORMAT is cleverkeys, futo or how_we_swipe"
    one.add_argument("source", metavar="FORMAT:PATH", help=text)
    one.add_argument("--out", required=True, metavar="FILE", help=".jsonl or .jsonl.gz")


def check(options: Namespace) -> int:
    """Print what is wrong with a data set; exit 1 if figures measured on it would lie."""
    from edgectc.data import doctor, doctor_page
    from edgectc.files import write_bytes
    from edgectc.report import table

    found = doctor.check(options.files, room=_room(options.model), days=options.days)
    summary = found.summary()
    if options.html:
        title = f"Data check: {', '.join(options.files)}"
        write_bytes(options.html, doctor_page.page(found, title).encode())
    if options.json:
        print(json.dumps(summary, sort_keys=True, ensure_ascii=False))
        return 1 if found.failed else 0
    print(
        f"{summary['usable']} of {summary['rows']} rows usable, {summary['groups']} people or "
        f"days, {summary['labels']} labels; splits: {summary['splits']}"
    )
    if summary["problems"]:
        header = ["problem", "severity", "count", "for example"]
        print(table(header, doctor.describe(summary), right=False))
    names = [f"p{p}" for p in (0, 5, 25, 50, 75, 95, 100)]
    rows = [[k, *(f"{v[n]:g}" for n in names)] for k, v in summary["statistics"].items()]
    print(table(["statistic", *names], rows))
    print(f"verdict: {summary['status']}")
    return 1 if found.failed else 0


def _room(model: str | None) -> Callable[[Swipe | Sample], int] | None:
    """Return what gives the output frames of a recording, by a bundle's own length map."""
    if model is None:
        return None
    from edgectc import bundle, registry, types
    from edgectc.data import layouts
    from edgectc.errors import InputError
    from edgectc.tokens import output_length

    index = bundle.read(bundle.locate(model)).index
    frontend = registry.create("frontends", index.model["frontend"])
    swipes = "keys" in frontend.input_contract()

    def room(sample: Swipe | Sample) -> int:
        if isinstance(sample, types.Swipe) != swipes:
            raise ConfigError(f"--model {model} takes other samples than these")
        try:
            if isinstance(sample, types.Swipe):
                frames = frontend.frames(sample.points, layouts.load(sample.layout))
            else:
                frames = frontend.frames(sample.signal)
        except (InputError, UnknownNameError):
            return 0
        return output_length(len(frames), index.stride, index.window)

    return room


def synth(options: Namespace) -> int:
    """Write generated samples of a family, as training reads them."""
    if options.count < 1:
        raise ConfigError(f"--count is {options.count}, expected 1 or more")
    kinds: dict[str, Callable[[Namespace], int]] = {
        "swipe": _swipes,
        "landmarks": _landmarks,
        "neural": _neural,
    }
    if options.kind not in kinds:
        raise UnknownNameError("kind of samples", options.kind, kinds)
    about = {"path": options.out, "kind": options.kind, "samples": kinds[options.kind](options)}
    if options.json:
        print(json.dumps(about, sort_keys=True))
    else:
        print(f"{options.out}: {about['samples']} samples")
    return 0


def import_(options: Namespace) -> int:
    """Write the usable rows of a collection, and tell what was refused."""
    from collections import Counter

    from edgectc.data import importers, jsonl
    from edgectc.errors import InputError

    dropped, written = Counter[str](), Counter[str | None]()

    def counted() -> Iterator[Swipe]:
        for swipe in importers.usable(importers.read(options.source), dropped):
            written[swipe.user] += 1
            yield swipe
        if not written:
            raise InputError(
                f"no usable row in {options.source!r}; refused: {dict(dropped) or 'none'}",
                reason="empty",
            )

    jsonl.write(options.out, counted())
    about = {
        "path": options.out,
        "swipes": written.total(),
        "users": len({*written} - {None}),
        "without_user": written[None],
        "refused": dict(sorted(dropped.items())),
    }
    if options.json:
        print(json.dumps(about, sort_keys=True))
    else:
        refused = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common()) or "none"
        print(
            f"{options.out}: {about['swipes']} swipes of {about['users']} users "
            f"({about['without_user']} without one); refused: {refused}"
        )
    return 0


def _swipes(options: Namespace) -> int:
    from edgectc.data import jsonl, layouts
    from edgectc.data.lexicons import Lexicon, spell
    from edgectc.data.synthesis import generate

    if not options.lexicon:
        raise ConfigError("generated swipes need words; pass --lexicon FILE")
    words, board = Lexicon.read(options.lexicon), layouts.load(options.layout)
    if not any(spell(word, board.letters) for word in words.words):
        raise ConfigError(f"{options.layout} can spell no word of {options.lexicon}")
    # Words that the layout cannot spell are drawn, and left out; the next seed fills the gap.
    many = itertools.chain.from_iterable(
        generate(words, [board], count=options.count, words=len(words.words), seed=seed)
        for seed in itertools.count(options.seed * 1_000_000)
    )
    rows = itertools.islice(many, options.count)
    people = (f"synthetic-{options.seed}-{n % _PEOPLE}" for n in itertools.count())
    jsonl.write(options.out, (replace(s, user=who) for s, who in zip(rows, people, strict=False)))
    return int(options.count)


def _landmarks(options: Namespace) -> int:
    """Write generated signing; the last signer is the split dev."""
    from edgectc import registry
    from edgectc.config import family_config
    from edgectc.data import landmarks, signals

    shape = registry.create(
        "frontends", family_config("mobilenetv3", options.size)["model"]["frontend"]
    )
    how = shape.options
    made = list(
        landmarks.synthesize(
            options.count,
            seed=options.seed,
            glosses=shape.tokens().symbols[1:],
            points=landmarks.Points(how.pose, how.hand, how.face),
            max_frames=how.max_frames,
        )
    )
    last = max(str(sample.group) for sample in made)
    dev = [sample for sample in made if sample.group == last]
    if len(dev) == len(made):
        raise ConfigError(f"--count is {options.count}, expected 2 or more: train and dev")
    train = [sample for sample in made if sample.group != last]
    signals.write(options.out, {"train": train, "dev": dev})
    return len(made)


def _neural(options: Namespace) -> int:
    """Write generated brain activity; every tenth sentence is split dev, of days that train has."""
    from edgectc import registry
    from edgectc.config import family_config
    from edgectc.data import neural, signals

    how = registry.create(
        "frontends", family_config("gru", options.size)["model"]["frontend"]
    ).options
    if options.count < 2:
        raise ConfigError(f"--count is {options.count}, expected 2 or more: train and dev")
    made = list(
        neural.synthesize(
            options.count,
            seed=options.seed,
            channels=how.channels,
            days=how.days,
            phonemes=how.phonemes,
            max_frames=how.max_frames,
        )
    )
    dev = made[1::10]
    train = [sample for n, sample in enumerate(made) if n % 10 != 1]
    signals.write(options.out, {"train": train, "dev": dev})
    return len(made)
