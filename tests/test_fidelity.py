"""Precision, recall, density and coverage on clouds whose overlap is known."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.test_metrics import blurred, natural
from vae.fidelity import NetworkError, features, features_by, frechet_distance, prdc


def cloud(count: int, seed: int, dimensions: int = 8) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def test_two_samples_of_one_distribution_are_alike() -> None:
    found = prdc(cloud(500, 0), cloud(500, 1), k=5)
    assert found.precision > 0.85 and found.recall > 0.85
    assert found.density == pytest.approx(1, abs=0.15)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.04)


def test_what_lies_apart_is_neither_like_nor_covered() -> None:
    assert prdc(cloud(100, 0), cloud(100, 1) + 50) == (0, 0, 0, 0)


def test_few_modes_are_precise_but_cover_little() -> None:
    real = torch.cat([cloud(100, 0), cloud(100, 1) + 50])
    found = prdc(real, cloud(200, 2), k=5)
    assert found.precision > 0.8 and found.coverage < 0.55 and found.recall < 0.55


def test_one_real_outlier_spoils_precision_but_not_density() -> None:
    real = cloud(200, 0)
    real[0] = 1000.0
    fake = cloud(200, 1) + 300
    found = prdc(real, fake, k=5)
    # Its ball is so large that it holds fakes far from all the others.
    assert found.precision == 1
    assert found.density == pytest.approx(1 / 5)
    assert found.coverage == pytest.approx(1 / 200)


def test_the_numbers_are_those_of_the_definition() -> None:
    real, fake = cloud(12, 0, 2), cloud(9, 1, 2)
    k = 2

    def radius(points: Tensor, i: int) -> float:
        return sorted(float((points[i] - p).norm()) for p in points)[k]

    near = [[float((r - f).norm()) for f in fake] for r in real]
    balls = [[near[i][j] < radius(real, i) for j in range(9)] for i in range(12)]
    found = prdc(real, fake, k)
    assert found.precision == pytest.approx(sum(any(c) for c in zip(*balls, strict=True)) / 9)
    assert found.coverage == pytest.approx(sum(any(row) for row in balls) / 12)
    assert found.density == pytest.approx(sum(map(sum, balls)) / (9 * k))
    in_fake = [any(near[i][j] < radius(fake, j) for j in range(9)) for i in range(12)]
    assert found.recall == pytest.approx(sum(in_fake) / 12)


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (64, 3), (100, 1)])
def test_features_tell_images_apart_and_are_always_the_same(size: int, channels: int) -> None:
    x = natural(5, size, channels)
    found = features(x)
    assert found.shape == (5, 896)
    assert torch.equal(found, features(x))
    assert torch.pdist(found).min() > 0.1
    # The images of a set do not change each other's.
    assert torch.allclose(found[:2], features(x[:2]), atol=1e-5)


def test_features_see_blur_and_noise() -> None:
    real, other = natural(200, 32), natural(200, 32, seed=1)
    alike = prdc(features(real), features(other))
    assert alike.coverage > 0.85 and alike.density > 0.85
    noisy = other + 0.1 * cloud(200, 2, 32 * 32).view_as(other)
    for worse in (blurred(other), noisy):
        found = prdc(features(real), features(worse))
        assert found.density < 0.6 * alike.density and found.coverage < 0.9 * alike.coverage


class Means(nn.Module):
    """As the Inception network that others offer: features only if they are asked for."""

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        return x.mean((2, 3)) if return_features else x.mean((1, 2, 3))


def network_file(folder: Path) -> Path:
    path = folder / "network.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Means()).save(str(path))  # type: ignore[no-untyped-call]
    return path


def test_a_network_of_ones_own_gets_grey_levels_in_three_channels(tmp_path: Path) -> None:
    images = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 4, 4)
    found = features_by(network_file(tmp_path), images)
    # Half a level is none: black, the middle one rounded, and white.
    assert found.tolist() == [[0.0] * 3, [128.0] * 3, [255.0] * 3]


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"no network")
    with pytest.raises(NetworkError, match=r"weights\.pt cannot be used .* TorchScript"):
        features_by(path, torch.zeros(1, 1, 4, 4))
    with pytest.raises(NetworkError, match="not finite"):
        features_by(network_file(tmp_path), torch.full((1, 1, 4, 4), torch.nan))
    with pytest.raises(FileNotFoundError):
        features_by(tmp_path / "none.pt", torch.zeros(1, 1, 4, 4))


def test_the_frechet_distance_is_that_of_gaussians() -> None:
    real = cloud(400, 0)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real, real + 3) == pytest.approx(8 * 9)
    # A spread that is twice as wide: the root of the product of C and 4 C is 2 C.
    expected = float(torch.cov(real.T.double()).trace())
    middle = real.mean(0)
    assert frechet_distance(real, 2 * (real - middle) + middle) == pytest.approx(expected)


def test_the_frechet_distance_of_few_images_is_that_of_their_covariances() -> None:
    """By the formula with the root of the covariances' product, whose eigenvalues have it."""
    real, fake = cloud(30, 0), 2 * cloud(20, 1) + 0.5
    first, second = (torch.cov(x.T.double()) for x in (real, fake))
    roots = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    apart = (real.double().mean(0) - fake.double().mean(0)).square().sum()
    expected = float(apart + first.trace() + second.trace() - 2 * roots)
    assert frechet_distance(real, fake) == pytest.approx(expected)
