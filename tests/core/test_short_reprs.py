"""What a notebook shows of big things is one short line."""

from __future__ import annotations

from pathlib import Path

from edgectc.formats import bundle, layouts, manifest, reference
from edgectc.language import builder, lexicon_file, packed
from edgectc.language.user_dictionary import UserDictionary


def test_a_line_each(shipped: Path) -> None:
    opened = bundle.read(shipped)
    artifact = manifest.read(opened.artifacts()[0])[1]
    words = lexicon_file.read(shipped / opened.index.lexicon.file)
    case = reference.from_json(artifact.reference)[0]
    ngrams = builder.build([["a b"]], order=2).ngrams
    everything = [
        opened, opened.index, artifact, words, packed.pack(words, set("abc")), case, ngrams,
        layouts.load("qwerty"), UserDictionary(),
    ]  # fmt: skip
    for thing in everything:
        text = repr(thing)
        assert text.startswith(f"{type(thing).__name__}(")
        assert len(text) < 150, text
        assert "base64" not in text
