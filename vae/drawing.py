"""Draw images from the newest checkpoint, with latents from a seed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae import sampler_file, samplers
from vae.config import Value
from vae.dataset import Load, MedicalImageDataset, loader, split
from vae.decoding import DataError
from vae.events import Event
from vae.files import SAMPLER_NAMES, drawn_name, readable
from vae.grid import GRID_SIDE, image_grid
from vae.header import DamagedError
from vae.language import _
from vae.randomness import generator
from vae.samples import decode_latents, write_png
from vae.state import Loaded, load_model


class Drawn(NamedTuple):
    """A grid, uint8 (h, w) or (h, w, 3), of the network after an epoch, saved at path."""

    grid: np.ndarray
    epoch: int
    path: Path
    sampler: str
    temperature: float


def draw(
    model_save_dir: Path,
    output_dir: Path | None,
    seed: int,
    warn: Callable[[str], None],
    count: int = GRID_SIDE**2,
    should_stop: Callable[[], bool] = lambda: False,
    values: Mapping[str, Value] = {},
    best: bool = False,
) -> Drawn:
    """Decode `count` latents and save the grid. `values` may name another sampler or temperature.

    Of the newest checkpoint, or of the `best` epoch's. In a folder, or in the run's own.

    Raises CheckpointError if there is no checkpoint, DataError if the images are needed and gone,
    OSError, StopRequested.
    """
    loaded = load_model(model_save_dir, warn, best)
    config = dataclasses.replace(loaded.config, **values)  # type: ignore[arg-type]
    images, load = partial(images_of, loaded, should_stop), loader(should_stop)
    sampler = sampler_of(loaded, config.sampler, model_save_dir, warn, images, load)
    shape, random = (count, config.latent_dim), generator(seed, "samples")
    latents = samplers.latents(sampler, shape, config.temperature, random)
    grid = image_grid(decode_latents(loaded.model, latents, config.batch_size, should_stop))
    folder = output_dir or Path(config.output_dir)
    path = folder / drawn_name(config.sampler, config.temperature, seed, loaded.epoch)
    write_png(path, grid)
    return Drawn(grid, loaded.epoch, path, config.sampler, config.temperature)


def sampler_of(
    loaded: Loaded,
    kind: str,
    folder: Path,
    warn: Callable[[str], None],
    images: Callable[[], MedicalImageDataset],
    load: Load,
) -> samplers.Sampler | None:
    """The sampler of a kind for a network: the one beside its checkpoint, or fitted anew.

    None for the prior. One that is fitted is kept there for the next time. A file that cannot be
    used is named through `warn`. `images` gives all that is in the folder of the run's images, if
    they are needed, `load` the pixels of some. Raises DataError if they are not those of the run.
    """
    if kind == "prior":
        return None
    record = loaded.record
    facts = sampler_file.fitted_to(kind, record.data, record.history, record.images_done)
    path = folder / SAMPLER_NAMES[kind]
    try:
        if found := sampler_file.load(path, facts):
            return found
    except (DamagedError, OSError) as error:
        text = _("{path} cannot be used ({reason}). The sampler is fitted to the images anew.")
        reason = error.strerror if isinstance(error, OSError) else error
        warn(text.format(path=path, reason=reason))
    data = images()
    if data.fingerprint != record.data:
        text = _(
            "{folder} no longer holds the images that the run learned from. Bring them back, or "
            "take the sampler prior, which needs none."
        )
        raise DataError(text.format(folder=readable(data.folder)))
    training, _validation = split(data, loaded.config.val_fraction, loaded.config.group_pattern)
    batch_size = loaded.config.batch_size
    codes = samplers.encoded(loaded.model, training, load, batch_size)
    sampler = samplers.fit(kind, codes, loaded.config.seed)
    with contextlib.suppress(OSError):  # in a folder that is only read, it is fitted each time
        sampler_file.save(path, sampler, facts)
    return sampler


def images_of(
    loaded: Loaded,
    should_stop: Callable[[], bool],
    emit: Callable[[Event], None] = lambda event: None,
) -> MedicalImageDataset:
    """All that is now in the folder of a run's images. Raises DataError if it is gone or empty."""
    config, folder = loaded.config, Path(loaded.config.file_path)
    if not os.path.isdir(folder):
        text = _(
            "The images that the network learned from are no longer in {folder}. Nothing was "
            "changed: bring the folder back, or connect its drive."
        )
        raise DataError(text.format(folder=readable(folder)))
    cache = int(config.cache_gb * 1e9)
    return MedicalImageDataset(
        folder, config.img_size, config.in_channels, cache, emit, should_stop
    )
