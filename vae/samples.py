"""Images generated from fixed latents, and their PNG."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vae.errors import StopRequested
from vae.files import RUN_KEY, atomic_write
from vae.model import VAE

# In search of nothing but runs: samples become as small as at Pillow's own level 6, in a third of
# the time; only what was enlarged becomes larger.
PNG_STRATEGY = zlib.Z_RLE
# More at a time decode hardly faster, and take more memory.
AT_ONCE = 16


def fixed_latents(count: int, latent_dim: int, generator: torch.Generator) -> torch.Tensor:
    """Latents (count, latent_dim) from N(0, I): the same for the same generator."""
    return torch.randn(count, latent_dim, generator=generator)


@torch.inference_mode()
def decode_latents(
    model: VAE,
    latents: torch.Tensor,
    batch_size: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Decode latents (N, latent_dim) to uint8 (N, H, W, C), a few at a time.

    At most batch_size, which fits into memory in training. Raises StopRequested when asked to stop.
    """
    model.eval()
    device = model.fc_mu.weight.device
    images = []
    for part in torch.split(latents, min(batch_size, AT_ONCE)):
        if should_stop():
            raise StopRequested
        images.append(to_bytes(model.decode(part.to(device)).float()))
    return np.concatenate(images)


def to_bytes(images: torch.Tensor) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1] to uint8 (N, H, W, C)."""
    levels = ((images + 1) * 127.5).round().clamp(0, 255).byte()
    return levels.permute(0, 2, 3, 1).cpu().numpy()


def write_png(path: Path, pixels: np.ndarray, run: str = "") -> None:
    """Write uint8 (h, w) or (h, w, 3) as a PNG, with the mark of its run. Raises OSError."""
    facts = PngInfo()
    if run:
        facts.add_text(RUN_KEY, run)
    with atomic_write(path) as file:
        image = Image.fromarray(pixels)
        image.save(file, format="PNG", compress_type=PNG_STRATEGY, pnginfo=facts)
