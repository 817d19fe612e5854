"""A model of any family to a bundle: what it carries, and what it cannot do without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from edgectc.commands.cli import main
from edgectc.core import registry
from edgectc.core.errors import BundleFileMissingError, ConfigError, NonFiniteError
from edgectc.data.recordings import samples_for
from edgectc.exporting import packing, untrained
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts, reference
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon


def swipe_model(decoder: str) -> dict[str, Any]:
    return {
        "name": "tiny",
        "model": untrained.build("tcn"),
        "spec": untrained.config("tcn").model,
        "layouts_by_name": {"qwerty": layouts.load("qwerty")},
        "recordings": samples_for({"type": "swipe"}, [layouts.load("qwerty")]).reference(seed=0),
        "decoder": registry.complete("decoders", {"type": decoder}),
        "training": {"epoch": 1},
    }


def test_a_decoder_that_needs_a_lexicon_is_not_packed_without(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a lexicon"):
        packing.write(tmp_path / "x", **swipe_model("lexicon"))
    assert not (tmp_path / "x").exists()
    made = packing.write(tmp_path / "x", **swipe_model("greedy"))
    assert (made.index.lexicon, made.index.seen_words) == (None, None)


def test_lexicon_seen_words_and_notes_are_carried(tmp_path: Path) -> None:
    lexicon = tmp_path / "words.tsv"
    lexicon_file.write(Lexicon.from_counts({"hello": 2.0, "edge": 1.0}), lexicon)
    words = packing.Words(lexicon, licences=("CC0", ""))
    made = packing.write(
        tmp_path / "x", **swipe_model("lexicon"), words=words,
        seen_words=b"1234", notes={"CARD.md": b"# tiny"},
    )  # fmt: skip
    assert made.index.lexicon.licence == "CC0"
    assert made.file("words.tsv") == lexicon.read_bytes()
    assert made.file(made.index.seen_words) == b"1234"
    assert (tmp_path / "x" / "CARD.md").read_bytes() == b"# tiny"
    assert "CARD.md" not in made.index.files
    cases = reference.from_safetensors(made.file("reference.safetensors"))
    assert {case.word for case in cases if case.points is not None} <= {"hello", "edge", ""}


def test_a_card_is_made_until_a_person_writes_one(tmp_path: Path) -> None:
    about = {**swipe_model("greedy"), "training": {"epoch": 3, "metric": "dev_top1", "value": 0.5}}
    count = sum(p.numel() for p in about["model"].parameters())
    made = packing.write(tmp_path / "x", **about)
    text = (tmp_path / "x/CARD.md").read_text()
    assert f"| parameters | {count:,} |" in text
    assert "epoch 3 of a run with seed 0: dev_top1 0.5 on its dev samples" in text
    for name in about["model"].frontend.input_contract():
        assert f"| `{name}` |" in text
    again = packing.repack(made, tmp_path / "y", name="other")
    assert "# other" in (again.path / "CARD.md").read_text(), "made anew"
    (again.path / "CARD.md").write_text("# mine")
    last = packing.repack(again, tmp_path / "z")
    assert (last.path / "CARD.md").read_text() == "# mine"


def test_words_may_stay_where_they_are(tmp_path: Path) -> None:
    lexicon = tmp_path / "words.tsv"
    lexicon_file.write(Lexicon.from_counts({"hello": 2.0, "edge": 1.0}), lexicon)
    words = packing.Words(lexicon, licences=("CC0", ""), carried=False)
    made = packing.write(tmp_path / "x", **swipe_model("lexicon"), words=words)
    assert "words.tsv" not in made.index.files
    assert not (made.path / "words.tsv").exists()
    assert packing.words_of(made) == words  # in the folder above, by its hash
    assert "words.tsv" not in packing.repack(made, tmp_path / "y").index.files
    lexicon.write_bytes(lexicon.read_bytes() + b"\n")
    with pytest.raises(BundleFileMissingError, match="give the path of one as lexicon"):
        packing.words_of(made)


def test_words_of_another_bundle_from_the_command_line(
    tmp_path: Path, shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "x"
    assert main(["pack", str(shipped), "--words-of", str(shipped), "--out", str(made)]) == 0
    index = bundles.read(made).index
    assert index.lexicon == bundles.read(shipped).index.lexicon
    assert not {"lexicon.trie", "words.lm"} & {*index.files}
    given = ["--words-of", str(shipped), "--lexicon", "words.tsv"]
    assert main(["pack", str(shipped), *given, "--out", str(made)]) == 2
    assert "leave those out" in capsys.readouterr().err


def test_words_that_are_named_are_read(tmp_path: Path, shipped: Path) -> None:
    """A family that trains letter by letter would else carry words that nothing looks at."""
    packing.write(tmp_path / "letters", **swipe_model("greedy"))
    lexicon = tmp_path / "words.tsv"
    lexicon_file.write(Lexicon.from_counts({"hello": 2.0, "edge": 1.0}), lexicon)
    line = ["pack", str(tmp_path / "letters"), "--out", str(tmp_path / "words")]
    assert main([*line, "--lexicon", str(lexicon)]) == 0
    assert bundles.read(tmp_path / "words").index.decoder["type"] == "lexicon"
    assert main([*line, "--lexicon", str(lexicon), "--set", "type=greedy"]) == 0
    assert bundles.read(tmp_path / "words").index.decoder["type"] == "greedy"
    assert main([*line, "--words-of", str(shipped), "--set", "lm_weight=0.1"]) == 0
    theirs = bundles.read(shipped).index.decoder
    assert bundles.read(tmp_path / "words").index.decoder == {**theirs, "lm_weight": 0.1}


def test_weights_are_those_before_folding(tmp_path: Path) -> None:
    from safetensors.torch import load

    about = swipe_model("greedy")
    before = {k: v.clone() for k, v in about["model"].state_dict().items()}
    packing.write(tmp_path / "x", **about)
    stored = load(bundles.read(tmp_path / "x").file("weights.safetensors"))
    assert all(torch.equal(stored[name], before[name]) for name in before)


def test_a_bad_weight_is_not_packed(tmp_path: Path) -> None:
    about = swipe_model("greedy")
    about["model"].head.blank.data[0, 0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match=r"head\.blank"):
        packing.write(tmp_path / "x", **about)
    assert not (tmp_path / "x").exists()


def test_nothing_is_generated_for_an_unknown_frontend() -> None:
    with pytest.raises(LookupError, match="did you mean 'neural'"):
        samples_for({"type": "neurall"})


@pytest.mark.parametrize("family", ["gru", "mobilenetv3", "tcn"])
def test_a_bundle_without_words_is_packed_again_the_same(family: str, tmp_path: Path) -> None:
    first = untrained.initialise(tmp_path / family, family, name=family)
    again = packing.repack(first, tmp_path / "again")
    assert again.index == first.index
    samples = (first.path / "samples.jsonl").read_bytes()
    assert (again.path / "samples.jsonl").read_bytes() == samples
