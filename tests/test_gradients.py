from __future__ import annotations

import gc
import weakref

import torch

from vae.config import TrainConfig
from vae.gradients import reuse_memory
from vae.loss import vae_loss
from vae.model import VAE


def network() -> VAE:
    torch.manual_seed(1)
    return VAE(img_size=32, in_channels=3, latent_dim=24, depth=2, base_channels=8)


def backward(model: VAE, seed: int) -> dict[str, torch.Tensor | None]:
    random = torch.Generator().manual_seed(seed)
    x = torch.rand(6, 3, 32, 32, generator=random) * 2 - 1
    for parameter in model.parameters():
        parameter.grad = None
    recon, mu, logvar = model(x, random)
    config = TrainConfig(
        file_path="x", img_size=32, latent_dim=24, depth=2, base_channels=8, free_bits=0.01
    )
    vae_loss(recon, x, mu, logvar, config).total.backward()  # type: ignore[no-untyped-call]
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_they_are_those_of_autograd() -> None:
    model, other = network(), network()
    reuse_memory(model)
    for seed in range(3):
        ours, theirs = backward(model, seed), backward(other, seed)
        assert ours.keys() == theirs.keys()
        for name, gradient in theirs.items():
            assert gradient is not None and gradient.abs().sum() > 0
            torch.testing.assert_close(ours[name], gradient, rtol=0, atol=0, msg=name)


def test_those_of_weights_of_linear_layers_stay_in_one_place() -> None:
    model = network()
    reuse_memory(model)
    places = []
    for seed in range(2):
        backward(model, seed)
        weights = model.fc_mu.weight, model.fc_logvar.weight, model.fc_decode.weight
        places.append([w.grad.data_ptr() for w in weights if w.grad is not None])
    assert places[0] == places[1]
    assert len(set(places[0])) == 3


def test_a_pass_without_gradients_leaves_them_alone() -> None:
    model = network()
    reuse_memory(model)
    before = {n: g.clone() for n, g in backward(model, 1).items() if g is not None}
    with torch.inference_mode():
        model(torch.rand(6, 3, 32, 32))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, before[name], rtol=0, atol=0, msg=name)


def test_the_network_is_freed_as_soon_as_it_is_not_used() -> None:
    model = network()
    reuse_memory(model)
    backward(model, 1)
    gc.collect()
    gc.disable()
    try:
        there = weakref.ref(model.fc_mu)
        del model
        assert there() is None
    finally:
        gc.enable()
