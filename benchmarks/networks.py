"""Networks that were tried and not taken: the program's with GroupNorm, or with residual blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from vae.config import TrainConfig
from vae.model import VAE, build_model

GROUPS = 8


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity (He et al., "Deep Residual Learning", 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.body = nn.Sequential(first, nn.ReLU(), second)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Activations (B, C, H, W) to others of the same shape."""
        activations: torch.Tensor = self.relu(x + self.body(x))
        return activations


def with_group_norm(config: TrainConfig) -> VAE:
    """The network that a config describes, normalised before each ReLU (Wu and He, 2018)."""
    return _around_relu(
        build_model(config), lambda relu, n: [nn.GroupNorm(math.gcd(GROUPS, n), n), relu]
    )


def with_residual_blocks(config: TrainConfig) -> VAE:
    """The network that a config describes, with a residual block after each ReLU."""
    return _around_relu(build_model(config), lambda relu, n: [relu, Residual(n)])


def _around_relu(model: VAE, layers_of: Callable[[nn.Module, int], list[nn.Module]]) -> VAE:
    """Put in place of each ReLU the layers that are made of it and its number of channels."""
    for name in ("encoder", "decoder"):
        layers: list[nn.Module] = []
        channels = 0
        for layer in getattr(model, name):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                channels = layer.out_channels
            layers += layers_of(layer, channels) if isinstance(layer, nn.ReLU) else [layer]
        setattr(model, name, nn.Sequential(*layers))
    return model
