"""Draws docs/pipeline.svg: a generated trace, what the network answers, and the ranked words."""

from pathlib import Path

import numpy as np

import edgectc
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

OUT = Path(__file__).parent.parent / "docs" / "pipeline.svg"
WORD, SEED = "keyboard", 3
INK, SOFT, LINE, HOT = "#1f2933", "#7b8794", "#cbd2d9", (11, 105, 163)
KEY, ROW = 30, 40  # a key, in pixels


def text(x: float, y: float, said: str, size: int = 13, fill: str = INK, anchor: str = "start"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" '
        f'text-anchor="{anchor}">{said}</text>'
    )


def keyboard(layout: layouts.Layout, points: np.ndarray, x0: float, y0: float) -> list[str]:
    size = np.array([10 * KEY, 3 * ROW])
    parts = []
    for letter, center in zip(layout.letters, layout.centers, strict=True):
        x, y = center * size + (x0, y0)
        parts.append(
            f'<rect x="{x - KEY / 2 + 1:.1f}" y="{y - ROW / 2 + 1:.1f}" width="{KEY - 2}" '
            f'height="{ROW - 2}" rx="4" fill="#fff" stroke="{LINE}"/>'
        )
        parts.append(text(x, y + 5, letter, 14, SOFT, "middle"))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points[:, :2] * size + (x0, y0))
    parts.append(
        f'<polyline points="{path}" fill="none" stroke="rgb{HOT}" stroke-width="4" '
        'stroke-linecap="round" stroke-linejoin="round" opacity="0.8"/>'
    )
    return parts


def heat(probs: np.ndarray, names: list[str], x0: float, y0: float) -> list[str]:
    cell, high = 9, 13
    parts = []
    for i, name in enumerate(names):
        y = y0 + i * high
        parts.append(text(x0 - 8, y + high - 3, name, 11, SOFT, "end"))
        for t, p in enumerate(probs[:, i]):
            shade = 255 - (255 - np.array(HOT)) * p
            color = "#" + "".join(f"{int(v):02x}" for v in shade)
            parts.append(
                f'<rect x="{x0 + t * cell}" y="{y}" width="{cell}" height="{high}" '
                f'fill="{color}" stroke="#f0f2f4" stroke-width="0.5"/>'
            )
    return parts


def main() -> None:
    rec = edgectc.load(runner="onnx")
    layout = layouts.load("qwerty")
    points = swipe(WORD, layout, np.random.default_rng(SEED))
    probs = np.exp(rec.log_probs(points))
    answer = rec(points)
    column = {letter: i for i, letter in enumerate(layout.letters)}
    names = list(dict.fromkeys(WORD))
    shown = probs[:, [*(column[n] for n in names), 64]]
    parts = [
        text(20, 28, "finger trace + key positions", 14),
        *keyboard(layout, points, 20, 45),
        text(390, 28, "one small graph: log_probs over keys and blank", 14),
        *heat(shown, [*names, "blank"], 430, 45),
        text(780, 28, "exact search: words", 14),
    ]
    for i, word in enumerate(answer.candidates):
        parts.append(text(780, 62 + 26 * i, word.text, 16 if i else 19, INK if i == 0 else SOFT))
        parts.append(text(930, 62 + 26 * i, f"{word.probability:.0%}", 13, SOFT, "end"))
    body = "\n".join(parts)
    OUT.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 950 190" '
        f'font-family="system-ui, sans-serif">\n<rect width="950" height="190" fill="#fafbfc"/>\n'
        f"{body}\n</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
