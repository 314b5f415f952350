from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.test_training import assert_same_end, stop_after
from vae.augment import augment
from vae.config import TrainConfig
from vae.loss import laplacian_variance
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slopes(count: int = 200, channels: int = 1) -> torch.Tensor:
    """Images that are dark on the left and bright on the right."""
    return torch.linspace(-0.8, 0.8, 32).expand(count, channels, 32, 32).clone()


def test_none_gives_the_images_as_they_are() -> None:
    x = slopes(3)
    assert augment(x, "none", random()) is x


@pytest.mark.parametrize("channels", [1, 3])
def test_light_changes_each_image_a_little_and_never_mirrors(channels: int) -> None:
    x = slopes(channels=channels)
    varied = augment(x, "light", random())
    assert varied.shape == x.shape and varied.abs().max() <= 1
    difference = (varied - x).abs().flatten(1).mean(1)
    assert difference.min() > 0.001 and difference.max() < 0.3
    assert len({round(float(d), 6) for d in difference}) > 150
    assert (varied[..., -8:].mean((1, 2, 3)) > varied[..., :8].mean((1, 2, 3))).all()


def test_flip_mirrors_about_half() -> None:
    varied = augment(slopes(), "flip", random())
    mirrored = varied[..., -8:].mean((1, 2, 3)) < varied[..., :8].mean((1, 2, 3))
    assert 0.4 < mirrored.float().mean() < 0.6


def test_a_turn_is_one_and_moves_no_pixel_by_far() -> None:
    x = torch.full((200, 1, 33, 33), -0.5)
    x[..., 14:19, 14:19] = 0.5
    varied = augment(x, "light", random())
    bright = (varied > varied.flatten(1).mean(1)[:, None, None, None] + 0.3).float()
    rows, columns = torch.meshgrid(torch.arange(33.0), torch.arange(33.0), indexing="ij")
    area = bright.sum((1, 2, 3))
    for axis in (rows, columns):
        middle = (bright * axis).sum((1, 2, 3)) / area
        assert (middle - 16).abs().max() < 2.5 and middle.std() > 0.3
    assert (area - 25).abs().max() <= 14


def test_fine_structure_stays() -> None:
    noise = torch.randn(50, 1, 64, 64, generator=random())
    x = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 0.5
    varied = augment(x, "light", random())
    assert (laplacian_variance(varied) / laplacian_variance(x)).median() > 0.55


def test_what_comes_in_from_outside_is_the_borders_colour() -> None:
    varied = augment(torch.full((50, 1, 16, 16), 0.5), "light", random())
    assert (varied.amax((2, 3)) - varied.amin((2, 3))).max() < 1e-5


def test_the_same_seed_varies_alike() -> None:
    x = slopes(4)
    assert torch.equal(augment(x, "flip", random(3)), augment(x, "flip", random(3)))
    assert not torch.equal(augment(x, "flip", random(3)), augment(x, "flip", random(4)))


@pytest.mark.parametrize("calls", [2, 4, 9])
def test_a_stopped_run_varies_its_images_as_an_unbroken_one(tiny: Make, calls: int) -> None:
    whole, broken = (tiny(name, augment="flip", num_epochs=2) for name in ("whole", "broken"))
    run_vae_training(whole)
    run_vae_training(broken, should_stop=stop_after(calls))
    run_vae_training(broken)
    assert_same_end(whole, broken)
    plain = tiny("plain", num_epochs=2)
    run_vae_training(plain)
    with pytest.raises(AssertionError):
        assert_same_end(whole, plain)
