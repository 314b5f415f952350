"""Precision, recall, density and coverage on clouds whose overlap is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.test_metrics import blurred, natural
from vae.fidelity import features, prdc


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
