"""What a thread of the worker does for the tabs with pictures. No Tk object is within reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vae.config import Value
from vae.errors import StopRequested, problem_of
from vae.events import Warned
from vae.files import EVALUATION_NAME, REPORT_NAME, readable
from vae.gui.answers import Evaluated, PictureRead, ReportWritten, SeedDrawn, Told
from vae.language import _

Emit = Callable[[object], None]


def read(path: Path, epoch: int, emit: Emit) -> None:
    """Read a run's picture of an epoch. Answers with PictureRead."""
    from vae.gallery import read_picture

    try:
        emit(PictureRead(path, epoch, read_picture(path), ""))
    except Exception as error:
        # Damaged pictures raise all kinds; each means the same to the person.
        text = _("{path} cannot be shown ({reason}).")
        emit(PictureRead(path, epoch, None, text.format(path=path, reason=_reason(error))))


def draw(
    model_save_dir: Path,
    output_dir: Path,
    seed: int,
    values: dict[str, Value],
    best: bool,
    emit: Emit,
) -> None:
    """Draw samples with a seed. Answers with SeedDrawn."""
    try:
        from vae.drawing import draw as draw_samples

        def warn(text: str) -> None:
            emit(Warned(text))

        folders = model_save_dir, output_dir
        drawn = draw_samples(*folders, seed, warn, values=values, best=best)
        emit(SeedDrawn(seed, drawn, ""))
    except Exception as error:
        emit(SeedDrawn(seed, None, problem_of(error)))


def write_report(
    model_save_dir: Path, output_dir: Path, emit: Emit, should_stop: Callable[[], bool]
) -> None:
    """Measure a run and write its report. Answers with ReportWritten."""
    path = output_dir / REPORT_NAME
    try:
        from vae import report

        folders = model_save_dir, output_dir
        path = report.write_report(*folders, should_stop=should_stop, emit=emit)
        text = _("{path} was written. It opens in any browser.")
        emit(ReportWritten(text.format(path=readable(path)), path))
    except StopRequested:
        emit(ReportWritten(_("The report was not written, since you stopped it."), None))
    except Exception as error:
        text = _("{path} was not written ({reason}).")
        emit(ReportWritten(text.format(path=path, reason=_reason(error)), None))


def evaluate(
    model_save_dir: Path, output_dir: Path, emit: Emit, should_stop: Callable[[], bool]
) -> None:
    """Measure the newest checkpoint, into a file too. Answers with Evaluated."""
    try:
        from vae import evaluation

        def warn(text: str) -> None:
            emit(Warned(text))

        found = evaluation.evaluate(model_save_dir, warn, should_stop=should_stop, emit=emit)
        path = output_dir / EVALUATION_NAME
        evaluation.write_evaluation(path, found)
        emit(Evaluated(evaluation.headline(found), tuple(evaluation.rows(found)), path))
    except StopRequested:
        emit(Evaluated(_("Nothing was measured, since you stopped it.")))
    except Exception as error:
        emit(Evaluated(problem_of(error)))


def write(job: Callable[[], str], path: Path, emit: Emit) -> None:
    """Write a file that a person asked for; the job returns what to say. Answers with Told."""
    try:
        emit(Told(job(), path.parent))
    except Exception as error:
        text = _("{path} was not written ({reason}).")
        emit(Told(text.format(path=path, reason=_reason(error))))


def _reason(error: Exception) -> str:
    """Why, for a sentence that names the file itself."""
    return (error.strerror if isinstance(error, OSError) else "") or problem_of(error)
