from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.conftest import read_log
from vae import history
from vae.errors import StudioError
from vae.events import EpochRecord
from vae.history import COLUMNS, log_text, run_mark, set_aside_if_foreign, write_log

ROWS = [
    EpochRecord(i, 0.1 * i, 1 / 3, 2e-17, 0.0, 1e-4, 12, 0.5, 24.0, beta=0.1, val_loss=1 / 7)
    for i in (1, 2, 3)
]


def test_the_columns_are_the_published_ones() -> None:
    assert COLUMNS == (
        "epoch", "loss", "reconstruction_loss", "kl_loss", "blur_loss", "lr", "images", "seconds",
        "images_per_s", "beta", "val_loss", "val_reconstruction_loss", "val_kl_loss",
        "val_blur_loss", "psnr", "ssim", "active_units", "sharpness", "checkerboard",
        "dead_channels", "swd", "explained_variance",
    )  # fmt: skip


def test_a_log_reads_back_exactly(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", ROWS)
    assert read_log(tmp_path / "log.csv") == ROWS


def test_a_log_one_row_ahead_of_the_checkpoint_is_this_runs(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_log(path, ROWS)
    assert set_aside_if_foreign(path, ROWS[:2], lag=1) is None


def test_a_log_that_lags_behind_the_checkpoint_is_this_runs(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_log(path, ROWS[:1])
    assert set_aside_if_foreign(path, ROWS, lag=1) is None


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,2\n", "half a ro"])
def test_a_log_with_other_rows_is_kept_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    assert set_aside_if_foreign(path, ROWS, lag=1) == tmp_path / "log.1.csv"
    path.write_text("again")
    assert set_aside_if_foreign(path, ROWS, lag=1) == tmp_path / "log.2.csv"
    assert (tmp_path / "log.1.csv").read_text() == text


def test_a_long_log_without_its_checkpoint_is_kept_aside(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", ROWS)
    assert set_aside_if_foreign(tmp_path / "log.csv", [], lag=1) is not None


def test_a_log_of_before_the_explained_variance_is_this_runs(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = log_text(ROWS).replace(",explained_variance", "").splitlines()
    path.write_text("\n".join([lines[0], *(line[:-1] for line in lines[1:])]) + "\n")
    assert history.read_log(path) == tuple(ROWS)
    assert history.is_log(path)
    assert set_aside_if_foreign(path, ROWS[:2], lag=1) is None
    assert set_aside_if_foreign(path, ROWS[:1], lag=1) is not None


def test_a_runs_mark_does_not_change_with_a_measure_that_it_had_not() -> None:
    (row,) = ROWS[:1]
    assert run_mark([row]) == run_mark([dataclasses.replace(row, explained_variance=0.5)])
    assert run_mark([row]) != run_mark([dataclasses.replace(row, psnr=20.0)])


def test_our_reader_gives_what_was_written(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", ROWS)
    assert history.read_log(tmp_path / "log.csv") == tuple(ROWS)


def test_a_log_saved_again_by_another_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbf" + log_text(ROWS).replace("\n", "\r\n").encode())
    assert history.read_log(path) == tuple(ROWS)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"epoch,loss\n1,2\n", b"\x89PNG\r\n\x1a\n\0\0", b"a" * 200_000, b'"open',
        log_text(ROWS).replace(",", ";").encode(), b"\xff\xfe" + log_text(ROWS).encode("utf-16-le"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(StudioError, match=r"other\.csv is no log of VAE Studio"):
        history.read_log(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.1", "nan"), ("0.1", "1e999"), ("0.1", ""), ("0.1", "0x1"), ("0.1", "1_0"),
        ("0.1", "0,1"), ("12", "9" * 5000), ("12", "12.0"), ("\n1,", "\n2,"), ("\n1,", "\n\n1,"),
    ],
)  # fmt: skip
def test_a_damaged_log_is_refused_with_the_line(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "log.csv"
    text = log_text(ROWS).replace(old, new, 1)
    assert text != log_text(ROWS)
    path.write_text(text, newline="")
    with pytest.raises(StudioError, match="damaged: line 2"):
        history.read_log(path)


def test_a_log_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for cut in (1, 5, 20):
        path.write_text(log_text(ROWS)[:-cut])
        with pytest.raises(StudioError, match="damaged: line 4"):
            history.read_log(path)


def test_a_huge_file_is_refused_without_reading_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(log_text(ROWS).encode())
        file.truncate(1 << 40)
    with pytest.raises(StudioError, match="larger than 40 MB"):
        history.read_log(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="is not a file"):
        history.read_log(tmp_path)
