"""What a run leaves beside its checkpoints: the log, the loss curve, the sample grids."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from vae.checkpoint import checkpoint_files
from vae.config import TrainConfig
from vae.curve import write_loss_curve
from vae.events import EarlierRunKept, Event, Progress, SamplesReady, Warned
from vae.files import LOSS_CURVE_NAME, SAMPLES_NAME, move_into, samples_name
from vae.history import has_rows, set_aside_if_foreign, write_log
from vae.randomness import generator
from vae.samples import GRID_SIDE, decode_latents, fixed_latents, image_grid, write_png
from vae.state import TrainingState

CURVE_SECONDS = 5.0


class Outputs:
    """Writes them. All can be made again from a checkpoint, so none that fails ends the run."""

    def __init__(self, config: TrainConfig, emit: Callable[[Event], None]) -> None:
        self.config, self.emit = config, emit
        self.folder, self.log = Path(config.output_dir), Path(config.log_file)
        self.curve_written = 0.0

    def set_earlier_run_aside(self) -> None:
        """Move an earlier run's pictures, log and checkpoints where none is overwritten.

        They go into folders `earlier_run_0001`, or the next number that is free, beside where
        they are; checkpoints last and oldest first, so that whatever interrupts the move, the
        newest is found again. Says so, and raises OSError.
        """
        folder = Path(self.config.model_save_dir)
        pictures = [path for path in _listed(self.folder) if _is_picture(path.name)]
        logs = [self.log] if has_rows(self.log) else []
        checkpoints = [path for _, path in reversed(checkpoint_files(folder, damaged=True))]
        files = [*pictures, *logs, *checkpoints]
        if not files:
            return
        name = next(
            name
            for name in (f"earlier_run_{number:04d}" for number in itertools.count(1))
            if not any((file.parent / name).exists() for file in files)
        )
        for source in files:
            move_into(source.parent / name, source)
        text = f"The earlier run's files were kept in folders named {name}."
        self.emit(EarlierRunKept(text, name))

    def begin_log(self, state: TrainingState) -> None:
        """Write the rows of the epochs done. Rows that this would lose are kept, and named.

        Raises OSError if such a log cannot be moved.
        """
        # A checkpoint can still be on its way to the disk when the next one's rows are written.
        lag = 2 * self.config.checkpoint_every
        aside = set_aside_if_foreign(self.log, state.history, lag)
        if aside:
            self.emit(
                Warned(f"{self.log} held rows that the checkpoint lacks. It was kept as {aside}.")
            )
        self.write_log(state)

    def write_log(self, state: TrainingState) -> None:
        """Write one row for each epoch done."""
        try:
            write_log(self.log, state.history)
        except OSError as error:
            # Windows locks a file that a spreadsheet shows; the next epoch writes all rows again.
            self.emit(
                Warned(
                    f"{self.log} cannot be written ({error.strerror or error}), perhaps because "
                    "another program shows it. Training goes on; its rows are safe in the "
                    "checkpoint. Close that program."
                )
            )

    def write_curve(self, state: TrainingState, last: bool = False) -> None:
        """Draw loss_curve.png of the epochs so far; but for the last, only every few seconds."""
        recent = time.monotonic() < self.curve_written + CURVE_SECONDS
        if not state.history or (recent and not last):
            return
        self.curve_written = time.monotonic()
        path = self.folder / LOSS_CURVE_NAME
        self._write_picture(path, lambda: write_loss_curve(path, state.history))

    def write_samples(self, state: TrainingState, should_stop: Callable[[], bool]) -> None:
        """Decode the run's 64 fixed latents, the same each time, so that grids compare.

        Raises StopRequested when asked to stop.
        """
        self.emit(Progress("sample", 0, 0))
        random = generator(self.config.seed, "samples")
        latents = fixed_latents(GRID_SIDE**2, self.config.latent_dim, random)
        grid = image_grid(decode_latents(state.model, latents, should_stop))
        path = self.folder / samples_name(state.epoch)
        self._write_picture(path, lambda: write_png(path, grid))
        self.emit(SamplesReady(state.epoch, grid, path))

    def samples_due(self, epoch: int) -> bool:
        """Whether a grid belongs to the end of an epoch."""
        last = epoch == self.config.num_epochs
        return epoch > 0 and (last or epoch % self.config.sample_every == 0)

    def samples_missing(self, state: TrainingState) -> bool:
        """Whether an interruption right after a checkpoint left a due grid undrawn."""
        due = self.samples_due(state.epoch) and state.images_done == 0
        return due and not (self.folder / samples_name(state.epoch)).exists()

    def _write_picture(self, path: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self.emit(
                Warned(f"{path} was not written ({error.strerror or error}). Training goes on.")
            )


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_picture(name: str) -> bool:
    return name == LOSS_CURVE_NAME or SAMPLES_NAME.fullmatch(name) is not None
