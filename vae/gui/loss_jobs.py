"""What a thread of the worker does for the Loss tab. No Tk object is within reach here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import vae.history
from vae import diary
from vae.errors import StudioError, problem_of
from vae.files import atomic_write, readable
from vae.gui.answers import LogRead
from vae.language import _, joined

if TYPE_CHECKING:
    from vae.figures import Subject


@dataclass(frozen=True)
class Export:
    """What a person wants drawn: figures by name, one of the formats, and where to."""

    names: tuple[str, ...]
    form: str
    folder: Path
    with_caption: bool


def read_log(path: Path, emit: Callable[[object], None]) -> None:
    """Read the log of another run. Answers with LogRead."""
    try:
        emit(LogRead(path, vae.history.read_log(path), ""))
    except Exception as error:
        if not isinstance(error, StudioError | OSError):
            diary.log_error(error)
        emit(LogRead(path, (), problem_of(error)))


def write_export(run: Subject, wanted: Export) -> str:
    """Draw the figures that a person wants; returns what to say. Raises OSError."""
    from vae.figures import figure_titles, with_changes, write_figures

    run = with_changes(run) if wanted.with_caption else run
    paths, missing = write_figures(
        run, wanted.names, wanted.folder, wanted.form, wanted.with_caption
    )
    texts = []
    if paths:
        names = ", ".join(path.name for path in paths)
        written = _("Written: {files}, in {folder}.")
        texts.append(written.format(files=names, folder=readable(wanted.folder)))
    if missing:
        titles = joined(*(figure_titles()[name] for name in missing), by=", ")
        nothing = _("There is nothing to draw yet for: {figures}.")
        texts.append(nothing.format(figures=titles))
    return joined(*texts)


def write_picture(path: Path, content: bytes) -> str:
    """Write a picture; returns what to say. Raises OSError."""
    with atomic_write(path) as file:
        file.write(content)
    return _("{path} was written.").format(path=readable(path))
