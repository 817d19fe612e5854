"""What a keyboard gains that learns what its user writes: people's own swipes, in their order.

    python bench/replay.py [MODEL] --data DATA [--split dev] [--shares 1e-5 1e-4] [--limit N]

Each person begins with an empty user dictionary. After each swipe the word is taught, as of a
keyboard whose user mends what is wrong; the next swipe is decoded with what was taught. *Repeated*
are words that the same person wrote before: there alone teaching can help, all others it can only
harm. Rows are paired with no learning; 95 % intervals by bootstrap over users.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.types import Array, Swipe
from edgectc.data import swipe_files
from edgectc.evaluation.accuracy import with_context
from edgectc.language.spelling import letters


def main() -> None:
    """Print a row for each share of running text that one use of a word adds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--shares", type=float, nargs="+", default=[1e-6, 1e-5, 1e-4, 1e-3])
    parser.add_argument("--context", action="store_true", help="with the words before")
    parser.add_argument("--limit", type=int, help="users")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    people: dict[str, list[Swipe]] = defaultdict(list)
    for swipe in swipe_files.load(str(swipe_files.find(options.data)), split=options.split)[0]:
        people[swipe.user or ""].append(with_context(swipe) if options.context else swipe)
    chosen = dict(list(people.items())[: options.limit])
    model = edgectc.load(options.model, runner="native")
    tables = {
        user: [model.log_probs(swipe.points) for swipe in swipes]
        for user, swipes in progress(chosen.items(), "user")
    }
    users = [user for user, swipes in chosen.items() for _ in swipes]
    again = np.concatenate([_repeated(swipes) for swipes in chosen.values()])
    plain = np.array(_replayed(options.model, chosen, tables, None))
    rows = [["no learning", *_row(plain, None, again, users)]]
    for share in progress(options.shares, "share"):
        rights = np.array(_replayed(options.model, chosen, tables, share))
        rows.append([f"share {share:g}", *_row(rights, plain, again, users)])
    heads = ["", "all", "gain", f"repeated ({again.mean():.1%})", "gain", "others, gain"]
    parts = [heading(("numpy",), repeats=f"{len(users)} swipes of {len(chosen)} users")]
    publish("\n".join([*parts, table(heads, rows)]) + "\n", options.out)


def _repeated(swipes: list[Swipe]) -> Array:
    """Return which swipes are of a word that stands before them."""
    words = [letters(swipe.word or "") for swipe in swipes]
    return np.array([word in words[:place] for place, word in enumerate(words)])


def _replayed(
    name: str | None,
    people: dict[str, list[Swipe]],
    tables: dict[str, list[Array]],
    share: float | None,
) -> list[float]:
    """Return 1 or 0 for each swipe, in order; a share teaches each word that was meant."""
    rights = []
    for user, swipes in progress(people.items(), "user"):
        words = edgectc.UserDictionary(share=share or 1e-5)
        model = edgectc.load(name, runner="native", dictionary=words)
        decode = model.decoder(model.setting(model.layout))
        for swipe, log_probs in zip(swipes, tables[user], strict=True):
            answers = [found.text for found in decode(log_probs, context=swipe.context)]
            meant = letters(swipe.word or "")
            rights.append(float(bool(answers) and letters(answers[0]) == meant))
            if share:
                same = (text for text in answers if letters(text) == meant)
                words.add(next(same, swipe.word or ""))
    return rights


def _row(rights: Array, plain: Array | None, again: Array, users: list[str]) -> list[str]:
    every = np.ones(len(rights), bool)
    cells = []
    for which in (every, again, ~again):
        people = [user for user, taken in zip(users, which.tolist(), strict=True) if taken]
        low, high = metrics.bootstrap(rights[which], people)
        cells.append(f"{rights[which].mean():.1%} [{low:.1%}, {high:.1%}]")
        gain = rights[which] - (rights if plain is None else plain)[which]
        low, high = metrics.bootstrap(gain, people)
        cells.append("" if plain is None else f"{gain.mean():+.1%} [{low:+.1%}, {high:+.1%}]")
    return [*cells[:4], cells[5]]


if __name__ == "__main__":
    main()
