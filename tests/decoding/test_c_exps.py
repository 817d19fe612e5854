"""exp of a row, as the search takes it in vectors, against that of the standard library."""

from __future__ import annotations

import ctypes
import math
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest

BUILD = runpy.run_path(str(Path(__file__).parents[2] / "native" / "build.py"))
SOURCE = """
#include "lattice.h"
double row(const double *row, int32_t n, double highest, double scale, double *out) {
  return exps(row, n, highest, scale, out);
}
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    command = BUILD["compiler"]()
    if command is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("exps")
    (folder / "exps.c").write_text(SOURCE, encoding="ascii")
    made = folder / "exps.so"
    flags = [*BUILD["flags"](), "-fvisibility=default", "-fPIC", "-shared", "-w"]
    subprocess.run([*command, *flags, str(folder / "exps.c"), "-o", str(made), "-lm"], check=True)
    loaded = ctypes.CDLL(str(made))
    loaded.row.restype = ctypes.c_double
    return loaded


def taken(
    c: ctypes.CDLL, row: np.ndarray, highest: float, scale: float
) -> tuple[float, np.ndarray]:
    row = np.ascontiguousarray(row, np.float64)
    out = np.full(len(row) + 1, 7.0)
    held = [ctypes.c_void_p(each.ctypes.data) for each in (row, out)]
    numbers = ctypes.c_double(highest), ctypes.c_double(scale)
    total = c.row(held[0], len(row), *numbers, held[1])
    assert out[-1] == 7.0, "it wrote behind the row"
    return total, out[:-1]


@pytest.mark.parametrize("scale", [1.0, 0.65, 3.0])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 27, 33])
def test_a_row_is_that_of_the_standard_library(c: ctypes.CDLL, n: int, scale: float) -> None:
    rng = np.random.default_rng(n)
    for spread in (1e-12, 0.3, 5.0, 200.0):
        row = -np.abs(rng.normal(0.0, spread, n))
        total, found = taken(c, row, float(row.max()), scale)
        asked = (scale * (row - row.max())).tolist()
        wanted = np.array([math.exp(x) if x >= -708 else 0.0 for x in asked])
        assert found == pytest.approx(wanted, rel=1e-15, abs=0.0)
        assert total == pytest.approx(math.fsum(wanted), rel=1e-14)


def test_what_is_next_to_nothing_is_nothing(c: ctypes.CDLL) -> None:
    row = np.array([0.0, -0.0, -707.9, -708.1, -745.0, -1e4, -1e300, -math.inf])
    _, found = taken(c, row, 0.0, 1.0)
    assert found.tolist()[:2] == [1.0, 1.0]
    assert found[2] == pytest.approx(math.exp(-707.9), rel=1e-15)
    assert found.tolist()[3:] == [0.0] * 5
