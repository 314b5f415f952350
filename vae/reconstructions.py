"""What the network makes of some of the images: originals, reconstructions, differences."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from vae.dataset import MedicalImageDataset, to_device
from vae.grid import GRID_GAP, image_grid
from vae.images import evenly_spread
from vae.metrics import psnr
from vae.model import VAE
from vae.samples import to_bytes

COUNT = 8
# Narrower images are enlarged by a whole factor, so that the figures fit below them.
CELL_WIDTH = 96
TEXT_SIZE, LINE = 13, 17
WHITE = (255, 255, 255)


def fixed_images(data: MedicalImageDataset) -> np.ndarray:
    """Images spread evenly over the data set, the same in each epoch: uint8 (N, H, W, C).

    Raises DataError if a file that is not kept decoded has changed.
    """
    return data.batch(evenly_spread(len(data), COUNT))


@torch.inference_mode()
def reconstruct(
    model: VAE, originals: np.ndarray, batch_size: int
) -> tuple[np.ndarray, list[float]]:
    """Decode mu of uint8 images (N, H, W, C): uint8 images, and each one's mean squared error.

    The error is that of images in [-1, 1], as in the training loss. At most batch_size images are
    in the network together, which fit into memory.
    """
    model.eval()
    made, errors = [], list[float]()
    for first in range(0, len(originals), batch_size):
        x = to_device(originals[first : first + batch_size], model.fc_mu.weight.device)
        decoded = model.decode(model.encode(x)[0]).float()
        made.append(to_bytes(decoded))
        errors += (decoded - x).square().flatten(1).mean(1).tolist()
    return np.concatenate(made), errors


def comparison(originals: np.ndarray, made: np.ndarray, errors: list[float]) -> np.ndarray:
    """Rows of originals, reconstructions and absolute differences, figures below each column.

    Images are uint8 (N, H, W, C); the picture is uint8 (h, w, 3).
    """
    differences = np.abs(originals.astype(np.int16) - made).astype(np.uint8)
    images = np.concatenate([originals, made, differences])
    factor = -(-CELL_WIDTH // images.shape[2])
    images = images.repeat(factor, 1).repeat(factor, 2)
    tiles = Image.fromarray(image_grid(images, len(originals)))
    picture = Image.new("RGB", (tiles.width, tiles.height + 2 * LINE + 2 * GRID_GAP))
    picture.paste(tiles, (0, 0))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(TEXT_SIZE)
    for i, mse in enumerate(errors):
        middle = i * (images.shape[2] + GRID_GAP) + images.shape[2] // 2
        for line, text in enumerate((f"MSE {mse:.3g}", f"{psnr(mse):.1f} dB")):
            top = tiles.height + GRID_GAP + line * LINE
            draw.text((middle, top), text, WHITE, font, anchor="ma")
    return np.asarray(picture)
