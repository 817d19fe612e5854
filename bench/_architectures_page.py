"""The page of `bench/architectures.py`: a table, and every refusal below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """How a network is run.

    Attributes:
        whole: on whole recordings.
        streams: chunk by chunk.
        zeros: on recordings padded with zeros.
    """

    whole: bool
    streams: bool
    zeros: bool


def written(
    results: Mapping[str, Any], head: str, shapes: Mapping[str, Shape], formats: Sequence[str]
) -> str:
    """Return the table in Markdown, and every refusal below it.

    Args:
        results: by network and format.
        head: what it was measured by and on.
        shapes: of all networks of the script.
        formats: columns of networks that see whole recordings.
    """
    columns = [*formats, "streaming"]
    lines = [
        "# Architectures of others", "",
        "Written by `bench/architectures.py`. Each network is small, untrained, written as its "
        "authors write it, and run as they run it:",
        "alone on recordings of three lengths, or padded with zeros where `padding=\"zeros\"` says "
        "so (z). The file is run by hand in",
        "ONNX Runtime or ExecuTorch. In float32 a cell is the largest difference in nats of any "
        "log-probability; in int8, of those",
        "of tokens of probability 0.01 or more, with the scheme (s: static, d: dynamic, w: weights "
        "alone); l is `--exporter legacy`;",
        "a number in brackets is a refusal, below; > N s was stopped after so much processor time; "
        "- was not measured. An empty cell does not apply:",
        "a network that is given its memory streams, any other sees whole recordings. Untrained "
        "networks say what converts and how exactly,",
        "nothing of accuracy, and two tokens may be as likely as each other in many of their "
        "frames: an int8 refusal says in how many.",
        "", f"| network | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|",
    ]  # fmt: skip
    reasons: list[str] = []
    counts = dict.fromkeys(columns, 0)
    shown = [name for name in shapes if name in results]
    for name in shown:
        found = results[name]
        cells = [
            _cell(found.get(column), reasons, counts, column)
            if _applies(shapes[name], column)
            else ""
            for column in columns
        ]
        mark = " (z)" if shapes[name].zeros else ""
        lines.append(f"| {name}{mark} | {' | '.join(cells)} |")
    held = ", ".join(f"{column} {count}" for column, count in counts.items())
    lines += ["", f"Accepted, of {len(shown)}, {len(shapes)} being in the script: {held}."]
    lines += ["", "## Refusals", ""]
    lines += [f"{i}. {why}" for i, why in enumerate(reasons, 1)]
    lines += ["", "## Conditions", "", "```", head.strip(), "```", ""]
    return "\n".join(lines)


def _applies(shape: Shape, column: str) -> bool:
    return shape.streams if column == "streaming" else shape.whole


def _cell(
    one: Mapping[str, Any] | None, reasons: list[str], counts: dict[str, int], column: str
) -> str:
    if one is None:
        return "-"
    if "stopped" in one:
        return f"> {one['stopped']:.0f} s"
    if "why" in one or "wrong" in one:
        text = (one.get("why") or f"WRONG: {one['wrong']}").replace("|", "\\|")
        if text not in reasons:
            reasons.append(text)
        return f"({reasons.index(text) + 1})"
    counts[column] += 1
    if "scheme" in one:
        return f"{one['likely']:.2g} {one['scheme'][5]}"
    return f"{one['difference']:.1g}{' l' if one.get('exporter') == 'legacy' else ''}"
