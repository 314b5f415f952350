"""Large folders: how long it takes to look through them, to begin a run, and in how much memory.

    python -m benchmarks.scale [--images 100000] [--paths 1000000] [--folder /dev/shm]

Each figure comes from a process of its own. Names are made below `--folder`, else where temporary
files are; a million needs a file system with as many free inodes. Images are links to a few, and
the second run of them finds all in the cache.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.trainers import peak_memory
from vae import cache, runs
from vae.config import TrainConfig
from vae.demo import make_demo_data
from vae.events import BatchDone, Event
from vae.images import find_images
from vae.randomness import batch_order

DISTINCT = 100  # images
IN_A_FOLDER = 10_000
SMALL = {"img_size": 64, "depth": 3, "batch_size": 64, "cache_gb": 5.0, "num_epochs": 1}


def make_names(folder: Path, count: int) -> None:
    """So many empty files, named like images."""
    for number in range(count):
        if number % IN_A_FOLDER == 0:
            place = folder / f"{number // IN_A_FOLDER:04d}"
            place.mkdir(parents=True)
        (place / f"{number:07d}.png").touch()


def make_links(folder: Path, originals: Path, count: int) -> None:
    """So many names of a few images."""
    paths = sorted(originals.iterdir())
    folder.mkdir()
    for number in range(count):
        os.link(paths[number % len(paths)], folder / f"{number:07d}.jpg")


def scan(folder: Path) -> dict[str, Any]:
    """Find all files and put them in the order of an epoch."""
    began = time.perf_counter()
    files, _unreadable = find_images(folder)
    found = time.perf_counter() - began
    batch_order(0, 0, len(files))
    return {"files": len(files), "scan_s": found, "order_s": time.perf_counter() - began - found}


def begin(folder: Path, place: Path) -> dict[str, Any]:
    """Train until the first batch is done."""
    from vae.training import run_vae_training

    cache.cache_folder = lambda: place / "cache"
    runs.runs_folder = lambda: place / "runs"
    with tempfile.TemporaryDirectory(dir=place) as outputs:
        config = TrainConfig(
            file_path=str(folder),
            log_file=f"{outputs}/log.csv",
            model_save_dir=f"{outputs}/checkpoints",
            output_dir=f"{outputs}/output",
            **SMALL,  # type: ignore[arg-type]
        )
        began, seconds = time.perf_counter(), list[float]()

        def emit(event: Event) -> None:
            if isinstance(event, BatchDone):
                seconds.append(time.perf_counter() - began)

        run_vae_training(config, emit, lambda: bool(seconds))
    return {"first_batch_s": seconds[0]}


def _answer(connection: Connection, work: Callable[..., dict[str, Any]], *given: Path) -> None:
    connection.send(work(*given) | {"peak_mb": peak_memory() / 1e6})


def alone(work: Callable[..., dict[str, Any]], *given: Path) -> dict[str, Any]:
    """What some work comes to in a process of its own, and the memory that this took at most."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_answer, args=(there, work, *given))
    process.start()
    result: dict[str, Any] = here.recv()
    process.join()
    return {name: round(value, 2) for name, value in result.items()}


def main() -> None:
    """Measure and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        here = Path(place)
        make_demo_data(here / "originals", DISTINCT, 64)
        make_links(here / "images", here / "originals", options.images)
        for words, work, *given in (
            ("scan", scan, here / "images"),
            ("new images", begin, here / "images", here),
            ("images in the cache", begin, here / "images", here),
        ):
            print(json.dumps({"what": words, **alone(work, *given)}), flush=True)
        make_names(here / "names", options.paths)
        print(json.dumps({"what": "scan", **alone(scan, here / "names")}), flush=True)


if __name__ == "__main__":
    main()
