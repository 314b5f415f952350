"""Watches beside a run: a disk that keeps it waiting, images that change, a busy processor."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from vae.events import PROCESSOR, SLOW, Event, Passed, Progress, Warned
from vae.files import readable
from vae.images import ImageFile
from vae.language import _, ngettext, number

SLOW_SECONDS = 5.0
LOOK_SECONDS = 60.0
BUSY_SECONDS, BUSY_CORES = 30.0, 0.3  # how often others are looked at, and what they may take


class DiskWatch:
    """Reports, once, that a phase on the disk has brought nothing for five seconds.

    A stalled drive blocks the thread that asked it, so that another one has to say so.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._waiting: tuple[str, float] | None = None  # phase, since when
        self._ended = threading.Event()

    def __enter__(self) -> DiskWatch:
        threading.Thread(target=self._watch, name="disk watch", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()

    def emit(self, event: Event) -> None:
        """Pass an event on; one that tells of progress begins the five seconds anew."""
        if isinstance(event, Progress):
            self._waiting = (event.phase, time.monotonic())
        self._emit(event)

    @contextlib.contextmanager
    def waiting(self, phase: str) -> Iterator[None]:
        """While the block waits for the disk, which may take its time."""
        self._waiting = (phase, time.monotonic())
        try:
            yield
        finally:
            self._waiting = None

    def _watch(self) -> None:
        told = None
        while not self._ended.wait(SLOW_SECONDS / 10):
            waiting = self._waiting
            if waiting and waiting != told and time.monotonic() - waiting[1] > SLOW_SECONDS:
                told = waiting
                self._emit(Progress(waiting[0] + SLOW, 0, 0))


class ProcessorWatch:
    """Says once that other programs take what the threads of a training on the CPU count on.

    And once that they no longer do. Its threads wait for each other, so that all lose what one of
    them does.
    """

    def __init__(self, threads: int, emit: Callable[[Event], None]) -> None:
        self.threads, self.emit = threads, emit
        self.cores = os.cpu_count() or 1
        self.looked, self.others = time.monotonic(), _seconds_of_others()
        self.told = self.passed = False

    def look(self) -> None:
        """Look, every half a minute, how much others took since the last time."""
        now = time.monotonic()
        if self.passed or now < self.looked + BUSY_SECONDS:
            return
        others, seconds = _seconds_of_others(), now - self.looked
        taken = (others - self.others) / seconds
        self.looked, self.others = now, others
        if seconds > 2 * BUSY_SECONDS:  # it was paused, and others had the computer
            return
        fewer = max(1, int(self.cores - taken))
        slowed = self.threads + taken >= self.cores + BUSY_CORES and fewer < self.threads
        if self.told and not slowed:
            self.passed = True
            text = _("Other programs leave the processor to the training again.")
            self.emit(Passed(PROCESSOR, text))
        if self.told or not slowed:
            return
        self.told = True
        text = _(
            "Other programs take {taken} of the {cores} processor cores. The threads of the "
            "training wait for each other, so that it loses more than that. Close them; or stop, "
            "set threads to {fewer}, and resume."
        )
        taken_words = number(taken, ".1f")
        text = text.format(taken=taken_words, cores=self.cores, fewer=fewer)
        self.emit(Warned(text, cause=PROCESSOR))


def _seconds_of_others() -> float:
    """Processor seconds that all but this process and those that it started have taken."""
    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    own, started = psutil.Process(), list[psutil.Process]()
    # A system that hides the processes of others may refuse to tell which are this one's.
    with contextlib.suppress(psutil.Error, OSError):
        started = own.children(recursive=True)
    for process in (own, *started):
        with contextlib.suppress(psutil.Error, OSError):  # one that ends meanwhile
            busy -= sum(process.cpu_times()[:2])
    return float(busy)


class ImageWatch:
    """Says once that images have changed or gone since they were read. Asks the disk by itself.

    Until `end`, after which a look that goes on says nothing any more.
    """

    def __init__(
        self, folder: Path, files: Sequence[ImageFile], emit: Callable[[Event], None]
    ) -> None:
        self.folder, self.files, self.emit = folder, files, emit
        self.looked = time.monotonic()
        self.thread: threading.Thread | None = None
        self.told = self.ended = False

    def end(self) -> None:
        """The run is over."""
        self.ended = True

    def look(self) -> None:
        """Begin a look at all files, if the last one is done and a minute old."""
        busy = self.thread is not None and self.thread.is_alive()
        if self.told or busy or time.monotonic() < self.looked + LOOK_SECONDS:
            return
        self.thread = threading.Thread(target=self._look, name="image watch", daemon=True)
        self.thread.start()

    def _look(self) -> None:
        changed = [file.name for file in self.files if self._has_changed(file)]
        self.looked = time.monotonic()
        if not changed or self.ended:
            return
        self.told = True
        text = ngettext(
            "{count} image has changed or gone since the run began, such as {path}. This run goes "
            "on with the images as they were. Put back what changed before you resume, or its "
            "checkpoint will be refused.",
            "{count} images have changed or gone since the run began, such as {path}. This run "
            "goes on with the images as they were. Put back what changed before you resume, or "
            "its checkpoint will be refused.",
            len(changed),
        )
        path = readable(self.folder / changed[0])
        self.emit(Warned(text.format(count=len(changed), path=path)))

    def _has_changed(self, file: ImageFile) -> bool:
        try:
            facts = os.stat(self.folder / file.name)
        except OSError:
            return True
        return (facts.st_size, facts.st_mtime_ns) != (file.size, file.mtime)
