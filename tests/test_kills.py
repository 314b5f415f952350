"""SIGKILL at random moments, in real processes: the finished run is that of an unbroken one."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SOAK
from tests.test_faults import end_of, root_of
from vae.checkpoint import checkpoint_files
from vae.config import TrainConfig
from vae.files import SPARE_NAME
from vae.training import run_vae_training

KILLS = 200 if SOAK else 6
Make = Callable[..., TrainConfig]


def train(config: TrainConfig) -> None:
    """What the killed process does."""
    run_vae_training(config)


@pytest.mark.timeout(3600 if SOAK else 120)
def test_random_kills_change_nothing(tiny: Make) -> None:
    # A server that has imported everything starts each process in a moment, where there is one.
    kind = "spawn" if sys.platform == "win32" else "forkserver"
    context = multiprocessing.get_context(kind)
    if kind == "forkserver":
        context.set_forkserver_preload(["vae.training", "tests.test_kills"])
    # Large enough to spend a good part of its time writing.
    shape = dict(img_size=32, latent_dim=128, base_channels=16)
    config = tiny(num_epochs=5, batch_size=12, keep_checkpoints=2, cache_gb=0.0, **shape)
    root, folder = root_of(config), Path(config.model_save_dir)

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=train, args=(config,))
        process.start()
        return process

    start().join()  # starts the server
    shutil.rmtree(root)
    began = time.monotonic()
    first = start()
    first.join()
    duration = time.monotonic() - began
    assert first.exitcode == 0
    whole = end_of(config)

    draw, kills, finished, halfway = random.Random(KILLS), 0, 0, 0
    shutil.rmtree(root)
    while kills < KILLS or not finished:
        before = checkpoint_files(folder)
        process = start()
        process.join(draw.uniform(0, 1.5 * duration))
        alive = process.is_alive()
        process.kill()
        process.join()
        kills += alive
        if alive:
            after = checkpoint_files(folder)
            assert not before or after[0][0] >= before[0][0]
            halfway += any(path.name != SPARE_NAME for path in folder.glob("*.tmp"))
            continue
        assert process.exitcode == 0
        assert end_of(config) == whole, f"after {kills} kills"
        assert not list(root.rglob("*.bad"))
        finished += 1
        shutil.rmtree(root)
    print(f"{kills} kills, {halfway} while a checkpoint was written, {finished} runs: all whole")
