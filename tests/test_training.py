"""The promise of resume, and what a run leaves behind."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import fail_saving, read_log
from vae import beginning, cache, decoding, outputs, state, training
from vae.checkpoint import (
    CheckpointError,
    Draft,
    MismatchError,
    Record,
    checkpoint_files,
    load,
    peek,
)
from vae.config import ConfigError, TrainConfig
from vae.dataset import MedicalImageDataset
from vae.decoding import DataError
from vae.errors import StopRequested
from vae.events import (
    LOG,
    BatchDone,
    CheckpointSaved,
    DataReady,
    EpochDone,
    EpochRecord,
    Event,
    Passed,
    Progress,
    Resumed,
    SamplesReady,
    Trouble,
    Warned,
)
from vae.files import LOSS_CURVE_NAME
from vae.lock import BusyError
from vae.loss import vae_loss
from vae.model import build_model, initialize
from vae.randomness import batch_order, generator
from vae.requests import Request
from vae.state import TrainingState
from vae.training import TrainingError, run_vae_training

Make = Callable[..., TrainConfig]


def untimed(history: list[EpochRecord]) -> list[EpochRecord]:
    return [dataclasses.replace(row, seconds=0, images_per_s=0) for row in history]


def newest(config: TrainConfig) -> Path:
    found = peek(Path(config.model_save_dir))
    assert found is not None
    return found[0]


def assert_same_end(a: TrainConfig, b: TrainConfig) -> None:
    """Weights, moments and log equal bit for bit, time columns excepted."""
    ends = []
    for config in (a, b):
        ends.append(load(newest(config)))
    (tensors_a, record_a), (tensors_b, record_b) = ends
    assert tensors_a.keys() == tensors_b.keys()
    for name in tensors_a:
        np.testing.assert_array_equal(tensors_a[name], tensors_b[name], err_msg=name)
    assert record_a.optimizer_steps == record_b.optimizer_steps
    assert untimed(read_log(a.log_file)) == untimed(read_log(b.log_file))
    assert len(record_a.history) == len(record_b.history)


def stop_after(calls: int) -> Callable[[], bool]:
    """Asks to stop at the given question and at all later ones."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


def test_a_run_leaves_log_checkpoints_curve_and_samples(tiny: Make) -> None:
    config = tiny(num_epochs=4, keep_checkpoints=2)
    events: list[Event] = []
    result = run_vae_training(config, events.append)
    assert (result.epoch, result.stopped) == (4, False)
    assert [row.epoch for row in read_log(config.log_file)] == [1, 2, 3, 4]
    assert len(checkpoint_files(Path(config.model_save_dir))) == 2
    names = sorted(path.name for path in Path(config.output_dir).glob("[!.]*"))
    pictures = [
        f"{k}_epoch_000{i}.png" for k in ("reconstructions", "samples") for i in range(1, 5)
    ]
    assert names == ["loss_curve.png", *pictures]
    with Image.open(Path(config.output_dir) / names[-1]) as grid:
        assert grid.size == (8 * 16 + 7 * 2, 8 * 16 + 7 * 2)
    kinds = {type(event) for event in events}
    assert {BatchDone, EpochDone, CheckpointSaved, SamplesReady} <= kinds


