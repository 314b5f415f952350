"""Train a VAE on a folder of images. The whole program is here; the other modules are its parts."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from vae import explain
from vae.augment import augment
from vae.beginning import begin, find_data
from vae.checkpoint import CheckpointError
from vae.config import PATHS, ConfigError, TrainConfig
from vae.dataset import MedicalImageDataset, to_device
from vae.decoding import DataError
from vae.devices import choose_device
from vae.errors import StopRequested
from vae.events import (
    BatchDone,
    EpochDone,
    EpochRecord,
    Event,
    Paused,
    Progress,
    TrainingResult,
    Trouble,
    WentOn,
)
from vae.explain import TrainingError
from vae.files import no_leftovers, same_folder
from vae.lock import only_run, only_writer
from vae.loss import VAELoss, vae_loss
from vae.memory import check_memory, is_out_of_memory
from vae.outputs import Outputs
from vae.paths import check_paths
from vae.randomness import batch_order, generator
from vae.requests import Request
from vae.saving import Decide, Saving
from vae.schedule import best_epoch, has_given_up, is_over, learning_rate, warmed
from vae.state import TrainingState
from vae.validation import measure
from vae.watch import DiskWatch, ImageWatch, ProcessorWatch

__all__ = ["CheckpointError", "ConfigError", "DataError", "TrainingError", "run_vae_training"]

PROGRESS_SECONDS = 0.5
PAUSED_SECONDS = 0.05


def ignore(event: Event) -> None:
    """An `emit` for those who do not listen."""


def never() -> bool:
    """A `should_stop` for those who do not stop."""
    return False


def give_up(trouble: Trouble) -> Path | None:
    """A `decide` for those whom nobody watches: a run that cannot save ends."""
    return None


def nothing() -> Request | None:
    """A `requested` for those who ask for nothing."""
    return None


def run_vae_training(
    config: TrainConfig,
    emit: Callable[[Event], None] = ignore,
    should_stop: Callable[[], bool] = never,
    fresh: bool = False,
    decide: Decide = give_up,
    requested: Callable[[], Request | None] = nothing,
) -> TrainingResult:
    """Train as `config` says, from the newest intact checkpoint if there is one.

    Facts are reported through `emit`. At every batch `should_stop` is asked, and `requested` for
    what else is to be done. A stopped run saves and resumes mid-epoch. `fresh` moves an earlier
    run's files aside and starts over. When a checkpoint cannot be written or an image no longer
    be read, training waits for `decide`: it answers with the folder to go on with, the trouble's
    own to try again, or None to give up.
    A run interrupted and resumed equals an unbroken one bit for bit on the CPU at the same
    thread count. Raises ConfigError, DataError, CheckpointError and TrainingError.
    """
    if problems := check_paths(config.to_dict()):
        raise ConfigError(problems)
    # A process loses its current folder with a drive that fails, and for good.
    paths = {name: os.path.abspath(getattr(config, name)) for name in PATHS}
    config = dataclasses.replace(config, **paths)
    place = choose_device(config.device, config.precision)
    if place[0].type == "cpu":
        check_memory(config)
    state, stopped = None, True
    outputs, folder = Outputs(config, emit), Path(config.model_save_dir)
    try:
        with DiskWatch(emit) as watch, contextlib.ExitStack() as held:
            images = find_data(config, watch, should_stop)
            is_held = held.enter_context(only_run(folder))
            held.enter_context(no_leftovers(folder))
            if not same_folder(outputs.folder, folder):
                held.enter_context(only_run(outputs.folder, "output_dir"))
            held.enter_context(only_writer(outputs.log))
            # The folder is let go only when the saver has finished.
            with ThreadPoolExecutor(1, "saver") as saver:
                state = begin(config, images, place, outputs, emit, fresh, saver, should_stop)
                saving = Saving(state, emit, decide, watch, held, is_held)
                training = _Training(state, outputs, saving, emit, should_stop, requested)
                stopped = not training.run()
    except StopRequested:
        pass  # while looking for images or decoding them: there is nothing to save
    except OSError as error:
        raise explain.file_failed(error, state) from error
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise explain.out_of_memory(config, state) from error
    if state is None:
        return TrainingResult(0, config.num_epochs, 0, stopped, False, (), None)
    return TrainingResult(
        epoch=state.epoch,
        epochs=config.num_epochs,
        images_done=state.images_done,
        stopped=stopped,
        trained=state.trained,
        history=tuple(state.history),
        checkpoint=state.saved,
        best=best_epoch(state.history, config.to_dict()),
        gave_up=state.epoch < config.num_epochs and has_given_up(state.history, config.to_dict()),
    )


class _Training:
    """The loop over epochs and batches."""

    def __init__(
        self,
        state: TrainingState,
        outputs: Outputs,
        saving: Saving,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        requested: Callable[[], Request | None],
    ) -> None:
        self.state, self.outputs, self.config = state, outputs, state.config
        self.saving, self.emit, self.should_stop = saving, emit, should_stop
        self.requested = requested
        files = [*state.data.files, *state.validation.files]
        self.images = ImageWatch(state.data.folder, files, emit)
        self.processor = ProcessorWatch(state.threads, emit) if state.device.type == "cpu" else None
        self.reported = 0.0

    def run(self) -> bool:
        """Train until all epochs are done: True; or until asked to stop, and save: False."""
        finished = True
        try:
            if self.outputs.pictures_missing(self.state):
                self.draw()
            while not self.is_done():
                self.train_epoch()
                self.finish_epoch()
        except StopRequested:
            finished = False
            self.save()
        finally:
            self.images.end()
        self.saving.acknowledge(wait=True)
        self.outputs.write_curve(self.state, last=True)
        return finished

    def is_done(self) -> bool:
        """Whether no epoch is left to train."""
        return is_over(self.state.history, self.config.to_dict())

    def train_epoch(self) -> None:
        """Train to the end of the running epoch. Raises StopRequested between two batches."""
        config, state, count = self.config, self.state, len(self.state.data)
        order = batch_order(config.seed, state.epoch, count)
        began, first, before = time.monotonic(), state.images_done, state.seconds
        waited = self.saving.waited

        def seconds() -> float:
            return time.monotonic() - began - (self.saving.waited - waited)

        lr = learning_rate(state.history, config)
        state.model.train()
        while state.images_done < count:
            if self.should_stop():
                raise StopRequested
            began += self.serve()
            batch = order[state.images_done : state.images_done + config.batch_size]
            done = (state.images_done + len(batch)) / count
            state.set_lr(lr(done))
            random = generator(config.seed, "augment", state.epoch, state.images_done)
            with self.saved_without_memory():
                x = augment(self.load(state.data, batch), config.augment, random)
            self.train_step(x)
            state.seconds = before + seconds()
            self.report((state.images_done - first) / max(seconds(), 1e-9))
        state.broken.item()  # waits for the steps that a GPU has still before it
        state.seconds = before + seconds()

    def serve(self) -> float:
        """Do what was asked for since the last batch. Returns the seconds that it took.

        Without those that `saving` waited. Raises StopRequested when asked to stop meanwhile.
        """
        began, waited, paused = time.monotonic(), self.saving.waited, False
        while (request := self.requested()) or paused:
            if self.should_stop():
                raise StopRequested
            if request is None:
                time.sleep(PAUSED_SECONDS)
            elif request is Request.SAVE:
                self.save()
            elif request is Request.SAMPLE:
                self.draw()
                self.state.model.train()
            elif request is Request.PAUSE and not paused:
                paused = True
                self.save_all()
                self.emit(Paused())
            elif request is Request.GO_ON and paused:
                paused = False
                self.emit(WentOn())
        return time.monotonic() - began - (self.saving.waited - waited)

    def load(self, data: MedicalImageDataset, indices: np.ndarray) -> torch.Tensor:
        """Images, (B, C, H, W). Raises DataError if one is lost for good."""
        while True:
            try:
                with self.saving.watch.waiting("read"):
                    return to_device(data.batch(indices), self.state.device)
            except DataError as error:
                self.save_all()
                trouble = Trouble(str(error), Path(self.config.file_path), movable=False)
                if self.saving.decide(trouble) is None:
                    raise

    def load_or_stop(self, data: MedicalImageDataset, indices: np.ndarray) -> torch.Tensor:
        """As `load`, beside the training itself. Raises StopRequested when asked to stop."""
        if self.should_stop():
            raise StopRequested
        return self.load(data, indices)

    def train_step(self, x: torch.Tensor) -> None:
        """One step of Adam on a batch (B, C, H, W)."""
        state = self.state
        state.optimizer.zero_grad()
        with self.saved_without_memory():  # the step has not begun: the state is sound
            loss = self.loss_and_gradients(x)
        finite = torch.isfinite(loss.total)
        self.saving.until_taken_down()
        if not state.scaler.is_enabled():
            state.optimizer.found_inf = 1 - finite.float()
        if self.config.clip_norm:
            state.scaler.unscale_(state.optimizer)  # type: ignore[arg-type]  # has all it asks for
            torch.nn.utils.clip_grad_norm_(state.model.parameters(), self.config.clip_norm)
        state.scaler.step(state.optimizer)  # type: ignore[arg-type]
        state.scaler.update()
        state.follow()
        state.count(loss, len(x), finite)

    @contextlib.contextmanager
    def saved_without_memory(self) -> Iterator[None]:
        """Save what was trained if memory runs out within, before the error goes on."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                self.state.free_memory()
                self.save_all()
            raise

    def loss_and_gradients(self, x: torch.Tensor) -> VAELoss:
        """Forward and backward; the weights stay as they are."""
        state, amp = self.state, self.state.dtype != torch.float32
        noise = generator(self.config.seed, "noise", state.epoch, state.images_done)
        with torch.autocast(state.device.type, state.dtype, enabled=amp):
            recon, mu, logvar = state.model(x, noise)
        done = state.epoch + state.images_done / len(state.data)
        kl_share = warmed(done, self.config.kl_warmup)
        loss = vae_loss(recon, x, mu, logvar, self.config, state.running_mse, kl_share)
        state.scaler.scale(loss.total).backward()  # type: ignore[no-untyped-call]
        return loss

    def report(self, images_per_s: float) -> None:
        """Tell the progress, seldom enough that neither the device nor a window waits for it."""
        now = time.monotonic()
        if now - self.reported < PROGRESS_SECONDS:
            return
        self.reported = now
        self.saving.acknowledge()
        self.check_finite()
        if self.processor:
            self.processor.look()
        state, config = self.state, self.config
        if state.scaler.is_enabled() and state.scaler.get_scale() < 1:
            raise explain.float16_too_narrow(state)
        means = state.means()
        if means is None:
            return
        batch = -(-state.images_done // config.batch_size)
        batches = -(-len(state.data) // config.batch_size)
        self.emit(
            BatchDone(state.epoch + 1, config.num_epochs, batch, batches, means.loss, images_per_s)
        )

    def check_finite(self) -> None:
        """Raise if a loss was not finite; the scaler answers that itself."""
        if not self.state.scaler.is_enabled() and self.state.broken:
            raise explain.loss_not_finite(self.state)

    def finish_epoch(self) -> None:
        """Close the epoch: one row in the log, then the checkpoint, the curve and the pictures."""
        self.check_finite()
        state, config, outputs = self.state, self.config, self.outputs
        means, images, seconds = state.means(), len(state.data), state.seconds
        if means is None:
            raise explain.loss_not_finite(state)
        due = outputs.pictures_due(state.epoch + 1)
        with self.saved_without_memory():
            samples = self.draw_samples() if due else None
            measured = self.measure(samples)
        record = EpochRecord(
            epoch=state.epoch + 1,
            loss=means.loss,
            reconstruction_loss=means.reconstruction,
            kl_loss=means.kl,
            blur_loss=means.blur,
            lr=learning_rate(state.history, config)(1.0),
            images=images,
            seconds=round(seconds, 3),
            images_per_s=round(images / max(seconds, 1e-9), 3),
            beta=float(f"{means.beta:.6g}"),  # a mean of float32 has no more digits
            **measured,
        )
        state.end_epoch(record)
        outputs.write_log(state)
        if self.is_done() or state.epoch % config.checkpoint_every == 0 or self.is_best(record):
            self.save()
        self.emit(EpochDone(record))
        outputs.write_curve(state)
        self.images.look()
        if samples is not None:
            with self.saved_without_memory():
                outputs.write_pictures(state, samples)
        elif self.is_done():  # earlier than it was to be
            self.draw()

    def measure(self, samples: np.ndarray | None) -> dict[str, float]:
        """The fields of the epoch's record that say how good the network is by now."""
        self.emit(Progress("validate", 0, 0))
        return measure(self.state, self.load_or_stop, samples)

    def is_best(self, record: EpochRecord) -> bool:
        """Whether the newest epoch is the best, so far as validation images tell."""
        best = best_epoch(self.state.history, self.config.to_dict())
        return best is record and record.val_loss is not None

    def draw(self) -> None:
        """Draw samples and reconstructions. Raises StopRequested when asked to stop."""
        with self.saved_without_memory():
            self.outputs.write_pictures(self.state, self.draw_samples())

    def draw_samples(self) -> np.ndarray:
        """uint8 (64, H, W, C). Raises StopRequested when asked to stop."""
        return self.outputs.draw_samples(self.state, self.load_or_stop, self.should_stop)

    def save(self) -> None:
        """Begin a checkpoint, if anything was trained since the last one."""
        self.check_finite()
        self.saving.begin()

    def save_all(self) -> None:
        """Save what was trained, and wait until it is on disk."""
        self.save()
        self.saving.acknowledge(wait=True)
