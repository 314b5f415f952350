"""A contact sheet: a few images of a folder as the model sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vae.decoding import decode_files
from vae.files import readable
from vae.grid import GRID_SIDE, image_grid
from vae.images import ImageFile

Stop = Callable[[], bool]
CELL = 256  # pixels; larger images are reduced on the sheet by whole factors
# A pixel has colour if its channels differ by more; the rest is noise of the compression.
COLOUR_LEVELS = 16
COLOUR_SHARE = 0.001
COLOUR_SIZE = 64


@dataclass(frozen=True)
class Sheet:
    """A few images as the model sees them, decoded in full.

    grid is uint8 (h, w) or (h, w, 3), None if no image can be decoded. shown images are in it, of
    which `coloured` have colour in the file. brightest is the highest value in any of them. refused
    are names with reasons.
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
    """Decode files as training does. Keeps nothing on disk. Raises StopRequested, StudioError."""
    images, reasons = _decode(folder, files, size, channels, should_stop)
    colours = images
    if channels == 1:
        colours, _ = _decode(folder, files, COLOUR_SIZE, 3, should_stop)
    coloured = sum(map(has_colour, colours))
    refused = tuple((readable(Path(files[i].name)), why) for i, why in sorted(reasons.items()))
    grid = image_grid(_reduced(images), GRID_SIDE) if len(images) else None
    brightest = int(images.max(initial=0))
    return Sheet(grid, len(images), size, channels, coloured, brightest, refused)


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
