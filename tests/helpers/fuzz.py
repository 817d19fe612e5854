"""Opens damaged files as a user would, in processes with a limit of time and memory."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import collections_of_others as others
import numpy as np
import onnx
from damage import KINDS, mutate

import edgectc
from edgectc.data import readers, signals, swipe_files
from edgectc.data.readers import Choices
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts, public_keys, signature
from edgectc.formats import manifest as manifests
from edgectc.language import lexicon_file, loading
from edgectc.language.ngram import kenlm_file
from edgectc.training import runs
from edgectc.training.loop import checkpoints

FILES = Path(__file__).parents[1] / "compat" / "files-1"
KENLM = Path(__file__).parents[1] / "language" / "kenlm"
NATIVE = bundles.locate("swipe-en-tiny") / "artifacts" / "swipe-en-tiny-int8-dynamic.edgectc"
SIGNED = Path(__file__).parents[1] / "formats" / "signed"
SHA256 = json.loads((SIGNED / "x.onnx.sig").read_text())["sha256"]
ARPA = (FILES / "words.arpa").read_text().partition("1-grams:")[2].partition("2-grams:")[0]
WORDS = [row.split("\t")[1] for row in ARPA.splitlines() if row.count("\t") == 2]
SECONDS = 5.0
MEMORY = 1 << 30
TRACE = [[0.1, 0.2, 0.0], [0.5, 0.5, 90.0], [0.7, 0.2, 190.0], [0.4, 0.8, 300.0]]
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 3, 2**31, 10**30, 1e308, 0.5, "", "x", "../x", "/dev/zero", "a" * 10_000,
    [], {}, [[]], {"type": "x"}, [0] * 1000,
)  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        seed: a valid file, or a folder whose file ``part`` is damaged.
        open: opens it as its user does; returns what tells its meaning.
        json: damage its JSON values too.
        hashed: whether a hash says that it was damaged.
        part: file in the folder ``seed``.
    """

    seed: Path
    open: Callable[[Path], object]
    json: bool = False
    hashed: bool = False
    part: str = ""


@dataclass
class Found:
    """What became of the damaged files of one format; lists say which mutation, and what."""

    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def _recognize(path: Path) -> object:
    answer = edgectc.load(path)(TRACE, nbest=2)
    return [(h.text, round(h.score, 3)) for h in answer]


def _recognize_artifact(path: Path) -> object:
    return _recognize(path / "artifacts/swipe.onnx")


def _manifest(path: Path) -> object:
    return manifests.read(path)[1].name


def formats() -> dict[str, Format]:
    """Return every kind of file that a user may hand over."""
    swipe = FILES / "swipe"
    return {
        "bundle.json": Format(swipe, _recognize, json=True, part="bundle.json"),
        "tokens.txt": Format(swipe, _bundle_files, hashed=True, part="tokens.txt"),
        "reference": Format(swipe, _bundle_files, hashed=True, part="reference.safetensors"),
        "onnx": Format(swipe / "artifacts/swipe.onnx", _manifest, hashed=True),
        "pte": Format(swipe / "artifacts/swipe.pte", _manifest, hashed=True),
        "sealed manifest": Format(
            swipe, _recognize_artifact, json=True, part="artifacts/swipe.onnx"
        ),
        "trie 1": Format(FILES / "words.trie", lambda p: lexicon_file.read(p).words),
        "trie": Format(_packed(), lambda p: lexicon_file.read(p).words),
        "word list": Format(FILES / "words.tsv", lambda p: lexicon_file.read(p).words),
        "packed word list": Format(FILES / "words.tsv.gz", lambda p: lexicon_file.read(p).words),
        "lm": Format(FILES / "words.lm", _language_model),
        "arpa": Format(FILES / "words.arpa", _language_model),
        "user dictionary": Format(
            FILES / "user.json", lambda p: sorted(edgectc.UserDictionary.read(p)), json=True
        ),
        "layout": Format(FILES / "layout.json", _layout, json=True),
        "checkpoint": Format(
            FILES / "run/last.safetensors", lambda p: checkpoints.read(p).progress
        ),
        "swipes": Format(FILES / "traces.jsonl", lambda p: swipe_files.load(p)[1]),
        "recordings": Format(FILES / "landmarks.npz", lambda p: len(list(signals.read(p)))),
        "config": Format(FILES / "run/train.toml", lambda p: runs.load_config(p)),
        "mlpackage": Format(
            swipe / "artifacts/swipe.mlpackage",
            _manifest,
            hashed=True,
            part="Data/com.apple.CoreML/model.mlmodel",
        ),
        "signature": Format(SIGNED, _signed, json=True, hashed=True, part="x.onnx.sig"),
        "keys": Format(SIGNED, _signed, hashed=True, part="public.pem"),
        "keys of ssh": Format(SIGNED, _signed_ssh, hashed=True, part="public.pub"),
        "native": Format(NATIVE, _manifest, hashed=True),
        **_of_others(),
        "kenlm hash table": Format(KENLM / "hash-table.bin", _kenlm),
        "kenlm trie": Format(KENLM / "trie.bin", _kenlm),
        "kenlm quantized trie": Format(KENLM / "quantized-trie.bin", _kenlm),
    }


