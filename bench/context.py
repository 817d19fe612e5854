"""What words of context and user cost: made ready before the wait, and in the search itself.

python bench/context.py [MODEL] --data DATA --count 200

All searches are of the same swipes, one kind after the other for each swipe, so that a busy machine
slows all alike: trust the ratios.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import edgectc
from edgectc.core.console import table
from edgectc.data import swipe_files
from edgectc.decoding.decoders.lexicon import LexiconDecoder

USERS = (0, 1_000, 20_000)
CONTEXTS = (("<s>",), ("of", "the"), ("it", "is", "the"), ("i", "am"), ("thank",), ("see", "you"))


def main() -> None:
    """Print a row for each number of user words, without and with a context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data", help="swipes, or the folder of them; default $EDGECTC_DATA")
    parser.add_argument("--count", type=int, default=200, help="swipes of dev users")
    options = parser.parse_args()
    swipes, _ = swipe_files.load(swipe_files.find(options.data), split="dev")
    model = edgectc.load(options.model)
    tables = [model.log_probs(swipe.points) for swipe in swipes[: options.count]]
    kinds = {(n, said): _decoder(options.model, n) for n in USERS for said in (False, True)}
    ready = {kind: np.zeros(len(tables)) for kind in kinds}
    taken = {kind: np.zeros(len(tables)) for kind in kinds}
    for row, log_probs in enumerate(tables):
        for kind, decode in kinds.items():
            context = CONTEXTS[row % len(CONTEXTS)] if kind[1] else ()
            decode.prepare(("the", f"word{row}") if kind[1] else ())  # another was there before
            ready[kind][row] = _ms(lambda d=decode, c=context: d.prepare(c))
            taken[kind][row] = _ms(lambda d=decode, c=context, v=log_probs: d(v, context=c))
    plain = taken[0, False].mean()
    rows = [
        [
            f"{n:,}",
            "yes" if said else "no",
            f"{np.median(ready[n, said][: len(CONTEXTS)]):.2f}",
            *(
                f"{figure:.2f}"
                for figure in (np.median(ms), np.quantile(ms, 0.99), ms.mean() / plain)
            ),
        ]
        for (n, said), ms in taken.items()
    ]
    heads = ["user words", "context", "prepare, ms", "search p50, ms", "p99, ms", "mean, of none"]
    print(table(heads, rows))


def _decoder(name: str | None, users: int) -> LexiconDecoder:
    """Return the decoder of a model whose user taught it this many words."""
    rng = np.random.default_rng(0)
    user = edgectc.UserDictionary()
    for _ in range(users):
        user.add("".join(rng.choice([*"etaoinshrdlucmfwypvbgk"], rng.integers(3, 11))))
    model = edgectc.load(name, dictionary=user)
    decode = model.decoder(model.setting(model.layout))
    assert isinstance(decode, LexiconDecoder), "context and user words are the lexicon decoder's"
    decode.prepare()
    return decode


def _ms(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return 1e3 * (time.process_time() - start)


if __name__ == "__main__":
    main()
