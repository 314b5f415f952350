"""What a thread of the worker does for the Loss tab. No Tk object is within reach here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import vae.history
from vae import diary
from vae.errors import StudioError, file_problem
from vae.events import EpochRecord
from vae.files import atomic_write
from vae.gui.answers import FilesWritten, LogRead
from vae.language import _

if TYPE_CHECKING:
    from vae.figures import Run


def read_log(path: Path, emit: Callable[[object], None]) -> None:
    """Read the log of another run. Answers with LogRead."""
    history: tuple[EpochRecord, ...] = ()
    problem = ""
    try:
        history = vae.history.read_log(path)
    except Exception as error:
        problem = _problem(error)
    emit(LogRead(path, history, problem))


def write_figures(
    run: Run,
    names: Sequence[str],
    folder: Path,
    form: str,
    with_caption: bool,
    emit: Callable[[object], None],
) -> None:
    """Draw figures of a run into a folder. Answers with FilesWritten."""
    paths: list[Path] = []
    problem = ""
    try:
        from vae import figures

        paths, missing = figures.write_figures(run, names, folder, form, with_caption)
        if missing:
            titles = ", ".join(figures.figure_titles()[name] for name in missing)
            problem = _("There is nothing to draw yet for: {figures}.").format(figures=titles)
    except Exception as error:
        problem = _problem(error)
    emit(FilesWritten(tuple(paths), problem))


def write_picture(path: Path, content: bytes, emit: Callable[[object], None]) -> None:
    """Write a picture that was drawn. Answers with FilesWritten."""
    try:
        with atomic_write(path) as file:
            file.write(content)
        emit(FilesWritten((path,), ""))
    except OSError as error:
        emit(FilesWritten((), _problem(error)))


def _problem(error: Exception) -> str:
    """An error in a sentence for a person; one that nobody foresaw goes to the program's log."""
    if isinstance(error, OSError):
        return file_problem(error)
    if not isinstance(error, StudioError):
        diary.log_error(error)
    return str(error) or type(error).__name__
