"""All of a run that lasts: network, Adam, GradScaler, history, and the place in the epoch."""

from __future__ import annotations

import copy
import os
import platform
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from vae import checkpoint
from vae.adam import Adam
from vae.checkpoint import CheckpointError, Layout, MismatchError
from vae.config import PATHS, RECORDED, SHAPE, TrainConfig, fixed_apart
from vae.dataset import MedicalImageDataset
from vae.events import EpochRecord
from vae.files import readable
from vae.gradients import reuse_memory
from vae.header import DamagedError, Entry, Record
from vae.image_list import what_differs
from vae.images import DECODER
from vae.language import _, joined
from vae.loss import VAELoss
from vae.model import VAE, build_model, initialize
from vae.randomness import generator
from vae.schedule import best_epoch
from vae.words import CHANGE

SUMS, RUNNING_MSE = "epoch_sums", "running_mse"
MOMENTS = ("exp_avg", "exp_avg_sq")
# The last counts images: a step that the scaler skips counts none.
SUM_NAMES = ("loss", "reconstruction", "kl", "blur", "beta", "images")
# How much of the running mean of the reconstruction error a batch leaves as it was.
KEPT_MSE = 0.95


class Means(NamedTuple):
    """Of the running epoch: the loss, its unweighted parts, and the weight that KL had."""

    loss: float
    reconstruction: float
    kl: float
    blur: float
    beta: float