REFINED = dict(
    kl_balance="auto", kl_warmup=2, free_bits=0.01, val_fraction=0.3, lr_schedule="cosine",
    lr_warmup=1, clip_norm=0.1, ema=0.9,
)  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        dict(batch_size=5, precision="float32"),
        dict(batch_size=12, precision="float32"),
        dict(batch_size=5, precision="bfloat16"),
        dict(batch_size=5, precision="float32", **REFINED),
        dict(batch_size=5, precision="float32", lr_schedule="plateau", early_stopping=1,
             val_fraction=0.3, lr=1e-9),
    ],
    ids=lambda values: ",".join(map(str, values.values())),
)  # fmt: skip
def test_a_resumed_run_equals_an_unbroken_one_at_every_place(
    tiny: Make, values: dict[str, Any]
) -> None:
    values = {**values, "num_epochs": 2}
    whole = tiny("whole", **values)
    run_vae_training(whole)
    places = set()
    for calls in itertools.count():
        broken = tiny(f"broken{calls}", **values)
        result = run_vae_training(broken, should_stop=stop_after(calls))
        if not result.stopped:
            break
        if result.checkpoint is None:
            continue  # stopped before the first batch
        _, record = load(newest(broken))
        if (place := (len(record.history), record.images_done)) in places:
            continue
        places.add(place)
        again = run_vae_training(broken)
        assert not again.stopped
        assert_same_end(whole, broken)
    count = read_log(whole.log_file)[0].images
    # The last of an epoch: while it is measured.
    inside = [*range(0, count, values["batch_size"]), count]
    epochs = range(len(read_log(whole.log_file)))
    assert places == {(epoch, images) for epoch in epochs for images in inside} - {(0, 0)}


def test_raising_the_epochs_continues(tiny: Make) -> None:
    run_vae_training(tiny("a", num_epochs=4))
    run_vae_training(tiny("b", num_epochs=2))
    events: list[Event] = []
    run_vae_training(tiny("b", num_epochs=4), events.append)
    resumed = next(event for event in events if isinstance(event, Resumed))
    assert resumed.epoch == 2
    assert "num_epochs 2 became 4" in resumed.changes[0]
    assert_same_end(tiny("a"), tiny("b"))


def test_a_finished_run_trains_no_more_and_loses_nothing(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    before = {p: p.read_bytes() for p in Path(config.model_save_dir).iterdir()}
    assert run_vae_training(config).epoch == 1
    assert before == {p: p.read_bytes() for p in Path(config.model_save_dir).iterdir()}


@pytest.mark.parametrize("phase", ["sample", "validate"])
def test_a_stop_while_an_epoch_is_measured_loses_none_of_it(tiny: Make, phase: str) -> None:
    config = tiny(num_epochs=1, val_fraction=0.3)
    asked = False

    def emit(event: Event) -> None:
        nonlocal asked
        asked = asked or (isinstance(event, Progress) and event.phase == phase)

    result = run_vae_training(config, emit, lambda: asked)
    assert (result.epoch, result.stopped) == (0, True)
    grid = Path(config.output_dir) / "samples_epoch_0001.png"
    assert not grid.exists()
    assert not run_vae_training(config).stopped
    assert grid.exists()
    run_vae_training(tiny("whole", num_epochs=1, val_fraction=0.3))
    assert_same_end(tiny("whole"), config)


def test_a_stop_while_samples_are_drawn_saves_what_no_checkpoint_holds(tiny: Make) -> None:
    config = tiny(num_epochs=4, checkpoint_every=100)
    asked = False

    def emit(event: Event) -> None:
        nonlocal asked
        asked = asked or (isinstance(event, EpochDone) and event.record.epoch == 3)

    result = run_vae_training(config, emit, lambda: asked)
    assert (result.epoch, result.stopped) == (3, True)
    assert result.checkpoint is not None
    run_vae_training(config)
    run_vae_training(tiny("whole", num_epochs=4, checkpoint_every=100))
    assert_same_end(tiny("whole"), config)


def test_stopping_again_and_again_keeps_the_older_checkpoints(tiny: Make) -> None:
    config = tiny(num_epochs=3)
    run_vae_training(tiny(num_epochs=2))
    before = checkpoint_files(Path(config.model_save_dir))
    resumed: list[Event] = []

    def emit(event: Event) -> None:
        if isinstance(event, Resumed):
            resumed.append(event)

    for times in range(4):
        assert run_vae_training(config, emit, lambda: len(resumed) > times).stopped  # noqa: B023
    assert checkpoint_files(Path(config.model_save_dir)) == before


def test_two_runs_cannot_work_in_one_folder(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    told: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, BatchDone):
            with pytest.raises(BusyError) as caught:
                run_vae_training(config, fresh=True)
            told.append(str(caught.value))

    run_vae_training(config, emit)
    assert f"process {os.getpid()} on" in told[0]
    assert not list(Path(config.model_save_dir).glob("earlier*"))
    run_vae_training(tiny(num_epochs=2))


def test_a_new_run_overwrites_neither_the_log_nor_the_pictures_of_another(tiny: Make) -> None:
    first = tiny(num_epochs=1)
    run_vae_training(first)
    output, log = Path(first.output_dir), Path(first.log_file)
    before = {path.name: path.read_bytes() for path in (*output.glob("[!.]*"), log)}
    other = str(output.parent / "other_checkpoints")
    events: list[Event] = []
    run_vae_training(tiny(num_epochs=1, model_save_dir=other, seed=5), events.append)
    kept = output.parent.glob("**/earlier_run_0001/*")
    assert {path.name: path.read_bytes() for path in kept} == before
    assert any("earlier_run_0001" in e.message for e in events if isinstance(e, Warned))


def test_a_run_whose_steps_were_all_skipped_resumes(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2, precision="float16")
    real, steps = training.vae_loss, []

    def overflowing(*arguments: object) -> object:
        steps.append(1)
        loss = real(*arguments)  # type: ignore[arg-type]
        return loss._replace(total=loss.total * float("inf"))

    with monkeypatch.context() as patch:
        patch.setattr(training, "vae_loss", overflowing)
        stopped = run_vae_training(config, should_stop=lambda: len(steps) == 2)
    assert stopped.stopped and stopped.checkpoint is not None
    assert load(stopped.checkpoint)[1].optimizer_steps == 0
    assert run_vae_training(config).epoch == 2


def test_other_threads_or_another_format_are_told_to_be_inexact(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))

    def told(**values: object) -> bool:
        events: list[Event] = []
        run_vae_training(tiny(**values), events.append)
        return any(isinstance(e, Warned) and "bit for bit" in e.message for e in events)

    assert not told(num_epochs=2)
    assert told(num_epochs=3, threads=2)
    assert told(num_epochs=4, threads=2, precision="bfloat16")


