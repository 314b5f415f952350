"""Tiny real objects: a folder of small images and a configuration that trains in a moment."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae import cache, diary, language, runs
from vae.checkpoint import Draft
from vae.config import TrainConfig
from vae.decoder import Decoders
from vae.events import EpochRecord
from vae.images import decode_image

# make soak: the same tests, with the numbers that take hours rather than seconds.
SOAK = os.environ.get("VAE_SOAK") == "1"

DECODE = Decoders.decode

TINY = {
    "img_size": 16,
    "depth": 2,
    "latent_dim": 4,
    "base_channels": 4,
    "batch_size": 5,
    "num_epochs": 3,
    "lr": 0.001,
    "threads": 1,
}


@pytest.fixture
def surroundings() -> Iterator[pytest.MonkeyPatch]:
    """What holds for a whole test, also where it undoes what it patched itself."""
    with pytest.MonkeyPatch.context() as patches:
        yield patches


@pytest.fixture(autouse=True)
def english(surroundings: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests read English, whatever the system speaks."""
    surroundings.setenv("LC_ALL", "C")
    yield
    language.use("en")


@pytest.fixture(autouse=True)
def no_network(surroundings: pytest.MonkeyPatch) -> None:
    """Nothing here may reach for a network."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family != getattr(socket, "AF_UNIX", None):
            raise AssertionError(f"network access to {address}")
        real(self, address)  # type: ignore[arg-type]

    surroundings.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def own_cache(surroundings: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    surroundings.setenv("XDG_CACHE_HOME", str(folder))  # for the processes that a test starts
    surroundings.setattr(cache, "cache_folder", lambda: folder / "decoded_images")


@pytest.fixture(autouse=True)
def own_log(
    surroundings: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """No test writes the user's log."""
    folder = tmp_path_factory.mktemp("log")
    surroundings.setenv("XDG_STATE_HOME", str(folder))  # for the processes that a test starts
    surroundings.setattr(diary, "log_path", lambda: folder / "private" / "program.log")
    yield folder / "private" / "program.log"
    for handler in [h for h in diary.logger.handlers if isinstance(h, diary._File)]:
        diary.logger.removeHandler(handler)
        handler.close()


@pytest.fixture(autouse=True)
def own_runs(surroundings: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test reads or writes the user's history of runs."""
    folder = tmp_path_factory.mktemp("data")
    surroundings.setenv("XDG_DATA_HOME", str(folder))  # for the processes that a test starts
    surroundings.setattr(runs, "runs_folder", lambda: folder / "vae-studio" / "runs")
    return folder / "vae-studio" / "runs"


@pytest.fixture
def helpers(decode_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode in helper processes, as the program does."""
    monkeypatch.setattr(Decoders, "decode", DECODE)


@pytest.fixture(autouse=True)
def decode_here(surroundings: pytest.MonkeyPatch) -> None:
    """Decode in this process, which takes no time to start; what is made of a file is the same."""
    surroundings.setattr(Decoders, "decode", lambda self, *arguments: decode_image(*arguments))


def make_images(folder: Path, count: int, size: int = 20) -> Path:
    """Colour images with a bright disc at a random place."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:size, :size]
    for i in range(count):
        cx, cy, r = [*rng.uniform(5, size - 5, 2).tolist(), rng.uniform(2, 5)]
        disc = ((x - cx) ** 2 + (y - cy) ** 2 < r * r)[..., None]
        pixels = np.where(disc, rng.integers(150, 255, 3), rng.integers(0, 90, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"image_{i:03d}.png")
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images", 12)


@pytest.fixture
def tiny(tmp_path: Path, images: Path) -> Callable[..., TrainConfig]:
    """A tiny valid configuration; keywords replace its values, `place` its output folders."""

    def make(place: str = "run", **values: object) -> TrainConfig:
        folder = tmp_path / place
        paths = {
            "file_path": str(images),
            "log_file": str(folder / "log.csv"),
            "model_save_dir": str(folder / "checkpoints"),
            "output_dir": str(folder / "output"),
        }
        return TrainConfig(**{**TINY, **paths, **values})  # type: ignore[arg-type]

    return make


def fail_saving(
    monkeypatch: pytest.MonkeyPatch, after: int = 0, until: float = float("inf")
) -> None:
    """Let the disk be full when checkpoints number `after` to `until` (from 0) are made durable."""
    real, calls = os.fsync, itertools.count()

    def fsync(descriptor: int) -> None:
        saving = threading.current_thread().name.startswith("saver")
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if saving and is_file and after <= next(calls) < until:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def stall_saving(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let the disk answer a checkpoint only once the event is set."""
    answers, real = threading.Event(), Draft.finish

    def finish(self: Draft, keep: int, best: int) -> Path:
        assert answers.wait(60)
        return real(self, keep, best)

    monkeypatch.setattr(Draft, "finish", finish)
    return answers


def number_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files and folders have the number 0, as some network drives say."""
    real = os.stat

    def stat_of(path: Any, **how: Any) -> os.stat_result:
        facts = list(real(path, **how))
        facts[stat.ST_INO] = 0
        return os.stat_result(facts)

    monkeypatch.setattr(os, "stat", stat_of)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> threading.Event:
    """Once it is set, no folder of the test's can be listed: as when a network drive has gone."""
    gone, real = threading.Event(), os.scandir

    def scandir(path: Any) -> object:
        if gone.is_set() and Path(path).is_relative_to(tmp_path):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return gone


def wait_for_rows(config: TrainConfig, process: subprocess.Popen[str], rows: int = 3) -> None:
    """Until the log of a run in another process has so many rows."""
    log, deadline = Path(config.log_file), time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") > rows):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)


def read_log(path: str | Path) -> list[EpochRecord]:
    """The rows of a log, read as a user's analysis would."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    kinds = {"epoch": int, "images": int}
    return [
        EpochRecord(
            **{name: kinds.get(name, float)(text) if text else None for name, text in row.items()}
        )
        for row in table.to_dict("records")
    ]
