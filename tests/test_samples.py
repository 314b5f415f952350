from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae.errors import StopRequested
from vae.model import VAE
from vae.randomness import generator
from vae.samples import decode_latents, fixed_latents, write_png


def test_decoded_latents_are_grey_levels_of_the_decoders_output() -> None:
    model = VAE(16, 3, 4, 2, 4)
    latents = fixed_latents(10, 4, generator(0, "samples"))
    sizes: list[int] = []
    model.fc_decode.register_forward_hook(lambda _layer, z, _h: sizes.append(len(z[0])))
    images = decode_latents(model, latents, 3)
    assert sizes == [3, 3, 3, 1]  # what fits into memory in training fits now
    assert (images.shape, images.dtype) == ((10, 16, 16, 3), np.uint8)
    with torch.no_grad():
        expected = (model.decode(latents) + 1) * 127.5
    assert np.abs(images.transpose(0, 3, 1, 2) - expected.numpy()).max() <= 0.5


def test_decoding_stops_when_asked() -> None:
    calls = iter([False, True])
    with pytest.raises(StopRequested):
        decode_latents(VAE(16, 1, 4, 2, 4), torch.zeros(64, 4), 9, lambda: next(calls))


@pytest.mark.parametrize("shape", [(10, 20), (10, 20, 3)])
def test_a_png_has_the_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)
    write_png(tmp_path / "grid.png", pixels)
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