def test_the_thread_count_of_a_checkpoint_is_kept(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1, threads=1))
    run_vae_training(tiny(num_epochs=2, threads=0))
    assert load(newest(tiny()))[1].threads == 1


def test_weights_that_are_not_finite_are_never_saved(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)

    def emit(event: Event) -> None:
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            # Behind the loss's back, as a defect of memory would.
            real = state.TrainingState.end_epoch
            monkeypatch.setattr(
                state.TrainingState,
                "end_epoch",
                lambda self, record: (self.model.fc_mu.bias.data.fill_(np.nan), real(self, record)),
            )

    with pytest.raises(TrainingError, match=r"weights became NaN.*checkpoint_000001.*Lower lr"):
        run_vae_training(config, emit)
    assert len(checkpoint_files(Path(config.model_save_dir))) == 1


def test_a_changed_weight_is_recorded_and_shown(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))
    config = tiny(num_epochs=2, lr=0.01, beta=0.5)
    run_vae_training(config)
    _, record = load(newest(config))
    assert [change for change in record.changes if "lr 0.001 became 0.01" in change]
    assert [row.lr for row in read_log(config.log_file)] == [0.001, 0.01]


@pytest.mark.parametrize("values", [{"latent_dim": 5}, {"depth": 1}, {"seed": 1}])
def test_another_architecture_is_refused_and_left_untouched(
    tiny: Make, values: dict[str, int]
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    folder = Path(config.model_save_dir).parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(MismatchError) as caught:
        run_vae_training(tiny(num_epochs=2, **values))
    assert set(caught.value.problems) == set(values)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_another_data_set_is_refused(tiny: Make, images: Path) -> None:
    run_vae_training(tiny(num_epochs=1))
    (images / "image_000.png").unlink()
    with pytest.raises(MismatchError, match=r"12 then \(in .*\), 11 now"):
        run_vae_training(tiny(num_epochs=2))


def test_a_damaged_checkpoint_gives_way_to_the_older_one(tiny: Make) -> None:
    run_vae_training(tiny("whole", num_epochs=3))
    config = tiny("damaged", num_epochs=3)
    run_vae_training(config)
    path = newest(config)
    path.write_bytes(path.read_bytes()[:1000])
    events: list[Event] = []
    run_vae_training(config, events.append)
    assert any(isinstance(event, Warned) and "damaged" in event.message for event in events)
    assert_same_end(tiny("whole"), config)


def test_fresh_keeps_everything_of_the_earlier_run(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    root = Path(config.model_save_dir).parent
    before = {path.name: path.read_bytes() for path in root.rglob("[!.]*") if path.is_file()}
    result = run_vae_training(tiny(num_epochs=1, latent_dim=7), fresh=True)
    assert result.epoch == 1
    kept = {p.name: p.read_bytes() for p in root.glob("**/earlier_run_0001/[!.]*")}
    assert kept == before


def test_a_non_finite_loss_stops_before_the_step_and_saves_nothing_broken(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=3)
    real, calls = training.vae_loss, iter(range(100))

    def poisoned(*arguments: object) -> object:
        loss = real(*arguments)  # type: ignore[arg-type]
        return loss._replace(total=loss.total * float("nan")) if next(calls) == 4 else loss

    monkeypatch.setattr(training, "vae_loss", poisoned)
    # The device skips the step by itself, and it is told when the progress is looked at.
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 1e9)
    with pytest.raises(TrainingError, match=r"epoch 2.*checkpoint_000001.*Lower lr"):
        run_vae_training(config)
    monkeypatch.undo()
    run_vae_training(config)
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)