class TrainingState:
    """A run before its first step, until `resume` or training moves it on.

    `saver` is a pool of one thread that makes checkpoints durable.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: MedicalImageDataset,
        validation: MedicalImageDataset,
        device: torch.device,
        dtype: torch.dtype,
        threads: int,
        saver: Executor,
    ) -> None:
        self.config, self.data, self.validation = config, data, validation
        self.device, self.dtype, self.threads = device, dtype, threads
        model = build_model(config)
        initialize(model, generator(config.seed, "weights"))
        self.model = model.to(device).to(memory_format=torch.channels_last)
        # A moving average of the weights, for pictures and measures.
        self.average = copy.deepcopy(self.model).requires_grad_(False) if config.ema else None
        if device.type == "cpu" and dtype is torch.float32:
            reuse_memory(self.model)  # a GPU's allocator does so itself
        self.optimizer = Adam(self.model.parameters(), config.lr)
        # One code path: without float16 the scaler is disabled and passes everything through.
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        kind = torch.float32 if device.type == "mps" else torch.float64
        self.sums = torch.zeros(len(SUM_NAMES), dtype=kind, device=device)
        # Of the reconstruction error over batches, from which kl_balance auto weighs KL.
        self.running_mse = torch.zeros((), dtype=kind, device=device)
        self.broken = torch.zeros((), dtype=torch.bool, device=device)  # a loss was not finite
        self.history: list[EpochRecord] = []
        self.images_done = 0  # of the running epoch
        self.seconds = 0.0  # spent in the running epoch
        self.changes: tuple[str, ...] = ()
        self.trained = False  # in this session
        # Not set while a checkpoint is being written, which reads what a step changes.
        self.taken_down = threading.Event()
        self.taken_down.set()
        self._saver = saver
        self._saving: tuple[Future[Path], ...] = ()  # at most one
        self._saved: Path | None = None
        self._saved_at = (0, 0)

    @property
    def epoch(self) -> int:
        """Number of whole epochs done."""
        return len(self.history)

    @property
    def moved(self) -> bool:
        """Whether anything was trained since the state was last saved."""
        return self._saved_at != (self.epoch, self.images_done)

    def set_lr(self, lr: float) -> None:
        """The learning rate of the next step."""
        self.optimizer.lr = lr

    @property
    def shown(self) -> VAE:
        """The network that makes the pictures and is measured."""
        return self.average or self.model

    @torch.no_grad()
    def count(self, loss: VAELoss, images: int, finite: torch.Tensor) -> None:
        """Add a batch to the epoch's sums, on the device: nothing waits for it there."""
        self.images_done += images
        self.trained = True
        parts = torch.stack([*loss, torch.ones_like(loss.total)]).to(self.sums.dtype)
        self.sums += torch.where(finite, parts * images, 0)
        mse = loss.reconstruction.to(self.running_mse.dtype)
        kept = KEPT_MSE * (self.running_mse > 0)  # nothing before the first batch
        mean = kept * self.running_mse + (1 - kept) * mse
        self.running_mse.copy_(torch.where(finite, mean, self.running_mse))
        self.broken |= ~finite

    @torch.no_grad()
    def follow(self) -> None:
        """Let the average of the weights follow a step; faster at first, when they change most."""
        if self.average is None:
            return
        step = self.epoch * len(self.data) + self.images_done
        step //= self.config.batch_size
        kept = min(self.config.ema, (1 + step) / (10 + step))
        pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - kept)

    def free_memory(self) -> None:
        """Let go of the gradients and, on a GPU, of what its allocator keeps for later."""
        self.optimizer.zero_grad()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def means(self) -> Means | None:
        """The running epoch's means over images; None if all were skipped."""
        *sums, images = self.sums.tolist()
        return Means(*(part / images for part in sums)) if images else None

    def end_epoch(self, record: EpochRecord) -> None:
        """Add the epoch's record to the history and begin the next one."""
        self.history.append(record)
        self.trained = True
        self.images_done, self.seconds = 0, 0.0
        self.sums.zero_()

    def save(self, check: Callable[[], None]) -> Future[Path]:
        """Have a thread write the state into its folder and make it a durable checkpoint.

        The thread calls `check` before it writes; an OSError of it counts like one of the disk.

        Weights, moments and running sums must not change until `taken_down` is set; a forward and
        backward pass may go on.
        The future gives the path, or raises OSError or NonFiniteError. One at a time: this waits
        for the one before.
        """
        wait(self._saving)
        values = self.config.to_dict()
        record = Record(
            # What is done with it later finds images and pictures from any folder.
            config=values | {name: os.path.abspath(str(values[name])) for name in PATHS},
            history=tuple(self.history),
            images_done=self.images_done,
            seconds=self.seconds,
            optimizer_steps=self._steps(),
            scaler=self.scaler.state_dict(),
            data=self.data.fingerprint,
            images=len(self.data) + len(self.validation),
            threads=self.threads,
            environment=self._environment(),
            changes=self.changes,
        )
        self._saved_at = (self.epoch, self.images_done)
        self.taken_down.clear()
        saving = self._saver.submit(self._write, check, Path(self.config.model_save_dir), record)
        self._saving = (saving,)
        return saving

    def _write(self, check: Callable[[], None], folder: Path, record: Record) -> Path:
        try:
            check()
            tensors = self._snapshot()
            if self.device.type != "cpu":
                self.taken_down.set()  # they are copies already
            draft = checkpoint.Draft(folder, tensors, record)
        finally:
            self.taken_down.set()
        best = best_epoch(record.history, record.config) if len(self.validation) else None
        self._saved = draft.finish(self.config.keep_checkpoints, best.epoch if best else None)
        return self._saved

    @property
    def saved(self) -> Path | None:
        """The newest checkpoint on disk; waits for one that is being saved."""
        wait(self._saving)
        return self._saved

    def _steps(self) -> int:
        """Adam's step count, equal for all parameters."""
        return int(self.optimizer.steps[0])

    def _moments(self) -> dict[str, torch.Tensor]:
        """Adam's, by their names in a checkpoint."""
        names = [name for name, _parameter in self.model.named_parameters()]
        return {
            f"optimizer.{name}.{moment}": tensor
            for moment in MOMENTS
            for name, tensor in zip(names, getattr(self.optimizer, moment), strict=True)
        }

    def _snapshot(self) -> dict[str, np.ndarray]:
        """Weights, Adam's moments, and running sums and means, on the CPU, in any memory layout."""
        tensors: dict[str, torch.Tensor] = {
            SUMS: self.sums.cpu().double(),
            RUNNING_MSE: self.running_mse.cpu().double(),
        }
        if self.average is not None:
            for name, parameter in self.average.named_parameters():
                tensors[f"average.{name}"] = parameter
        tensors |= {f"model.{name}": p for name, p in self.model.named_parameters()}
        if self._steps():
            tensors |= self._moments()
        return {n: tensor.detach().cpu().numpy() for n, tensor in tensors.items()}

    @torch.no_grad()
    def resume(self, path: Path, tensors: dict[str, np.ndarray], record: Record) -> tuple[str, ...]:
        """Take a checkpoint's place. Returns what this session changes, one sentence each.

        The tensors are those of `layout_of`; each is given up once it is copied, so that no more
        memory is taken than training takes. Raises MismatchError if it belongs to another run.
        """
        check_same_run(self.config, self.data, self.validation, record, path)
        targets: dict[str, torch.Tensor] = {SUMS: self.sums, RUNNING_MSE: self.running_mse}
        targets |= {f"model.{name}": p for name, p in self.model.named_parameters()}
        if record.optimizer_steps:
            targets |= self._moments()
        if self.average is not None and record.config["ema"]:
            targets |= {f"average.{n}": p for n, p in self.average.named_parameters()}
        copy_tensors(tensors, targets)
        if self.average is not None and not record.config["ema"]:
            # A run that begins to average only now begins with its weights.
            self.average.load_state_dict(self.model.state_dict())
        for steps in self.optimizer.steps:
            steps.fill_(record.optimizer_steps)
        if self.scaler.is_enabled() and record.scaler:
            self.scaler.load_state_dict(record.scaler)
        self.history = list(record.history)
        self.images_done, self.seconds, self._saved = record.images_done, record.seconds, path
        self._saved_at = (self.epoch, self.images_done)
        changed = [
            {"epoch": self.epoch + 1, "name": name, "then": record.config[name], "now": now}
            for name, now in self.config.to_dict().items()
            if name in RECORDED and record.config[name] != now
        ]
        self.changes = record.changes + tuple(CHANGE.format(**facts) for facts in changed)
        return tuple(_(CHANGE).format(**facts) for facts in changed)

    def is_exact(self, record: Record) -> bool:
        """Whether going on from this checkpoint equals an unbroken run bit for bit."""
        return record.environment == self._environment() and record.threads == self.threads

    def _environment(self) -> str:
        """What bit-exactness depends on beside the threads: other processors add in other order."""
        processor = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
        computing = f"{processor}, {self.device.type}, {self.dtype}, torch {torch.__version__}"
        return f"{computing}, decoder {DECODER}"


