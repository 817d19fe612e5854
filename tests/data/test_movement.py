"""Statistics of movement, on traces whose figures are known by construction."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.commands.cli import main
from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.types import Array, Swipe
from edgectc.data import movement, swipe_files
from edgectc.data.generators import swipes as generator
from edgectc.formats import layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon

LAYOUT = layouts.load("qwerty")
INDEX = {letter: i for i, letter in enumerate(LAYOUT.letters)}


def through(word: str, ms: float = 400.0, *, off: tuple[float, float] = (0.0, 0.0)) -> Array:
    """A trace straight from key to key at even speed within each stroke, moved by ``off`` keys."""
    keys = LAYOUT.centers[[INDEX[letter] for letter in word]] + np.array(off) * LAYOUT.key_size
    at = np.arange(len(word)) * ms
    t = np.arange(0.0, at[-1] + 1.0, 10.0)
    return np.column_stack([np.interp(t, at, keys[:, i]) for i in range(2)] + [t])


def one(points: Array, word: str) -> dict[str, float]:
    found = movement.measure([Swipe(points, word)])
    return {name: float(values[0]) for name, values in found.items() if len(values)}


def test_a_straight_line_at_even_speed() -> None:
    found = one(through("qp", 900.0), "qp")  # nine keys in 0.9 s
    assert found["speed"] == pytest.approx(10.0)
    assert found["peak_speed"] == pytest.approx(1.0)
    assert found["detour"] == pytest.approx(1.0)
    assert found["curvature"] == pytest.approx(0.0, abs=1e-9)
    assert found["rest_share"] == 0.0
    assert found["ms_per_letter"] == 450.0


def test_ends_are_measured_from_the_keys_of_the_word() -> None:
    found = one(through("qp", off=(0.25, -0.1)), "qp")
    ends = [found[k] for k in ("start_x", "start_y", "end_x", "end_y")]
    assert ends == pytest.approx([0.25, -0.1, 0.25, -0.1])


def test_a_turn_of_a_right_angle_is_half_pi() -> None:
    keys = [(0.25, 0.2), (0.75, 0.2), (0.75, 0.85)]
    points = [(x, y, 500.0 * i) for i, (x, y) in enumerate(keys)]
    found = one(np.array(points), "qp")
    length = 5.0 + 0.65 * 3
    assert found["curvature"] * length == pytest.approx(np.pi / 2, abs=0.02)


def test_a_corner_cut_is_positive_inside_and_negative_outside() -> None:
    """q to z to p turns at z: a trace that passes higher has cut the corner."""
    word = "qzp"
    keys = LAYOUT.centers[[INDEX[letter] for letter in word]]
    for shift, sign in ((-0.4, 1.0), (0.4, -1.0)):
        moved = keys.copy()
        moved[1, 1] += shift * LAYOUT.key_size[1]
        t = np.array([0.0, 500.0, 1000.0])
        found = one(np.column_stack([moved, t]), word)
        assert found["corner_cut"] * sign > 0.2
        assert found["miss"] == pytest.approx(0.4)


def test_a_stay_at_a_double_letter_is_told_from_others() -> None:
    points = through("helo", 300.0)
    stay = points[:, 2] > 600.0
    points[stay, 2] += 500.0
    found = one(points, "hello")
    assert found["dwell_double"] > 500.0
    plain = movement.measure([Swipe(points, "hello")])["dwell"]
    assert len(plain) == 1
    assert plain[0] < 400.0
    rests = one(points, "hello")["rest_share"]
    assert rests == pytest.approx(510.0 / 1400.0, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 7), letters=st.integers(2, 4))
def test_places_are_the_best_of_all(seed: int, n: int, letters: int) -> None:
    rng = np.random.default_rng(seed)
    path, keys = rng.random((n, 2)), rng.random((letters, 2))

    def cost(places: tuple[int, ...]) -> float:
        return sum(float(np.hypot(*(keys[k] - path[p]))) for k, p in enumerate(places))

    best = min(
        cost(places)
        for places in itertools.combinations_with_replacement(range(n), letters)
        if places[0] == 0 and places[-1] == n - 1
    )
    found = movement.place(path, keys)
    assert (np.diff(found) >= 0).all()
    assert cost(tuple(found)) == pytest.approx(best)


def test_distance_of_distributions() -> None:
    ramp = np.arange(100.0)
    assert movement.distance(ramp, ramp[::-1]) == 0.0
    assert movement.distance(ramp, ramp + 100.0) == 1.0
    assert movement.distance(ramp, ramp + 25.0) == pytest.approx(0.25)
    assert movement.distance(ramp, ramp[:0]) == 1.0


def test_what_cannot_be_measured_is_refused() -> None:
    points = through("qp")
    with pytest.raises(InputError) as caught:
        movement.measure([Swipe(points, None), Swipe(points, "привет"), Swipe(points, "a", "no")])
    assert caught.value.reason == "empty"


def style_of_its_own(field: str, value: float) -> tuple[Array, Array]:
    plain = generator.Style()
    traces = []
    for style in (plain, replace(plain, **{field: value})):
        traces.append(generator.swipe("hello", LAYOUT, np.random.default_rng(3), style))
    return traces[0], traces[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("low", 0.2), ("end_aim", 2.0), ("rest_ms", 80.0), ("bow", 0.1)],
)
def test_an_option_of_the_generator_does_what_it_says(field: str, value: float) -> None:
    """And switched off, it leaves the trace as it was, to the bit."""
    before, after = style_of_its_own(field, value)
    same, _ = style_of_its_own(field, value)
    assert np.array_equal(before, same)
    if field == "low":
        np.testing.assert_allclose((after - before)[:, 1], 0.2 * LAYOUT.key_size[1])
    elif field == "end_aim":
        np.testing.assert_array_equal(before[0], after[0])
        assert not np.array_equal(before[-1, :2], after[-1, :2])
    elif field == "rest_ms":
        assert after[-1, 2] > before[-1, 2] + 40.0
    else:
        np.testing.assert_allclose(after[[0, -1], :2], before[[0, -1], :2], atol=0.03)
        assert np.abs(after - before)[:, :2].max() > 0.005


def test_the_fitted_style_rests_longer_at_doubles() -> None:
    rng = np.random.default_rng(0)
    swipes = [Swipe(generator.swipe("hello", LAYOUT, rng, generator.FITTED), "hello")
              for _ in range(60)]  # fmt: skip
    found = movement.measure(swipes)
    assert np.median(found["dwell_double"]) > 1.2 * np.median(found["dwell"])


def test_the_verb_compares_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    real = [
        Swipe(generator.swipe(word, LAYOUT, rng, generator.FITTED), word, user=f"u{n % 4}")
        for n in range(60)
        for word in ("hello", "world")
    ]
    path, page = tmp_path / "real.jsonl", tmp_path / "page.html"
    swipe_files.write(path, real)
    assert main(["data", "compare", str(path), "--json", "--html", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["statistics"].keys() == movement.STATISTICS.keys()
    assert told["statistics"]["rest_share"]["distance"] > 0.5
    assert page.read_text().count("<svg") == len(movement.STATISTICS)
    assert main(["data", "compare", str(path), str(path)]) == 0
    table = capsys.readouterr().out
    speed = next(line for line in table.splitlines() if line.startswith("speed"))
    assert speed.split()[-2] == "0.000"
    fitted = ["data", "compare", str(path), "--style", "fitted", "--limit", "80", "--json"]
    assert main(fitted) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["real"], told["generated"]) == (80, 80)
    assert told["statistics"]["rest_share"]["distance"] < 0.25
    assert main(["data", "compare", str(path), "--style", "fited"]) == 2
    assert "did you mean 'fitted'" in capsys.readouterr().err
    assert main(["data", "compare", str(path), "--limit", "0"]) == 2
    with pytest.raises(UnknownNameError):
        generator.named_style("x")


def test_synth_takes_the_style(tmp_path: Path) -> None:
    words, files = tmp_path / "words.tsv", []
    lexicon_file.write(Lexicon.from_counts({"hello": 10.0, "world": 5.0}), words)
    for style in ("plain", "fitted"):
        out = tmp_path / f"{style}.jsonl"
        files.append(out)
        command = ["data", "synth", "swipe", "--out", str(out), "--count", "20"]
        assert main([*command, "--lexicon", str(words), "--style", style]) == 0
    rests = [np.median(movement.measure(swipe_files.load(f)[0])["rest_share"]) for f in files]
    assert rests[1] > rests[0]