@pytest.mark.parametrize("fused", [True, False])
def test_a_loss_that_is_not_finite_changes_no_weight(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, fused: bool
) -> None:
    real, model = training.vae_loss, []

    def weights(state: TrainingState) -> list[torch.Tensor]:
        return [parameter.detach().clone() for parameter in state.model.parameters()]

    def poisoned(*arguments: object) -> object:
        loss = real(*arguments)  # type: ignore[arg-type]
        return loss._replace(total=loss.total * float("nan"))

    def step(self: object, x: torch.Tensor) -> None:
        run = cast(Any, self)
        run.state.optimizer.fused = fused
        model.append(weights(run.state))
        real_step(run, x)
        model.append(weights(run.state))
        assert run.state.broken
        raise StopRequested

    real_step = training._Training.train_step
    monkeypatch.setattr(training, "vae_loss", poisoned)
    monkeypatch.setattr(training._Training, "train_step", step)
    with pytest.raises(TrainingError, match="not changed"):
        run_vae_training(tiny())
    before, after = model
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_the_scaler_skips_a_bad_step_and_lowers_its_scale(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy, config = (tiny(place, num_epochs=2, precision="float16") for place in "ab")
    run_vae_training(healthy)
    real, calls = training.vae_loss, iter(range(100))

    def poisoned(*arguments: object) -> object:
        loss = real(*arguments)  # type: ignore[arg-type]
        return loss._replace(total=loss.total * float("inf")) if next(calls) == 5 else loss

    monkeypatch.setattr(training, "vae_loss", poisoned)
    run_vae_training(config)
    (_, good), (_, record) = (
        load(max(Path(c.model_save_dir).iterdir())) for c in (healthy, config)
    )
    assert record.scaler["scale"] == good.scaler["scale"] / 2
    assert record.optimizer_steps == good.optimizer_steps - 1
    assert np.isfinite(read_log(config.log_file)[0].loss)


def test_a_scaler_that_finds_no_scale_ends_the_run_with_a_remedy(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=9, batch_size=1, precision="float16")
    real, calls = training.vae_loss, itertools.count()

    def overflowing(*arguments: object) -> object:
        loss = real(*arguments)  # type: ignore[arg-type]
        healthy = next(calls) % 12 == 0
        return loss if healthy else loss._replace(total=loss.total * float("inf"))

    monkeypatch.setattr(training, "vae_loss", overflowing)
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0.0)
    with pytest.raises(TrainingError, match=r"too narrow.*checkpoint_000001.*bfloat16 or float32"):
        run_vae_training(config)
    assert next(calls) < 36


