"""What a person asks of a running training: pause, save, sample."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vae.checkpoint import checkpoint_files, load
from vae.config import TrainConfig
from vae.events import BatchDone, CheckpointSaved, Event, Paused, SamplesReady, WentOn
from vae.requests import Request
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def at_batch(number: int, *requests: Request) -> Callable[[], Request | None]:
    """Asks for these, one after the other, from a batch on (counted from 0)."""

    def ask() -> Iterator[Request | None]:
        for _ in range(number):
            yield None
        yield from requests
        while True:
            yield None

    asked = ask()
    return lambda: next(asked)


def test_a_checkpoint_asked_for_is_written_in_mid_epoch(tiny: Make) -> None:
    config, events = tiny(num_epochs=2, checkpoint_every=2), []
    run_vae_training(config, events.append, requested=at_batch(1, Request.SAVE))
    saved = [event.path for event in events if isinstance(event, CheckpointSaved)]
    assert len(saved) == 2
    record = load(saved[0])[1]
    assert (len(record.history), record.images_done) == (0, config.batch_size)


def test_samples_asked_for_have_names_of_their_own(tiny: Make) -> None:
    config, events = tiny(num_epochs=1), []
    run_vae_training(config, events.append, requested=at_batch(2, Request.SAMPLE))
    names = [event.path.name for event in events if isinstance(event, SamplesReady)]
    assert names == ["samples_epoch_0000_image_10.png", "samples_epoch_0001.png"]
    assert all((Path(config.output_dir) / name).exists() for name in names)
    assert (Path(config.output_dir) / "reconstructions_epoch_0000_image_10.png").exists()


def test_a_pause_saves_and_costs_neither_speed_nor_a_bit(tiny: Make) -> None:
    plain, paused = tiny("plain", num_epochs=2), tiny("paused", num_epochs=2)
    run_vae_training(plain)
    events: list[Event] = []
    going_on: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, Paused):
            assert checkpoint_files(Path(paused.model_save_dir))
            threading.Timer(1.0, going_on.put, [Request.GO_ON]).start()

    first = at_batch(1, Request.PAUSE)

    def requested() -> Request | None:
        return first() if going_on.empty() else going_on.get()

    result = run_vae_training(paused, emit, requested=requested)
    kinds = [type(event) for event in events]
    assert kinds.index(Paused) < kinds.index(WentOn)
    assert result.history[0].seconds < 1.0  # the wait is no time of training
    tensors = [load(checkpoint_files(Path(c.model_save_dir))[0][1])[0] for c in (plain, paused)]
    assert all((tensors[0][name] == tensors[1][name]).all() for name in tensors[0])


def test_a_paused_run_can_be_stopped(tiny: Make) -> None:
    config, events = tiny(), []
    stop = threading.Event()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, Paused):
            stop.set()

    began = time.monotonic()
    result = run_vae_training(config, emit, stop.is_set, requested=at_batch(1, Request.PAUSE))
    assert result.stopped and result.images_done == config.batch_size
    assert time.monotonic() - began < 30
    assert not any(isinstance(event, BatchDone) and event.epoch > 1 for event in events)
