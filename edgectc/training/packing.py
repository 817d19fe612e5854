"""A run's best checkpoint to a bundle: weights folded, reference cases answered, all hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from edgectc import bundle as bundles
from edgectc import reference, registry
from edgectc.bundle import Bundle
from edgectc.config import from_dict
from edgectc.data import layouts
from edgectc.data.layouts import Layout
from edgectc.data.lexicons import Lexicon
from edgectc.errors import BundleFileMissingError
from edgectc.files import sha256
from edgectc.model import PARTS, CtcModel
from edgectc.reference import Case, Recording
from edgectc.training import checkpoints
from edgectc.training.recordings import generate
from edgectc.training.settings import Settings

_NOTES = ("CARD.md", "train.toml", "samples.jsonl")


def pack(
    run: Path,
    out: Path,
    *,
    name: str,
    lexicon: Path | None,
    lexicon_licence: str = "",
    decoder: Mapping[str, Any] | None = None,
    checkpoint: str = "best",
) -> Bundle:
    """Write the bundle of a training run; the card, config and samples already there are kept.

    Args:
        run: folder that `train` wrote.
        out: bundle directory to make or replace.
        name: name of the model.
        lexicon: lexicon file to carry; None if the decoder needs none.
        lexicon_licence: its licence, as the manifest states it.
        decoder: changes to the run's decoder preset.
        checkpoint: "best" or "last".

    Raises:
        BundleFileMissingError: the run has no such checkpoint yet.
        ConfigError: the decoder needs a lexicon.
        NonFiniteError: a weight is NaN or Inf.
    """
    settings, model, progress = _trained(run, checkpoint)
    preset = registry.complete("decoders", {**settings.decoder, **(decoder or {})})
    kind = settings.model["frontend"]["type"]
    own, most = settings.data.layout, getattr(model.frontend.options, "slots", 0)
    boards = _boards(own, most) if kind == "swipe" else {}
    seen = run / "seen_words.bin"
    return write(
        out,
        name=name,
        model=model,
        spec=settings.model,
        boards=boards,
        recordings=generate(kind, model.frontend, boards).recordings,
        decoder=preset,
        lexicon=lexicon,
        lexicon_licence=lexicon_licence,
        seen_words=seen.read_bytes() if seen.exists() else None,
        training={**progress, "seed": settings.seed},
        notes={note: (out / note).read_bytes() for note in _NOTES if (out / note).exists()},
    )


def write(
    out: Path,
    *,
    name: str,
    model: CtcModel,
    spec: Mapping[str, Any],
    boards: Mapping[str, Layout],
    recordings: Sequence[Recording],
    decoder: Mapping[str, Any],
    training: Mapping[str, Any],
    lexicon: Path | None = None,
    lexicon_licence: str = "",
    seen_words: bytes | None = None,
    notes: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Write the bundle of a model of any family; the model is folded on the way.

    Args:
        out: directory to make or replace.
        name: of the model.
        model: with its final weights.
        spec: what it was made of.
        boards: layouts of a swipe model, the default first; else empty.
        recordings: of the reference cases.
        decoder: complete decoder preset.
        training: what the index says of it.
        lexicon: file to carry.
        lexicon_licence: its licence.
        seen_words: hashes of the training words.
        notes: files for people.

    Raises:
        ConfigError: the decoder needs a lexicon.
        NonFiniteError: a weight is NaN or Inf.
    """
    weights = _folded(model)
    cases = reference.generate(model.frontend, recordings, boards=boards, window=model.window)
    cases = answer(model, cases, boards=boards, decoder=decoder, lexicon=lexicon)
    tokens = model.frontend.tokens(next(iter(boards.values()), None))
    files = {
        "weights.safetensors": weights,
        "reference.safetensors": reference.to_safetensors(cases),
        "tokens.txt": tokens.to_text().encode(),
    }
    files |= {lexicon.name: lexicon.read_bytes()} if lexicon else {}
    files |= {"seen_words.bin": seen_words} if seen_words else {}
    values = {
        "name": name,
        "model": {part: registry.complete(kind, spec[part]) for part, kind in PARTS},
        "blank_id": tokens.blank_id,
        "stride": model.stride,
        "window": model.window,
        "layouts": [layouts.describe(board) for board in boards.values()],
        "decoder": decoder,
        "lexicon": lexicon and _described(lexicon, lexicon_licence),
        "seen_words": "seen_words.bin" if seen_words else None,
        "training": training,
    }
    return bundles.write(out, values, files, notes=notes)


def _folded(model: CtcModel) -> bytes:
    """Fold ``model`` in place for inference; return its weights from before that."""
    model.check_finite()
    weights = save({name: tensor.clone() for name, tensor in model.state_dict().items()})
    model.fold().eval()
    return weights


def _described(lexicon: Path, licence: str) -> dict[str, str]:
    return {"file": lexicon.name, "sha256": sha256(lexicon.read_bytes()), "licence": licence}


def _boards(default: str, slots: int) -> dict[str, Layout]:
    """Return the default layout and then all others that ship and do not outnumber the slots."""
    names = (default, *sorted({*layouts.names()} - {default}))
    boards = {name: layouts.load(name) for name in names}
    return {name: board for name, board in boards.items() if len(board.letters) <= slots}


def _trained(run: Path, checkpoint: str) -> tuple[Settings, CtcModel, Mapping[str, Any]]:
    path = run / f"{checkpoint}.safetensors"
    if not path.exists():
        raise BundleFileMissingError(f"{path} does not exist; train first")
    settings = from_dict(Settings, json.loads((run / "config.json").read_text(encoding="utf-8")))
    state = checkpoints.read(path)
    model = CtcModel(settings.model)
    model.load_state_dict(dict(state.model))
    return settings, model, state.progress


def answer(
    model: CtcModel,
    cases: list[Case],
    *,
    boards: Mapping[str, Layout],
    decoder: Mapping[str, Any],
    lexicon: Path | None,
) -> list[Case]:
    """Return the cases with the answers of ``model`` and its decoders."""
    words = Lexicon.read(lexicon) if lexicon else None
    answered = []
    for case in cases:
        board = reference.setting(boards, case.layout)
        inputs = case.inputs(model.frontend, board)
        with torch.inference_mode():
            out = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0]
        out = out[: model.output_length(case.length)]
        keys = len(board.letters) if isinstance(board, Layout) else out.shape[1] - 1
        used = torch.cat([out[:, :keys], out[:, -1:]], dim=1).numpy()
        tokens = model.frontend.tokens(board)
        texts = ["", ""]
        if len(out):
            specs = ({"type": "greedy"}, dict(decoder))
            made = [registry.create("decoders", s, tokens=tokens, lexicon=words) for s in specs]
            texts = [decode(out.double().numpy(), nbest=1).best.text for decode in made]
        answered.append(reference.answered(case, used, *texts))
    return answered
