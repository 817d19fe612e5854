"""Everything that writes for the user, as `kills` wants it: how it writes, and how it is read."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import edgectc
from edgectc.data import swipe_files
from edgectc.exporting import untrained
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.language import packed
from edgectc.runtime import languages
from edgectc.training.loop import checkpoints

TINY = "swipe-en-tiny"
RUN = ["epochs=2", "data.train=8", "data.dev=2", "batch_size=4", "validation_rows=2"]


def nothing(place: Path) -> None:
    """Find an empty folder."""


@dataclass(frozen=True)
class Writer:
    """Of one verb.

    Attributes:
        write: runs the verb in a folder.
        read: opens what is there as a user does; raises if it is not whole.
        prepare: what lies there before.
        end: what tells the result of one whole run from another; None for ``read``.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], str]
    prepare: Callable[[Path], object] = nothing
    end: Callable[[Path], str] | None = None


def writers() -> dict[str, Writer]:
    """Return all of them by their names."""
    found = {
        f"export {target}": Writer(
            _exporter(target, suffix), _artifact(suffix), _older(suffix), _passes(suffix)
        )
        for target, suffix in (("onnx", ".onnx"), ("pte", ".pte"), ("coreml", ".mlpackage"))
    }
    return found | {
        "quantize": Writer(
            _quantize, _artifact(".edgectc"), _older(".edgectc"), _passes(".edgectc")
        ),
        "pack": Writer(_packer(1), _bundle, _packer(0)),
        "tune-decoder --update": Writer(_tune, _bundle, _to_be_tuned),
        "lexicon build": Writer(_build_lexicon, _lexicon, _lexicon_before),
        "language build": Writer(_build_language, _language, _language_before),
        "lm build": Writer(_build_language_model, _language_model, _language_model_before),
        "user dictionary": Writer(_dictionary("one two"), _taught, _dictionary("three")),
        "data synth": Writer(_synthesize, _synthesized),
        "train": Writer(_train, _run, end=_best),
    }


def _digest(data: manifests.Content) -> str:
    parts = {"": data} if isinstance(data, bytes) else data
    return hashlib.sha256(repr(sorted(parts.items())).encode()).hexdigest()[:12]


def _exporter(target: str, suffix: str) -> Callable[[Path], object]:
    def write(place: Path) -> None:
        edgectc.export(TINY, target=target, out=place / f"x{suffix}")

    return write


def _artifact(suffix: str) -> Callable[[Path], str]:
    def read(place: Path) -> str:
        return manifests.read(place / f"x{suffix}")[1].name  # once the hash over all bytes holds

    return read


def _passes(suffix: str) -> Callable[[Path], str]:
    """Verify; the bytes may differ, by the identifiers in a Core ML package or by timings."""

    def end(place: Path) -> str:
        return edgectc.verify(place / f"x{suffix}").status

    return end


def _older(suffix: str) -> Callable[[Path], object]:
    """Return what lays a whole artifact of another model there."""
    target = {".mlpackage": "coreml", ".edgectc": "native"}.get(suffix, suffix[1:])
    made: list[Path] = []

    def prepare(place: Path) -> None:
        if not made:
            folder = Path(tempfile.mkdtemp())
            atexit.register(shutil.rmtree, folder)
            bundle = bundles.locate(None)  # the larger one: native has kernels for swipes only
            if target != "native":
                bundle = untrained.initialise(folder / "gru", "gru", name="gru").path
            made.append(edgectc.export(bundle, target=target, out=folder / f"x{suffix}").path)
        copy = shutil.copytree if made[0].is_dir() else shutil.copy
        copy(made[0], place / f"x{suffix}")

    return prepare


def _quantize(place: Path) -> None:
    out = place / "x.edgectc"
    edgectc.quantize(TINY, target="native", scheme="int8-dynamic", limit=5, out=out)


def _bundle(place: Path) -> str:
    bundle = bundles.read(place / "x")
    return _digest({name: bundle.file(name) for name in bundle.index.files})


def _packer(seed: int) -> Callable[[Path], object]:
    def pack(place: Path) -> None:
        edgectc.pack(init="gru", out=place / "x", seed=seed)

    return pack


def _tune(place: Path) -> None:
    edgectc.tune_decoder(
        place / "x", place / "swipes.jsonl", split="all", update=True, min_labels=1
    )


def _to_be_tuned(place: Path) -> None:
    shutil.copytree(bundles.locate(TINY), place / "x")
    shutil.copy(bundles.locate(None) / "lexicon.trie", place)
    swipes, _ = swipe_files.load(bundles.locate(None) / "samples.jsonl")
    swipe_files.write(place / "swipes.jsonl", swipes)


def _words(count: int) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        words = "".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}\t{n + 1}\n" for n in range(count))
        (place / "words.txt").write_text(words)

    return write


def _build_lexicon(place: Path) -> None:
    edgectc.build_lexicon(str(place / "words.txt"), out=place / "x.trie")


def _lexicon_before(place: Path) -> None:
    _words(50)(place)
    _build_lexicon(place)
    _words(60)(place)


def _lexicon(place: Path) -> str:
    return _digest("\n".join(packed.read(place / "x.trie").words).encode())


def _build_language(place: Path) -> None:
    edgectc.build_language("en", source=str(place / "words.txt"), out=place / "x")


def _language_before(place: Path) -> None:
    _words(50)(place)
    _build_language(place)
    _words(60)(place)


def _language(place: Path) -> str:
    pack = languages.read(place / "x")
    return _digest(repr(pack.vocabulary().lexicon.words).encode())


def _build_language_model(place: Path) -> None:
    edgectc.build_language_model(place / "text.txt", out=place / "x.lm", order=2)


def _language_model_before(place: Path) -> None:
    (place / "text.txt").write_text("one two\n" * 20)
    _build_language_model(place)
    (place / "text.txt").write_text("one two three\n" * 20)


def _language_model(place: Path) -> str:
    score = edgectc.score_language_model(place / "x.lm", place / "text.txt")
    return f"{score.perplexity:.6f}"


def _dictionary(words: str) -> Callable[[Path], None]:
    def save(place: Path) -> None:
        dictionary = edgectc.UserDictionary()
        for word in words.split():
            dictionary.add(word)
        dictionary.save(place / "x.json")

    return save


def _taught(place: Path) -> str:
    return " ".join(sorted(edgectc.UserDictionary.read(place / "x.json")))


def _synthesize(place: Path) -> None:
    edgectc.synth_data("landmarks", out=place / "x.npz", count=30, size="small")


def _synthesized(place: Path) -> str:
    path = place / "x.npz"
    return _digest(path.read_bytes()) if path.exists() else "absent"


def _train(place: Path) -> None:
    edgectc.train(
        "gru-small",
        out=place / "x",
        resume=(place / "x" / "last.safetensors").exists(),
        overrides=RUN,
        device="cpu",
    )


def _run(place: Path) -> str:
    """Read every checkpoint; that a run is half done is no fault of one."""
    for path in (place / "x").glob("*.safetensors"):
        checkpoints.read(path)
    return "whole"


def _best(place: Path) -> str:
    model = checkpoints.read(place / "x" / "best.safetensors").model
    return _digest({name: value.numpy().tobytes() for name, value in model.items()})
