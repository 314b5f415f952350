from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from vae.config import TrainConfig
from vae.loss import blur_penalty, laplacian_variance, vae_loss


@pytest.mark.parametrize("channels", [1, 3])
def test_laplacian_variance_equals_that_of_opencv(channels: int) -> None:
    rng = np.random.default_rng(0)
    grey_levels = rng.uniform(0, 255, (4, 24, 17, channels)).astype(np.float32)
    expected = []
    for image in grey_levels:
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if channels == 3 else image[:, :, 0]
        expected.append(cv2.Laplacian(luma.astype(float), cv2.CV_64F)[1:-1, 1:-1].var())
    x = torch.from_numpy(grey_levels).permute(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(laplacian_variance(x), expected, rtol=1e-4)


def test_the_loss_equals_independent_formulas(tiny: Callable[..., TrainConfig]) -> None:
    config = tiny(alpha=2.0, beta=3.0, gamma=4.0)
    rng = np.random.default_rng(1)
    recon, x = rng.uniform(-1, 1, (2, 3, 1, 9, 9))
    recon *= 0.02  # blurred, so that the penalty is at work
    mu, logvar = rng.normal(size=(2, 3, 5))
    v = [
        [cv2.Laplacian((i[0] + 1) * 127.5, cv2.CV_64F)[1:-1, 1:-1].var() for i in batch]
        for batch in (recon, x)
    ]
    mse = ((recon - x) ** 2).mean()
    sigma2 = np.exp(logvar)
    kl = np.mean([0.5 * (m * m + s - np.log(s) - 1) for m, s in zip(mu, sigma2, strict=True)])
    blur = np.maximum(1 / (1 + np.array(v[0])) - 1 / (1 + np.array(v[1])), 0).mean()
    loss = vae_loss(*(torch.tensor(a, dtype=torch.float32) for a in (recon, x, mu, logvar)), config)
    np.testing.assert_allclose(
        [float(part) for part in loss], [2 * mse + 3 * kl + 4 * blur, mse, kl, blur], rtol=2e-4
    )
    assert blur > 0


def test_blur_is_zero_for_a_sharper_image_and_pulls_a_flat_one() -> None:
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert blur_penalty(x, 0.5 * x) == 0
    flat = (0.01 * x).requires_grad_()
    blur_penalty(flat, x).backward()
    assert flat.grad is not None and flat.grad.abs().sum() > 0


def test_the_loss_is_float32_under_autocast(tiny: Callable[..., TrainConfig]) -> None:
    x = torch.rand(2, 3, 8, 8)
    mu = torch.zeros(2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = vae_loss(x.bfloat16(), x, mu.bfloat16(), mu, tiny())
    assert all(part.dtype == torch.float32 for part in loss)
