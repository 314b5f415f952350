"""Copies of training images are found, and new images are not taken for copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.test_metrics import natural, tiny_model
from vae.config import DEFAULTS
from vae.language import number
from vae.memorisation import PERCENTILE, closest_pairs, copies, memorisation, no_copies
from vae.model import VAE


def test_images_as_new_as_the_held_out_ones_are_no_copies() -> None:
    x = natural(1000, 16)
    samples, held_out, training = x[:300], x[300:600], x[600:]
    found = memorisation(tiny_model(), samples, held_out, training.split(64))
    for nearness in found:
        assert nearness.share == pytest.approx(PERCENTILE / 100, abs=0.04)
        assert nearness.median == pytest.approx(nearness.held_out_median, rel=0.1)
    share = number(100 * (found.pixels.share or 0), ".0f")
    assert f"{share} % of the samples are as near" in no_copies(found)


def test_copies_are_found_with_their_originals() -> None:
    x = natural(260, 16)
    held_out, training = x[:100], x[100:200]
    copied = [3, 64, 99]
    samples = torch.cat([x[200:205], training[copied] + 0.001])
    found = memorisation(tiny_model(), samples, held_out, training.split(30))
    for nearness in found:
        pairs = {(pair.sample, pair.image) for pair in nearness.pairs[:3]}
        assert pairs == {(5, 3), (6, 64), (7, 99)}
        distances = [pair.distance for pair in nearness.pairs]
        assert distances == sorted(distances) and len(distances) == 8
        assert nearness.share is not None and nearness.share >= 3 / 8
    assert [pair.distance for pair in found.pixels.pairs[:3]] == pytest.approx(
        [0.001] * 3, rel=1e-3
    )


def test_no_more_are_encoded_at_once_than_a_batch() -> None:
    model, sizes, x = tiny_model(), list[int](), natural(30, 16)
    model.encoder.register_forward_hook(lambda _layer, images, _h: sizes.append(len(images[0])))
    memorisation(model, x[:7], x[7:10], x[10:].split(2), 4)
    assert max(sizes) == 4


def test_an_exact_copy_is_at_no_distance() -> None:
    x = natural(100, 80)
    found = memorisation(VAE(80, 1, 3, 2, 4), x[:2], x[50:], x[:50].split(50))
    assert [pair.distance for pair in found.pixels.pairs] == [0, 0]


def test_without_held_out_images_there_is_nothing_to_compare_with() -> None:
    x = natural(30, 16)
    found = memorisation(tiny_model(), x[:10], x[:0], [x[10:]])
    assert found.pixels.share is None and found.pixels.held_out_median is None
    assert found.pixels.median > 0


@pytest.mark.parametrize("channels", [1, 3])
def test_each_sample_stands_above_its_image(channels: int) -> None:
    samples = np.stack([np.full((10, 10, channels), 10 * i, np.uint8) for i in range(3)])
    picture = closest_pairs(samples, samples + 100)
    assert picture.shape == (22, 34, 3)
    assert [picture[5, 5 + 12 * i].tolist() for i in range(3)] == [[10 * i] * 3 for i in range(3)]
    assert [picture[17, 5 + 12 * i, 0] for i in range(3)] == [100, 110, 120]


def test_samples_that_repeat_training_images_are_a_finding() -> None:
    x = natural(120, 16)
    model, training, held_out, new = tiny_model(), x[:60], x[60:90], x[90:]
    noise = 0.01 * torch.randn(new.shape, generator=torch.Generator().manual_seed(0))
    repeated = memorisation(model, training[:30] + noise, held_out, [training])
    found = copies(repeated, {**DEFAULTS, "val_fraction": 0.1})
    assert found is not None and found.remedy == {"early_stopping": 10, "augment": "light"}
    assert "100 % of the samples by their pixels and 100 % by their latents" in found.message
    assert copies(memorisation(model, new, held_out, [training]), DEFAULTS) is None
    # Grey mush is near to all images by pixels, and no copy of one.
    alike = repeated._replace(latents=repeated.latents._replace(share=0.02))
    assert copies(alike, DEFAULTS) is None
    assert copies(memorisation(model, new, x[:0], [training]), DEFAULTS) is None
