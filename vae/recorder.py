"""Keeps a run in the history while it goes on."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from vae import diary
from vae.config import PATHS, RECORDED, TrainConfig, Value
from vae.events import (
    BatchDone,
    CheckpointSaved,
    DataReady,
    EarlierRunKept,
    EpochDone,
    Event,
    Resumed,
    TrainingResult,
)
from vae.runs import Change, Run, load_runs, run_path, write_run

WRITE_SECONDS = 3.0


@contextlib.contextmanager
def recorded(config: TrainConfig, emit: Callable[[Event], None]) -> Iterator[Recorder]:
    """Keep a run in the history, from its beginning to its error or `ended`.

    Gives what to train with as `emit`.
    """
    recorder = Recorder(config, emit)
    try:
        yield recorder
    except BaseException as error:
        recorder.failed(error)
        raise


class Recorder:
    """An `emit` that writes down what passes. Nothing that goes wrong here reaches training."""

    def __init__(self, config: TrainConfig, emit: Callable[[Event], None]) -> None:
        self.emit = emit
        now = time.time()
        values = config.to_dict()
        values |= {name: os.path.abspath(str(values[name])) for name in PATHS}
        name = f"{datetime.fromtimestamp(now):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"
        self.run = Run(name, values, now, host=platform.node(), process=os.getpid())
        self.due = 0.0
        self.moved = False  # an earlier run's files, out of the way
        # Of a run that is gone on in: what it goes on with, once it has.
        self.resumed: tuple[Mapping[str, Value], tuple[Change, ...]] | None = None

    def __call__(self, event: Event) -> None:
        """Write down what an event says of the run, and pass it on."""
        self._safely(lambda: self._hear(event))
        self.emit(event)

    def ended(self, result: TrainingResult) -> None:
        """The run came to its end, or was stopped."""
        if result.checkpoint is None and not self.moved:  # stopped before it began
            self._safely(lambda: run_path(self.run.id).unlink(missing_ok=True))
            return
        state = "stopped" if result.stopped else "finished"
        self._end(state, history=result.history, trained=True)

    def failed(self, error: BaseException) -> None:
        """The run ended with an error; one that was refused before it began leaves no entry.

        But one that had moved an earlier run aside has changed something.
        """
        if not (self.run.trained or self.moved):
            self._safely(lambda: run_path(self.run.id).unlink(missing_ok=True))
            return
        self._end("failed", message=str(error) or type(error).__name__)

    def _end(self, state: str, **facts: Any) -> None:
        self.run = replace(self.run, state=state, ended=time.time(), **facts)
        self._safely(self._write)

    def _hear(self, event: Event) -> None:
        if self.resumed and isinstance(event, (BatchDone, EpochDone)):
            config, changes = self.resumed
            self.run, self.resumed = replace(self.run, config=config, changes=changes), None
        match event:
            case DataReady():
                self.run = replace(self.run, images=event.images)
                self._write()
            case EarlierRunKept():
                self.moved = True
                self._follow(event.name, event.places)
            case Resumed():
                self._resume(event)
            case CheckpointSaved() if event.path.parent != self.run.place("model_save_dir"):
                folder = os.path.abspath(event.path.parent)
                self.run = replace(self.run, config={**self.run.config, "model_save_dir": folder})
            case BatchDone() if not self.run.trained:
                self.run = replace(self.run, trained=True)
                self._write()
            case EpochDone():
                history = (*self.run.history, event.record)
                self.run = replace(self.run, history=history, trained=True)
                if time.monotonic() >= self.due:
                    self._write(durable=False)

    def _resume(self, event: Resumed) -> None:
        """Go on in the entry of the run that is resumed, if there is one."""
        own = self.run
        for earlier in load_runs()[0]:
            same = earlier.config["model_save_dir"] == own.config["model_save_dir"]
            # What was written last can lack the first epochs. Another run began otherwise.
            first = {rows[0].loss for rows in (earlier.history, event.history) if rows}
            if same and earlier.trained and len(first) < 2:
                changes = (*earlier.changes, *_changed(earlier, own, len(event.history) + 1))
                self.resumed = own.config, changes
                own = replace(
                    own, id=earlier.id, began=earlier.began, config=earlier.config,
                    changes=earlier.changes,
                )  # fmt: skip
                run_path(self.run.id).unlink(missing_ok=True)
                break
        self.run = replace(own, history=event.history, trained=True)
        self._write()

    def _follow(self, name: str, places: Sequence[str]) -> None:
        """Earlier runs' files were moved aside: their entries say where to."""
        for earlier in load_runs()[0]:
            config = dict(earlier.config)
            for field in places:
                if config[field] == self.run.config[field]:
                    config[field] = str(moved_into(earlier.place(field), name, field))
            if config != earlier.config and earlier.state != "running":
                write_run(replace(earlier, config=config))

    def _write(self, durable: bool = True) -> None:
        began = time.monotonic()
        self.run = replace(self.run, written=time.time())
        write_run(self.run, durable)
        # A long history takes longer to write, and is then written less often.
        took = time.monotonic() - began
        self.due = began + max(WRITE_SECONDS, 50 * took)

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            # Whatever fails here, the run itself is well, and its files hold all that matters.
            diary.log_error(error)


def _changed(then: Run, now: Run, epoch: int) -> Iterator[Change]:
    """What a run goes on with otherwise than before; how many epochs it has is told elsewhere."""
    for name in RECORDED:
        if name != "num_epochs" and then.config[name] != now.config[name]:
            yield Change(epoch, name, then.config[name])


def moved_into(place: Path, name: str, field: str) -> Path:
    """Where a folder's files are, or a file is, after a move into folders called `name`."""
    return place.parent / name / place.name if field == "log_file" else place / name
