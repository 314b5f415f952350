"""The CSV log: a projection of the history that the checkpoint holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from vae.events import EpochRecord
from vae.files import atomic_write, replace, sync_folder

COLUMNS = tuple(field.name for field in fields(EpochRecord))


def log_text(history: Sequence[EpochRecord]) -> str:
    """The log as text. Numbers are written so that reading gives the same number, dot decimal."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(record) for record in history)
    return file.getvalue()


def write_log(path: Path, history: Sequence[EpochRecord]) -> None:
    """Write the whole log, whole or not at all. Raises OSError (in use by another program)."""
    with atomic_write(path, private=False) as file:
        file.write(log_text(history).encode())


def has_rows(path: Path) -> bool:
    """Whether there is a log with more in it than the names of our columns."""
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") != log_text(())


def set_aside_if_foreign(path: Path, history: Sequence[EpochRecord], lag: int) -> Path | None:
    """Move away a log whose rows this run would lose by writing its own.

    None are lost if the log lags behind the history, or begins with it and is at most `lag` rows
    ahead: those of an interruption between the row and its checkpoint, which are trained again.
    Returns the new place, or None if the log stays. Raises OSError.
    """
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    own = log_text(history)
    ahead = text[len(own) :].count("\n")
    if text.endswith("\n") and (own.startswith(text) or (text.startswith(own) and ahead <= lag)):
        return None
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    replace(path, aside)
    sync_folder(path.parent)
    return aside
