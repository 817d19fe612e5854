"""Every kernel of every instruction set that this processor runs, against numpy in float64."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest
from native_kernels import ADD, NAMES, RELU, Kernels, Remote, build, build_for_arm

from edgectc.core.types import Array
from edgectc.formats import native_program as native

ROWS = (1, 2, 5, 6, 7, 11, 12, 13, 26, 64)
COLUMNS = (1, 8, 9, 16, 17, 24, 32, 33, 72, 128)
GUARD = 1e30
EMULATED = [
    pytest.param("emulated neon", marks=pytest.mark.slow),
    pytest.param("emulated dotprod", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    made = build(tmp_path_factory.mktemp("native") / "network.so")
    if made is None:
        pytest.skip("no C compiler")
    return made


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    made = build_for_arm(tmp_path_factory.mktemp("arm") / "kernels")
    if made is None:
        pytest.skip("no compiler for 64-bit ARM, or nothing that runs what it makes")
    return made


@pytest.fixture(scope="module", params=[*NAMES, *EMULATED])
def kernels(request: pytest.FixtureRequest) -> Iterator[Kernels | Remote]:
    remote, _, name = request.param.rpartition(" ")
    if remote:
        made = Remote(request.getfixturevalue("emulated"), name)
        yield made
        made.close()
        return
    try:
        yield Kernels(request.getfixturevalue("library"), name)
    except LookupError:
        pytest.skip(f"this processor runs no {name}")


def _padded(values: Array, dtype: type = np.float32) -> Array:
    out = np.zeros(-(-len(values) // 16) * 16, dtype)
    out[: len(values)] = values
    return out


def _bytes(tensor: native.Tensor, dtype: type = np.float32) -> Array:
    return np.frombuffer(tensor.data, dtype).copy()


def _convolution(x: Array, weights: Array, stride: int, dilation: int, rows: int) -> Array:
    """The textbook sum over taps and channels, float64; x has its padding."""
    taps = len(weights)
    return np.stack(
        [sum(x[r * stride + k * dilation] @ weights[k] for k in range(taps)) for r in range(rows)]
    )


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("rows", ROWS)
def test_products(
    kernels: Kernels | Remote, rows: int, columns: int, rng: np.random.Generator
) -> None:
    for taps, depth, stride, dilation in ((1, 1, 1, 1), (3, 5, 1, 4), (3, 63, 2, 1), (1, 72, 1, 1)):
        ld = depth + 3  # of the input, so that rows do not follow each other
        x = rng.normal(size=((rows - 1) * stride + (taps - 1) * dilation + 1, ld))
        x = x.astype(np.float32)
        weights = rng.normal(size=(taps, depth, columns)).astype(np.float32)
        bias = rng.normal(size=columns).astype(np.float32)
        across = -(-columns // 16) * 16
        before = rng.normal(size=(rows, across)).astype(np.float32)
        exact = _convolution(
            x[:, :depth].astype(float), weights.astype(float), stride, dilation, rows
        )
        packed = _bytes(native.panels(weights.reshape(-1, columns)))
        for flags in (0, RELU, ADD, ADD | RELU):
            room = np.full((rows + 1, across), GUARD, np.float32)
            room[:rows] = before
            kernels.products(
                x, packed, _padded(bias), room[:rows], columns=columns, row=stride * ld,
                tap=dilation * ld, taps=taps, depth=depth, flags=flags,
            )  # fmt: skip
            wanted = exact + bias + (before[:, :columns] if flags & ADD else 0.0)
            wanted = np.maximum(wanted, 0.0) if flags & RELU else wanted
            np.testing.assert_allclose(room[:rows, :columns], wanted, atol=2e-6 * taps * depth)
            assert (room[rows] == GUARD).all()


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("rows", ROWS)
def test_integers(
    kernels: Kernels | Remote, rows: int, columns: int, rng: np.random.Generator
) -> None:
    for taps, depth, stride, dilation in ((1, 4, 1, 1), (3, 64, 2, 1), (3, 128, 1, 2)):
        codes = rng.integers(0, kernels.levels + 1, ((rows - 1) * stride + taps * dilation, depth))
        codes[0] = kernels.levels  # the widest sums
        zero, step = int(rng.integers(0, kernels.levels + 1)), 0.01
        weights = rng.normal(size=(taps, depth, columns))
        weights[0] = 3.0
        tensor, scale = native.int8_panels(weights)
        whole = tensor.floats().reshape(taps, depth, columns).astype(np.int64)
        sums = _padded(whole.sum(axis=(0, 1)), np.int32)
        bias = rng.normal(size=columns).astype(np.float32)
        out = np.zeros((rows, -(-columns // 16) * 16), np.float32)
        kernels.integers(
            codes.astype(np.uint8), _bytes(tensor, np.int8), _bytes(scale), _padded(bias), sums,
            out, step=step, zero=zero, columns=columns, row=stride * depth, tap=dilation * depth,
            taps=taps, depth=depth,
        )  # fmt: skip
        exact = _convolution(codes - zero, whole, stride, dilation, rows)
        wanted = exact * (scale.floats()[0].astype(float) * step) + bias
        np.testing.assert_allclose(out[:, :columns], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [16, 64, 8 * 176])
def test_quantize(kernels: Kernels | Remote, n: int, rng: np.random.Generator) -> None:
    some = rng.normal(size=n).astype(np.float32)
    for x in (some, np.maximum(some, 0.0), np.minimum(some, 0.0), 1e-12 * some, 1e6 * some):
        codes, step, zero = kernels.quantize(x)
        assert 0 <= zero <= kernels.levels
        assert codes.max() <= kernels.levels
        error = np.abs((codes.astype(float) - zero) * step - x)
        assert error.max() <= 0.51 * step + 0.5 * step  # the code of 0 is a whole one
        assert (codes[x == 0.0] == zero).all()
    assert kernels.quantize(np.zeros(n, np.float32))[1:] == (1.0, 0)


def test_quantize_takes_what_is_no_number(kernels: Kernels | Remote) -> None:
    for bad in (np.nan, np.inf, -np.inf, 3e38):
        x = np.linspace(-1.0, 1.0, 64).astype(np.float32)
        x[7] = bad
        codes, step, _ = kernels.quantize(x)
        assert codes.max() <= kernels.levels
        assert step > 0.0


@pytest.mark.parametrize("n", [1, 2, 7, 16, 26, 33, 64])
def test_near(kernels: Kernels | Remote, n: int, rng: np.random.Generator) -> None:
    x, y = (rng.normal(0.0, 4.0, n).astype(np.float32) for _ in range(2))
    mask = (rng.random(n) < 0.8).astype(np.float32)
    point = np.array([0.3, -0.7], np.float32)
    x[0], y[0], mask[0] = point[0], point[1], 1.0
    factor = np.float32(-0.5 / 0.7**2)
    squared = (point[0] - x.astype(float)) ** 2 + (point[1] - y.astype(float)) ** 2
    wanted = np.exp(squared * float(factor)) * mask
    np.testing.assert_allclose(
        kernels.near(x, y, mask, point, factor), wanted, rtol=2e-5, atol=1e-30
    )


@pytest.mark.parametrize("n", [1, 2, 7, 16, 27, 33, 65])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e6])
def test_scores(kernels: Kernels | Remote, n: int, spread: float, rng: np.random.Generator) -> None:
    row = rng.normal(0.0, 1.0, n).astype(np.float32) * np.float32(spread)
    mask = np.ones(n, np.float32)
    mask[: n // 3] = 0.0
    bounded = 15.0 * np.tanh(row.astype(float) / 15.0) * mask + (mask - 1.0) * 1e4
    wanted = bounded - np.logaddexp.reduce(bounded)
    got, unused = kernels.scores(row, mask, 15.0)
    np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=1e-6)
    assert unused == pytest.approx(-1e4 - np.logaddexp.reduce(bounded), abs=2e-3)


def test_no_number_gives_no_fault(kernels: Kernels | Remote) -> None:
    row, mask = np.full(20, np.nan, np.float32), np.ones(20, np.float32)
    scores, _ = kernels.scores(row, mask, 15.0)
    assert np.isfinite(scores).all()  # bounded: so a network refuses such numbers before
    kernels.near(row, row, mask, np.array([np.inf, -np.inf], np.float32), np.float32(-1.0))


def test_the_same_input_gives_the_same_bits(
    kernels: Kernels | Remote, rng: np.random.Generator
) -> None:
    x, weights = rng.normal(size=(64, 72)), rng.normal(size=(1, 72, 40))
    packed, bias = _bytes(native.panels(weights[0].astype(np.float32))), np.zeros(48, np.float32)
    answers = set()
    for _ in range(3):
        out = np.zeros((64, 48), np.float32)
        kernels.products(
            x.astype(np.float32), packed, bias, out, columns=40, row=72, tap=0, taps=1, depth=72
        )
        answers.add(out.tobytes())
    assert len(answers) == 1


def test_a_processor_without_products_of_bytes_runs_neon(emulated: list[str]) -> None:
    old = ["cortex-a53" if word == "max" else word for word in emulated]
    with pytest.raises(LookupError):
        Remote(old, "dotprod")
    for command in (old, emulated):
        kernels = Remote(command, "neon")
        assert kernels.levels == 127
        kernels.close()
