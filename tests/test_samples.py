from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae.errors import StopRequested
from vae.grid import image_grid
from vae.model import VAE
from vae.randomness import generator
from vae.samples import decode_latents, fixed_latents, write_png


def test_decoded_latents_are_grey_levels_of_the_decoders_output() -> None:
    model = VAE(16, 3, 4, 2, 4)
    latents = fixed_latents(10, 4, generator(0, "samples"))
    images = decode_latents(model, latents)
    assert (images.shape, images.dtype) == ((10, 16, 16, 3), np.uint8)
    with torch.no_grad():
        expected = (model.decode(latents) + 1) * 127.5
    assert np.abs(images.transpose(0, 3, 1, 2) - expected.numpy()).max() <= 0.5


def test_decoding_stops_when_asked() -> None:
    calls = iter([False, True])
    with pytest.raises(StopRequested):
        decode_latents(VAE(16, 1, 4, 2, 4), torch.zeros(64, 4), lambda: next(calls))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_grid_goes_row_by_row_with_black_gaps(tmp_path: Path, channels: int) -> None:
    images = np.stack([np.full((4, 4, channels), i + 1, np.uint8) for i in range(10)])
    grid = image_grid(images)
    assert grid.shape[:2] == (2 * 4 + 2, 8 * 4 + 7 * 2)
    cells = grid.reshape(*grid.shape[:2], -1)[..., 0]
    assert [cells[0, 6 * i] for i in range(8)] == list(range(1, 9))
    assert [cells[6, 6 * i] for i in range(3)] == [9, 10, 0]
    assert not cells[4:6].any() and not cells[:, 4:6].any()
    write_png(tmp_path / "grid.png", grid)
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image), grid)
