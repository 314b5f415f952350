from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from vae.config import PARAMETERS, TrainConfig
from vae.model import VAE, build_model, initialize
from vae.randomness import generator

Make = Callable[..., TrainConfig]


@pytest.mark.parametrize("decoder", PARAMETERS["decoder"].choices)
@pytest.mark.parametrize(("size", "channels", "depth"), [(16, 3, 2), (32, 1, 4), (8, 1, 1)])
def test_shapes(size: int, channels: int, depth: int, decoder: str) -> None:
    model = VAE(size, channels, 6, depth, 4, decoder)
    x = torch.rand(2, channels, size, size) * 2 - 1
    recon, mu, logvar = model(x)
    assert recon.shape == x.shape
    assert mu.shape == logvar.shape == (2, 6)
    assert recon.abs().max() <= 1


def test_upsampling_leaves_no_checkerboard_where_the_image_is_even() -> None:
    def unevenness(decoder: str) -> float:
        """What becomes of an even image, away from its borders: deviation by magnitude."""
        model = VAE(32, 1, 6, 3, 4, decoder)
        initialize(model, torch.Generator().manual_seed(1))
        image = model.decoder(torch.ones(1, *model.top))[..., 10:-10, 10:-10].detach()
        return float(image.std() / image.abs().mean())

    assert unevenness("upsample") < 1e-5 < 1e-3 < unevenness("transposed")


def test_a_seed_begins_with_the_weights_that_it_always_had(tiny: Make) -> None:
    model = build_model(tiny())
    initialize(model, generator(0, "weights"))
    # The last that are drawn, which depend on all before; of the encoder it is the first.
    last = [-0.0661574, -0.1312130, 0.0741876]
    assert model.decoder[2].bias.tolist() == pytest.approx(last, abs=1e-6)
    first = [0.0126061, 0.3328198, -0.3455905]
    assert model.encoder[0].weight.flatten()[:3].tolist() == pytest.approx(first, abs=1e-6)


def test_the_encoder_passes_the_image_on_from_the_first_step(tiny: Make) -> None:
    model = VAE(64, 3, 8, 4, 16)
    initialize(model, generator(0, "weights"))
    images = 2 * torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(1)) - 1
    features = model.encoder(images)
    assert 0.3 < features.square().mean().sqrt() / images.square().mean().sqrt() < 3


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
