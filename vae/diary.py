"""The program's own log, for those who help: facts of runs and errors, and no word of patients.

A path or a text of the user's may hold a patient's name, so that none is written: not in notes,
not in errors. Of these the log keeps the kind, and the place in the program.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from vae import __version__
from vae.config import PARAMETERS, TrainConfig
from vae.events import (
    CheckpointSaved,
    DataReady,
    DeviceChosen,
    EpochDone,
    Event,
    Passed,
    Resumed,
    TrainingResult,
    Warned,
)
from vae.files import APP, make_folder

MAX_BYTES, FILES = 1_000_000, 3
LIBRARIES = ("torch", "numpy", "matplotlib")
PLACES = 3  # of the calls that led to a note
# Errors whose text is Python's or PyTorch's own; those of others may quote what they met.
PLAIN = (AttributeError, IndexError, MemoryError, RuntimeError, TypeError, ZeroDivisionError)

logger = logging.getLogger("vae")


def log_path() -> Path:
    """Where the log is. Earlier parts of it stand beside it, as .1 and .2."""
    return Path(platformdirs.user_log_dir(APP, appauthor=False)) / f"{APP}.log"


class _File(RotatingFileHandler):
    """For its owner alone; that it cannot be written is no reason for anything to fail."""

    def _open(self):  # type: ignore[no-untyped-def]
        return open(
            self.baseFilename, "a", encoding="utf-8",
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )  # fmt: skip

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing, where logging would print a traceback."""


def open_log(program: str) -> None:
    """Write to the log from here on. Tells what starts, with its versions."""
    if not any(isinstance(handler, _File) for handler in logger.handlers):
        path = log_path()
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            path.parent.chmod(0o700)
            handler = _File(path, maxBytes=MAX_BYTES, backupCount=FILES - 1, delay=True)
            handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
    logger.info(
        "VAE Studio %s, %s, Python %s, %s %s %s", __version__, program,
        platform.python_version(), platform.system(), platform.release(), platform.machine(),
    )  # fmt: skip


@contextlib.contextmanager
def logged(config: TrainConfig, emit: Callable[[Event], None]) -> Iterator[Callable[[Event], None]]:
    """Keep a run in the log, from its parameters to its error. Gives the `emit` to train with."""
    from vae.images import DECODER  # not before the window

    values = config.to_dict().items()
    loaded = [
        f"{n} {getattr(sys.modules[n], '__version__', '?')}" for n in LIBRARIES if n in sys.modules
    ]
    logger.info("%s", ", ".join([*loaded, f"decoder {DECODER}"]))
    logger.info("run: %s", ", ".join(f"{n} {v}" for n, v in values if PARAMETERS[n].told))

    def both(event: Event) -> None:
        if text := event_facts(event):
            logger.info("%s", text)
        emit(event)

    try:
        yield both
    except BaseException as error:
        log_error(error)
        raise


def log_result(result: TrainingResult) -> None:
    """How a run ended."""
    how = "stopped" if result.stopped else "finished"
    logger.info(
        "%s: epoch %d of %d, %d images", how, result.epoch, result.epochs, result.images_done
    )


def log_error(error: BaseException) -> None:
    """An error, as far as it can hold no name of the user's."""
    logger.error("%s", error_facts(error))


def event_facts(event: Event) -> str:
    """An event without names, or an empty text for those that only move a bar."""
    match event:
        case DataReady():
            return f"{event.images} images, {len(event.skipped)} files left out"
        case DeviceChosen():
            return f"{event.device}, {event.detail}, {event.precision}"
        case Resumed():
            if event.over:
                return f"nothing left to train after epoch {event.epoch}"
            return f"resumed at epoch {event.epoch + 1}, image {event.images_done + 1}"
        case EpochDone():
            return str(event.record)
        case CheckpointSaved():
            return f"saved {event.path.name}"
        case Passed():
            return f"passed: {event.cause}"
        case Warned():
            frames = [f for f in traceback.extract_stack() if _is_ours(f)]
            places = (f"{Path(f.filename).stem}.{f.name}" for f in frames[-PLACES - 2 : -2])
            return f"note from {' > '.join(places)}"
    return ""


def error_facts(error: BaseException) -> str:
    """Kind, number, and place in the program of an error and of those that led to it."""
    lines = []
    link: BaseException | None = error
    while link is not None:
        text = ""
        if isinstance(link, OSError):
            text = f" {link.errno} {os.strerror(link.errno)}" if link.errno else ""
        elif isinstance(link, PLAIN) and not any(c in str(link) for c in "/\\"):
            text = f" {str(link)[:500]!r}"
        lines.append(f"{type(link).__name__}{text}")
        for frame in traceback.extract_tb(link.__traceback__):
            where = "/".join(Path(frame.filename).parts[-2:])
            lines.append(f"  {where}:{frame.lineno} {frame.name}")
        link = link.__cause__ or link.__context__
    return "\n".join(lines)


def _is_ours(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).is_relative_to(Path(__file__).parent)


def last_lines(count: int) -> list[str]:
    """The end of the log."""
    try:
        return log_path().read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return []
