"""Gathers what the app carries: a model with its words, and the keyboards that can write them."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import struct
import sys
from pathlib import Path

import cases

REPOSITORY = Path(__file__).resolve().parents[2]
KEYBOARDS = REPOSITORY / "edgectc" / "formats" / "keyboards"
PROMPTS = REPOSITORY / "edgectc" / "commands" / "serving" / "prompts.txt"
BUNDLE = REPOSITORY / "models" / "swipe-en"
RUNTIMES = {"onnx": "model.onnx", "executorch": "model.pte"}


class AssetError(RuntimeError):
    """What a bundle lacks, and how to make it."""


def gather(bundle: Path, out: Path, runtimes: dict[str, Path]) -> None:
    """Write a bundle's assets into ``out``; ``runtimes`` names artifacts for the self-test.

    Raises:
        AssetError: the bundle has no model for the library, no words, or no keyboard fits.
    """
    model = out / "model"
    model.mkdir(parents=True)
    digest = hashlib.sha256()
    for name, pattern, remedy in (
        ("model.edgectc", "artifacts/*.edgectc", "edgectc quantize {} --target native"),
        ("model.trie", "*.trie", "edgectc lexicon build, then edgectc pack"),
        ("model.lm", "*.lm", "edgectc lm build, then edgectc pack"),
    ):
        found = sorted(bundle.glob(pattern))
        if not found:
            raise AssetError(f"{bundle} has no {pattern}; make it: {remedy.format(bundle)}")
        shutil.copy(found[0], model / name)
        digest.update(found[0].read_bytes())
    (model / "id").write_text(digest.hexdigest()[:16], encoding="ascii")
    (out / "trials.txt").write_text(trials(bundle), encoding="ascii")
    lines = layouts(letters(model / "model.trie"))
    if not lines:
        raise AssetError(f"no keyboard in {KEYBOARDS} has all letters of {bundle}; add one there")
    (out / "layouts.txt").write_text("\n".join(lines), encoding="utf-8")
    (out / "runtimes").mkdir()
    for name, artifact in runtimes.items():
        cases.write(artifact, out / "runtimes" / f"{RUNTIMES[name]}.cases")
    shutil.copy(Path(__file__).parents[1] / "THIRD_PARTY.md", out)


def trials(bundle: Path) -> str:
    """Return what the phone kit tries, as Trials.java reads it."""
    artifact = min(bundle.glob("artifacts/*.edgectc"))
    about, traces = cases.traces(artifact)
    head = f"{about['name']}\t{artifact.name}\t{artifact.stat().st_size}\t{len(about['reference'])}"
    return "\n".join([head, " ".join(PROMPTS.read_text(encoding="ascii").split()), *traces])


def letters(lexicon: Path) -> set[str]:
    """Return the letters of a packed lexicon (docs/lexicon_format.md)."""
    with lexicon.open("rb") as file:
        size = struct.unpack("<8xQ", file.read(16))[0]
        return set(json.loads(file.read(size))["letters"])


def layouts(needed: set[str]) -> list[str]:
    """Return the keyboards that have all letters, QWERTY first, as Layout.java reads them."""
    made = []
    for path in sorted(KEYBOARDS.glob("*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        rows = [row["keys"] for row in about["rows"]]
        if not all(isinstance(keys, str) for keys in rows) or needed - set("".join(rows)):
            continue  # several letters on a key, or a letter is missing
        title = about["title"].partition(";")[0]
        parts = [f"{row['x']} {row['key_width']} {row['keys']}" for row in about["rows"]]
        made.append("\t".join([about["name"], title, *parts]))
    return sorted(made, key=lambda line: not line.startswith("qwerty\t"))


def main() -> int:
    """For Gradle: gather the shipped model's assets."""
    parser = argparse.ArgumentParser(prog="assets", description=__doc__)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    try:
        gather(BUNDLE, options.out, {})
    except AssetError as error:
        print(f"assets: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
