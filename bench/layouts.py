"""Accuracy on generated swipes by keyboard, with one and the same artifact.

No real swipes on other keyboards are to be had. Generated ones are easier than real ones and of the
generator that training saw, so only the differences between keyboards mean something.

    python bench/layouts.py [MODEL] --count 1000
"""

from __future__ import annotations

import argparse

import numpy as np

import edgectc
from edgectc.core import metrics
from edgectc.core.console import table
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.language.spelling import letters, spell


def main() -> None:
    """Print a row for each keyboard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--count", type=int, default=1000, help="swipes on each keyboard")
    parser.add_argument("--names", default="qwerty,azerty,qwertz,colemak,dvorak")
    options = parser.parse_args()
    model = edgectc.load(options.model)
    lexicon = model.lexicon
    assert lexicon is not None
    order = np.argsort(-lexicon.log_probs, kind="stable")[:60_000]
    share = np.exp(lexicon.log_probs[order])
    chosen = np.random.default_rng(1).choice(order, options.count, p=share / share.sum())
    words = [lexicon.words[i] for i in chosen]
    first: list[bool] = []
    rows = []
    for name in options.names.split(","):
        right = _right(model, name, words)
        first = first or right
        difference = np.array(right, float) - first
        low, high = metrics.bootstrap(difference)
        by = f"{difference.mean():+.1%} [{low:+.1%}, {high:+.1%}]"
        rows.append([name, len(right), f"{np.mean(right):.1%}", by])
    print(table(["keyboard", "swipes", "top-1", f"to {rows[0][0]}"], rows))


def _right(model: edgectc.Recognizer, name: str, words: list[str]) -> list[bool]:
    """Return whether each word, swiped by the generator, came first."""
    layout, found = layouts.load(name), []
    for i, word in enumerate(words):
        spelled = spell(word, layout.letters) or ""
        trace = swipe(spelled, layout, np.random.default_rng(i))
        found.append(letters(model(trace, layout=name, nbest=1).best.text) == letters(word))
    return found


if __name__ == "__main__":
    main()
