"""Data, lexicon and code are part of a run and of its bundle: nothing else goes on in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core.config import family_config
from edgectc.core.errors import BundleError, BundleMismatchError, ConfigError
from edgectc.data import signals
from edgectc.data.recordings import samples_for
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.training import identity

SPEC = family_config("gru", "small")["model"]["frontend"]


def write(path: Path, seed: int = 0, count: int = 24, **named: Any) -> Path:
    made = list(samples_for(SPEC).synthesize(count, seed=seed))
    signals.write(path, named or {"train": made[6:], "dev": made[:4], "test": made[4:6]})
    return path


def config(**changes: Any) -> dict[str, Any]:
    values = family_config("gru", "small")
    return {**values, "epochs": 1, "batch_size": 8, "validate_every": 1, **changes}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = write(tmp_path / "x.npz")
    edgectc.train(config(), out=tmp_path / "run", data=data)
    return tmp_path / "run"


def test_a_run_and_its_bundle_tell_what_they_were_trained_on(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = edgectc.inspect(run)["identity"]
    (file,) = found["data"]
    assert (file["part"], file["name"]) == ("data", "x.npz")
    assert len(file["sha256"]) == 64
    assert found["rows"] == {"train": 18, "dev": 4, "test": 2}
    assert found["code"]["version"] == edgectc.__version__
    assert found["lexicon"] is None
    packed = edgectc.pack(run, out=run.parent / "packed")
    assert edgectc.inspect(packed.path)["training"]["identity"] == found
    assert main(["inspect", str(packed.path)]) == 0
    assert file["sha256"] in capsys.readouterr().out
    assert json.loads((run / "test.json").read_text())["rows"] == 2


def test_other_data_is_refused_with_what_changed_or_accepted_and_kept(run: Path) -> None:
    data = run.parent / "x.npz"
    before = {path.name: path.read_bytes() for path in run.glob("*.*")}
    first = identity.read(run)
    write(data, seed=5)
    with pytest.raises(BundleMismatchError, match=r"data was x\.npz [0-9a-f]{12} \(24 rows\), is"):
        edgectc.train(config(), out=run, data=data)
    assert {path.name: path.read_bytes() for path in run.glob("*.*")} == before
    edgectc.train(config(), out=run, data=data, accept_changes=True)
    now = identity.read(run)
    assert now is not None
    assert now.before == (first,)
    assert now.data != first.data  # type: ignore[union-attr]
    edgectc.train(config(), out=run, data=data)
    assert identity.read(run) == now


def test_the_same_bytes_under_another_name_are_the_same_data(run: Path) -> None:
    moved = run.parent / "elsewhere.npz"
    (run.parent / "x.npz").rename(moved)
    edgectc.train(config(), out=run, data=moved)
    with pytest.raises(BundleMismatchError, match="is generated"):
        edgectc.train(config(), out=run)
    with pytest.raises(BundleMismatchError, match="split_by was auto, is row"):
        edgectc.train(config(), out=run, data=moved, split_by="row")


def test_another_lexicon_is_refused(tmp_path: Path) -> None:
    few = {"synthetic_pool": 24, "synthetic_words": 2}
    values = {**family_config("tcn", "small"), "data": few, "epochs": 1, "validation_rows": 6}
    values |= {"decoder": {"type": "greedy"}}
    file = tmp_path / "words.tsv"
    for counts in ({"hello": 2.0, "world": 1.0}, {"hello": 2.0, "word": 1.0}):
        lexicon_file.write(Lexicon.from_counts(counts), file)
        if "world" in counts:
            edgectc.train(values, out=tmp_path / "run", lexicon=file)
    with pytest.raises(BundleMismatchError, match=r"lexicon was 2 words [0-9a-f]{12}, is 2 words"):
        edgectc.train(values, out=tmp_path / "run", lexicon=file)


def test_a_run_of_yesterday_goes_on_and_packs(run: Path) -> None:
    (run / "identity.json").unlink()
    assert edgectc.inspect(run)["identity"] is None
    assert "identity" not in edgectc.pack(run, out=run.parent / "old").index.training
    edgectc.train(config(), out=run, data=run.parent / "x.npz")
    assert identity.read(run) is not None


def test_a_damaged_record_is_refused(run: Path) -> None:
    for text in ("{", "[]", '{"schema_version": 1}', '{"schema_version": 2}'):
        (run / "identity.json").write_text(text)
        with pytest.raises(BundleError, match=r"cannot read .*identity\.json"):
            edgectc.inspect(run)


def test_other_code_is_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(identity, "source_sha256", lambda: "0" * 64)
    edgectc.train(config(), out=run, data=run.parent / "x.npz")
    assert "preparation of samples was another" in capsys.readouterr().err


def test_files_of_their_own_choose_and_measure(tmp_path: Path) -> None:
    made = list(samples_for(SPEC).synthesize(30, seed=0))
    names = {"a": made[:16], "dev": made[16:24], "test": made[24:]}
    a, dev, test = (write(tmp_path / f"{n}.npz", **{"": some}) for n, some in names.items())
    edgectc.train(config(), out=tmp_path / "run", data=[a], dev=dev, test=test)
    found = edgectc.inspect(tmp_path / "run")["identity"]
    assert found["rows"] == {"train": 16, "dev": 8, "test": 6}
    assert [file["part"] for file in found["data"]] == ["data", "dev", "test"]
    figures = json.loads((tmp_path / "run/test.json").read_text())
    assert {"test_per", "rows", "epoch"} == {*figures}
    with pytest.raises(ConfigError, match="go with data"):
        edgectc.train(config(), out=tmp_path / "other", dev=dev)