def layout_of(config: TrainConfig) -> Callable[[Record], Layout | None]:
    """Gives the tensors of a record's checkpoint, or None if its network is not the config's."""
    with torch.device("meta"):
        shapes = {n: tuple(p.shape) for n, p in build_model(config).named_parameters()}

    def layout(record: Record) -> Layout | None:
        if any(record.config[name] != getattr(config, name) for name in SHAPE):
            return None
        entries = {SUMS: Entry("<f8", (len(SUM_NAMES),)), RUNNING_MSE: Entry("<f8", ())}
        for name, shape in shapes.items():
            entries[f"model.{name}"] = Entry("<f4", shape)
            if record.config["ema"]:
                entries[f"average.{name}"] = Entry("<f4", shape)
            for moment in MOMENTS if record.optimizer_steps else ():
                entries[f"optimizer.{name}.{moment}"] = Entry("<f4", shape)
        return entries

    return layout


@torch.no_grad()
def copy_tensors(sources: dict[str, np.ndarray], targets: Mapping[str, torch.Tensor]) -> None:
    """Copy to each target the source of its name, and give that up."""
    for name, target in targets.items():
        target.copy_(torch.from_numpy(sources.pop(name)))


def check_same_run(
    config: TrainConfig,
    data: MedicalImageDataset,
    validation: MedicalImageDataset,
    record: Record,
    path: Path,
) -> None:
    """Refuse a checkpoint of another architecture, seed or data set. Raises MismatchError."""
    problems: dict[str, str] = {}
    for name in fixed_apart(config.to_dict(), record.config):
        problem = _("{name} is {now}, the checkpoint was made with {then}.")
        now, then = getattr(config, name), record.config[name]
        problems[name] = problem.format(name=name, now=now, then=then)
    count = len(data) + len(validation)
    if (data.fingerprint, count) != (record.data, record.images):
        problem = _("The images differ: {then} then (in {folder}), {now} now.")
        if record.images == count:
            problem = _(
                "The images differ: {then} then (in {folder}), {now} now with other names or "
                "content."
            )
        folder = readable(Path(str(record.config["file_path"])))
        text = problem.format(then=record.images, folder=folder, now=count)
        differs = what_differs(path.parent, record.data, record.images, (data, validation))
        problems["file_path"] = joined(text, differs)
    if problems:
        text = _(
            "The checkpoint {path} belongs to another run, and was left untouched. {problems} "
            "Go back to those values, choose another model_save_dir, or start fresh."
        )
        if problems.keys() == {"file_path"}:
            text = _(
                "The run of the checkpoint {path} cannot go on with these images, and was left "
                "untouched. {problems} Make them as they were, choose another model_save_dir, or "
                "start fresh."
            )
        message = text.format(path=path, problems=joined(*problems.values()))
        raise MismatchError(message, problems)


