from __future__ import annotations

import pytest
import torch

from vae.model import VAE, initialize


@pytest.mark.parametrize(("size", "channels", "depth"), [(16, 3, 2), (32, 1, 4), (8, 1, 1)])
def test_shapes(size: int, channels: int, depth: int) -> None:
    model = VAE(size, channels, 6, depth, 4)
    x = torch.rand(2, channels, size, size) * 2 - 1
    recon, mu, logvar = model(x)
    assert recon.shape == x.shape
    assert mu.shape == logvar.shape == (2, 6)
    assert recon.abs().max() <= 1


@pytest.mark.parametrize(("size", "channels", "depth"), [(16, 3, 2), (32, 1, 4), (8, 1, 1)])
def test_a_decoder_that_repeats_pixels_has_the_same_shapes_and_no_checkerboard(
    size: int, channels: int, depth: int
) -> None:
    models = [VAE(size, channels, 6, depth, 4, kind) for kind in ("transposed", "upsample")]
    patterns = []
    for model in models:
        initialize(model, torch.Generator().manual_seed(1))
        with torch.no_grad():
            # Equal pixels at the top: what is not equal then comes from enlarging.
            flat = torch.ones(1, *model.top)
            image = model.decoder(flat)[0]
        assert image.shape == (channels, size, size)
        middle = image[:, size // 4 : -size // 4, size // 4 : -size // 4]
        patterns.append(float((middle - middle.mean((1, 2), keepdim=True)).abs().max()))
    assert patterns[1] < 1e-6 < patterns[0] or depth == 4  # whose middle feels the border


def test_widths_double_with_depth() -> None:
    model = VAE(32, 3, 6, 3, 8)
    convolutions = [m.out_channels for m in model.encoder if isinstance(m, torch.nn.Conv2d)]
    assert convolutions == [8, 16, 32]


def test_noise_comes_from_the_generator_and_has_the_asked_spread() -> None:
    model = VAE(8, 1, 3, 1, 2)
    mu, logvar = torch.full((4000, 3), 2.0), torch.full((4000, 3), -2.0)
    first = model.reparameterize(mu, logvar, torch.Generator().manual_seed(3))
    second = model.reparameterize(mu, logvar, torch.Generator().manual_seed(3))
    assert torch.equal(first, second)
    assert abs(first.mean() - 2) < 0.02
    assert abs(first.std() - 0.3679) < 0.01


def test_initial_weights_depend_on_their_generator_alone() -> None:
    a, b = VAE(8, 1, 3, 1, 2), VAE(8, 1, 3, 1, 2)
    state = torch.get_rng_state()
    initialize(a, torch.Generator().manual_seed(1))
    initialize(b, torch.Generator().manual_seed(1))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
