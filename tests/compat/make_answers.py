"""The answers that files-1/ got from the version that wrote it; see make_files.py, which runs this.

It needs that version too. A candidate is written as [text, score, probability, exact, posterior].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[..., str]
Rows = list[dict[str, Any]]

# How the swipe bundle is loaded; the files lie beside it.
LOADS: dict[str, dict[str, Any]] = {
    "plain": {},
    "user": {"dictionary": "user.json"},
    "text": {"lexicon": "words.tsv", "language_model": "words-quantized.lm"},
    "gzip": {"lexicon": "words.tsv.gz", "language_model": "words.arpa"},
    "offensive": {"offensive": True, "language_model": "words.arpa.gz"},
}
HOTWORDS = ["Nadia"]  # of the decoder "beam"
# Values at which an option shows by itself; the others show only with a context or a trace.
_SHARP = {"budget": 3, "margin": 0.5, "posterior_width": 1e-4}
_STARVED = {"budget": 3, "beam_size": 1}
_IN_CONTEXT = ("context_weight", "template_weight")


def answers(
    out: Path, scratch: Path, edgectc: Run, preset: Mapping[str, Any], beam: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all answers; writes out/emissions.npz beside them."""
    rows = [json.loads(line) for line in (out / "traces.jsonl").read_text("utf-8").splitlines()]
    tables = emissions(out, rows)
    return {
        "words": words(out, scratch, edgectc),
        "language_models": language_models(out, edgectc),
        "user": user(out),
        "alone": alone(rows, tables, out, preset, beam),
        "loads": loads(out, rows, tables),
        "models": models(out, rows),
        "shelf": shelf(out),
        "recordings": recordings(out, edgectc),
        "packed": {
            "swipe": packed(edgectc, rows, out / "swipe", scratch, "--preset", out / "preset.json"),
            "run": packed(edgectc, rows, out / "run", scratch, "--lexicon", out / "words.tsv"),
        },
    }


def candidates(decoded: Any) -> list[list[Any]]:
    return [
        [c.text, c.score, c.probability, c.exact, None if c.posterior is None else [*c.posterior]]
        for c in decoded.candidates
    ]


def words(out: Path, scratch: Path, edgectc: Run) -> list[list[Any]]:
    found = []
    for name in ("words.tsv", "words.tsv.gz", "words.trie"):
        edgectc("lexicon", "build", out / name, "--out", scratch / "again.tsv")
        lines = (scratch / "again.tsv").read_text("utf-8").splitlines()
        pairs = [line.split("\t") for line in lines if not line.startswith("#")]
        found.append([[word, float(value)] for word, value in pairs])
    assert found[0] == found[1] == found[2]
    return found[0]


def language_models(out: Path, edgectc: Run) -> dict[str, Any]:
    names = ("words.lm", "words-quantized.lm", "words.arpa", "words.arpa.gz", "words.tsv")
    text = out / "held-out.txt"
    return {name: json.loads(edgectc("lm", "score", out / name, text, "--json")) for name in names}


def user(out: Path) -> dict[str, Any]:
    import edgectc

    read = edgectc.UserDictionary.read(out / "user.json")
    return {
        word: {
            "count": read[word].count,
            "boost": read[word].boost,
            "hidden": read[word].hidden,
            "log_prob": None if read[word].hidden else read.log_prob(word, -7.0),
        }
        for word in read
    }


def emissions(out: Path, rows: Rows) -> dict[str, np.ndarray]:
    """Write what the network of the swipe bundle says of each trace, and a silence, in float32."""
    import edgectc

    model = edgectc.load(out / "swipe", runner="eager")
    found = [model.log_probs(row["points"], layout=row["layout"]) for row in rows]
    tables = {str(i): one.astype(np.float32) for i, one in enumerate(found)}
    silent = np.full((8, found[0].shape[1]), -9.0)
    silent[:, -1] = np.log1p(-np.exp(silent[:, :-1]).sum(axis=1))
    tables["silence"] = silent.astype(np.float32)
    np.savez_compressed(out / "emissions.npz", **tables)
    return tables


def alone(
    rows: Rows,
    tables: Mapping[str, np.ndarray],
    out: Path,
    preset: Mapping[str, Any],
    beam: Mapping[str, Any],
) -> dict[str, Any]:
    """Decode without a model: each option by itself, on a table whose answer it changes."""
    import edgectc

    model = edgectc.load(out / "swipe", runner="eager")
    tokens = model.tokens(model.board("qwerty"))
    lines = (out / "words.tsv").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if not line.startswith("#")]
    lexicon = {word: float(value) for word, value in pairs}
    about = {"tokens": list(tokens.symbols), "blank_id": tokens.blank_id}

    def decode(name: str, options: Mapping[str, Any], key: str) -> list[list[Any]]:
        more = {"hotwords": HOTWORDS} if name == "beam" else {}
        made = edgectc.make_decoder(name, **about, lexicon=lexicon, **more, **options)
        return candidates(made(tables[key].astype(np.float64), nbest=5))

    usable = [str(i) for i, row in enumerate(rows) if row["layout"] == "qwerty"]
    cases = []
    for name, options, plain in variants(preset, beam):
        where = [
            k for k in (*usable, "silence") if decode(name, options, k) != decode(name, plain, k)
        ]
        shows = options != plain and not {*options} <= {*_IN_CONTEXT}
        assert where or not shows, f"{name}: {options} changes no answer"
        for key in where[:1] or usable[:1]:
            found = decode(name, options, key)
            cases.append({"decoder": name, "options": options, "table": key, "words": found})
    return {**about, "hotwords": HOTWORDS, "cases": cases}


