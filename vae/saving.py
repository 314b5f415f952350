"""The checkpoints of a running training: begun, waited for, told of, and tried again."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from vae import explain
from vae.checkpoint import NonFiniteError, checkpoint_files
from vae.errors import StudioError
from vae.events import CheckpointSaved, Event, Progress, Trouble, Warned
from vae.files import no_leftovers, same_folder
from vae.language import _
from vae.lock import only_run
from vae.state import TrainingState
from vae.watch import DiskWatch

Decide = Callable[[Trouble], Path | None]


class Saving:
    """Saves a state. A checkpoint that cannot be written makes the training wait for a decision.

    `decide` answers with the folder to save in, the same one to try again, or None to give up.
    `held` holds folders to the end of the run; `is_held` tells whether that of the state still is.
    """

    def __init__(
        self,
        state: TrainingState,
        emit: Callable[[Event], None],
        decide: Decide,
        watch: DiskWatch,
        held: contextlib.ExitStack,
        is_held: Callable[[], bool],
    ) -> None:
        self.state, self.emit, self._decide, self.watch = state, emit, decide, watch
        self.held = held
        # The folders that the run has taken: whether each is still held, and its newest checkpoint.
        self.taken = {Path(state.config.model_save_dir): is_held}
        self.newest: dict[Path, Path] = {}
        if state.saved:
            self.newest[state.saved.parent] = state.saved
        self.waited = 0.0  # seconds, for decisions
        self.running: Future[Path] | None = None

    def begin(self) -> None:
        """Begin a checkpoint, if anything was trained since the last one. Raises TrainingError."""
        if not self.state.moved:
            return
        self.acknowledge(wait=True)
        self.emit(Progress("save", 0, 0))
        self.running = self.state.save(self._check_folder)

    def until_taken_down(self) -> None:
        """Wait until a checkpoint that is being written needs weights and moments no more."""
        if not self.state.taken_down.is_set():
            with self.watch.waiting("save"):
                self.state.taken_down.wait()

    def acknowledge(self, wait: bool = False) -> None:
        """Tell that the checkpoint begun last is on disk, once it is. Raises TrainingError."""
        while self.running is not None and (wait or self.running.done()):
            saving, self.running = self.running, None
            try:
                with self.watch.waiting("save"):
                    path = saving.result()
            except NonFiniteError as error:
                raise explain.weights_not_finite(self.state, str(error)) from error
            except OSError as error:
                self._ask(error)
                self.running = self.state.save(self._check_folder)
                wait = True  # whoever decided sees at once whether it helped
            else:
                self.newest[path.parent] = path
                self.emit(CheckpointSaved(path))

    def decide(self, trouble: Trouble) -> Path | None:
        """Wait for a decision, which is no training."""
        began = time.monotonic()
        try:
            return self._decide(trouble)
        finally:
            self.waited += time.monotonic() - began

    def _check_folder(self) -> None:
        if not self.taken[Path(self.state.config.model_save_dir)]():
            # Not made anew unasked: its drive may only be away for a moment.
            problem = _("the folder is gone, or is another run's now")
            raise FileNotFoundError(errno.ENOENT, problem)

    def _ask(self, error: OSError) -> None:
        """Wait for a decision, and until its folder can be used. Raises TrainingError."""
        state = self.state
        problem = error.strerror or str(error)
        while True:
            folder = Path(state.config.model_save_dir)
            chosen = self.decide(Trouble(explain.cannot_save(problem, state), folder, True))
            if chosen is None:
                raise explain.not_saved(problem, state) from error
            try:
                self._take(chosen)
            except (OSError, StudioError) as refused:
                problem = getattr(refused, "strerror", None) or str(refused)
            else:
                return

    def _take(self, folder: Path) -> None:
        """Save in a folder from now on; make it if it is gone. Raises OSError, StudioError."""
        state = self.state
        # One that was taken before keeps its name, whatever its spelling now.
        folder = next((own for own in self.taken if same_folder(own, folder)), folder)
        if folder not in self.taken or not self.taken[folder]():
            self._hold(folder)
        if folder != Path(state.config.model_save_dir):
            state.config = dataclasses.replace(state.config, model_save_dir=str(folder))
            text = _("From here on, checkpoints are saved in {folder}.")
            self.emit(Warned(text.format(folder=folder)))

    def _hold(self, folder: Path) -> None:
        """Take a folder for this run, to its end. Raises OSError, StudioError."""
        if folder not in self.taken and same_folder(folder, Path(self.state.config.output_dir)):
            problem = _("{folder} is the output folder: choose another")
            raise StudioError(problem.format(folder=folder))
        found = [path for _number, path in checkpoint_files(folder, damaged=True)]
        if found and self.newest.get(folder) not in found:
            problem = _("{folder} holds checkpoints of another run")
            raise StudioError(problem.format(folder=folder))
        self.taken[folder] = self.held.enter_context(only_run(folder))
        self.held.enter_context(no_leftovers(folder))
