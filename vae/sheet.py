"""A contact sheet: a few images of a folder as the model sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from vae.decoding import decode_files
from vae.files import readable
from vae.grid import GRID_GAP, GRID_SIDE, image_grid
from vae.images import ImageFile, evenly_spread

Stop = Callable[[], bool]
IMAGES = 3 * GRID_SIDE
CELL = 256  # pixels; larger images are reduced on the sheet by whole factors
# A pixel has colour if its channels differ by more; the rest is noise of the compression.
COLOUR_LEVELS = 16
COLOUR_SHARE = 0.001
COLOUR_SIZE = 64


@dataclass(frozen=True)
class Sheet:
    """A few images as the model sees them, decoded in full.

    grid is uint8 (h, w, 4), transparent beside the last image; None if no image can be decoded.
    shown images are in it, of which `coloured` have colour in the file. brightest is the highest
    value in any of them. refused are names with reasons.
    """

    grid: np.ndarray | None
    shown: int
    size: int
    channels: int
    coloured: int
    brightest: int
    refused: tuple[tuple[str, str], ...]


def contact_sheet(
    folder: Path,
    files: Sequence[ImageFile],
    size: int,
    channels: int,
    should_stop: Stop,
) -> Sheet:
    """Decode 24 files, spread evenly, as training does; of one that cannot be, the nearest other.

    Keeps nothing on disk. Raises StopRequested, StudioError.
    """
    shown: dict[int, np.ndarray] = {}
    refused: dict[int, str] = {}
    others = set(range(len(files)))
    places = evenly_spread(len(files), IMAGES).tolist()
    while places:
        others.difference_update(places)
        chosen = [files[place] for place in places]
        images, reasons = _decode(folder, chosen, size, channels, should_stop)
        bad = {places[i]: reason for i, reason in reasons.items()}
        refused.update(bad)
        shown.update(zip((place for place in places if place not in bad), images, strict=True))
        places = _nearest(others, sorted(bad))
    order = sorted(shown)
    images = np.stack([shown[place] for place in order]) if order else np.empty(0, np.uint8)
    if channels == 1:
        chosen = [files[place] for place in order]
        coloured = count_coloured(folder, chosen, should_stop)[1]
    else:
        coloured = sum(map(has_colour, images))
    named = tuple((readable(Path(files[i].name)), refused[i]) for i in sorted(refused))
    grid = _grid(_reduced(images)) if order else None
    brightest = int(images.max(initial=0))
    return Sheet(grid, len(order), size, channels, coloured, brightest, named)


def count_coloured(folder: Path, files: Sequence[ImageFile], should_stop: Stop) -> tuple[int, int]:
    """How many files can be decoded, and how many of those have colour. Raises StopRequested."""
    images, _ = _decode(folder, files, COLOUR_SIZE, 3, should_stop)
    return len(images), sum(map(has_colour, images))


def _nearest(others: set[int], places: Sequence[int]) -> list[int]:
    """For each of some places, as long as there are any, another one, the nearest."""
    found: list[int] = []
    for place in places:
        left = others.difference(found)
        found += sorted(left, key=partial(_distance, place))[:1]
    return sorted(found)


def _distance(place: int, other: int) -> int:
    return abs(other - place)


def _decode(
    folder: Path,
    files: Sequence[ImageFile],
    size: int,
    channels: int,
    should_stop: Stop,
) -> tuple[np.ndarray, dict[int, str]]:
    """Those images that can be decoded, (N, size, size, channels), and reasons by place."""
    shape = (size, size, channels)
    decoded = decode_files(folder, files, shape, 0, lambda event: None, should_stop)
    return decoded.pixels[decoded.rows[decoded.rows >= 0]], decoded.reasons


def _grid(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) tiled to (h, w, 4), with nothing where the last row has none."""
    columns, (height, width) = min(len(images), GRID_SIDE), images.shape[1:3]
    tiled = Image.fromarray(image_grid(images, columns)).convert("RGBA")
    grid = np.array(tiled)
    if in_last_row := len(images) % columns:
        grid[-height - GRID_GAP :, in_last_row * (width + GRID_GAP) - GRID_GAP :] = 0
    return grid


def _reduced(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C), each side divided by the same whole number, not far above CELL."""
    factor = images.shape[1] // CELL
    if factor < 2:
        return images
    flat = images[..., 0] if images.shape[3] == 1 else images
    reduced = np.stack([np.asarray(Image.fromarray(image).reduce(factor)) for image in flat])
    return reduced.reshape(*reduced.shape[:3], images.shape[3])


def has_colour(pixels: np.ndarray) -> bool:
    """Whether an image, uint8 (H, W, 3), is more than grey saved in three channels."""
    spread = pixels.max(2) - pixels.min(2)
    return bool((spread > COLOUR_LEVELS).mean() > COLOUR_SHARE)
