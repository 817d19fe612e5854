"""The card of a bundle that has none: what the model is, takes, answers and was taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgectc.core import registry
from edgectc.core.tokens import Tokens
from edgectc.networks.model import CtcModel

MADE = (
    "<!-- Made by `edgectc pack`, and made again by it: remove this line to keep your own text. -->"
)


def kept(found: bytes | None) -> bool:
    """Return whether a card was written by a person."""
    return found is not None and MADE.encode() not in found


def write(
    name: str,
    model: CtcModel,
    spec: Mapping[str, Any],
    *,
    tokens: Tokens,
    decoder: Mapping[str, Any],
    training: Mapping[str, Any],
    words: Mapping[str, Mapping[str, str]],
) -> bytes:
    """Return the text of ``CARD.md``.

    Args:
        name: of the bundle.
        model: the network, not yet folded.
        spec: what it was made of.
        tokens: of the default layout.
        decoder: preset of the bundle.
        training: what the index says of it.
        words: what the index says of lexicon and language model.
    """
    contract = model.frontend.input_contract()
    T = model.frontend.max_frames
    about = (registry.module("encoders", spec["encoder"]["type"]).__doc__ or "").splitlines()[0]
    count = sum(parameter.numel() for parameter in model.parameters())
    decoding = [f"`{decoder['type']}`"]
    for kind, one in words.items():
        decoding.append(f"{kind} `{one['file']}` ({one['licence'] or 'licence not said'})")
    parts = {part: str(spec[part]["type"]) for part in ("frontend", "features", "encoder")}
    lines = [
        MADE,
        f"# {name}",
        "",
        f"`{parts['encoder']}` encoder: {about}",
        "",
        "| | |",
        "|---|---|",
        f"| parts | {', '.join(f'{part} `{kind}`' for part, kind in parts.items())} |",
        f"| parameters | {count:,} |",
        f"| frames | {T} -> {model.output_length(T)} |",
        f"| stride, window | {model.stride}, {model.window} |",
        f"| columns | {len(tokens)}, blank {tokens.blank_id}; natural log probabilities |",
        f"| decoder | {', '.join(decoding)} |",
        f"| training | {_taught(training)} |",
        "",
        "| input | shape | meaning |",
        "|---|---|---|",
        *(f"| `{key}` | {_shape(one)} | {one['meaning']} |" for key, one in contract.items()),
        "",
        "Not said here, because nobody has measured it: accuracy on other data, fairness between",
        "people, speed on a phone. `edgectc eval`, `edgectc bench` and `edgectc verify` do.",
    ]
    return ("\n".join(lines) + "\n").encode()


def _taught(training: Mapping[str, Any]) -> str:
    """Return what happened to the weights, in a line."""
    if not training.get("epoch"):
        return f"none: random weights of seed {training.get('seed', 0)}; its answers mean nothing"
    best = f"epoch {training['epoch']} of a run with seed {training.get('seed', 0)}"
    if training.get("value") is None:
        return best
    return f"{best}: {training['metric']} {training['value']:.4g} on its dev samples"


def _shape(about: Mapping[str, Any]) -> str:
    return f"{about['dtype']} {' x '.join(str(size) for size in about['shape'])}"
