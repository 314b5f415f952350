"""What a run leaves beside its checkpoints: the log, the loss curve, and the pictures."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vae import sampler_file, samplers
from vae.checkpoint import checkpoint_files
from vae.config import OWNED, TrainConfig
from vae.curve import write_loss_curve
from vae.dataset import Load
from vae.decoding import DataError
from vae.events import (
    LOG,
    EarlierRunKept,
    Event,
    Passed,
    Progress,
    ReconstructionsReady,
    SamplesReady,
    Warned,
)
from vae.files import (
    BESIDE_CHECKPOINTS,
    IMAGE_LIST_NAME,
    LOSS_CURVE_NAME,
    SAMPLER_NAMES,
    is_picture,
    listed,
    move_into,
    reconstructions_name,
    samples_name,
)
from vae.gallery import run_of
from vae.grid import GRID_SIDE, image_grid
from vae.history import has_rows, run_mark, set_aside_if_foreign, write_log
from vae.image_list import write_image_list
from vae.language import _
from vae.randomness import generator
from vae.reconstructions import comparison, fixed_images, reconstruct
from vae.samples import decode_latents, write_png
from vae.schedule import has_given_up
from vae.state import TrainingState

CURVE_SHARE = 0.01  # of a run's time, at most, goes into its curve
LONGEST_REST = 60.0  # seconds until it is drawn again, however slow the disk was


class Outputs:
    """Writes them. All can be made again from a checkpoint, so none that fails ends the run."""

    def __init__(self, config: TrainConfig, emit: Callable[[Event], None]) -> None:
        self.config, self.emit = config, emit
        self.folder, self.log = Path(config.output_dir), Path(config.log_file)
        self.curve_due, self.log_is_held = 0.0, False
        self.originals: np.ndarray | None = None  # that are reconstructed in each epoch
        self.fitted: samplers.Sampler | None = None  # that drew the newest samples

    def set_earlier_run_aside(self) -> None:
        """Move an earlier run's pictures, log and checkpoints where none is overwritten.

        They go into folders `earlier_run_0001`, or the next number that is free, beside where
        they are; checkpoints last and oldest first, so that whatever interrupts the move, the
        newest is found again. Says so, and raises OSError.
        """
        folder = Path(self.config.model_save_dir)
        pictures = [path for path in listed(self.folder) if is_picture(path.name)]
        logs = [self.log] if has_rows(self.log) else []
        checkpoints = [path for _number, path in reversed(checkpoint_files(folder, damaged=True))]
        # Where nothing else is left of that run, these say nothing.
        names = BESIDE_CHECKPOINTS if pictures or logs or checkpoints else ()
        beside = [folder / name for name in names if (folder / name).is_file()]
        text = _("The earlier run's files were kept in folders named {name}.")
        self._set_aside([*pictures, *logs, *beside, *checkpoints], text, OWNED)

    def set_foreign_pictures_aside(self, state: TrainingState) -> None:
        """Before a run goes on: move the pictures of another one that took the same folder since.

        As `set_earlier_run_aside` does. Pictures that were made before a first epoch was done have
        no mark, and stay.
        """
        pictures = [path for path in listed(self.folder) if is_picture(path.name)]
        own = run_mark(state.history)
        foreign = [path for path in pictures if run_of(path) not in ("", own)]
        text = _("Pictures of another run in the output folder were kept in its folder {name}.")
        self._set_aside(foreign, text, ("output_dir",))

    def _set_aside(self, files: Sequence[Path], text: str, places: tuple[str, ...]) -> None:
        if not files:
            return
        name = next(
            name
            for name in (f"earlier_run_{number:04d}" for number in itertools.count(1))
            if not any((file.parent / name).exists() for file in files)
        )
        for source in files:
            move_into(source.parent / name, source)
        self.emit(EarlierRunKept(text.format(name=name), name, places))

    def begin_log(self, state: TrainingState) -> None:
        """Write the rows of the epochs done. Rows that this would lose are kept, and named.

        Raises OSError if such a log cannot be moved.
        """
        # A checkpoint can still be on its way to the disk when the next one's rows are written.
        lag = 2 * self.config.checkpoint_every
        aside = set_aside_if_foreign(self.log, state.history, lag)
        if aside:
            text = _("{log} held rows that the checkpoint lacks. It was kept as {aside}.")
            self.emit(Warned(text.format(log=self.log, aside=aside)))
        self.write_log(state)

    def write_log(self, state: TrainingState) -> None:
        """Write one row for each epoch done."""
        try:
            write_log(self.log, state.history)
        except OSError as error:
            self.log_is_held = True
            # Windows locks a file that a spreadsheet shows; the next epoch writes all rows again.
            text = _(
                "{log} cannot be written ({reason}), perhaps because another program shows it. "
                "Training goes on; its rows are safe in the checkpoint. Close that program."
            )
            text = text.format(log=self.log, reason=error.strerror or error)
            self.emit(Warned(text, cause=LOG))
        else:
            if self.log_is_held:
                self.log_is_held = False
                self.emit(Passed(LOG, _("{log} is written again.").format(log=self.log)))

    def write_image_list(self, state: TrainingState) -> None:
        """Note which images the run learns from, for the day when it cannot go on with others."""
        folder = Path(state.config.model_save_dir)
        images = state.data, state.validation
        self._write_file(folder / IMAGE_LIST_NAME, lambda: write_image_list(folder, images))

    def write_curve(self, state: TrainingState, last: bool = False) -> None:
        """Draw loss_curve.png of the epochs so far; but for the last, only now and then."""
        began = time.monotonic()
        if not state.history or (began < self.curve_due and not last):
            return
        path = self.folder / LOSS_CURVE_NAME
        self._write_file(path, lambda: write_loss_curve(path, state.history, self.config.to_dict()))
        now = time.monotonic()
        # The first one imports matplotlib, and does not tell how long the next will take.
        rest = (now - began) / (CURVE_SHARE if self.curve_due else 1)
        self.curve_due = now + min(rest, LONGEST_REST)

    def write_pictures(self, state: TrainingState, samples: np.ndarray) -> None:
        """Write a grid of the samples, and reconstructions."""
        self._write_reconstructions(state)
        self._write_samples(state, samples)

    def draw_samples(
        self, state: TrainingState, load: Load, should_stop: Callable[[], bool]
    ) -> np.ndarray:
        """Decode 64 latents drawn with the run's seed, the same each time, so that grids compare.

        uint8 (64, H, W, C). `load` gives training images, for a sampler that is fitted to them.
        Raises StopRequested when asked to stop.
        """
        self.emit(Progress("sample", 0, 0))
        config, self.fitted = self.config, None
        if config.sampler != "prior":
            codes = samplers.encoded(state.shown, state.data, load, config.batch_size)
            self.fitted = samplers.fit(config.sampler, codes, config.seed)
        random, shape = generator(config.seed, "samples"), (GRID_SIDE**2, config.latent_dim)
        latents = samplers.latents(self.fitted, shape, config.temperature, random)
        return decode_latents(state.shown, latents, config.batch_size, should_stop)

    def _write_samples(self, state: TrainingState, samples: np.ndarray) -> None:
        grid = image_grid(samples)
        path = self.folder / samples_name(state.epoch, state.images_done)
        if self.fitted:
            self._write_sampler(state, self.fitted)
        self._write_file(path, lambda: write_png(path, grid, run_mark(state.history)))
        self.emit(SamplesReady(state.epoch, grid, path, state.images_done))

    def _write_sampler(self, state: TrainingState, sampler: samplers.Sampler) -> None:
        """Keep it beside the checkpoint of the same weights, if there will be one.

        A checkpoint folder that is gone is not made anew: its drive may be back in a moment.
        """
        place = (state.history, state.images_done)
        facts = sampler_file.fitted_to(self.config.sampler, state.data.fingerprint, *place)
        path = Path(state.config.model_save_dir) / SAMPLER_NAMES[self.config.sampler]
        if os.path.isdir(path.parent):
            self._write_file(path, lambda: sampler_file.save(path, sampler, facts))

    def _write_reconstructions(self, state: TrainingState) -> None:
        """Reconstruct the same few images each time."""
        if self.originals is None:
            data = state.validation if len(state.validation) else state.data
            try:
                self.originals = fixed_images(data)
            except DataError:
                return  # training itself meets that image, and says what to do
        made, errors = reconstruct(state.shown, self.originals, self.config.batch_size)
        picture = comparison(self.originals, made, errors)
        path = self.folder / reconstructions_name(state.epoch, state.images_done)
        self._write_file(path, lambda: write_png(path, picture, run_mark(state.history)))
        self.emit(ReconstructionsReady(state.epoch, picture, path, state.images_done))

    def pictures_due(self, epoch: int) -> bool:
        """Whether pictures belong to the end of an epoch."""
        last = epoch == self.config.num_epochs
        return epoch > 0 and (last or epoch % self.config.sample_every == 0)

    def pictures_missing(self, state: TrainingState) -> bool:
        """Whether an interruption right after a checkpoint left due pictures undrawn.

        The grid is the last of them.
        """
        ended = has_given_up(state.history, self.config.to_dict())
        due = (self.pictures_due(state.epoch) or ended) and state.images_done == 0
        return due and not os.path.exists(self.folder / samples_name(state.epoch))

    def _write_file(self, path: Path, write: Callable[[], None]) -> None:
        gone = not os.path.isdir(path.parent)  # it was there when the run began
        try:
            write()
        except OSError as error:
            text = _("{path} was not written ({reason}). Training goes on.")
            self.emit(Warned(text.format(path=path, reason=error.strerror or error)))
        else:
            if gone:
                text = _("The folder {folder} is gone, with what was in it. It is made again.")
                self.emit(Warned(text.format(folder=path.parent)))
