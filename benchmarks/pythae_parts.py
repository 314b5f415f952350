"""Our network as the encoder and the decoder of pythae, which takes images in [0, 1]."""

from __future__ import annotations

from typing import Any

import torch
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder

from vae.model import VAE


def parts(network: VAE, with_variance: bool = True) -> tuple[Any, Any]:
    """An encoder and a decoder for pythae's models; autoencoders get one without a variance."""

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([network.encoder, network.fc_mu])
            if with_variance:
                self.layers.append(network.fc_logvar)

        def forward(self, x: torch.Tensor) -> Any:
            h = self.layers[0](2 * x - 1).flatten(1)
            output = ModelOutput(embedding=self.layers[1](h))
            if with_variance:
                output["log_covariance"] = self.layers[2](h)
            return output

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([network.fc_decode, network.decoder])

        def forward(self, z: torch.Tensor) -> Any:
            made = self.layers[1](self.layers[0](z).unflatten(1, network.top))
            return ModelOutput(reconstruction=(made + 1) / 2)

    return Encoder(), Decoder()
