"""A run's best checkpoint to a bundle: weights folded, reference cases answered, all hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from edgectc import bundle as bundles
from edgectc import model as models
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


@dataclass(frozen=True)
class Words:
    """The files of words that a bundle carries.

    Attributes:
        lexicon: file of words.
        language_model: what previous words say about the next; None for none.
        licences: of the two, as the manifest states them.
    """

    lexicon: Path
    language_model: Path | None = None
    licences: tuple[str, str] = ("", "")


def pack(
    run: Path,
    out: Path,
    *,
    name: str,
    words: Words,
    decoder: Mapping[str, Any] | None = None,
    checkpoint: str = "best",
) -> Bundle:
    """Write the bundle of a training run; the card, config and samples already there are kept.

    Args:
        run: folder that `train` wrote.
        out: bundle directory to make or replace.
        name: name of the model.
        words: lexicon and language model to carry.
        decoder: changes to the run's decoder preset.
        checkpoint: "best" or "last".

    Raises:
        BundleFileMissingError: the run has no such checkpoint yet.
        NonFiniteError: a weight is NaN or Inf.
    """
    settings, model, progress = _trained(run, checkpoint)
    weights = save({k: v.clone() for k, v in model.state_dict().items()})  # before folding
    values = {
        "name": name,
        "model": {part: registry.complete(kind, settings.model[part]) for part, kind in PARTS},
        "decoder": {**settings.decoder, **(decoder or {})},
        "seen_words": "seen_words.bin",
        "training": {**progress, "seed": settings.seed},
    }
    files = {
        "weights.safetensors": weights,
        "seen_words.bin": (run / "seen_words.bin").read_bytes(),
    }
    own = settings.data.layout
    names = (own, *sorted({*layouts.names()} - {own}))
    return _write(out, model.fold().eval(), values, files, words, [layouts.load(n) for n in names])


def repack(
    bundle: Bundle,
    out: Path,
    *,
    name: str | None = None,
    words: Words | None = None,
    decoder: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a bundle again with other words or another decoder preset; artifacts are left out.

    An artifact carries preset and words in its manifest, so it has to be exported again.

    Args:
        bundle: what to start from; it must have a lexicon.
        out: bundle directory to make or replace.
        name: name of the model; None keeps it.
        words: lexicon and language model to carry; None keeps them.
        decoder: changes to the preset.
    """
    index = bundle.index
    words = words or _words_of(bundle)
    values = {
        "name": name or index.name,
        "model": index.model,
        "decoder": {**index.decoder, **(decoder or {})},
        "seen_words": index.seen_words,
        "training": index.training,
    }
    kept = ["weights.safetensors", *([index.seen_words] if index.seen_words else [])]
    files = {file: bundle.file(file) for file in kept}
    return _write(out, models.load(bundle), values, files, words, list(bundle.layouts))


def _words_of(bundle: Bundle) -> Words:
    lexicon, model = bundle.index.lexicon, bundle.index.language_model
    if lexicon is None:
        raise BundleFileMissingError(f"{bundle.path} carries no lexicon; name one")
    licences = (str(lexicon["licence"]), str(model["licence"]) if model else "")
    path = bundle.path / str(model["file"]) if model else None
    return Words(bundle.path / str(lexicon["file"]), path, licences)


def _write(
    out: Path,
    model: CtcModel,
    values: Mapping[str, Any],
    files: Mapping[str, bytes],
    words: Words,
    boards: list[Layout],
) -> Bundle:
    preset = registry.complete("decoders", values["decoder"])
    named = {board.name: board for board in boards}
    cases = reference.generate(model.frontend, reference.swipes(list(named)), boards=named)
    known = Lexicon.read(words.lexicon)
    cases = answer(model, cases, boards=named, decoder=preset, lexicon=known)
    tokens = model.frontend.tokens(boards[0])
    carried = {
        kind: (path.name, path.read_bytes(), licence)
        for kind, path, licence in zip(
            ("lexicon", "language_model"),
            (words.lexicon, words.language_model),
            words.licences,
            strict=True,
        )
        if path is not None
    }
    files = {
        **files,
        "reference.safetensors": reference.to_safetensors(cases),
        "tokens.txt": tokens.to_text().encode(),
        **{name: data for name, data, _ in carried.values()},
    }
    values = {
        **values,
        "decoder": preset,
        "blank_id": tokens.blank_id,
        "stride": model.stride,
        "window": model.window,
        "layouts": [layouts.describe(board) for board in boards],
        **{
            kind: {"file": name, "sha256": sha256(data), "licence": licence}
            for kind, (name, data, licence) in carried.items()
        },
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
