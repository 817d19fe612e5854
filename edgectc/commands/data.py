"""Verbs on data sets."""

from __future__ import annotations

import argparse
import itertools
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from edgectc.core.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:  # types hold numpy arrays; building the parser stays light
    from edgectc.core.types import Sample, Swipe

_PEOPLE = 50  # generated users, so that swipes can be split by user


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
    one.add_argument("kind", help="swipe, landmarks or neural")
    one.add_argument("--out", required=True, metavar="FILE", help=".jsonl(.gz) of swipes, or .npz")
    one.add_argument("--count", type=int, default=1000, metavar="N", help="default 1000")
    one.add_argument("--seed", type=int, default=0, help="default 0")
    one.add_argument("--lexicon", metavar="FILE", help="words of swipes")
    one.add_argument("--layout", default="qwerty", help="keyboard of swipes (default qwerty)")
    one.add_argument("--style", default="plain", help="of swipes: plain or fitted (default plain)")
    text = "of landmarks and neural: full or small (default full)"
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

    found = checks.check(options.files, room=_room(options.model), days=options.days)
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


def _room(model: str | None) -> Callable[[Swipe | Sample], int] | None:
    """Return what gives the output frames of a recording, by a bundle's own length map."""
    if model is None:
        return None
    from edgectc.core import registry, types
    from edgectc.core.errors import InputError
    from edgectc.core.tokens import output_length
    from edgectc.formats import bundle, layouts

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

    from edgectc.core.errors import InputError
    from edgectc.data import importers, swipe_files

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

    swipe_files.write(options.out, counted())
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


def compare(options: Namespace) -> int:
    """Print how generated swipes differ from real ones."""
    import numpy as np

    from edgectc.core.console import table
    from edgectc.core.files import write_bytes
    from edgectc.data import checks_page, movement, swipe_files
    from edgectc.data.samples import swipe as synthesis

    style, rng = synthesis.named_style(options.style), np.random.default_rng(options.seed)
    real, _ = swipe_files.load(options.real, split=options.split)
    if options.limit is not None:
        if options.limit < 1:
            raise ConfigError(f"--limit is {options.limit}, expected 1 or more")
        real = [real[i] for i in sorted(rng.permutation(len(real))[: options.limit])]
    if options.generated:
        generated = swipe_files.load(options.generated)[0]
    else:
        generated = list(synthesis.again(real, rng, style))
    found = movement.compare(real, generated)
    summary = found.summary()
    if options.html:
        title = f"Generated against real swipes: {options.real}"
        write_bytes(options.html, checks_page.comparison(found, title).encode())
    if options.json:
        counts = {"real": len(real), "generated": len(generated)}
        print(json.dumps({**counts, "statistics": summary}, sort_keys=True))
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
        f"{len(real)} real, {len(generated)} generated swipes; distance: largest difference of the "
        "distributions, 0..1; people: the same between two halves of the real users"
    )
    return 0


def _swipes(options: Namespace) -> int:
    from edgectc.data import swipe_files
    from edgectc.data.samples.swipe import generate, named_style
    from edgectc.formats import layouts
    from edgectc.language import lexicon_file
    from edgectc.language.spelling import spell

    style = named_style(options.style)
    if not options.lexicon:
        raise ConfigError("generated swipes need words; pass --lexicon FILE")
    words, board = lexicon_file.read(options.lexicon), layouts.load(options.layout)
    if not any(spell(word, board.letters) for word in words.words):
        raise ConfigError(f"{options.layout} can spell no word of {options.lexicon}")
    # Words that the layout cannot spell are drawn, and left out; the next seed fills the gap.
    many = itertools.chain.from_iterable(
        generate(
            words, [board], count=options.count, words=len(words.words), seed=seed, style=style
        )
        for seed in itertools.count(options.seed * 1_000_000)
    )
    rows = itertools.islice(many, options.count)
    people = (f"synthetic-{options.seed}-{n % _PEOPLE}" for n in itertools.count())
    swipe_files.write(
        options.out, (replace(s, user=who) for s, who in zip(rows, people, strict=False))
    )
    return int(options.count)


def _landmarks(options: Namespace) -> int:
    """Write generated signing; the last signer is the split dev."""
    from edgectc.core import registry
    from edgectc.core.config import family_config
    from edgectc.data import signals
    from edgectc.data.samples import landmarks

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
    from edgectc.core import registry
    from edgectc.core.config import family_config
    from edgectc.data import signals
    from edgectc.data.samples import neural

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
