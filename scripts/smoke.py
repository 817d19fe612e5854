"""Decodes with an installed edgectc and NumPy alone: the C library, the shipped model and lexicon.

    python scripts/smoke.py                         --plain: it must have no compiled search
    python scripts/smoke.py --emissions WORD FILE   writes (T, 28) float32; prints T and the score

Emissions are generated around a word, and its score is compared with the textbook CTC forward
algorithm (Graves et al. 2006, 4.1), which nothing of the package takes part in. The first lines of
README, as the installed package carries it, answer what they promise. Nothing is written outside of
the environment, and nobody is called.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

outside: list[str] = []  # files that Python wrote outside of its environment, and calls to others


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what leaves the environment; https://docs.python.org/3/library/audit_events.html."""
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (writes or event == "os.mkdir") and isinstance(arguments[0], str | bytes | os.PathLike):
        path = Path(os.fsdecode(arguments[0])).absolute()
        own = (Path(sys.prefix), *map(Path, sys.path[1:]))
        if str(path) != os.devnull and not any(path.is_relative_to(place) for place in own):
            outside.append(f"{event} {path}")
    elif event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        outside.append(f"{event} {arguments[1:]}")


if sys.argv[1:2] != ["--emissions"]:
    sys.addaudithook(watch)

import numpy as np  # noqa: E402

import edgectc  # noqa: E402
from edgectc.decoding.search import compiled  # noqa: E402

ALPHABET = "abcdefghijklmnopqrstuvwxyz'"


def forward(log_probs: np.ndarray, labels: list[int]) -> float:
    """Return log p(labels) of log_probs (frames, tokens); token 0 is blank."""
    states = [0]
    for label in labels:
        states += [label, 0]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]
    for row in log_probs[1:]:
        came = np.logaddexp(alpha, np.concatenate([[-np.inf], alpha[:-1]]))
        for s in range(2, len(states)):
            if states[s] and states[s] != states[s - 2]:
                came[s] = np.logaddexp(came[s], alpha[s - 2])
        alpha = came + row[states]
    return float(np.logaddexp(alpha[-1], alpha[-2]))


def emissions(word: str, *, noise: float) -> np.ndarray:
    """Return log_probs (frames, tokens) float32 that spell a word, a blank after each letter."""
    random = np.random.default_rng(7)
    path = [token for letter in word for token in (1 + ALPHABET.index(letter), 0)]
    logits = random.normal(0, noise, (len(path), 1 + len(ALPHABET)))
    logits[np.arange(len(path)), path] += 6
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), np.float32)


def score(word: str, log_probs: np.ndarray) -> float:
    return forward(log_probs.astype(float), [1 + ALPHABET.index(letter) for letter in word])


def documented() -> None:
    """Run the first block of Python in README, and compare with what its last line promises."""
    page = str(metadata.metadata("edgectc").get_payload())
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:1]
    *before, last = code.strip().splitlines()
    expression, promised = last.split("  # ")
    session: dict[str, object] = {}
    exec("\n".join(before), session)
    assert eval(expression, session) == promised.strip('"'), f"{expression} is not {promised}"


def main() -> None:
    if sys.argv[1:2] == ["--emissions"]:
        log_probs = emissions(sys.argv[2], noise=1.0)
        Path(sys.argv[3]).write_bytes(log_probs.tobytes())
        print(len(log_probs), score(sys.argv[2], log_probs))
        return
    plain = sys.argv[1:] == ["--plain"]
    assert (compiled.library() is None) == plain, f"compiled search: {compiled.library()}"
    folder = Path(edgectc.__file__).parent / "models"
    if not folder.is_dir():  # a source tree
        folder = Path(__file__).parents[1] / "models"
    words = folder / "swipe-en" / "lexicon.trie"
    decode = edgectc.make_decoder(
        "lexicon", tokens=["<blank>", *ALPHABET], blank_id=0, lexicon=words, lm_weight=0.0
    )
    for word in ("keyboard", "hello", "a", "internationalization"):
        log_probs = emissions(word, noise=1.0)
        best = decode(log_probs, nbest=3)[0]
        assert best.text == word, f"{word}: got {best.text}"
        expected = score(word, log_probs)
        assert abs(best.score - expected) < 1e-3, f"{word}: {best.score}, expected {expected}"
    if not plain:  # the network needs the library, too
        recognizer = edgectc.load(runner="native")
        for word in ("hello", "keyboard", "because", "morning"):
            found = recognizer(edgectc.sample(word)).best.text
            assert found == word, f"a swipe of {word}: got {found}"
    heavy = {"torch", "onnxruntime", "onnx"} & {*sys.modules}
    assert not heavy, f"decoding imported {heavy}"
    if not plain:
        documented()
    assert not outside, f"outside of the environment: {outside}"
    means = ", with NumPy" if plain else ""
    where = f"{platform.machine()}, {sys.platform}, Python {platform.python_version()}"
    print(f"edgectc {edgectc.__version__} decodes on {where}{means}")


if __name__ == "__main__":
    main()
