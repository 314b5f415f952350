"""Whether drawn images look like real ones (fidelity), and like all of them (diversity)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.metrics import reduced
from vae.randomness import generator

# The network that makes the features: pixels a side, channels, and places that are told apart.
SIDE, WIDTHS, PLACES = 64, (3, 32, 64, 128), 2
AT_ONCE = 64
SILENT = 1e-3  # added to a mean before its logarithm: as good as no answer


class Prdc(NamedTuple):
    """Precision, recall, density and coverage; all but density are shares, 0 to 1."""

    precision: float
    recall: float
    density: float
    coverage: float


@torch.inference_mode()
def features(images: Tensor) -> Tensor:
    """Features of images (N, C, H, W) in [-1, 1], (N, 896) on the CPU, the same everywhere.

    Those of a small convolutional network whose weights were drawn at random once and for all (He
    et al., 2015): three 4x4 convolutions of stride 2 with ReLU on 64 pixels a side. A feature is
    the logarithm of a channel's mean in a quarter of the image. The first filters have no mean:
    without that and the logarithm brightness decides nearly alone, and blur passes for sharp.
    Naeem et al. (below) find random features sounder than pretrained ones for images unlike
    ImageNet's; and nothing has to be fetched. They see edges, texture and where they are, but know
    nothing of anatomy: numbers compare models on the same images, never on others, nor with
    numbers from another network's features.
    """
    random = generator(0, "features")
    weights = []
    for below, above in itertools.pairwise(WIDTHS):
        weight = torch.empty(above, below, 4, 4)
        weights.append(nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=random))
    weights[0] -= weights[0].mean((1, 2, 3), keepdim=True)
    found = []
    for part in torch.split(images, AT_ONCE):
        x = reduced(part, SIDE).cpu().expand(-1, 3, -1, -1)
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        means = []
        for weight in weights:
            x = F.relu(F.conv2d(x, weight, stride=2, padding=1))
            means.append(F.adaptive_avg_pool2d(x, PLACES).flatten(1))
        found.append((torch.cat(means, 1) + SILENT).log())
    return torch.cat(found)


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> Prdc:
    """Precision, recall, density and coverage of features (N, D) and (M, D), N and M above k.

    A ball around each real image reaches to its k-th nearest other real image. Precision is the
    share of the fakes in any ball, recall that of the reals in any such ball around fakes
    (Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
    2019). Density is the mean number of balls around a fake, over k, which an outlier among the
    reals changes little and which can be above 1; coverage the share of balls with a fake in them
    (Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020). Between
    two samples of one distribution all are near 1, coverage 1 - 2^-k at N = M.
    """
    real, fake = real.double(), fake.double()
    real_radii = torch.cdist(real, real).kthvalue(k + 1, 1).values  # the first is itself
    fake_radii = torch.cdist(fake, fake).kthvalue(k + 1, 1).values
    apart = torch.cdist(real, fake)
    in_real = apart < real_radii[:, None]
    in_fake = apart < fake_radii
    return Prdc(
        precision=float(in_real.any(0).double().mean()),
        recall=float(in_fake.any(1).double().mean()),
        density=float(in_real.sum(0).double().mean() / k),
        coverage=float(in_real.any(1).double().mean()),
    )
