"""Text that was made up, for language models."""

from __future__ import annotations

import random


def corpus() -> list[str]:
    """500 sentences over 295 words with Zipf frequencies; the same on every Python."""
    rng = random.Random(7)
    words = [f"w{i}" for i in range(400)]
    weights = [1 / (i + 1) for i in range(400)]
    follow = {word: rng.choices(words, weights, k=6) for word in words}
    text = []
    for _ in range(500):
        line = rng.choices(words, weights)
        while len(line) < 9 and rng.random() < 0.85:
            near = rng.random() < 0.7
            line.append(rng.choice(follow[line[-1]]) if near else rng.choices(words, weights)[0])
        text.append(" ".join(line))
    return text
