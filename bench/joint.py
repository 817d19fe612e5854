"""Words of real sentences, ranked one by one and together.

    python bench/joint.py [MODEL] --data DATA --sentences PROMPTS [--split dev] [--limit N]

Sentences of the prompts whose swipes follow each other, as one user wrote them. First words right:
without context; behind what stands in the prompt; behind the words that were answered before, as a
keyboard has them; and together, `edgectc.runtime.sentence`, with two and three open words, when the
sentence is done. The rows are paired with "behind the answers"; 95 % intervals by bootstrap over
users.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.files import read_lines
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.evaluation.accuracy import with_context
from edgectc.language.spelling import letters
from edgectc.runtime.sentence import CONTEXT_WEIGHT, Sentence

BASE = "behind the answers"


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data")
    parser.add_argument("--sentences", required=True, help="natural sentences, one a line")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--limit", type=int, help="sentences")
    parser.add_argument("--weights", type=float, nargs="+", default=[CONTEXT_WEIGHT])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = edgectc.load(options.model, runner="native")
    natural = {letters(line) for line in read_lines(options.sentences)}
    groups = _sentences(str(swipe_files.find(options.data)), options.split, natural)
    groups = groups[: options.limit]
    rights: dict[str, list[float]] = defaultdict(list)
    for group in progress(groups, "sentence"):
        for way, words in _answers(model, group, options.weights).items():
            rights[way] += [
                float(letters(word) == letters(s.word or ""))
                for word, s in zip(words, group, strict=True)
            ]
    users = [s.user or "" for group in groups for s in group]
    rows = [
        [way, _share(right, users), _share(np.array(right) - rights[BASE], users, sign="+")]
        for way, right in rights.items()
    ]
    head = heading(
        ("numpy",),
        repeats=f"{len(users)} swipes, {len(groups)} sentences, {len(set(users))} {options.split} "
        f"users, {model.name}",
    )
    publish(f"{head}\n{table(['words', 'top-1', f'to {BASE}'], rows)}\n", options.out)


def _sentences(path: str, split: str, natural: set[str]) -> list[list[Swipe]]:
    """Return the swipes of each sentence."""
    found, _ = swipe_files.load(path, split=split)
    usable = [s for s in found if s.word and s.layout == "qwerty"]
    groups = itertools.groupby(usable, key=lambda s: (s.user, s.prompt))
    return [[*group] for (_, prompt), group in groups if letters(prompt or "") in natural]


def _answers(
    model: edgectc.Recognizer, group: Sequence[Swipe], weights: Sequence[float]
) -> dict[str, list[str]]:
    """Return the words of a sentence by each way to rank them."""
    alone = [model(s.points, nbest=1).best.text for s in group]
    prompted = [model(s.points, nbest=1, context=with_context(s).context).best.text for s in group]
    answered: list[str] = []
    for s in group:
        answered.append(model(s.points, nbest=1, context=["<s>", *answered]).best.text)
    ways = {"without context": alone, "behind the prompt": prompted, BASE: answered}
    for weight in weights:
        for count in (1, 2, 3):
            sentence = Sentence(model, context=["<s>"], open_words=count, context_weight=weight)
            for s in group:
                written = sentence.swipe(s.points)
            ways[f"together, {count} open, weight {weight:g}"] = [*written.words]
    return ways


def _share(values: Sequence[float] | np.ndarray, users: Sequence[str], sign: str = "") -> str:
    low, high = metrics.bootstrap(np.asarray(values, float), users)
    mean = np.mean(values)
    return f"{mean:{sign}.1%} [{low:{sign}.1%}, {high:{sign}.1%}]"


if __name__ == "__main__":
    main()
