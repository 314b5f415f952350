"""Draw images from the newest checkpoint, with latents from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae.files import drawn_name
from vae.grid import GRID_SIDE, image_grid
from vae.randomness import generator
from vae.samples import decode_latents, fixed_latents, write_png
from vae.state import load_model


class Drawn(NamedTuple):
    """A grid, uint8 (h, w) or (h, w, 3), of the network after an epoch, saved at path."""

    grid: np.ndarray
    epoch: int
    path: Path


def draw(
    model_save_dir: Path,
    output_dir: Path,
    seed: int,
    warn: Callable[[str], None],
    count: int = GRID_SIDE**2,
    should_stop: Callable[[], bool] = lambda: False,
) -> Drawn:
    """Decode `count` latents from N(0, I) and save the grid.

    Raises CheckpointError if there is no checkpoint, OSError, StopRequested.
    """
    model, config, epoch = load_model(model_save_dir, warn)
    latents = fixed_latents(count, config.latent_dim, generator(seed, "samples"))
    grid = image_grid(decode_latents(model, latents, should_stop))
    path = output_dir / drawn_name(seed, epoch)
    write_png(path, grid)
    return Drawn(grid, epoch, path)
