"""The CSV log: a projection of the history that the checkpoint holds."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from vae.errors import StudioError
from vae.events import EpochRecord, may_be_missing
from vae.files import atomic_write, readable, replace, size_words, sync_folder
from vae.language import _

COLUMNS = tuple(field.name for field in fields(EpochRecord))
# Logs that an earlier version wrote lack the last.
HEADERS = (COLUMNS, COLUMNS[:-1])
TIMES = ("seconds", "images_per_s")  # all that differs between a resumed run and an unbroken one
# The longest run, of 100,000 epochs, has a log of 35 MB.
MAX_LOG = 40_000_000
WHOLE = re.compile(r"\d{1,15}", re.ASCII)
DECIMAL = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)


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


def read_log(path: Path) -> tuple[EpochRecord, ...]:
    """The rows of a log of any run. It may come from anywhere: nothing is believed unlooked at.

    Raises StudioError if it is not a whole log of ours, OSError.
    """
    name = readable(path)
    if not path.is_file():
        raise StudioError(_("{file} is not a file. Choose the CSV log of a run.").format(file=name))
    with path.open("rb") as file:
        content = file.read(MAX_LOG + 1)
    if len(content) > MAX_LOG:
        text = _("{file} is larger than {size}, and so is no log of VAE Studio.")
        raise StudioError(text.format(file=name, size=size_words(MAX_LOG)))
    # The mark at the beginning is what a spreadsheet adds.
    text = content.decode("utf-8-sig", errors="replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        rows = []
    if not rows or tuple(rows[0]) not in HEADERS:
        text = _("{file} is no log of VAE Studio: its first line must be {columns}.")
        raise StudioError(text.format(file=name, columns=",".join(COLUMNS)))
    names, *rows = rows
    history = tuple(_record(row, len(names), epoch) for epoch, row in enumerate(rows, start=1))
    for line, record in enumerate(history, start=2):
        if record is None or (line > len(history) and not text.endswith("\n")):
            text = _("{file} is damaged: line {line} is not a whole row of numbers.")
            raise StudioError(text.format(file=name, line=line))
    return tuple(record for record in history if record)


def _record(row: Sequence[str], columns: int, epoch: int) -> EpochRecord | None:
    """A row as a record, or None if it is not that of this epoch."""
    if len(row) != columns:
        return None
    values: list[float | None] = []
    for field, text in zip(fields(EpochRecord), row, strict=False):
        if not text and may_be_missing(field):
            values.append(None)
            continue
        kind, form = (int, WHOLE) if field.type == "int" else (float, DECIMAL)
        if not form.fullmatch(text) or not math.isfinite(value := kind(text)):
            return None
        values.append(value)
    record = EpochRecord(*values)  # type: ignore[arg-type]  # each of its field's type
    return record if record.epoch == epoch else None


def run_mark(history: Sequence[EpochRecord]) -> str:
    """What tells runs apart: a digest of the first epoch's losses and measures, or nothing before.

    Without its times, so that a run interrupted and resumed leaves the same files. Runs with the
    same mark have made the same pictures so far.
    """
    if not history or history[0].epoch != 1:
        return ""
    facts = [getattr(history[0], name) for name in HEADERS[-1] if name not in TIMES]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def is_log(path: Path) -> bool:
    """Whether a file begins with the names of our log's columns. Raises OSError."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(MAX_LOG).rstrip("\n") in [",".join(names) for names in HEADERS]


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
    try:
        rows = read_log(path)
    except StudioError:
        rows = None
    if rows is not None and len(rows) <= len(history) + lag:
        both = min(len(rows), len(history))
        if rows[:both] == tuple(history[:both]):
            return None
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    replace(path, aside)
    sync_folder(path.parent)
    return aside
