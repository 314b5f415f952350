from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from vae import metrics
from vae.model import VAE, initialize


def clouds(count: int, side: int = 32, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Smooth random images, each of its own brightness."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(count, side, side, channels)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(n, (0, 0), 2).reshape(n.shape) for n in noise])
    shades = random.normal(128, 20, size=(count, 1, 1, 1))
    return (soft / soft.std() * 30 + shades).clip(0, 255).astype(np.uint8)


@pytest.fixture
def model() -> VAE:
    network = VAE(img_size=16, in_channels=1, latent_dim=3, depth=2, base_channels=4)
    initialize(network, torch.Generator().manual_seed(1))
    return network


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_falls_with_noise_and_is_one_for_equal_images(channels: int) -> None:
    images = clouds(3, channels=channels)
    assert metrics.ssim(images, images) == pytest.approx(1)
    noise = np.random.default_rng(1).integers(-20, 20, images.shape)
    noisy = (images.astype(int) + noise).clip(0, 255).astype(np.uint8)
    noisier = (images.astype(int) + 3 * noise).clip(0, 255).astype(np.uint8)
    little, much = metrics.ssim(images, noisy), metrics.ssim(images, noisier)
    assert little is not None and much is not None and 0 < much < little < 0.95


def test_ssim_of_images_below_its_window_is_none() -> None:
    images = clouds(2, 8)
    assert metrics.ssim(images, images) is None


def test_active_units_are_those_that_vary() -> None:
    means = torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    means *= torch.tensor([1.0, 0.5, 0.2, 0.05, 0.0])
    assert metrics.active_units(means + 7) == 3
    assert metrics.active_units(torch.ones(1, 4)) == 0


def test_blurred_images_are_less_sharp() -> None:
    images = clouds(4)
    blurred = np.stack([cv2.GaussianBlur(i, (0, 0), 2)[..., None] for i in images])
    assert metrics.sharpness_ratio(images, images) == pytest.approx(1)
    assert metrics.sharpness_ratio(blurred, images) < 0.3
    assert math.isfinite(metrics.sharpness_ratio(images, np.zeros_like(images)))


@pytest.mark.parametrize("axis", [(1,), (2,), (1, 2)])
def test_a_pattern_of_period_two_is_a_checkerboard(axis: tuple[int, ...]) -> None:
    images = clouds(8)
    pattern = np.indices(images.shape)[list(axis)].sum(0) % 2 * 8
    dotted = (images.astype(int) + pattern).clip(0, 255).astype(np.uint8)
    blurred = np.stack([cv2.GaussianBlur(i, (0, 0), 1)[..., None] for i in images])
    assert metrics.checkerboard(images, images) == pytest.approx(1)
    assert metrics.checkerboard(dotted, images) > 10
    assert metrics.checkerboard(blurred, images) < 3
    assert metrics.checkerboard(clouds(2, 8), clouds(2, 8)) == 1


def test_dead_channels_are_found(model: VAE) -> None:
    x = torch.rand(5, 1, 16, 16) * 2 - 1
    layers = [m for m in model.modules() if isinstance(m, nn.ReLU)]
    with metrics.dead_channels(model) as share:
        model(x)
        before = share()
    first = model.encoder[0]
    assert isinstance(first, nn.Conv2d) and first.bias is not None
    with torch.no_grad():
        first.weight[:2] = 0
        first.bias[:2] = -1
        first.bias[2:] = 5
    with metrics.dead_channels(model) as share:
        model(x[:1])
        model(x[1:])
        channels = 4 + 8 + 4  # after the ReLUs: two of the encoder, one of the decoder
        assert share() >= 2 / channels
        assert share() * channels == pytest.approx(round(share() * channels))
    assert before < share() < 1
    assert not any(layer._forward_hooks for layer in layers)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_step_in_brightness_is_as_far_as_it_is_high(channels: int) -> None:
    images = clouds(64, channels=channels).clip(0, 200).astype(np.uint8)
    assert metrics.sliced_wasserstein(images, images) == 0
    # Directions point anywhere: their mean comes close to it.
    step = metrics.sliced_wasserstein(images, images + np.uint8(20))
    assert step == pytest.approx(20, rel=0.15)


def test_distances_are_of_distributions_and_not_of_single_images() -> None:
    other = clouds(64, seed=1)
    grey = np.full_like(other, 128)
    reference = clouds(64)
    near, far = (metrics.sliced_wasserstein(made, reference) for made in (other, grey))
    assert near < far / 2
    large = np.repeat(np.repeat(reference, 4, 1), 4, 2)
    assert metrics.sliced_wasserstein(large, reference) == pytest.approx(0, abs=0.1)


class Linear(nn.Module):
    """x = z plus noise of variance s, with the exact posterior, so that log p(x) is known."""

    def __init__(self, s: float) -> None:
        super().__init__()
        self.s = s

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        variance = torch.tensor(self.s / (1 + self.s) * 2)  # twice as wide as it should be
        mu = x.flatten(1) / (1 + self.s)
        return mu, variance.log().expand_as(mu)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z[..., None, None]


def test_the_iwae_bound_rises_to_the_likelihood() -> None:
    s, x = 0.5, torch.tensor([[0.3], [-1.0]])[..., None, None]
    exact = torch.distributions.Normal(0, math.sqrt(1 + s)).log_prob(x.flatten())
    linear: VAE = Linear(s)  # type: ignore[assignment]

    def bound(k: int) -> torch.Tensor:
        many = x.repeat(500, 1, 1, 1)
        random = torch.Generator().manual_seed(0)
        return metrics.iwae_bound(linear, many, k, s, random).reshape(500, 2).mean(0)

    elbo, close = bound(1), bound(200)
    assert (elbo < exact - 0.05).all()
    assert torch.allclose(close, exact, atol=0.01)


def test_a_uniform_density_costs_eight_bits() -> None:
    # Density 1/2 on [-1, 1]: 255 steps between the levels.
    assert metrics.bits_per_value(100 * math.log(0.5), 100) == pytest.approx(math.log2(255))


def test_precision_and_recall_tell_what_is_missing() -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.randn(300, 4, generator=random)
    alike = metrics.prdc(real, torch.randn(300, 4, generator=random))
    assert min(alike.values()) > 0.8
    one_mode = metrics.prdc(real, 0.1 * torch.randn(300, 4, generator=random))
    assert one_mode["precision"] > 0.9 and one_mode["recall"] < 0.2 > one_mode["coverage"] - 0.2
    far = metrics.prdc(real, real + 50)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    with pytest.raises(ValueError, match="two images"):
        metrics.prdc(real[:1], real)


def test_features_are_the_same_each_time_and_tell_images_apart() -> None:
    images = clouds(130, 40)
    first, second = (metrics.Features(1)(images) for _ in range(2))
    assert first.shape == (130, 256) and torch.equal(first, second)
    assert metrics.Features(3)(clouds(2, 16, 3)).shape == (2, 256)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    assert metrics.prdc(first, metrics.Features(1)(noise))["precision"] == 0
