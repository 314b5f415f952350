"""Work off the window's thread: a thread, a queue of plain events, a stop flag.

Nothing here can reach a Tk object: a collection in the worker would destroy it there.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vae import diary
from vae.errors import StudioError, file_problem, problem_of
from vae.events import RETRY_SECONDS, Trouble, Warned
from vae.gui import picture_jobs, training_jobs
from vae.gui.answers import (
    CacheCleared,
    DemoReady,
    EngineReady,
    Failed,
    Found,
    PathsChecked,
    PlotsReady,
    ReportReady,
    Retrying,
    Told,
)
from vae.gui.data_worker import DataWorker
from vae.language import _
from vae.paths import check_paths
from vae.requests import Request

LOG_LINES = 200  # of the log in a report


class Worker:
    """Runs one long job at a time: a training, the demo data, a report; and small look-ups."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.flag = threading.Event()
        self.answers: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.job: threading.Thread | None = None
        self.writers: list[threading.Thread] = []
        self.trains = False  # whether the newest long job is a training
        self.data = DataWorker(self.events.put)
        # Threads take turns more often, so that the window answers sooner.
        sys.setswitchinterval(0.001)

    @property
    def busy(self) -> bool:
        """Whether a long job goes on."""
        return self.job is not None and self.job.is_alive()

    @property
    def writing(self) -> bool:
        """Whether a small job is writing a file."""
        return any(thread.is_alive() for thread in self.writers)

    def drain(self, limit: int) -> list[Any]:
        """At most `limit` of the waiting events, oldest first."""
        found: list[Any] = []
        while len(found) < limit and not self.events.empty():
            found.append(self.events.get_nowait())
        return found

    def train(self, texts: dict[str, str], fresh: bool, resumes: bool) -> None:
        """Check the form and train. Ends in Finished, Invalid or Failed."""
        self.job = self._start(training_jobs.train, texts, fresh, resumes, self._wires())

    def sweep(self, texts: dict[str, str], axes: Mapping[str, Sequence[str]], folder: Path) -> None:
        """Train with each combination of values. Ends in SweepFinished, Invalid or Failed."""
        self.job = self._start(training_jobs.sweep, texts, axes, folder, self._wires())

    def _wires(self) -> training_jobs.Wires:
        self._begin(trains=True)
        self.requests = queue.SimpleQueue()  # what came too late for an earlier run is no more
        self.data.cancel()
        return training_jobs.Wires(
            self.events.put, self.flag.is_set, self.decide, self.requested, self.data.wait
        )

    def ask(self, request: Request) -> None:
        """Ask the training for something; it is done after the running batch."""
        self.requests.put(request)

    def requested(self) -> Request | None:
        """Called by the training: what was asked for and not yet done."""
        return None if self.requests.empty() else self.requests.get_nowait()

    def decide(self, trouble: Trouble) -> Path | None:
        """Called by the training: wait for `answer`, or for the time to try again by itself."""
        while not self.answers.empty():
            self.answers.get_nowait()  # of a second click on an earlier trouble
        self.events.put(trouble)
        while True:
            try:
                return self.answers.get(timeout=RETRY_SECONDS)
            except queue.Empty:
                # A folder that is gone is made anew only by a person who asks for it.
                if os.path.isdir(trouble.folder):
                    self.events.put(Retrying())
                    return trouble.folder

    def answer(self, folder: Path | None) -> None:
        """Decide on the trouble that training waits with: a folder to go on with, or give up."""
        self.answers.put(folder)

    def give_up(self) -> None:
        """End a training that waits with a trouble, also if it has just gone on by itself."""
        self.stop()
        self.answer(None)

    def make_demo(self, folder: Path) -> None:
        """Make the demo data set. Ends in DemoReady or Failed."""
        self._begin(trains=False)
        self.job = self._start(_demo, folder, self.events.put, self.flag.is_set)

    def write_report(self, model_save_dir: Path, output_dir: Path) -> None:
        """Measure a run and write its report. Ends in ReportWritten."""
        self._begin(trains=False)
        self.job = self._start(
            picture_jobs.write_report, model_save_dir, output_dir, self.events.put, self.flag.is_set
        )

    def evaluate(self, model_save_dir: Path, output_dir: Path) -> None:
        """Measure a run's newest checkpoint. Ends in Evaluated."""
        self._begin(trains=False)
        self.job = self._start(
            picture_jobs.evaluate, model_save_dir, output_dir, self.events.put, self.flag.is_set
        )

    def _begin(self, trains: bool) -> None:
        self.flag.clear()
        self.trains = trains

    def stop(self) -> None:
        """Ask the long job to stop."""
        self.flag.set()

    def look(self, model_save_dir: str, output_dir: str) -> None:
        """Look for a run to resume. Answers with Found."""
        self._start(_look, model_save_dir, output_dir, self.events.put)

    def check_paths(self, texts: dict[str, str]) -> None:
        """Look at the paths of a form. Answers with PathsChecked."""
        self._start(_check_paths, texts, self.events.put)

    def clear_cache(self) -> None:
        """Delete the decoded images that are kept. Answers with CacheCleared."""
        self._start(_clear_cache, self.events.put)

    def report(self, texts: dict[str, str]) -> None:
        """Gather what a person who helps must know. Answers with ReportReady."""
        self._start(_report, texts, self.events.put)

    def import_ahead(self) -> None:
        """Import what plots and training need. Answers with PlotsReady, then EngineReady."""
        self._start(_import, self.events.put, self.data.engine.set)

    def do(self, job: Callable[..., None], *arguments: object) -> None:
        """A small job, which answers through its last argument."""
        self._start(job, *arguments, self.events.put)

    def write(self, job: Callable[..., None], *arguments: object) -> None:
        """As `do`, a job that writes a file, for which the window stays open."""
        self.writers = [thread for thread in self.writers if thread.is_alive()]
        self.writers.append(self._start(job, *arguments, self.events.put))

    def _start(self, job: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(
            target=_answered, args=(job, arguments, self.events.put), daemon=True
        )
        thread.start()
        return thread


def _answered(
    job: Callable[..., None], arguments: Sequence[object], emit: Callable[[object], None]
) -> None:
    """Do a job, and answer for it if it raises: no click may come to nothing without a word."""
    try:
        job(*arguments)
    except (OSError, StudioError) as error:
        emit(Told(problem_of(error)))
    except Exception as error:
        diary.log_error(error)
        text = _(
            "The program could not do this ({problem}). Copy report in the Help menu gathers what "
            "those who help must know."
        )
        emit(Told(text.format(problem=problem_of(error))))


def _look(model_save_dir: str, output_dir: str, emit: Callable[[object], None]) -> None:
    record, anything, problem = None, False, ""
    samples: tuple[tuple[int, int], ...] = ()
    reconstructions: tuple[tuple[int, int], ...] = ()
    try:
        from vae import checkpoint
        from vae.gallery import RECONSTRUCTIONS, SAMPLES

        anything = bool(checkpoint.checkpoint_files(Path(model_save_dir), damaged=True))
        if found := checkpoint.peek(Path(model_save_dir)):
            record = found[1]
            done = len(record.history), record.images_done
            samples = SAMPLES.places(Path(output_dir), done)
            reconstructions = RECONSTRUCTIONS.places(Path(output_dir), done)
    except Exception as error:
        # A look that fails must not keep the window from working; the run itself will say more.
        problem = str(error) or type(error).__name__
    emit(Found(model_save_dir, record, anything, samples, reconstructions, problem))


def _check_paths(texts: dict[str, str], emit: Callable[[object], None]) -> None:
    emit(PathsChecked(texts, check_paths(texts)))


def _demo(folder: Path, emit: Callable[[object], None], should_stop: Callable[[], bool]) -> None:
    try:
        from vae.demo import make_demo_data

        make_demo_data(folder, should_stop=should_stop)
        emit(DemoReady(folder, not should_stop()))
    except Exception as error:
        text = _("The demo data set was not made: {problem}. Choose a folder of your own images.")
        emit(Failed(text.format(problem=error), {}, traceback.format_exc()))


def _clear_cache(emit: Callable[[object], None]) -> None:
    from vae import cache

    try:
        cache.clear()
        emit(CacheCleared(cache.usage_words()))
    except OSError as error:
        emit(CacheCleared(file_problem(error)))


def _report(texts: dict[str, str], emit: Callable[[object], None]) -> None:
    try:
        from vae.doctor import examine, report

        lines = [report(examine(texts)), "", "The end of the log:", *diary.last_lines(LOG_LINES)]
        emit(ReportReady("\n".join(lines), ""))
    except Exception as error:
        diary.log_error(error)
        text = _("No report could be made ({problem}).")
        emit(ReportReady("", text.format(problem=type(error).__name__)))


def _import(emit: Callable[[object], None], ended: Callable[[], None]) -> None:
    try:
        import matplotlib.backends.backend_tkagg
        import matplotlib.figure  # noqa: F401

        emit(PlotsReady())
        import skimage.metrics  # noqa: F401  # which the first epoch would wait for

        import vae.training  # noqa: F401

        emit(EngineReady())
    except Exception as error:
        # An engine that cannot be imported is told again when Train is clicked.
        text = _("A part of the program cannot be loaded: {problem}. Install it again.")
        emit(Warned(text.format(problem=error)))
    finally:
        ended()