@functools.cache
def _packed() -> Path:
    """Return a packed lexicon of today, written now."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    edgectc.pack_lexicon(FILES / "words.trie", out=folder / "words.trie")
    return folder / "words.trie"


@functools.cache
def _of_others() -> dict[str, Format]:
    """Return recordings as others keep them, written now."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    others.brain_25(folder / "sessions", ["t15.2023.08.11"], trials=2, channels=4)
    others.brain_24(folder / "days" / "t12.mat", ["go", "no"], [1, 2])
    points = np.zeros((4, 543, 3), np.float32)
    others.kaggle_signs(folder / "kaggle", [("1", "2", "hello", points)])
    others.phoenix(folder / "table", "train", [("a", "s1", "HELLO YOU", points)])
    held = {
        "hdf5": ("sessions", "brain_to_text_25", "*/data_train.hdf5"),
        "mat": ("days", "brain_to_text_24", "*.mat"),
        "parquet": ("kaggle", "kaggle_asl", "*/*/*.parquet"),
        "table": ("table", "array_table", "**/*.csv"),
        "array": ("table", "array_table", "**/*.npy"),
    }
    return {
        name: Format(
            folder / seed,
            functools.partial(_recordings, kind),
            part=str(next((folder / seed).glob(part)).relative_to(folder / seed)),
        )
        for name, (seed, kind, part) in held.items()
    }


def _recordings(kind: str, path: Path) -> object:
    said = {"go": ("G", "OW"), "no": ("N", "OW")} if kind == "brain_to_text_24" else None
    rows = [*readers.import_format(kind, path, Choices(pronunciations=said))]
    refused = [row for row in rows if isinstance(row, edgectc.InputError)]
    if refused and len(refused) == len(rows):
        raise refused[0]
    kept = [row for row in rows if not isinstance(row, edgectc.InputError)]
    return [row.reason for row in refused], [(row.signal.shape, row.target) for row in kept]


def _signed(path: Path, keys: str = "public.pem") -> object:
    trusted = public_keys.trusted(path / keys)
    return signature.check(trusted, path / "x.onnx", signature.ARTIFACT, SHA256)


def _signed_ssh(path: Path) -> object:
    return _signed(path, "public.pub")


def _kenlm(path: Path) -> object:
    """Score every word of the file, if KenLM is there: a wrong table must not be followed."""
    if importlib.util.find_spec("kenlm") is None:
        return kenlm_file.check(path)
    model = loading.load(path, required=True)
    assert model is not None
    state = model.start()
    for word in WORDS * 2:
        state = model.score(state, word)[1]
        model.score(model.start(), word)
    return round(model.score(model.start(), "the")[0], 3)


def _bundle_files(path: Path) -> object:
    bundle = bundles.read(path)
    bundle.tokens()
    return [len(bundle.file(name)) for name in bundle.index.files]


def _layout(path: Path) -> object:
    return layouts.describe(layouts.load(str(path)))


def _language_model(path: Path) -> object:
    model = loading.load(path, required=True)
    assert model is not None
    _, state = model.score(model.start(), "the")
    return [round(model.score(state, word)[0], 3) for word in ("quick", "zz")]