class Loaded(NamedTuple):
    """A network from a checkpoint, on the CPU, and the run that it belongs to.

    running_mse is the error from which kl_balance auto weighs KL.
    """

    model: VAE
    config: TrainConfig
    record: Record
    running_mse: torch.Tensor

    @property
    def epoch(self) -> int:
        """Number of whole epochs done."""
        return len(self.record.history)


def load_model(folder: Path, warn: Callable[[str], None], best: bool = False) -> Loaded:
    """The network of a folder's newest intact checkpoint; the averaged one, if there is one.

    Or of the `best` epoch's, which a run with validation images keeps.

    Damaged checkpoints are named through `warn`. Raises CheckpointError if there is none, OSError.
    """
    found = checkpoint.load_newest(folder, warn, lambda r: layout_of(_config_of(r))(r))
    if found is None:
        text = _("No checkpoint in {folder}. Train first, or name its folder.")
        raise CheckpointError(text.format(folder=folder))
    _path, tensors, record = found
    if best and (epoch := best_epoch(record.history, record.config)):
        tensors, record = _load_epoch(folder, epoch.epoch)
    config = _config_of(record)
    model = build_model(config)
    source = "average" if config.ema else "model"
    copy_tensors(tensors, {f"{source}.{n}": p for n, p in model.named_parameters()})
    return Loaded(model.eval(), config, record, torch.from_numpy(tensors[RUNNING_MSE]))


def _load_epoch(folder: Path, epoch: int) -> tuple[dict[str, np.ndarray], Record]:
    """The checkpoint of the best epoch. Raises CheckpointError, OSError."""
    if path := checkpoint.of_epoch(folder, epoch):
        try:
            tensors, record = checkpoint.load(path, lambda r: layout_of(_config_of(r))(r))
        except DamagedError as error:
            text = _("Checkpoint {path} is damaged: {reason}. Take the newest.")
            raise CheckpointError(text.format(path=readable(path), reason=error)) from error
        if not record.images_done:  # else it is of the midst of the next epoch
            return tensors, record
    text = _(
        "The checkpoint of epoch {epoch}, the best one, is no longer in {folder}. Take the "
        "newest; a run with a val_fraction keeps the best."
    )
    raise CheckpointError(text.format(epoch=epoch, folder=readable(folder)))


def _config_of(record: Record) -> TrainConfig:
    return TrainConfig(**record.config)  # type: ignore[arg-type]  # read_header has checked it