def variants(
    preset: Mapping[str, Any], beam: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield decoder, options, and those to differ from."""
    yield "lexicon", {}, {}
    for key, value in preset.items():
        plain: dict[str, Any] = {}
        if key == "beam_size":  # the beam takes over where the budget ends
            plain = {"budget": _STARVED["budget"]}
            value = _STARVED[key]
        elif key == "unknown_letter_score":
            plain = {"unknown_score": preset["unknown_score"]}
        yield "lexicon", {**plain, key: _SHARP.get(key, value)}, plain
    yield "lexicon", {**preset}, {}
    yield "beam", {}, {}
    for key, value in beam.items():
        yield "beam", {key: value}, {}
    yield "beam", {**beam}, {}


class Stored:
    """A runner that answers what the network answered."""

    name = "stored"

    def __init__(self) -> None:
        self.log_probs = np.zeros((0, 0))

    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.log_probs[None]


def loads(out: Path, rows: Rows, tables: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Decode the stored emissions with the sealed preset and the files of words."""
    import edgectc

    found: dict[str, Any] = {}
    for name, files in LOADS.items():
        placed = {k: str(out / v) if isinstance(v, str) else v for k, v in files.items()}
        model = edgectc.load(out / "swipe", runner="eager", **placed)
        model.engine = stored = Stored()
        found[name] = {"files": files, "rows": []}
        for i, row in enumerate(rows):
            stored.log_probs = tables[str(i)]
            how = {"layout": row["layout"], "context": row.get("context", ())}
            finished = candidates(model(row["points"], **how))
            begun = candidates(model(row["points"], **how, unfinished=True, nbest=3))
            found[name]["rows"].append({"words": finished, "unfinished": begun})
        if name == "plain":
            prove_in_context(model, stored, rows, tables, found[name]["rows"])
    return found


def prove_in_context(
    model: Any, stored: Stored, rows: Rows, tables: Mapping[str, np.ndarray], said: Rows
) -> None:
    """Check that the options that need a context or a trace change answers."""
    sealed = dict(model.preset)
    for name, default in zip(_IN_CONTEXT, (0.5, 0.0), strict=True):
        assert sealed[name] != default
        model.preset = {**sealed, name: default}
        model._decoders.clear()
        answers = []
        for i, row in enumerate(rows):
            stored.log_probs = tables[str(i)]
            how = {"layout": row["layout"], "context": row.get("context", ())}
            answers.append(candidates(model(row["points"], **how)))
        assert answers != [one["words"] for one in said], name


def models(out: Path, rows: Rows) -> dict[str, Any]:
    """Decode with each network that takes swipes."""
    places = {"swipe": "eager", "transformer": "eager", "conformer": "eager"}
    folder = out / "swipe" / "artifacts"
    places |= {
        path.relative_to(out).as_posix(): path.suffix.removeprefix(".")
        for path in sorted(folder.iterdir())
        if path.suffix in (".onnx", ".pte")
    }
    return {place: {"runner": runner, "rows": heard(out / place, runner, rows)}
            for place, runner in places.items()}  # fmt: skip


def heard(place: Path, runner: str, rows: Rows) -> list[list[list[Any]]]:
    import edgectc

    model = edgectc.load(place, runner=runner)
    if model.language_model is None:
        rows = [{**row, "context": ()} for row in rows]
    return [
        candidates(model(row["points"], layout=row["layout"], context=row.get("context", ())))
        for row in rows
    ]


def shelf(out: Path) -> Rows:
    """Decode traces on a keyboard of the user's own."""
    import edgectc
    from edgectc.data import layouts
    from edgectc.data.synthesis import swipe

    path, rng = str(out / "layout.json"), np.random.default_rng(8)
    model = edgectc.load(out / "swipe", runner="eager")
    found = []
    for word in ("garden", "hello", "quick"):
        points = np.round(swipe(word, layouts.load(path), rng), 4).tolist()
        found.append({"points": points, "words": candidates(model(points, layout=path))})
    return found


def recordings(out: Path, edgectc: Run) -> dict[str, Any]:
    """Decode recordings with each network that takes no swipes, by the command line."""
    pairs = {
        "gru": "neural.npz",
        "mobilenetv3": "landmarks.npz",
        "i3d": "landmarks.npz",
        "features.onnx": "features.npz",
    }
    found = {}
    for place, name in pairs.items():
        printed = edgectc("decode", out / place, "--input", out / name, "--json")
        found[place] = {"input": name, "rows": [json.loads(line) for line in printed.splitlines()]}
    return found


def packed(edgectc: Run, rows: Rows, source: Path, scratch: Path, *more: object) -> Any:
    """Pack a run or a bundle anew; return what the new bundle decodes."""
    bundle = scratch / f"packed-{source.name}"
    edgectc("pack", source, "--out", bundle, *more)
    return heard(bundle, "eager", rows)
