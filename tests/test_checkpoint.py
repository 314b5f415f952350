from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from vae import checkpoint, files, header
from vae.checkpoint import (
    CheckpointError,
    Draft,
    NonFiniteError,
    checkpoint_files,
    load,
    load_newest,
    peek,
)
from vae.config import DEFAULTS
from vae.events import EpochRecord
from vae.files import SPARE_NAME, remove_leftovers
from vae.header import Record

ROW = EpochRecord(1, 0.5, 0.25, 0.1, 0.01, 1e-4, 12, 3.5, 3.4)
CONFIG = {**DEFAULTS, "file_path": "images", "num_epochs": 5}
RECORD = Record(CONFIG, (ROW,), 7, 0.5, 9, {}, "data", 12, 1, "cpu", ("change",))
TENSORS = {
    "model.w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "sums": np.array([1e-300, 2.0]),
    "scalar": np.float32(3) * np.ones((), np.float32),
}


def save(folder: Path, tensors: dict[str, np.ndarray], record: Record, keep: int) -> Path:
    return Draft(folder, tensors, record).finish(keep)


def test_a_draft_is_no_checkpoint_yet(tmp_path: Path) -> None:
    draft = Draft(tmp_path, TENSORS, RECORD)
    assert checkpoint.checkpoint_files(tmp_path) == []
    path = draft.finish(keep=3)
    assert checkpoint.checkpoint_files(tmp_path) == [(1, path)]


def test_a_draft_that_lost_bytes_before_it_was_durable_is_refused(tmp_path: Path) -> None:
    draft = Draft(tmp_path, TENSORS, RECORD)
    draft.file.truncate(draft.header_size + 4)
    with pytest.raises(OSError, match="shorter than what was written"):
        draft.finish(keep=3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_saved(tmp_path: Path, value: float) -> None:
    broken = {**TENSORS, "model.w": np.array([1, value], np.float32)}
    with pytest.raises(NonFiniteError, match=r"model\.w"):
        save(tmp_path, broken, RECORD, keep=3)
    assert list(tmp_path.iterdir()) == []


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    tensors, record = load(save(tmp_path, TENSORS, RECORD, keep=3))
    assert record == RECORD
    assert tensors.keys() == TENSORS.keys()
    for name in TENSORS:
        np.testing.assert_array_equal(tensors[name], TENSORS[name], strict=True)


def test_any_tool_that_reads_safetensors_opens_it(tmp_path: Path) -> None:
    path = save(tmp_path, TENSORS, RECORD, keep=3)
    assert {"model.w", "sums", "sha256"} <= safetensors.numpy.load_file(path).keys()


def test_old_ones_go_only_after_the_new_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save(tmp_path, TENSORS, RECORD, keep=1)

    def fail(descriptor: int) -> None:
        raise OSError("disk error")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", fail)
        with pytest.raises(OSError, match="disk error"):
            save(tmp_path, TENSORS, RECORD, keep=1)
    assert list(tmp_path.iterdir()) == [first]
    second = save(tmp_path, TENSORS, RECORD, keep=1)
    assert checkpoint_files(tmp_path) == [(2, second)]
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [second]


def test_one_written_over_a_longer_or_shorter_one_is_as_good(tmp_path: Path) -> None:
    sizes = (9, 2000, 5, 3000, 1)
    for size in sizes:
        path = save(tmp_path, {"model.w": np.ones(size, np.float32)}, RECORD, keep=1)
        assert load(path)[0]["model.w"].shape == (size,)
    assert (tmp_path / SPARE_NAME).exists()


def test_a_damaged_one_is_set_aside_and_the_older_one_taken(tmp_path: Path) -> None:
    older = save(tmp_path, TENSORS, RECORD, keep=3)
    newer = save(tmp_path, TENSORS, RECORD, keep=3)
    newer.write_bytes(newer.read_bytes()[:-1])
    told: list[str] = []
    found = load_newest(tmp_path, told.append)
    assert found is not None and found[0] == older
    assert newer.with_name(newer.name + ".bad").exists()
    assert newer.name in told[0] and older.name in told[1]


def test_when_all_are_damaged_it_stops_and_goes_on_stopping(tmp_path: Path) -> None:
    path = save(tmp_path, TENSORS, RECORD, keep=3)
    path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(CheckpointError, match="Nothing was started over"):
            load_newest(tmp_path, lambda text: None)


def test_one_of_a_newer_version_is_left_untouched(tmp_path: Path) -> None:
    record = dataclasses.replace(RECORD, format=header.FORMAT + 1)
    path = save(tmp_path, TENSORS, record, keep=3)
    for read in (lambda: load_newest(tmp_path, print), lambda: peek(tmp_path)):
        with pytest.raises(CheckpointError, match="another version"):
            read()
    assert path.exists()


def test_one_of_an_earlier_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(record: EpochRecord) -> tuple[Any, ...]:
        return dataclasses.astuple(record)[:-1]

    record = dataclasses.replace(RECORD, format=header.OLDEST)
    with monkeypatch.context() as patch:
        patch.setattr(header, "astuple", before)
        path = save(tmp_path, TENSORS, record, keep=3)
    assert load(path)[1] == RECORD


def test_numbers_go_on_after_a_damaged_one(tmp_path: Path) -> None:
    path = save(tmp_path, TENSORS, RECORD, keep=3)
    path.rename(path.with_name(path.name + ".bad"))
    assert save(tmp_path, TENSORS, RECORD, keep=3).name.startswith("checkpoint_000002")


def test_peek_reads_the_newest_record_and_changes_nothing(tmp_path: Path) -> None:
    assert peek(tmp_path / "missing") is None
    path = save(tmp_path, TENSORS, RECORD, keep=3)
    (tmp_path / "checkpoint_000009_epoch_0001.safetensors").write_bytes(b"\xff" * 20)
    before = sorted(tmp_path.iterdir())
    assert peek(tmp_path) == (path, RECORD)
    assert sorted(tmp_path.iterdir()) == before


def test_an_old_one_that_cannot_be_deleted_is_deleted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, TENSORS, RECORD, keep=1)

    def held(source: Path, target: Path) -> None:
        raise PermissionError(13, "in use", str(source))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "replace", held)
        save(tmp_path, TENSORS, RECORD, keep=1)
    assert len(checkpoint_files(tmp_path)) == 2
    newest = save(tmp_path, TENSORS, RECORD, keep=1)
    assert [path for _, path in checkpoint_files(tmp_path)] == [newest]