def test_a_stop_before_the_first_batch_leaves_nothing_to_lose(tiny: Make) -> None:
    result = run_vae_training(tiny(), should_stop=lambda: True)
    assert result.stopped and result.checkpoint is None


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("CPU: can't allocate memory")],
)
def test_running_out_of_memory_suggests_a_smaller_batch(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    config, calls = tiny(num_epochs=3), iter(range(100))
    real = training.vae_loss

    def exhausted(*arguments: object) -> object:
        if next(calls) == 4:
            raise error
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "vae_loss", exhausted)
    with pytest.raises(TrainingError, match=r"batch_size 5\. .*checkpoint_000002.*batch_size 2"):
        run_vae_training(config)
    monkeypatch.undo()
    _, record = load(newest(config))
    assert (len(record.history), record.images_done) == (1, 5)  # all that was trained
    run_vae_training(config)
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)


@pytest.mark.parametrize("part", ["decode_latents", "reconstruct"])
def test_running_out_of_memory_for_pictures_that_were_asked_for_loses_nothing(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def exhausted(*arguments: object) -> object:
        raise MemoryError

    asked = iter([None, Request.SAMPLE])
    with monkeypatch.context() as patch:
        patch.setattr(outputs, part, exhausted)
        with pytest.raises(TrainingError, match=r"checkpoint_000001.* is safe.*batch_size 2"):
            run_vae_training(tiny(), requested=lambda: next(asked, None))
    _, record = load(newest(tiny()))
    assert (len(record.history), record.images_done) == (0, 5)
    run_vae_training(tiny())
    run_vae_training(tiny("whole"))
    assert_same_end(tiny("whole"), tiny())


def test_running_out_of_memory_for_the_pictures_of_an_epoch_loses_nothing_of_it(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arguments: object) -> object:
        raise MemoryError

    config = tiny(checkpoint_every=9)
    with monkeypatch.context() as patch:
        patch.setattr(outputs, "reconstruct", exhausted)
        with pytest.raises(TrainingError, match=r"checkpoint_000001.* is safe"):
            run_vae_training(config)
    _, record = load(newest(config))
    assert (len(record.history), record.images_done) == (1, 0)
    run_vae_training(config)
    assert (Path(config.output_dir) / "reconstructions_epoch_0001.png").exists()
    run_vae_training(tiny("whole", checkpoint_every=9))
    assert_same_end(tiny("whole"), config)


def test_a_picture_that_cannot_be_written_is_told_and_training_goes_on(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(path: Path, *arguments: object) -> None:
        raise PermissionError(13, "in use", str(path))

    for name in ("write_png", "write_loss_curve"):
        monkeypatch.setattr(outputs, name, locked)
    events: list[Event] = []
    assert run_vae_training(tiny(num_epochs=1), events.append).epoch == 1
    told = [event.message for event in events if isinstance(event, Warned)]
    assert any("samples_epoch_0001.png" in text for text in told)
    assert any("loss_curve.png" in text for text in told)


def test_a_folder_that_fails_is_named_with_what_is_safe(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/scans")

    monkeypatch.setattr(beginning, "load_newest", gone)
    with pytest.raises(TrainingError, match=r"/scans could not be used .* Nothing was trained"):
        run_vae_training(tiny())


def test_a_locked_log_is_told_and_training_goes_on(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)
    real, calls = outputs.write_log, iter(range(10))

    def locked(*arguments: object) -> None:
        if next(calls) < 2:
            raise PermissionError("in use")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(outputs, "write_log", locked)
    events: list[Event] = []
    run_vae_training(config, events.append)
    told = [event for event in events if isinstance(event, (Warned, Passed)) and event.cause == LOG]
    assert [type(event) for event in told] == [Warned, Warned, Passed]
    assert all("log.csv" in event.message for event in told)
    assert len(read_log(config.log_file)) == 2


def test_a_resume_knows_whether_anything_is_left_to_train(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=2))
    told: list[Event] = []
    for wanted in (2, 1, 3):
        run_vae_training(tiny(num_epochs=wanted), told.append)
    assert [event.over for event in told if isinstance(event, Resumed)] == [True, True, False]


def test_a_full_disk_is_told_before_the_first_epoch(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(beginning.shutil, "disk_usage", lambda path: usage)
    events: list[Event] = []
    with pytest.raises(TrainingError, match="make room"):
        run_vae_training(tiny(), events.append)
    assert not any(isinstance(event, BatchDone) for event in events)


def test_a_failed_save_names_the_safe_checkpoint_and_resume_is_exact(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("failed", num_epochs=3)
    with monkeypatch.context() as patch:
        fail_saving(patch, after=1)
        with pytest.raises(TrainingError, match=r"No space left.*checkpoint_000001"):
            run_vae_training(config)
    assert len(checkpoint_files(Path(config.model_save_dir))) == 1
    run_vae_training(config)
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)


def test_a_disk_that_is_full_at_once_is_told_too(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state.checkpoint, "header_bytes", full)
    with pytest.raises(TrainingError, match=r"could not be written .*No space left"):
        run_vae_training(tiny())


def test_training_goes_on_while_a_checkpoint_is_made_durable(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)
    may_finish, order = threading.Event(), []
    real = Draft.finish

    def finish(self: Draft, keep: int, best: int) -> Path:
        assert may_finish.wait(30)
        order.append("durable")
        return real(self, keep, best)

    def emit(event: Event) -> None:
        if isinstance(event, BatchDone) and event.epoch == 2:
            order.append("trained on")
            may_finish.set()
        if isinstance(event, CheckpointSaved):
            assert event.path.exists()

    monkeypatch.setattr(Draft, "finish", finish)
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0)
    assert run_vae_training(config, emit).checkpoint is not None
    assert order[0] == "trained on"
    assert order.count("durable") == 2


def test_checkpoints_follow_each_other_and_each_is_told(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, finish = Draft.__init__, Draft.finish
    saved, under_way, most = list[Path](), 0, 0
    # A second thread would save at once what the first one must save before it.
    two = partial(ThreadPoolExecutor, 2)
    monkeypatch.setattr(training, "ThreadPoolExecutor", lambda count, name: two(name))

    def begun(self: Draft, *arguments: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        begin(self, *arguments)

    def finished(self: Draft, *arguments: Any) -> Path:
        nonlocal under_way
        time.sleep(0.05)  # longer than an epoch
        path = finish(self, *arguments)
        under_way -= 1
        return path

    def emit(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            saved.append(event.path)

    monkeypatch.setattr(Draft, "__init__", begun)
    monkeypatch.setattr(Draft, "finish", finished)
    monkeypatch.setattr(training, "PROGRESS_SECONDS", float("inf"))
    run_vae_training(tiny(num_epochs=4), emit)
    assert most == 1
    assert len(saved) == 4


def test_training_equals_a_plain_loop(tiny: Make) -> None:
    config = tiny(num_epochs=2, kl_balance="auto")
    run_vae_training(config)
    data = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels)
    model = build_model(config)
    initialize(model, generator(config.seed, "weights"))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    mse = None
    for epoch in range(config.num_epochs):
        order, done = batch_order(config.seed, epoch, len(data)), 0
        while done < len(data):
            batch = data.batch(order[done : done + config.batch_size])
            x = torch.tensor(batch / 127.5 - 1, dtype=torch.float32).permute(0, 3, 1, 2)
            recon, mu, logvar = model(x, generator(config.seed, "noise", epoch, done))
            loss = vae_loss(recon, x, mu, logvar, config, mse)
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
            error = loss.reconstruction.detach()
            mse = error if mse is None else state.KEPT_MSE * mse + (1 - state.KEPT_MSE) * error
            done += len(x)
    tensors, _record = load(newest(config))
    for name, parameter in model.named_parameters():
        found = torch.from_numpy(tensors[f"model.{name}"])
        torch.testing.assert_close(found, parameter.detach(), rtol=1e-3, atol=1e-5)


def test_a_batch_waits_for_nothing_on_the_device(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[str] = []
    for name in ("item", "tolist", "__bool__", "__float__", "__int__", "numpy", "cpu"):
        real = getattr(torch.Tensor, name)

        def counted(self: torch.Tensor, *given: Any, real: Any = real, name: str = name) -> Any:
            waits.append(name)
            return real(self, *given)

        monkeypatch.setattr(torch.Tensor, name, counted)
    train_epoch = training._Training.train_epoch

    def alone(self: training._Training) -> None:
        waits.clear()
        train_epoch(self)
        counts.append(Counter(waits))

    counts: list[Counter[str]] = []
    monkeypatch.setattr(training._Training, "train_epoch", alone)
    monkeypatch.setattr(training, "PROGRESS_SECONDS", float("inf"))
    for batch_size in (12, 1):
        run_vae_training(tiny(str(batch_size), num_epochs=1, batch_size=batch_size, ema=0.9))
    assert counts == [Counter({"item": 1})] * 2  # at the epoch's end


def test_no_step_is_taken_while_a_checkpoint_reads_the_weights(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2, sample_every=2)
    real = Draft.__init__

    def slow(self: Draft, folder: Path, tensors: dict[str, np.ndarray], record: Record) -> None:
        before = {name: array.copy() for name, array in tensors.items()}
        time.sleep(0.3)
        for name, array in tensors.items():
            np.testing.assert_array_equal(array, before[name])
        real(self, folder, tensors, record)

    monkeypatch.setattr(Draft, "__init__", slow)
    monkeypatch.setattr(outputs, "write_loss_curve", lambda *arguments: None)
    run_vae_training(config)
    monkeypatch.undo()
    run_vae_training(tiny("quick", num_epochs=2, sample_every=2))
    assert_same_end(config, tiny("quick", num_epochs=2, sample_every=2))


def test_a_run_leaves_only_its_checkpoints(tiny: Make) -> None:
    config = tiny(num_epochs=4, keep_checkpoints=1)
    run_vae_training(config)
    names = {path.name for path in Path(config.model_save_dir).iterdir()}
    assert not any(name.endswith(".tmp") for name in names), names


def test_an_image_that_changes_while_none_is_kept_ends_the_run_and_loses_nothing(
    tiny: Make, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_BYTES", 0)
    config = tiny(num_epochs=3, cache_gb=0.0, checkpoint_every=9)
    path = images / "image_004.png"
    good = path.read_bytes()

    def spoil(event: Event) -> None:
        if isinstance(event, EpochDone):
            path.write_bytes(b"other")

    with pytest.raises(DataError, match=r"image_004\.png has changed"):
        run_vae_training(config, spoil)
    path.write_bytes(good)
    run_vae_training(config)
    run_vae_training(tiny("whole", num_epochs=3, checkpoint_every=9))
    assert_same_end(tiny("whole"), config)


def test_training_waits_for_an_image_that_is_gone_and_goes_on_when_it_is_back(
    tiny: Make, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_BYTES", 0)
    config = tiny(num_epochs=2, cache_gb=0.0, checkpoint_every=9)
    path, events = images / "image_004.png", list[Event]()
    good = path.read_bytes()

    def spoil(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            path.unlink()

    def put_back(trouble: Trouble) -> Path:
        assert "image_004.png can no longer be read" in trouble.message and not trouble.movable
        assert any(isinstance(event, CheckpointSaved) for event in events)  # before it asks
        path.write_bytes(good)
        return trouble.folder

    assert run_vae_training(config, spoil, decide=put_back).epoch == 2
    run_vae_training(tiny("whole", num_epochs=2, checkpoint_every=9))
    assert_same_end(tiny("whole"), config)


def test_bad_images_among_good_ones_are_named_once_and_training_goes_on(
    tiny: Make, images: Path
) -> None:
    good = (images / "image_000.png").read_bytes()
    bad = {
        "cut.png": good[:60],
        "empty.jpg": b"",
        "text.bmp": b"no image",
        "zip.tif": b"PK\x03\x04" + b"\0" * 100,
        "flipped.png": good[:50] + bytes([good[50] ^ 1]) + good[51:],
        "signature.png": good[:8],
    }
    for name, content in bad.items():
        (images / name).write_bytes(content)
    (images / "wrong ending.jpg").write_bytes(good)  # told by its content
    events: list[Event] = []
    assert run_vae_training(tiny(num_epochs=1), events.append).epoch == 1
    (ready,) = [event for event in events if isinstance(event, DataReady)]
    assert ready.images == 13
    assert sorted(path.name for path, _ in ready.skipped) == sorted(bad)
    assert all(reason for _, reason in ready.skipped)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX systems")
def test_what_can_reveal_an_image_is_the_owners_alone(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    folders = (Path(config.model_save_dir), Path(config.output_dir), cache.cache_folder())
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    revealing = [path for path in files if path.suffix in (".safetensors", ".png", ".images")]
    revealing = [path for path in revealing if path.name != LOSS_CURVE_NAME]
    assert len(revealing) == 7
    assert {path.stat().st_mode & 0o777 for path in revealing} == {0o600}


def test_the_cells_of_the_log_are_numbers(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    _, *rows = Path(config.log_file).read_text().splitlines()
    cells = [cell for row in rows for cell in row.split(",") if cell]
    assert len(cells) > 18
    assert all(cell.lstrip("-")[0].isdigit() and np.isfinite(float(cell)) for cell in cells)


def test_bad_paths_are_refused_before_anything_is_written(tiny: Make, images: Path) -> None:
    config = tiny()
    for path in images.iterdir():
        path.unlink()
    images.rmdir()
    with pytest.raises(ConfigError):
        run_vae_training(config)
    assert not Path(config.model_save_dir).parent.exists()


def test_nothing_depends_on_the_global_generators(tiny: Make) -> None:
    run_vae_training(tiny("a", num_epochs=1))
    torch.manual_seed(99)
    np.random.seed(99)
    run_vae_training(tiny("b", num_epochs=1))
    assert_same_end(tiny("a"), tiny("b"))


def test_grey_images_give_grey_samples(tiny: Make) -> None:
    config = tiny(num_epochs=1, in_channels=1)
    run_vae_training(config)
    with Image.open(Path(config.output_dir) / "samples_epoch_0001.png") as grid:
        assert grid.mode == "L"


def test_a_clock_that_is_set_back_changes_neither_order_nor_durations(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)
    clock = itertools.count(2e9, -3600)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: next(clock))
        run_vae_training(config)
    assert all(row.seconds > 0 for row in read_log(config.log_file))
    for number, path in checkpoint_files(Path(config.model_save_dir)):
        os.utime(path, (2e9 - number, 2e9 - number))  # the newest has the oldest time
    events: list[Event] = []
    run_vae_training(tiny(num_epochs=3), events.append)
    assert next(event for event in events if isinstance(event, Resumed)).epoch == 2


def test_a_run_with_the_other_decoder_resumes(tiny: Make) -> None:
    whole, broken = (tiny(name, decoder="upsample", num_epochs=2) for name in ("whole", "broken"))
    run_vae_training(whole)
    run_vae_training(broken, should_stop=stop_after(3))
    run_vae_training(broken)
    assert_same_end(whole, broken)
    with pytest.raises(CheckpointError, match="decoder is transposed, the checkpoint was made"):
        run_vae_training(tiny("broken", num_epochs=3))