def damaged(form: Format, data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes of a file with one damage."""
    if not form.json or rng.random() < 0.3:
        return mutate(data, KINDS[int(rng.integers(len(KINDS)))], rng)
    if rng.random() < 0.05:
        at = int(rng.integers(len(data)))
        return data[:at] + b"[" * 100_000 + data[at:]
    if data[:1] == b"{":
        return json.dumps(_changed(json.loads(data), rng)).encode()
    manifest = json.loads(manifests.parse(data, source="seed").text())
    whole = _changed(manifest["manifest"], rng)
    body = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
    unsealed = manifests.PREFIX + b"0" * 64 + b'","manifest":' + body + b"}"
    model = onnx.ModelProto.FromString(data)
    for entry in model.metadata_props:
        if entry.value.encode().startswith(manifests.PREFIX):
            entry.value = unsealed.decode()
    made = manifests.sealed(model.SerializeToString())
    assert isinstance(made, bytes)
    return made


def _changed(value: Any, rng: np.random.Generator) -> Any:
    """Return a JSON value with one of its parts replaced, removed, or one added."""
    places = [*_places(value)]
    holder, key = places[int(rng.integers(len(places)))]
    what = rng.random()
    if what < 0.15:
        del holder[key]
    elif what < 0.25 and isinstance(holder, dict):
        holder[f"{key}x"] = holder[key]
    elif what < 0.3:
        deep: Any = 0
        for _ in range(500):
            deep = [deep]
        holder[key] = deep
    else:
        holder[key] = ODD[int(rng.integers(len(ODD)))]
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every holder and key; long lists by their first and last."""
    keys: list[Any] = [*value] if isinstance(value, dict) else [0, -1] if value else []
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def run(form: Format, count: int, seed: int = 0) -> Found:
    """Return what became of ``count`` damaged files."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / form.seed.name
        if form.part:
            shutil.copytree(form.seed, place)
        target = place / form.part if form.part else place
        data = (form.seed / form.part if form.part else form.seed).read_bytes()
        target.write_bytes(data)
        meaning = repr(form.open(place))
        context = multiprocessing.get_context("fork")
        while found.tried < count:
            ours, theirs = context.Pipe()
            job = (form, place, target, data, meaning, range(found.tried, count), seed, theirs)
            worker = context.Process(target=_work, args=job)
            worker.start()
            theirs.close()
            _collect(ours, worker, found, count)
    return found


def _collect(pipe: Connection, worker: Any, found: Found, count: int) -> None:
    """Take results until all are there, or the worker hangs or dies; then it is the mutation's."""
    while found.tried < count:
        try:
            if not _answers(pipe, worker.pid):
                worker.kill()
                _note(found, "hung", f"more than {SECONDS:g} s")
                break
            _note(found, *pipe.recv())
        except EOFError:
            worker.join()
            _note(found, "crashed", f"exit code {worker.exitcode}")
            break
    worker.join()


def _answers(pipe: Connection, pid: int) -> bool:
    """Wait for a result until the worker has computed for the limit, or ten times as long."""
    began = _computed(pid)
    for _ in range(10):
        if pipe.poll(SECONDS):
            return True
        if _computed(pid) - began >= SECONDS:
            return False
    return False


def _computed(pid: int) -> float:
    """Return the seconds of processor time of a process: on a busy machine it may have to wait."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _note(found: Found, outcome: str, what: str) -> None:
    if outcome in ("internal", "silent", "hung", "crashed", "memory"):
        found.faults.append(f"{found.tried}: {outcome}: {what}")
    found.outcomes[outcome] += 1
    found.tried += 1


def _work(
    form: Format, place: Path, target: Path, data: bytes, meaning: str, numbers: range, seed: int,
    pipe: Connection,
) -> None:  # fmt: skip
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for number in numbers:
        changed = damaged(form, data, np.random.default_rng((seed, number)))
        target.write_bytes(changed)
        pipe.send(_opened(form, place, meaning, same=changed == data))


def _opened(form: Format, place: Path, meaning: str, *, same: bool) -> tuple[str, str]:
    try:
        now = repr(form.open(place))
    except edgectc.EdgectcError as error:
        lines = str(error).splitlines()
        return ("refused", "") if len(lines) == 1 else ("internal", f"{len(lines)} lines: {lines}")
    except MemoryError:
        return "memory", "more than 1 GB"
    except Exception as error:
        return "internal", f"{type(error).__name__}: {error}"
    if now == meaning:
        return "same", ""
    return ("silent", now[:80]) if form.hashed and not same else ("other", "")
