"""Files of the features that the student network makes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from edgectc.core.types import Recording
from edgectc.data.checks import check_data
from edgectc.data.recordings import samples_for
from edgectc.networks.features.landmarks import LandmarkFeatures


def test_files_of_all_features_are_read_for_their_points(tmp_path: Path) -> None:
    """6,516 values a frame: 1,629 coordinates, velocities, accelerations, places in their part."""
    points = np.random.default_rng(0).random((6, 1629)).astype(np.float32)
    features = LandmarkFeatures((33, 21, 21, 468), 10, 5)
    wide = features(torch.from_numpy(points)[None], torch.tensor([6]))[0][0].T.numpy()
    assert wide.shape == (6, 6516)
    for n in range(10):
        np.save(tmp_path / f"{n}.npy", wide)
    lines = "".join(f"{n},HELLO,s{n % 2}\n" for n in range(10))
    (tmp_path / "rows.csv").write_text("file,gloss,signer\n" + lines)
    samples = samples_for({"type": "landmarks"})
    rows = [row for row in samples.rows(tmp_path) if isinstance(row, Recording)]
    assert len(rows) == 10
    for row in rows:
        np.testing.assert_array_equal(row.signal, points)
        samples.frontend.prepare(row.signal)
    assert check_data([tmp_path]).kind == "landmarks"
