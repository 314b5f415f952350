"""Originals, reconstructions and differences in one picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae.config import TrainConfig
from vae.events import ReconstructionsReady
from vae.files import reconstructions_name
from vae.model import VAE
from vae.reconstructions import CELL_WIDTH, comparison, reconstruct
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def test_the_error_is_that_of_the_picture_shown() -> None:
    torch.manual_seed(0)
    model = VAE(16, 3, 4, 2, 4)
    originals = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), np.uint8)
    sizes: list[int] = []
    model.fc_mu.register_forward_hook(lambda _layer, h, _mu: sizes.append(len(h[0])))
    made, errors = reconstruct(model, originals, 2)
    assert sizes == [2, 2, 1]  # what fits into memory in training fits now
    assert made.shape == originals.shape and made.dtype == np.uint8
    shown = ((originals.astype(float) - made) / 127.5) ** 2
    assert errors == pytest.approx(shown.mean((1, 2, 3)), rel=0.02)


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (64, 3), (128, 3)])
def test_rows_are_originals_reconstructions_and_differences(size: int, channels: int) -> None:
    originals = np.full((3, size, size, channels), 200, np.uint8)
    made = np.full_like(originals, 150)
    picture = comparison(originals, made, [0.1, 0.2, 0.3])
    cell = size * -(-CELL_WIDTH // size)
    middles = [cell // 2 + row * (cell + 2) for row in range(3)]
    assert [picture[y, cell // 2].tolist() for y in middles] == [[200] * 3, [150] * 3, [50] * 3]
    assert picture[3 * cell + 6 :].any()  # the figures below
    assert cell >= CELL_WIDTH


def test_each_epoch_leaves_a_picture_of_the_same_images(tiny: Make) -> None:
    events: list[object] = []
    config = tiny(num_epochs=2)
    run_vae_training(config, events.append)
    found = [event for event in events if isinstance(event, ReconstructionsReady)]
    assert [event.epoch for event in found] == [1, 2]
    for event in found:
        assert event.path == Path(config.output_dir) / reconstructions_name(event.epoch)
        with Image.open(event.path) as image:
            assert (np.asarray(image) == event.picture).all()
    side = CELL_WIDTH
    assert (found[0].picture[:side] == found[1].picture[:side]).all()  # the originals
    assert (found[0].picture != found[1].picture).any()
