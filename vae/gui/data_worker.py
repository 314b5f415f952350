"""Looks at the chosen folder off the window's thread. A newer look ends the older one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae import diary
from vae.config import SHAPE, TrainConfig, check, parse
from vae.errors import StopRequested, StudioError, file_problem
from vae.gui.answers import Looked
from vae.language import _

if TYPE_CHECKING:
    from vae.estimate import Estimate
    from vae.events import Progress
    from vae.sheet import Sheet
    from vae.survey import Survey

# What a look depends on, beside the folder.
FIELDS = (*SHAPE, "batch_size", "ema", "threads", "device", "precision")
# Arrows that are clicked fast ask for a look each time; only the last is worth the work.
SETTLE_SECONDS = 0.3

Emit = Callable[..., None]  # with the fields of Looked by name
Stop = Callable[[], bool]


class DataWorker:
    """Starts looks, of which only the newest answers."""

    def __init__(self, put: Callable[[object], None]) -> None:
        self.put = put
        self.number = 0
        self.engine = threading.Event()  # what training needs is imported, or cannot be
        self.measuring = threading.Lock()  # held while a network is there to be timed

    def look(self, texts: dict[str, str], survey: Survey | None, sheet: Sheet | None) -> int:
        """Look at what is not known yet. Answers with Looked; returns the number it will carry."""
        self.number += 1
        number = self.number

        def emit(**found: Any) -> None:
            self.put(Looked(number, **found))

        arguments = (self, texts, (survey, sheet), emit, lambda: number != self.number)
        threading.Thread(target=_look, args=arguments, daemon=True).start()
        return number

    def cancel(self) -> None:
        """End a look that goes on."""
        self.number += 1

    def wait(self) -> None:
        """Wait, after `cancel`, until no network is in memory to be timed."""
        with self.measuring:
            pass


def _look(
    worker: DataWorker,
    texts: dict[str, str],
    known: tuple[Survey | None, Sheet | None],
    emit: Emit,
    should_stop: Stop,
) -> None:
    try:
        time.sleep(SETTLE_SECONDS)
        if not should_stop():
            files = _look_at_folder(texts, *known, emit, should_stop)
            while not worker.engine.wait(0.1):
                if should_stop():
                    return
            with worker.measuring:
                if not should_stop():
                    emit(estimate=_estimate(texts, files, should_stop))
    except StopRequested:
        pass
    except StudioError as error:
        emit(problem=str(error))
    except OSError as error:
        emit(problem=file_problem(error))
    except Exception as error:
        # The thread's border. Training will say more of what is really wrong.
        diary.log_error(error)
        text = _("The folder could not be looked at ({error}).")
        emit(problem=text.format(error=type(error).__name__))


def _look_at_folder(
    texts: dict[str, str],
    survey: Survey | None,
    sheet: Sheet | None,
    emit: Emit,
    should_stop: Stop,
) -> int:
    """Tell of the images, then of all files. Returns how many can be trained on."""
    from vae.sheet import contact_sheet, count_coloured
    from vae.survey import find
    from vae.survey import survey as look_at_all

    def report(progress: Progress) -> None:
        emit(progress=progress)

    folder = Path(texts["file_path"])
    found = None if survey else find(folder, report, should_stop)
    sample = found.sample if found else survey.sample if survey else ()
    values, problems = _values(texts)
    if not problems.keys() & {"img_size", "in_channels"}:
        size, channels = int(values["img_size"]), int(values["in_channels"])
        if sheet is None or (sheet.size, sheet.channels) != (size, channels):
            emit(sheet=contact_sheet(folder, sample, size, channels, should_stop))
    if found:
        survey = look_at_all(found, report, should_stop)
        decoded, coloured = count_coloured(folder, survey.colour_sample, should_stop)
        survey = replace(survey, decoded=decoded, coloured=coloured)
        emit(survey=survey)
    return survey.whole if survey else 0


def _values(texts: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    values, problems = parse({name: texts[name] for name in FIELDS})
    return values, problems | check(values)


def _estimate(texts: dict[str, str], images: int, should_stop: Stop) -> Estimate:
    from vae.estimate import Estimate, estimate
    from vae.runs import load_runs, pace

    values, problems = _values(texts)
    if problems:
        return Estimate(0, 0, "", next(iter(problems.values())))
    config = TrainConfig(file_path=texts["file_path"], **values)
    try:
        known = pace(values, load_runs()[0])
    except OSError as error:
        diary.log_error(error)  # a help only: steps are timed then
        known = 0.0, ""
    return estimate(config, images, should_stop, known)
