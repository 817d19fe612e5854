"""A run's best checkpoint to a bundle: weights folded, reference cases answered, all hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from edgectc.reference import Case
from edgectc.training import checkpoints
from edgectc.training.settings import Settings

_NOTES = ("CARD.md", "train.toml", "samples.jsonl")


def pack(
    run: Path,
    out: Path,
    *,
    name: str,
    lexicon: Path,
    lexicon_licence: str,
    decoder: Mapping[str, Any] | None = None,
    checkpoint: str = "best",
) -> Bundle:
    """Write the bundle of a training run; the card, config and samples already there are kept.

    Args:
        run: folder that `train` wrote.
        out: bundle directory to make or replace.
        name: name of the model.
        lexicon: lexicon file to carry.
        lexicon_licence: its licence, as the manifest states it.
        decoder: changes to the run's decoder preset.
        checkpoint: "best" or "last".

    Raises:
        BundleFileMissingError: the run has no such checkpoint yet.
        NonFiniteError: a weight is NaN or Inf.
    """
    settings, model, progress = _trained(run, checkpoint)
    preset = registry.complete("decoders", {**settings.decoder, **(decoder or {})})
    weights = save({k: v.clone() for k, v in model.state_dict().items()})  # before folding
    model.fold().eval()
    own = settings.data.layout
    boards = [layouts.load(board) for board in (own, *sorted({*layouts.names()} - {own}))]
    named = {board.name: board for board in boards}
    cases = reference.generate(model.frontend, reference.swipes(list(named)), boards=named)
    cases = answer(model, cases, boards=named, decoder=preset, lexicon=Lexicon.read(lexicon))
    tokens = model.frontend.tokens(boards[0])
    words = lexicon.read_bytes()
    files = {
        "weights.safetensors": weights,
        "reference.safetensors": reference.to_safetensors(cases),
        "tokens.txt": tokens.to_text().encode(),
        "seen_words.bin": (run / "seen_words.bin").read_bytes(),
        lexicon.name: words,
    }
    values = {
        "name": name,
        "model": {part: registry.complete(kind, settings.model[part]) for part, kind in PARTS},
        "blank_id": tokens.blank_id,
        "stride": model.stride,
        "window": model.window,
        "layouts": [layouts.describe(board) for board in boards],
        "decoder": preset,
        "lexicon": {"file": lexicon.name, "sha256": sha256(words), "licence": lexicon_licence},
        "seen_words": "seen_words.bin",
        "training": {**progress, "seed": settings.seed},
    }
    notes = {note: (out / note).read_bytes() for note in _NOTES if (out / note).exists()}
    return bundles.write(out, values, files, notes=notes)


def _trained(run: Path, checkpoint: str) -> tuple[Settings, CtcModel, Mapping[str, Any]]:
    path = run / f"{checkpoint}.safetensors"
    if not path.exists():
        raise BundleFileMissingError(f"{path} does not exist; train first")
    settings = from_dict(Settings, json.loads((run / "config.json").read_text(encoding="utf-8")))
    state = checkpoints.read(path)
    model = CtcModel(settings.model)
    model.load_state_dict(dict(state.model))
    model.check_finite()
    return settings, model, state.progress


def answer(
    model: CtcModel,
    cases: list[Case],
    *,
    boards: Mapping[str, Layout],
    decoder: Mapping[str, Any],
    lexicon: Lexicon | None,
) -> list[Case]:
    """Return the cases with the answers of ``model`` and its decoders."""
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
            made = [registry.create("decoders", s, tokens=tokens, lexicon=lexicon) for s in specs]
            texts = [decode(out.double().numpy(), nbest=1).best.text for decode in made]
        answered.append(reference.answered(case, used, *texts))
    return answered
