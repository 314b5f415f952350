"""The convolutional variational autoencoder."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from vae.config import TrainConfig


class VAE(nn.Module):
    """A convolutional VAE (Kingma and Welling, "Auto-Encoding Variational Bayes", 2014).

    depth 4x4 stride-2 convolutions with base_channels * 2^i channels, a Gaussian latent of
    length latent_dim, and the same way back: by transposed convolutions, or with decoder
    "upsample" by nearest neighbours and 3x3 convolutions, against checkerboards (Odena et al.,
    2016). Images are (B, in_channels, img_size, img_size).
    """

    def __init__(
        self,
        img_size: int,
        in_channels: int,
        latent_dim: int,
        depth: int,
        base_channels: int,
        decoder: str = "transposed",
    ) -> None:
        super().__init__()
        widths = [in_channels] + [base_channels * 2**i for i in range(depth)]
        self.top = (widths[-1], img_size // 2**depth, img_size // 2**depth)
        flat = math.prod(self.top)
        down: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            down += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU()]
        self.encoder = nn.Sequential(*down)
        self.fc_mu = nn.Linear(flat, latent_dim)
        self.fc_logvar = nn.Linear(flat, latent_dim)
        self.fc_decode = nn.Linear(latent_dim, flat)
        up: list[nn.Module] = []
        for a, b in zip(widths[::-1], widths[-2::-1], strict=False):
            if decoder == "transposed":
                up += [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1), nn.ReLU()]
            else:
                up += [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
        self.decoder = nn.Sequential(*up[:-1], nn.Tanh())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) to mu and logvar, each (B, latent_dim)."""
        h = self.encoder(x).flatten(1)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(
        self, mu: Tensor, logvar: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """z = mu + sigma * noise, (B, latent_dim), noise drawn from N(0, I) on the CPU.

        The CPU's generator gives every device the same noise; float32 also under autocast.
        """
        # A GPU that still has much to do is not waited for where the memory is pinned.
        noise = torch.randn(mu.shape, generator=generator, pin_memory=mu.device.type == "cuda")
        noise = noise.to(mu.device, non_blocking=True)
        return mu.float() + noise * torch.exp(0.5 * logvar.float())

    def decode(self, z: Tensor) -> Tensor:
        """Latents (B, latent_dim) to images (B, C, H, W) in [-1, 1]."""
        image: Tensor = self.decoder(self.fc_decode(z).unflatten(1, self.top))
        return image

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Images to (reconstruction (B, C, H, W), mu (B, latent_dim), logvar (B, latent_dim))."""
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar, generator)), mu, logvar


def build_model(config: TrainConfig) -> VAE:
    """The network that a config describes."""
    c = config
    return VAE(c.img_size, c.in_channels, c.latent_dim, c.depth, c.base_channels, c.decoder)


@torch.no_grad()
def initialize(model: VAE, generator: torch.Generator) -> None:
    """Draw all weights as PyTorch does by default, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    But those of the encoder's convolutions sqrt(6) times as large, which keeps the variance through
    ReLU (He et al., "Delving Deep into Rectifiers", 2015). By default each layer leaves a sixth of
    it, so that at depth 4 the latents hardly know the image at first. The decoder is better off
    without (see benchmarks/RESULTS.md). From a generator of their own, so that nothing depends on
    the global one.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound, generator=generator)
            assert module.bias is not None
            module.bias.uniform_(-bound, bound, generator=generator)
    for module in model.encoder:
        if isinstance(module, nn.Conv2d):
            module.weight *= math.sqrt(6)
