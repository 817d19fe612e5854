"""The n-gram reader and KenLM's module side by side on the same queries.

    python bench/language.py MODEL.arpa MODEL.lm --text TEXT

Without the module kenlm only our own figures are printed.
"""

import argparse
import platform
import time

import numpy as np

from edgectc.core.console import table
from edgectc.core.files import read_lines
from edgectc.language import loading
from edgectc.language.ngram.text import sentences


def timed(work: object, repeats: int = 5) -> float:
    """Seconds of the best of some runs."""
    assert callable(work)
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", help="ARPA and .lm files")
    parser.add_argument("--text", required=True)
    options = parser.parse_args()
    lines = [s for line in read_lines(options.text) for s in sentences(line)][:2000]
    rows = []
    for path in options.models:
        load = timed(lambda path=path: loading.load(path, required=True), 3)
        model = loading.load(path, required=True)
        queries = []
        for words in lines:
            state = model.start()
            for word in words:
                queries.append((state, word))
                _, state = model.score(state, word)
        states = [state for state, _ in queries[:500]]

        def score(model=model, queries=queries) -> None:
            for state, word in queries:
                model.score(state, word)

        def following(model=model, states=states) -> None:
            for state in states:
                model.following(state)

        rows.append([path, f"{load * 1e3:.1f}", f"{timed(score) / len(queries) * 1e6:.2f}",
                     f"{timed(following) / len(states) * 1e6:.0f}"])  # fmt: skip
    rows += kenlm_row(options.models, lines)
    print(f"{len(lines)} sentences, one thread, {platform.machine()}, numpy {np.__version__}")
    print(table(["model", "load ms", "score us", "following us"], rows))


def kenlm_row(models: list[str], lines: list[list[str]]) -> list[list[str]]:
    """The same with KenLM's own module, on the first ARPA file."""
    path = next((path for path in models if ".arpa" in path), None)
    try:
        import kenlm
    except ImportError:
        return []
    if path is None:
        return []
    load = timed(lambda: kenlm.Model(path), 3)
    model, queries = kenlm.Model(path), []
    for words in lines:
        state = kenlm.State()
        model.BeginSentenceWrite(state)
        for word in words:
            after = kenlm.State()
            queries.append((state, word))
            model.BaseScore(state, word, after)
            state = after

    def score() -> None:
        for state, word in queries:
            model.BaseScore(state, word, kenlm.State())

    return [[f"KenLM {path}", f"{load * 1e3:.1f}", f"{timed(score) / len(queries) * 1e6:.2f}", "-"]]


if __name__ == "__main__":
    main()
