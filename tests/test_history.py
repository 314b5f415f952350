from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import read_log
from vae.events import EpochRecord
from vae.history import COLUMNS, set_aside_if_foreign, write_log

ROWS = [EpochRecord(i, 0.1 * i, 1 / 3, 2e-17, 0.0, 1e-4, 12, 0.5, 24.0) for i in (1, 2, 3)]


def test_the_columns_are_the_published_ones() -> None:
    assert COLUMNS == (
        "epoch", "loss", "reconstruction_loss", "kl_loss", "blur_loss", "lr", "images", "seconds",
        "images_per_s",
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
