"""Small made-up files in the formats that others keep their recordings in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ARPABET = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V "
    "W Y Z ZH SIL"
).split()
WIDE = [("face", 468), ("left_hand", 21), ("pose", 33), ("right_hand", 21)]  # as Kaggle orders


# Where our points come from in an array in Kaggle's order: face, left hand, pose, right hand.
OURS_IN_KAGGLE = np.r_[489:522, 468:489, 522:543, 0:468]
EPOCH = 1_576_480_557_856.0
CANVAS = 360.0, 205.0  # pixels of a page of the study
LOG_HEADER = (
    "sentence timestamp keyb_width keyb_height event x_pos y_pos x_radius y_radius angle word"
)


def log_lines(word: str, sentence: str, points: np.ndarray, *, error: int = 0) -> list[str]:
    """Write a trace as How We Swipe's page does: pixels of the whole canvas, time of day."""
    events = ["touchstart", *["touchmove"] * (len(points) - 2), "touchend"]
    width, height = CANVAS
    return [
        f"{sentence} {EPOCH + t:.0f} {width:.0f} {height:.0f} {event} {x * width:.3f} "
        f"{y * height * 3 / 3.7:.3f} 1.5 1.5 0 {word} {error}"
        for event, (x, y, t) in zip(events, points, strict=True)
    ]


def futo_row(word: str, points: np.ndarray, /, **changes: Any) -> dict[str, Any]:
    """Return a row of the FUTO collection."""
    data = [{"t": EPOCH + t, "x": x, "y": y} for x, y, t in points.tolist()]
    row: dict[str, Any] = {
        "session": "s1", "word": word, "canvas_width": 400.0, "canvas_height": 168.0,
        "orientation": "portrait-primary", "data": data, "sentence": f"{word} it is",
        "word_idx": 0, "potentially_invalid_sentence": False,
    }  # fmt: skip
    return row | changes


def brain_25(
    folder: Path,
    days: Sequence[str],
    *,
    trials: int = 6,
    held: int = 2,
    channels: int = 512,
    seed: int = 0,
) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Write sessions as brain-to-text '25 keeps them; return what each trial holds."""
    import h5py

    rng, told = np.random.default_rng(seed), {}
    for day in days:
        for split in ("train", "val", "test"):
            (folder / day).mkdir(parents=True, exist_ok=True)
            with h5py.File(folder / day / f"data_{split}.hdf5", "w") as file:
                for n in range(trials if split == "train" else held):
                    group = file.create_group(f"trial_{n:04d}")
                    signal = rng.normal(size=(40 + n, channels)).astype(np.float32)
                    said = [ARPABET[i] for i in rng.integers(0, 39, 3)] + ["SIL"]
                    group.create_dataset("input_features", data=signal)
                    group.attrs.update(n_time_steps=len(signal), session=day, block_num=1)
                    group.attrs["trial_num"] = n
                    if split == "test":
                        continue
                    ids = np.zeros(500, np.int64)
                    ids[: len(said)] = [ARPABET.index(p) + 1 for p in said]
                    group.create_dataset("seq_class_ids", data=ids)
                    group.attrs.update(seq_len=len(said), sentence_label="made up")
                    told[f"{day} data_{split} trial_{n:04d}"] = (signal, said)
    return told


def brain_24(
    path: Path, sentences: Sequence[str], blocks: Sequence[int], *, seed: int = 0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Write a day as the competition keeps it; return its threshold crossings and spike powers."""
    from scipy.io import savemat

    rng = np.random.default_rng(seed)
    crossings, powers = [], []
    for n, block in enumerate(blocks):
        shape = (15 + n, 256)
        crossings.append(rng.poisson(1.0 + block, shape).astype(np.float32))
        powers.append(rng.gamma(2.0, 30.0 * block, shape).astype(np.float32))
    width = max(map(len, sentences))
    held: dict[str, Any] = {
        "sentenceText": np.array([text.ljust(width) for text in sentences]),
        "blockIdx": np.array(blocks, np.uint8)[:, None],
    }
    for name, values in (("tx1", crossings), ("spikePow", powers)):
        cells = np.empty((1, len(values)), object)
        cells[0, :] = values
        held[name] = cells
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, held, do_compression=True)
    return crossings, powers


def kaggle_signs(folder: Path, rows: Sequence[tuple[str, str, str, np.ndarray]]) -> None:
    """Write signs, (participant, sequence, sign, (T, 543, 3) as Kaggle orders parts)."""
    import pyarrow
    from pyarrow import parquet

    table = []
    for who, sequence, sign, points in rows:
        named = f"train_landmark_files/{who}/{sequence}.parquet"
        (folder / named).parent.mkdir(parents=True, exist_ok=True)
        lines: dict[str, list[Any]] = {k: [] for k in ("frame", "row_id", "type")}
        lines |= {k: [] for k in ("landmark_index", "x", "y", "z")}
        for t, frame in enumerate(points):
            row = 0
            for kind, count in WIDE:
                for i in range(count):
                    values = [None if np.isnan(v) else float(v) for v in frame[row]]
                    for key, value in zip("xyz", values, strict=True):
                        lines[key].append(value)
                    lines["frame"].append(20 + t)
                    lines["row_id"].append(f"{20 + t}-{kind}-{i}")
                    lines["type"].append(kind)
                    lines["landmark_index"].append(i)
                    row += 1
        parquet.write_table(pyarrow.table(lines), folder / named)
        table.append({"path": named, "participant_id": who, "sequence_id": sequence, "sign": sign})
    _table(folder / "train.csv", table)


def kaggle_phrases(
    folder: Path, file: str, rows: Sequence[tuple[str, str, str, np.ndarray]]
) -> None:
    """Write fingerspelling, (participant, sequence, phrase, (T, 543, 3) as Kaggle orders parts)."""
    import pyarrow
    from pyarrow import parquet

    names = [f"{axis}_{kind}_{i}" for axis in "xyz" for kind, count in WIDE for i in range(count)]
    (folder / "train_landmarks").mkdir(parents=True, exist_ok=True)
    frames = np.concatenate(
        [points.transpose(0, 2, 1).reshape(len(points), -1) for *_, points in rows]
    )
    sequences = [int(sequence) for _, sequence, _, points in rows for _ in points]
    columns: dict[str, Any] = {"frame": [t for *_, points in rows for t in range(len(points))]}
    columns |= {name: frames[:, i].astype(np.float32) for i, name in enumerate(names)}
    table = pyarrow.table({**columns, "sequence_id": sequences})
    parquet.write_table(table, folder / f"train_landmarks/{file}.parquet")
    _table(
        folder / "train.csv",
        [
            {
                "path": f"train_landmarks/{file}.parquet", "file_id": file,
                "sequence_id": sequence, "participant_id": who, "phrase": phrase,
            }
            for who, sequence, phrase, _ in rows
        ],
    )  # fmt: skip


def phoenix(folder: Path, split: str, rows: Sequence[tuple[str, str, str, np.ndarray]]) -> None:
    """Write (name, signer, glosses, array) as RWTH-PHOENIX-Weather 2014 T keeps them."""
    place = folder / "features" / split
    place.mkdir(parents=True, exist_ok=True)
    lines = ["name|video|start|end|speaker|orth|translation"]
    for name, who, glosses, values in rows:
        np.save(place / f"{name}.npy", values)
        lines.append(f'{name}|{name}/1/*.png|-1|-1|{who}|{glosses}|und nun "heute"')
    (folder / f"PHOENIX-2014-T.{split}.corpus.csv").write_text("\n".join(lines) + "\n", "utf-8")


def _table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
