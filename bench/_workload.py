"""Swipe words as a CTC model would emit them: seeded, so that two runs see the same."""

from __future__ import annotations

import numpy as np

from edgectc.formats import layouts

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = ("<blank>", *LETTERS, "'")
# touch error and letter softmax in keys, spike half-width in frames at T = 64, mass on keys passed
# by, logit noise, doubles with a shallow valley, letters split by a false dip, weak letters
HOW = {
    "peaky": (0.20, 0.38, 0.90, 0.015, 0.20, 0.12, 0.02, 0.00),
    "noisy": (0.34, 0.50, 1.15, 0.060, 0.45, 0.30, 0.06, 0.02),
}


def emissions(word: str, frames: int, how: str, rng: np.random.Generator) -> np.ndarray:
    """Return (frames, 28) log_probs of one word on QWERTY."""
    touch, spread, half, passed, noise, shallow, dip, weak = HOW[how]
    layout = layouts.load("qwerty")
    keys = dict(zip(layout.letters, layout.centers / layout.key_size, strict=True))
    at = np.stack([keys[c] for c in LETTERS])
    width = half * np.sqrt(frames / 64)
    letters = [c for c in word if c in keys]
    path = np.stack([keys[c] for c in letters])
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    arc = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 0.35))])
    last = arc[-1] or 1.0
    when = 2 + arc / last * (frames - 5) if len(letters) > 1 else np.array([frames / 2])
    mass = np.full((frames, len(SYMBOLS)), 1e-4)
    t = np.arange(frames)
    inside = np.interp(t, when, np.arange(len(letters)))
    finger = np.stack([np.interp(inside, np.arange(len(letters)), path[:, d]) for d in (0, 1)], 1)
    near = _softmax(-((finger[:, None] - at) ** 2).sum(-1) / (2 * spread**2))
    mass[:, 1:27] += passed * near
    for i, center in enumerate(when):
        meant = _softmax(
            -((path[i] + rng.normal(0.0, touch, 2) - at) ** 2).sum(1) / (2 * spread**2)
        )
        height = np.exp(-(((t - center) / width) ** 2))
        if rng.random() < weak:
            height *= 0.25
        if rng.random() < dip:
            height *= 1 - 0.8 * (np.abs(t - center) < 0.5)
        if i and letters[i] == letters[i - 1] and rng.random() < shallow:
            height = np.maximum(height, 0.7 * ((t > when[i - 1]) & (t < center)))
        mass[:, 1:27] += height[:, None] * meant
    mass[:, 0] += np.clip(1.0 - mass[:, 1:27].sum(1), 0.02, None)
    logits = np.log(mass) + rng.normal(0.0, noise, mass.shape)
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def _softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
