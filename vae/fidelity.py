"""Whether drawn images look like real ones (fidelity), and like all of them (diversity)."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.errors import StudioError
from vae.files import readable
from vae.language import _
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


class NetworkError(StudioError):
    """A person's own network cannot be used."""


@torch.inference_mode()
def features_by(
    path: Path, images: Tensor, step: Callable[[int], object] = lambda done: None
) -> Tensor:
    """Features of images (N, C, H, W) in [-1, 1] by a network of the person's own, (N, F) float32.

    A TorchScript file, such as the Inception network with which others compute their FID. It gets
    (n, 3, H, W) float32 of 0 to 255, and must itself bring them to its size; where it can be asked
    to `return_features`, it is. A TorchScript file is a program: only one from a source that is
    trusted should be given. `step` is called with how many images are done, before each part of
    them. Raises NetworkError, OSError.
    """
    path.open("rb").close()  # of a file that is not there, PyTorch says less
    with warnings.catch_warnings():
        # PyTorch would rather have another format, which these networks are not offered in.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
            named = {argument.name for argument in network.forward.schema.arguments}
            how = {"return_features": True} if "return_features" in named else {}
            found: list[Tensor] = []
            for part in torch.split(images, AT_ONCE):
                step(sum(map(len, found)))
                x = ((part.cpu().float() + 1) * 127.5).round().expand(-1, 3, -1, -1)
                found.append(network(x, **how).float().flatten(1))
            features = torch.cat(found)
            if not features.isfinite().all():
                raise RuntimeError("its features are not finite")
            return features
        except (RuntimeError, AttributeError, TypeError) as error:
            text = _(
                "{path} cannot be used ({reason}). Take a TorchScript file of a network that makes "
                "features of images (N, 3, H, W) of 0 to 255."
            )
            reason = str(error).strip().splitlines()[-1]
            raise NetworkError(text.format(path=readable(path), reason=reason)) from error


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance of Gaussians with the means and covariances of features (N, F) and (M, F).

    FID with the features of the Inception network (Heusel et al., "GANs Trained by a Two
    Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017). With few images it is too
    large, and compares at equal numbers only. The trace of the root of the covariances' product is
    the nuclear norm of the product of the centred features, which needs no root of a matrix.
    """
    means = [x.double().mean(0) for x in (real, fake)]
    centred = [
        (x.double() - mean) / math.sqrt(len(x) - 1)
        for x, mean in zip((real, fake), means, strict=True)
    ]
    spread = sum(float(x.square().sum()) for x in centred)
    shared = float(torch.linalg.matrix_norm(centred[0] @ centred[1].T, ord="nuc"))
    apart = float((means[0] - means[1]).square().sum())
    return max(apart + spread - 2 * shared, 0.0)
