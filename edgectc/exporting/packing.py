"""A run's best checkpoint to a bundle: weights folded, reference cases answered, all hashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save

from edgectc.core import registry
from edgectc.core.errors import BundleFileMissingError
from edgectc.core.files import read_given, sha256
from edgectc.core.staging import claimed
from edgectc.core.types import JSON, Recording
from edgectc.data.recordings import samples_for
from edgectc.exporting import card
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts, reference
from edgectc.formats.bundle import Bundle
from edgectc.formats.layouts import Layout
from edgectc.formats.reference import Case
from edgectc.language import lexicon_file
from edgectc.networks.model import CtcModel, with_weights
from edgectc.training import identity as identities
from edgectc.training import preparing
from edgectc.training.loop import checkpoints
from edgectc.training.settings import Settings

_NOTES = ("CARD.md", "train.toml", "samples.jsonl", "offensive.tsv")


@dataclass(frozen=True)
class Words:
    """The files of words that a bundle decodes with.

    Attributes:
        lexicon: file of words.
        language_model: what previous words say about the next; None for none.
        licences: of the two, as the manifest states them.
        carried: the bundle holds copies; else hosts find them by hash, e.g. in another bundle.
        preset: of the decoder that read them in the bundle that they are of; {} for none.
    """

    lexicon: Path
    language_model: Path | None = None
    licences: tuple[str, str] = ("", "")
    carried: bool = True
    preset: Mapping[str, JSON] = field(default_factory=dict, compare=False)

    def described(self) -> dict[str, dict[str, str]]:
        """Return what the index says of the files."""
        pairs = zip(("lexicon", "language_model"), self.paths(), strict=False)
        return {
            kind: {
                "file": path.name,
                "sha256": sha256(read_given(path, kind.replace("_", " "))),
                "licence": licence,
            }
            for (kind, path), licence in zip(pairs, self.licences, strict=False)
        }

    def paths(self) -> list[Path]:
        """Return the files."""
        return [self.lexicon, *([self.language_model] if self.language_model else [])]


def check_out(out: Path) -> None:
    """Refuse a place where no bundle can be made, before there is one to lose.

    Raises:
        BundleError: it holds something that is no part of a bundle.
        ConfigError: another process is writing it.
        WriteError: it cannot be written.
    """
    bundles.check_replaceable(out, _NOTES)
    with claimed(out):
        pass


def pack(
    run: Path,
    out: Path,
    *,
    name: str,
    words: Words | None = None,
    decoder: Mapping[str, JSON] | None = None,
    checkpoint: str = "best",
) -> Bundle:
    """Write the bundle of a training run; the card, config and samples already there are kept.

    Args:
        run: folder that `train` wrote.
        out: bundle directory to make or replace.
        name: name of the model.
        words: lexicon and language model; None if the decoder needs none.
        decoder: changes to the run's decoder preset.
        checkpoint: "best" or "last".

    Raises:
        BundleFileMissingError: the run has no such checkpoint yet.
        ConfigError: the decoder needs a lexicon.
        NonFiniteError: a weight is NaN or Inf.
    """
    settings, model, progress = _trained(run, checkpoint)
    slots = model.frontend.slots
    preset = _decoder(settings.decoder, words, decoder, swipes=bool(slots))
    by_name = _fitting(settings.data["layout"], slots) if slots else {}
    seen = run / "seen_words.bin"
    return write(
        out,
        name=name,
        model=model,
        spec=settings.model,
        layouts_by_name=by_name,
        recordings=_reference(settings.model, model, by_name),
        decoder=preset,
        words=words,
        seen_words=read_given(seen, "seen words") if seen.exists() else None,
        training={**progress, "seed": settings.seed, **_identity(run)},
        notes={note: read_given(out / note, "notes") for note in _NOTES if (out / note).exists()},
    )


def repack(
    bundle: Bundle,
    out: Path,
    *,
    name: str | None = None,
    words: Words | None = None,
    decoder: Mapping[str, JSON] | None = None,
    model: CtcModel | None = None,
) -> Bundle:
    """Write a bundle again with other words, preset or weights; artifacts are left out.

    An artifact carries preset and words in its manifest, so it has to be exported again.

    Args:
        bundle: what to start from.
        out: bundle directory to make or replace.
        name: name of the model; None keeps it.
        words: lexicon and language model; None keeps them.
        decoder: changes to the preset.
        model: the network with other weights; None keeps them.

    Raises:
        ConfigError: the decoder needs a lexicon.
    """
    index = bundle.index
    if model is None:
        model = with_weights(bundle)
    by_name = {layout.name: layout for layout in bundle.layouts}
    return write(
        out,
        name=name or index.name,
        model=model,
        spec=index.model,
        layouts_by_name=by_name,
        recordings=_reference(index.model, model, by_name),
        decoder=_decoder(index.decoder, words, decoder, swipes=bool(by_name)),
        words=words or words_of(bundle),
        seen_words=bundle.file(index.seen_words) if index.seen_words else None,
        training=index.training,
        notes={
            note: read_given(bundle.path / note, "notes")
            for note in _NOTES
            if (bundle.path / note).exists()
        },
    )


def words_of(bundle: Bundle) -> Words | None:
    """Return what a bundle decodes with; None if its decoder needs no words.

    Raises:
        BundleFileMissingError: a file is neither in the bundle nor in one that is shipped.
    """
    lexicon, model = bundle.index.lexicon, bundle.index.language_model
    if lexicon is None:
        return None
    return Words(
        bundles.find_file(lexicon, bundle.path, kind="lexicon"),
        bundles.find_file(model, bundle.path, kind="language_model") if model else None,
        (lexicon.licence, model.licence if model else ""),
        carried=lexicon.file in bundle.index.files,
        preset=bundle.index.decoder,
    )


def _decoder(
    spec: Mapping[str, JSON],
    words: Words | None,
    changes: Mapping[str, JSON] | None,
    *,
    swipes: bool,
) -> dict[str, JSON]:
    """Return a changed preset; `greedy` reads no words, so named ones bring a decoder that does."""
    changes = changes or {}
    if words is not None and spec["type"] == "greedy" and "type" not in changes:
        theirs = words.preset if swipes else {}
        changes = {"type": "lexicon" if swipes else "beam", **theirs, **changes}
    return registry.changed("decoders", spec, changes)


def write(
    out: Path,
    *,
    name: str,
    model: CtcModel,
    spec: Mapping[str, Mapping[str, JSON]],
    layouts_by_name: Mapping[str, Layout],
    recordings: Sequence[Recording],
    decoder: Mapping[str, JSON],
    training: Mapping[str, JSON],
    words: Words | None = None,
    seen_words: bytes | None = None,
    notes: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Write the bundle of a model of any family; the model is folded on the way.

    Args:
        out: directory to make or replace.
        name: of the model.
        model: with its final weights.
        spec: what it was made of.
        layouts_by_name: of a swipe model, the default first; else empty.
        recordings: of the reference cases.
        decoder: complete decoder preset.
        training: what the index says of it.
        words: lexicon and language model.
        seen_words: hashes of the training words.
        notes: files for people; without a card of theirs, one is made.

    Raises:
        ConfigError: the decoder needs a lexicon.
        NonFiniteError: a weight is NaN or Inf.
    """
    tokens = model.frontend.tokens(next(iter(layouts_by_name.values()), None))
    described, notes = words.described() if words else {}, dict(notes or {})
    if not card.kept(notes.get("CARD.md")):
        notes["CARD.md"] = card.write(
            name, model, spec, tokens=tokens, decoder=decoder, training=training, words=described
        )
    weights = _folded(model)
    cases = reference.generate(
        model.frontend, recordings, layouts=layouts_by_name, window=model.window
    )
    lexicon = words.lexicon if words else None
    cases = answer(model, cases, layouts_by_name=layouts_by_name, decoder=decoder, lexicon=lexicon)
    files = {
        "weights.safetensors": weights,
        "reference.safetensors": reference.to_safetensors(cases),
        "tokens.txt": tokens.to_text().encode(),
    }
    if words and words.carried:
        files |= {path.name: read_given(path, "words") for path in words.paths()}
    files |= {"seen_words.bin": seen_words} if seen_words else {}
    values = {
        "name": name,
        "model": {part: registry.complete(kind, spec[part]) for part, kind in registry.MODEL_PARTS},
        "blank_id": tokens.blank_id,
        "stride": model.stride,
        "window": model.window,
        "layouts": [layouts.describe(layout) for layout in layouts_by_name.values()],
        "decoder": decoder,
        "lexicon": None,
        **described,
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


def _fitting(default: str, slots: int) -> dict[str, Layout]:
    """Return the default layout and then all others that ship and do not outnumber the slots."""
    names = (default, *sorted({*layouts.names()} - {default}))
    loaded = {name: layouts.load(name) for name in names}
    return {name: layout for name, layout in loaded.items() if len(layout.letters) <= slots}


def _identity(run: Path) -> dict[str, JSON]:
    """Return what the index says of data, lexicon and code; {} of a run that did not keep it."""
    identity = identities.read(run)
    return {} if identity is None else {"identity": identities.summary(identity)}


def _trained(run: Path, checkpoint: str) -> tuple[Settings, CtcModel, Mapping[str, JSON]]:
    path = run / f"{checkpoint}.safetensors"
    if not path.exists():
        raise BundleFileMissingError(f"{path} does not exist; train first")
    settings = preparing.run_settings(run)
    state = checkpoints.read(path)
    model = CtcModel(settings.model)
    model.load_state_dict(dict(state.model))
    return settings, model, state.progress


def _reference(
    spec: Mapping[str, Mapping[str, JSON]], model: CtcModel, by_name: Mapping[str, Layout]
) -> list[Recording]:
    samples = samples_for(spec["frontend"], by_name.values(), frontend=model.frontend)
    return samples.reference(seed=0)


def answer(
    model: CtcModel,
    cases: list[Case],
    *,
    layouts_by_name: Mapping[str, Layout],
    decoder: Mapping[str, JSON],
    lexicon: Path | None,
) -> list[Case]:
    """Return the cases with the answers of ``model`` and its decoders."""
    words = lexicon_file.read(lexicon) if lexicon else None
    answered = []
    for case in cases:
        setting = layouts.setting(layouts_by_name, case.layout)
        inputs = case.inputs(model.frontend, setting)
        with torch.inference_mode():
            out = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0]
        out = out[: model.output_length(case.length)]
        keys = len(setting.letters) if isinstance(setting, Layout) else out.shape[1] - 1
        used = torch.cat([out[:, :keys], out[:, -1:]], dim=1).numpy()
        tokens = model.frontend.tokens(setting)
        texts = ["", ""]
        if len(out):
            specs = ({"type": "greedy"}, dict(decoder))
            made = [registry.create("decoders", s, tokens=tokens, lexicon=words) for s in specs]
            texts = [decode(out.double().numpy(), nbest=1).best.text for decode in made]
        answered.append(reference.answered(case, used, *texts))
    return answered
