"""Train a VAE on a folder of images. The whole program is here; the other modules are its parts."""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vae import checkpoint
from vae.checkpoint import CheckpointError, Record
from vae.config import ConfigError, TrainConfig, check_paths
from vae.curve import write_loss_curve
from vae.dataset import DataError, MedicalImageDataset, batch_order, to_device
from vae.devices import choose_device, choose_threads, describe
from vae.events import (
    BatchDone,
    CheckpointSaved,
    DeviceChosen,
    EpochDone,
    EpochRecord,
    Event,
    Resumed,
    SamplesReady,
    TrainingResult,
    Warned,
)
from vae.files import LOSS_CURVE_NAME, SAMPLES_NAME, remove_leftovers, samples_name
from vae.history import set_aside_if_foreign, write_log
from vae.images import StopRequested
from vae.loss import vae_loss
from vae.model import VAE, initialize
from vae.samples import GRID_SIDE, decode_latents, fixed_latents, image_grid, write_png
from vae.state import (
    NonFiniteError,
    changes_between,
    check_same_run,
    optimizer_steps,
    restore,
    snapshot,
)

__all__ = ["CheckpointError", "ConfigError", "DataError", "TrainingError", "run_vae_training"]

PROGRESS_SECONDS = 0.25
CURVE_SECONDS = 5.0
# A checkpoint holds the weight and Adam's two moments, four bytes each.
BYTES_A_WEIGHT = 12
# The fifth counts images: a step that the scaler skips counts none.
SUM_NAMES = ("loss", "reconstruction", "kl", "blur", "images")


class TrainingError(Exception):
    """Training cannot go on; the text says what is safe and what to do next."""


def ignore(event: Event) -> None:
    """An `emit` for those who do not listen."""


def never() -> bool:
    """A `should_stop` for those who do not stop."""
    return False


def run_vae_training(
    config: TrainConfig,
    emit: Callable[[Event], None] = ignore,
    should_stop: Callable[[], bool] = never,
    fresh: bool = False,
) -> TrainingResult:
    """Train as `config` says, from the newest intact checkpoint if there is one.

    Facts are reported through `emit`; `should_stop` is asked at every batch. A stopped run saves
    and resumes mid-epoch. `fresh` moves an earlier run's files aside and starts over.
    A run interrupted and resumed equals an unbroken one bit for bit on the CPU at the same
    thread count. Raises ConfigError, DataError, CheckpointError, TrainingError and OSError.
    """
    if problems := check_paths(config.to_dict()):
        raise ConfigError(problems)
    started = time.monotonic()
    run = None
    try:
        run = _Run(config, emit, should_stop, fresh)
        run.show_last_samples()
        while run.epoch < config.num_epochs and not should_stop():
            if not run.train_epoch():
                break
            run.finish_epoch()
        stopped = run.epoch < config.num_epochs
        run.write_curve()
    except StopRequested:
        stopped = True
    except torch.OutOfMemoryError as error:
        raise TrainingError(_out_of_memory(config, run)) from error
    seconds = time.monotonic() - started
    if run is None:
        return TrainingResult(0, config.num_epochs, True, (), seconds, None, 0)
    history, skipped = tuple(run.history), len(run.data.skipped)
    return TrainingResult(
        run.epoch, config.num_epochs, stopped, history, seconds, run.saved, skipped
    )


