"""Each measure on images whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vae import metrics
from vae.metrics import (
    BEST_PSNR,
    Spread,
    active_units,
    bits_per_dimension,
    checkerboard,
    dead_share,
    highest_outputs,
    iwae_bound,
    psnr,
    reduced,
    sharpness_ratio,
    sliced_wasserstein,
    ssim,
)
from vae.model import VAE
from vae.randomness import generator

LEVEL = 1 / 127.5


def natural(count: int, size: int, channels: int = 1, seed: int = 0) -> Tensor:
    """Images with the spectrum of natural ones, whose amplitude falls with 1 / frequency."""
    random = torch.Generator().manual_seed(seed)
    across = torch.fft.fftfreq(2 * size)
    falling = 1 / (across[:, None].square() + across.square()).sqrt().clamp(min=0.5 / size)
    noise = torch.randn(count, channels, 2 * size, 2 * size, generator=random)
    images = torch.fft.ifft2(torch.fft.fft2(noise) * falling).real[..., :size, :size]
    return (images / images.std() * 0.3).clamp(-1, 1)


def tiny_model() -> VAE:
    torch.manual_seed(0)
    return VAE(16, 1, 3, 2, 4).eval()


def test_psnr_is_that_of_grey_levels() -> None:
    levels = 12.75  # a tenth of the half range
    assert psnr((levels * LEVEL) ** 2) == pytest.approx(20 * np.log10(255 / levels))


def test_an_image_without_error_has_a_finite_psnr() -> None:
    assert psnr(0.0) == psnr(1e-30) == BEST_PSNR


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (9, 3), (10, 1), (11, 3), (32, 3)])
def test_equal_images_are_similar_and_noise_is_not(size: int, channels: int) -> None:
    a, b = natural(3, size, channels), natural(3, size, channels, seed=1)
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, b) < ssim(a, 0.9 * a + 0.1 * b) < 1


def test_similarity_is_that_of_grey_levels() -> None:
    from skimage.metrics import structural_similarity

    a, b = natural(1, 24), natural(1, 24, seed=1)
    bytes_of = [((x[0, 0].numpy() + 1) * 127.5).astype(np.float64) for x in (a, b)]
    expected = structural_similarity(
        *bytes_of, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-4)


def test_units_that_hardly_vary_are_not_active() -> None:
    scale = torch.tensor([1.0, 0.2, 0.05, 0.0])
    means = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * scale + 3
    assert active_units(means) == 2
    assert active_units(means[:1]) == 0


def test_blurred_images_are_less_sharp() -> None:
    x = natural(4, 32)
    assert sharpness_ratio(x, x) == 1
    assert sharpness_ratio(x * 0.5, x) == pytest.approx(0.25)
    assert sharpness_ratio(blurred(x), x) < 0.5


def blurred(x: Tensor) -> Tensor:
    for _again in range(2):
        x = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return x


@pytest.mark.parametrize("size", [16, 32, 64])
def test_only_a_checkerboard_stands_out(size: int) -> None:
    at = torch.arange(size)
    sharp = natural(64, size)
    for x in (sharp, blurred(sharp)):
        plain = checkerboard(x)
        assert 0.5 < plain < 1.6
        for columns in ((-1.0) ** at, (-1.0) ** (at // 2)):
            for pattern in (columns, columns[:, None], columns * columns[:, None]):
                assert checkerboard(x + 20 * LEVEL * pattern) > 2 * plain
        # One that no screen shows does not.
        assert checkerboard(x + 0.01 * LEVEL * (-1.0) ** at) < 1.6


def test_a_checkerboard_in_a_part_of_the_image_stands_out() -> None:
    at = torch.arange(64)
    assert checkerboard(natural(64, 64) + 12 * LEVEL * (-1.0) ** at * (at >= 32)) > 3


def test_a_flat_image_has_no_checkerboard_and_a_small_one_can_be_measured() -> None:
    assert checkerboard(torch.zeros(2, 3, 16, 16)) == pytest.approx(1)
    columns = ((-1.0) ** torch.arange(8)).expand(1, 1, 8, 8)
    assert checkerboard(0.2 * columns) > 10


def test_dead_channels_are_those_whose_bias_keeps_them_shut() -> None:
    model, x = tiny_model(), natural(5, 16)

    def share() -> float:
        with torch.inference_mode(), highest_outputs(model) as highest:
            model.decode(model.encode(x[:2])[0])
            model.decode(model.encode(x[2:])[0])
        return dead_share(highest)

    first, second, last = model.encoder[0], model.encoder[2], model.decoder[0]
    with torch.no_grad():
        for layer in (first, second, last):
            layer.bias.fill_(5)
        before = share()
        first.bias[:2] = -1e6
        last.bias.fill_(-1e6)
    # Of 4 and 8 channels down, 4 up.
    assert before == 0
    assert share() == pytest.approx((2 + 4) / 16)
    assert not first._forward_hooks and not model.encoder[1]._forward_hooks


def test_a_shift_of_all_pixels_is_its_own_distance() -> None:
    x = natural(40, 16, 3)
    assert sliced_wasserstein(x, x, 0) == 0
    assert sliced_wasserstein(x, x + 0.25, 0) == pytest.approx(0.25, rel=0.1)
    big = natural(10, 80)
    assert sliced_wasserstein(big, big - 0.5, 3) == pytest.approx(0.5, rel=0.1)


def test_the_distance_neither_sees_an_order_nor_numbers() -> None:
    x = natural(12, 16)
    thrice = torch.cat([x, x, x])[torch.randperm(36, generator=generator(0, "order"))]
    assert sliced_wasserstein(x, thrice, 0) == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(thrice, x, 0) == pytest.approx(0, abs=1e-6)
    # All the same image is far from their variety, though its mean is right.
    assert sliced_wasserstein(x, x.mean(0, keepdim=True).expand_as(x), 0) > 0.05


def test_images_are_reduced_by_their_areas() -> None:
    x = natural(2, 16, 3)
    assert torch.equal(reduced(x, 16), x)
    assert reduced(x, 4)[0, 0, 0, 0] == pytest.approx(float(x[0, 0, :4, :4].mean()), abs=1e-6)


class Linear(torch.nn.Module):
    """A linear Gaussian model, of which log p(x) is known: x = W z + b + noise."""

    def __init__(self, posterior: Callable[[Tensor], tuple[Tensor, Tensor]], weight: Tensor):
        super().__init__()
        self.encode, self.weight = posterior, weight

    def decode(self, z: Tensor) -> Tensor:
        return (z @ self.weight.T).unflatten(1, (1, 2, 3))


def test_the_bound_reaches_the_likelihood_of_a_linear_model() -> None:
    random, variance = torch.Generator().manual_seed(0), 0.1
    weight = torch.randn(6, 2, generator=random) * 0.3
    x = torch.randn(4, 1, 2, 3, generator=random) * 0.4
    covariance = weight @ weight.T + variance * torch.eye(6)
    zeros = torch.zeros(6)
    exact = torch.distributions.MultivariateNormal(zeros, covariance).log_prob(x.flatten(1))
    # The mean of the true posterior, but its correlation left out.
    precision = torch.eye(2) + weight.T @ weight / variance

    def posterior(images: Tensor) -> tuple[Tensor, Tensor]:
        mu = torch.linalg.solve(precision, weight.T / variance @ images.flatten(1).T).T
        return mu, -precision.diag().log().expand_as(mu)

    model: VAE = Linear(posterior, weight)  # type: ignore[assignment]
    few = iwae_bound(model, x, 1, generator(0, "noise"), variance)
    many = iwae_bound(model, x, 5000, generator(0, "noise"), variance)
    assert many.tolist() == pytest.approx(exact.tolist(), abs=0.05)
    assert few.mean() < many.mean()


def test_the_bound_does_not_depend_on_how_much_is_decoded_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, x = tiny_model(), natural(3, 16)
    with torch.no_grad():
        model.fc_logvar.bias.fill_(-30)  # as good as no noise, whose order differs
    whole = iwae_bound(model, x, 5, generator(0, "noise"))
    monkeypatch.setattr(metrics, "DECODED", 2 * 256)
    assert iwae_bound(model, x, 5, generator(0, "noise")).tolist() == pytest.approx(
        whole.tolist(), rel=0.02
    )


def test_bits_are_those_of_256_levels() -> None:
    # A density that is even over [-1, 1] takes 8 bits for a value.
    assert bits_per_dimension(100 * math.log(0.5), 100) == pytest.approx(8, abs=0.01)


def test_the_mean_image_explains_nothing_and_a_perfect_reconstruction_all() -> None:
    images = natural(12, 16)
    spread, whole = Spread(), Spread()
    for part in images.split(5):
        spread.add(part)
    whole.add(images)
    of_mean = float((images - images.mean(0)).double().square().mean())
    assert spread.explained(0.0) == 1
    assert spread.explained(of_mean) == pytest.approx(0, abs=1e-6)
    assert spread.explained(0.25 * of_mean) == pytest.approx(0.75)
    assert spread.explained(2 * of_mean) < 0
    assert spread.explained(0.1) == pytest.approx(whole.explained(0.1))


def test_of_images_that_are_all_alike_there_is_nothing_to_explain() -> None:
    spread = Spread()
    spread.add(natural(1, 16).expand(7, -1, -1, -1))
    assert math.isnan(spread.explained(0.0))
