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
        [float(part) for part in loss], [2 * mse + 3 * kl + 4 * blur, mse, kl, blur, 3], rtol=2e-4
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


def test_the_balanced_weight_is_that_of_the_best_decoder_variance(
    tiny: Callable[..., TrainConfig],
) -> None:
    torch.manual_seed(0)
    x, mu = torch.rand(3, 3, 8, 8) * 2 - 1, torch.randn(3, 4)
    recon = (x + 0.1 * torch.randn_like(x)).requires_grad_()
    logvar = torch.randn(3, 4)
    config = tiny(alpha=2.0, beta=1.0, gamma=0.0, kl_balance="auto")
    loss = vae_loss(recon, x, mu, logvar, config)
    # The negative bound of a Gaussian decoder with variance s = MSE, scaled to the user's alpha.
    values, s = x[0].numel(), loss.reconstruction.item()
    kl_sum = (0.5 * (mu.square() + logvar.exp() - logvar - 1)).sum(1).mean().item()
    bound = values * loss.reconstruction.item() / (2 * s) + kl_sum
    assert loss.total.item() == pytest.approx(bound * 2 * s * 2.0 / values, rel=1e-4)
    loss.total.backward()  # no gradient passes through the weight
    assert recon.grad is not None
    expected = 2.0 * 2 * (recon - x).detach() / x.numel()
    torch.testing.assert_close(recon.grad, expected)


def test_the_balanced_weight_follows_the_running_mean_and_beta_scales_it(
    tiny: Callable[..., TrainConfig],
) -> None:
    x, mu = torch.rand(2, 3, 8, 8), torch.ones(2, 4)
    own = vae_loss(0 * x, x, mu, mu, tiny(kl_balance="auto"), torch.zeros(()))
    assert own.beta.item() == pytest.approx(
        2 * 5 * 4 * own.reconstruction.item() / x[0].numel(), rel=1e-6
    )
    running = vae_loss(0 * x, x, mu, mu, tiny(kl_balance="auto", beta=3), torch.tensor(0.5), 0.1)
    assert running.beta.item() == pytest.approx(0.1 * 3 * 2 * 5 * 4 * 0.5 / x[0].numel(), rel=1e-6)
    fixed = vae_loss(0 * x, x, mu, mu, tiny(beta=3), torch.tensor(0.5), 0.1)
    assert fixed.beta.item() == pytest.approx(0.3)


def test_free_bits_cost_nothing_and_pull_nothing(tiny: Callable[..., TrainConfig]) -> None:
    x = torch.rand(2, 3, 8, 8)
    mu = torch.tensor([[0.1, 2.0], [-0.1, 2.0]]).requires_grad_()
    logvar = torch.zeros(2, 2)
    loss = vae_loss(x, x, mu, logvar, tiny(free_bits=0.5, beta=1.0))
    assert loss.kl.item() == pytest.approx((0.005 + 2.0) / 2)  # as it is
    assert loss.total.item() == pytest.approx((0.5 + 2.0) / 2)  # as it is charged
    loss.total.backward()
    assert mu.grad is not None
    assert mu.grad[:, 0].abs().sum() == 0 and mu.grad[:, 1].abs().sum() > 0