class _Run:
    """The state of one run, and the steps that change it."""

    def __init__(
        self,
        config: TrainConfig,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        fresh: bool,
    ) -> None:
        self.config, self.emit, self.should_stop = config, emit, should_stop
        self.checkpoints = Path(config.model_save_dir)
        self.output, self.log = Path(config.output_dir), Path(config.log_file)
        self.history: list[EpochRecord] = []
        self.images_done, self.seconds = 0, 0.0
        self.saved: Path | None = None
        self.changes: tuple[str, ...] = ()
        self.curve_time = 0.0

        self.device, self.dtype = choose_device(config.device, config.precision)
        self.data = MedicalImageDataset(
            Path(config.file_path), config.img_size, config.in_channels, emit, should_stop
        )
        if fresh:
            self._set_earlier_run_aside()
        found = checkpoint.load_newest(self.checkpoints, lambda text: emit(Warned(text)))
        self.threads = choose_threads(config.threads, found[2].threads if found else 0)
        torch.set_num_threads(self.threads)
        emit(DeviceChosen(*describe(self.device, self.threads, self.dtype)))
        self._build()
        if found:
            self._resume(*found)
        self._prepare_folders()

    @property
    def epoch(self) -> int:
        """Number of whole epochs done."""
        return len(self.history)

    def _build(self) -> None:
        """Model, Adam and GradScaler, as they are before the first step."""
        c = self.config
        model = VAE(c.img_size, c.in_channels, c.latent_dim, c.depth, c.base_channels)
        initialize(model, self._generator("weights"))
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        fused = self.device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=c.lr, fused=fused)
        # One code path: without float16 the scaler is disabled and passes everything through.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        self.sums = torch.zeros(len(SUM_NAMES), dtype=kind, device=self.device)
        self.latents = fixed_latents(GRID_SIDE**2, c.latent_dim, self._generator("samples"))

    def _generator(self, purpose: str, *position: int) -> torch.Generator:
        """A generator of its own for each purpose and place, so that none depends on the past."""
        key = "/".join(map(str, (self.config.seed, purpose, *position)))
        seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
        return torch.Generator().manual_seed(seed)

    def _set_earlier_run_aside(self) -> None:
        def is_output(name: str) -> bool:
            return name == LOSS_CURVE_NAME or SAMPLES_NAME.fullmatch(name) is not None

        name = checkpoint.set_run_aside(self.checkpoints, self.output, self.log, is_output)
        if name:
            self.emit(Warned(f"The earlier run's files were kept in folders named {name}."))

    def _resume(self, path: Path, tensors: dict[str, np.ndarray], record: Record) -> None:
        config = self.config
        check_same_run(config, self.data.fingerprint, len(self.data), record, path)
        restore(tensors, record, self.model, self.optimizer, self.sums)
        if self.scaler.is_enabled() and record.scaler:
            self.scaler.load_state_dict(record.scaler)
        self.history = list(record.history)
        self.images_done, self.seconds, self.saved = record.images_done, record.seconds, path
        changed = changes_between(record, config)
        self.changes = record.changes + changed
        if (
            record.machine != platform.machine()
            or record.torch != torch.__version__
            or (record.threads != self.threads)
        ):
            self.emit(
                Warned(
                    "Resuming with another machine type, PyTorch version or thread count than the "
                    "checkpoint's: the run goes on, but not bit for bit as an unbroken one."
                )
            )
        self.emit(Resumed(path, self.epoch, self.images_done, record.history, changed))

    def _prepare_folders(self) -> None:
        for folder in (self.checkpoints, self.output, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
        size = BYTES_A_WEIGHT * sum(p.numel() for p in self.model.parameters())
        if (free := shutil.disk_usage(self.checkpoints).free) < 2 * size:
            raise TrainingError(
                f"{self.checkpoints} has {free / 1e9:.1f} GB free, but two checkpoints of this "
                f"network take {2 * size / 1e9:.1f} GB. Nothing was trained: make room, or choose "
                "another model_save_dir."
            )
        aside = set_aside_if_foreign(self.log, self.history, self.config.checkpoint_every)
        if aside:
            self.emit(
                Warned(f"{self.log} held rows that are not this run's. It was kept as {aside}.")
            )
        self._write_log()

    def train_epoch(self) -> bool:
        """Train to the end of the running epoch. False if asked to stop; then it was saved."""
        config, data, device = self.config, self.data, self.device
        order = batch_order(config.seed, self.epoch, len(data))
        if self.images_done == 0:
            self.sums.zero_()
        self.model.train()
        started, reported, first = time.monotonic() - self.seconds, 0.0, self.images_done
        while self.images_done < len(data):
            if self.should_stop():
                self.seconds = time.monotonic() - started
                self._save()
                return False
            batch = order[self.images_done : self.images_done + config.batch_size]
            x = to_device(data.images[batch], device)
            generator = self._generator("noise", self.epoch, self.images_done)
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
                recon, mu, logvar = self.model(x, generator)
            loss = vae_loss(recon, x, mu, logvar, config)
            finite = torch.isfinite(loss.total)
            if not self.scaler.is_enabled() and not finite:
                raise TrainingError(self._non_finite_message())
            self.scaler.scale(loss.total).backward()  # type: ignore[no-untyped-call]
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.images_done += len(batch)
            with torch.no_grad():
                parts = torch.stack([*loss, torch.ones_like(loss.total)]).to(self.sums.dtype)
                self.sums += torch.where(finite, parts * len(batch), 0)
            now = time.monotonic()
            if now - reported >= PROGRESS_SECONDS:
                reported = now
                self._report(first, now - started - self.seconds)
        self.seconds = time.monotonic() - started
        return True

    def _report(self, first: int, seconds: float) -> None:
        if self.scaler.is_enabled() and self.scaler.get_scale() < 1:
            raise TrainingError(
                "float16 is too narrow for this run: the loss scale fell below 1. "
                f"{self._what_is_safe()} Choose precision bfloat16 or float32 and resume."
            )
        total, *_, images = self.sums.tolist()
        size, config = self.config.batch_size, self.config
        self.emit(
            BatchDone(
                self.epoch + 1,
                config.num_epochs,
                -(-self.images_done // size),
                -(-len(self.data) // size),
                total / max(images, 1),
                (self.images_done - first) / max(seconds, 1e-9),
            )
        )

    def finish_epoch(self) -> None:
        """Close the epoch: one row in the log, then the checkpoint, the curve and the samples."""
        total, reconstruction, kl, blur, images = self.sums.tolist()
        if not images:
            raise TrainingError(self._non_finite_message())
        record = EpochRecord(
            self.epoch + 1,
            total / images,
            reconstruction / images,
            kl / images,
            blur / images,
            self.config.lr,
            len(self.data),
            round(self.seconds, 3),
            round(len(self.data) / max(self.seconds, 1e-9), 3),
        )
        self.history.append(record)
        self.images_done, self.seconds = 0, 0.0
        self.sums.zero_()
        self._write_log()
        last = self.epoch == self.config.num_epochs
        if last or self.epoch % self.config.checkpoint_every == 0 or self.should_stop():
            self._save()
        self.emit(EpochDone(record))
        if time.monotonic() - self.curve_time > CURVE_SECONDS:
            self.write_curve()
        if last or self.epoch % self.config.sample_every == 0:
            self._sample()

    def show_last_samples(self) -> None:
        """Draw the grid that an interruption right after a checkpoint left undrawn."""
        due = self.epoch and (
            self.epoch % self.config.sample_every == 0 or self.epoch == self.config.num_epochs
        )
        if due and not self.images_done and not (self.output / samples_name(self.epoch)).exists():
            self._sample()

    def _sample(self) -> None:
        self.model.eval()
        grid = image_grid(decode_latents(self.model, self.latents, self.should_stop))
        path = self.output / samples_name(self.epoch)
        write_png(path, grid)
        self.emit(SamplesReady(self.epoch, grid, path))

    def write_curve(self) -> None:
        """Draw loss_curve.png of the epochs so far."""
        if self.history:
            write_loss_curve(self.output / LOSS_CURVE_NAME, self.history)
            self.curve_time = time.monotonic()

    def _write_log(self) -> None:
        try:
            write_log(self.log, self.history)
        except PermissionError:
            # Windows locks a file that a spreadsheet shows; the next epoch writes all rows again.
            self.emit(
                Warned(
                    f"{self.log} cannot be written, perhaps because another program shows it. "
                    "Training goes on; its rows are safe in the checkpoint. Close that program."
                )
            )

    def _save(self) -> None:
        try:
            tensors = snapshot(self.model, self.optimizer, self.sums)
        except NonFiniteError as error:
            raise TrainingError(self._non_finite_message()) from error
        record = Record(
            config=self.config.to_dict(),
            history=tuple(self.history),
            images_done=self.images_done,
            seconds=self.seconds,
            optimizer_steps=optimizer_steps(self.optimizer),
            scaler=self.scaler.state_dict(),
            data=self.data.fingerprint,
            images=len(self.data),
            threads=self.threads,
            machine=platform.machine(),
            torch=torch.__version__,
            changes=self.changes,
        )
        keep = self.config.keep_checkpoints
        try:
            self.saved = checkpoint.save(self.checkpoints, tensors, record, keep)
        except OSError as error:
            raise TrainingError(
                f"The checkpoint could not be written in {self.checkpoints} "
                f"({error.strerror or error}). {self._what_is_safe()} Mend the disk or make room, "
                "then resume from there."
            ) from error
        self.emit(CheckpointSaved(self.saved, self.epoch))

    def _what_is_safe(self) -> str:
        if self.saved is None:
            return "No checkpoint had been written yet."
        return f"The checkpoint {self.saved.name} is safe."

    def _non_finite_message(self) -> str:
        return (
            f"The loss became NaN or infinite in epoch {self.epoch + 1}; the weights were not "
            f"changed by it. {self._what_is_safe()} Lower lr (now {self.config.lr:g}) and resume."
        )


def _out_of_memory(config: TrainConfig, run: _Run | None) -> str:
    safe = run._what_is_safe() if run else "Nothing had been trained yet."
    smaller = max(1, config.batch_size // 2)
    return f"Out of memory at batch_size {config.batch_size}. {safe} Try batch_size {smaller}."


def load_model(folder: Path) -> tuple[VAE, TrainConfig, int]:
    """The model of a folder's newest intact checkpoint, its config and its epoch, on the CPU.

    Raises CheckpointError if there is none, OSError.
    """
    warnings: list[str] = []
    found = checkpoint.load_newest(folder, warnings.append)
    if found is None:
        raise CheckpointError(f"No checkpoint in {folder}. Train first, or name its folder.")
    _, tensors, record = found
    known = {n: v for n, v in record.config.items() if n in TrainConfig.__dataclass_fields__}
    config = replace(TrainConfig(file_path="."), **{**known, "file_path": "."})
    model = VAE(
        config.img_size, config.in_channels, config.latent_dim, config.depth, config.base_channels
    )
    optimizer = torch.optim.Adam(model.parameters())
    sums = torch.zeros(len(SUM_NAMES), dtype=torch.float64)
    restore(tensors, record, model, optimizer, sums)
    return model.eval(), config, len(record.history)
