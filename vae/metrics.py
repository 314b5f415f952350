"""How good reconstructions and samples are, as numbers. Images are uint8 (N, H, W, C)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.loss import laplacian_variance
from vae.model import VAE, initialize
from vae.randomness import generator

# An image without any error would be infinitely good; this is less than a grey level's 1 / 100.
MOST_PSNR = 100.0
# The usual window of SSIM reaches 3.5 sigma, 5 pixels, to each side.
SSIM_SIGMA, SSIM_SIDE = 1.5, 11
# A latent dimension is in use if its mean varies more than this over images.
ACTIVE_VARIANCE = 0.01
SWD_DIRECTIONS, SWD_SIDE = 512, 32
TINY = 1e-12


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB, at most 100, of an error of images in [-1, 1]."""
    return min(10 * math.log10(4 / mse), MOST_PSNR) if mse > 0 else MOST_PSNR


def ssim(originals: np.ndarray, made: np.ndarray) -> float | None:
    """Mean structural similarity, 1 for equal images (Wang et al., 2004); Gaussian windows.

    None where an image is smaller than the window, 11 pixels.
    """
    from skimage.metrics import structural_similarity  # half a second, which not all runs need

    if min(originals.shape[1:3]) < SSIM_SIDE:
        return None
    values = [
        structural_similarity(  # type: ignore[no-untyped-call]
            a, b, gaussian_weights=True, sigma=SSIM_SIGMA, use_sample_covariance=False,
            data_range=255, channel_axis=2,
        )
        for a, b in zip(originals, made, strict=True)
    ]  # fmt: skip
    return float(np.mean(values))


def active_units(means: Tensor) -> int:
    """Latent dimensions that are in use, of means mu (N, latent_dim).

    Those whose mean varies by more than 0.01 over images (Burda et al., "Importance Weighted
    Autoencoders", 2016).
    """
    return int((means.var(0, correction=0) > ACTIVE_VARIANCE).sum())


def sharpness_ratio(made: np.ndarray, originals: np.ndarray) -> float:
    """Mean variance of the Laplacian of images, as a share of that of others; 1: as sharp."""
    return _sharpness(made) / max(_sharpness(originals), TINY)


def _sharpness(images: np.ndarray) -> float:
    return float(laplacian_variance(to_float(images)).mean())


def to_float(images: np.ndarray) -> Tensor:
    """Images as the network takes them: float32 (N, C, H, W) in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def checkerboard(made: np.ndarray, originals: np.ndarray) -> float:
    """How much images repeat with a period of two pixels, beside their originals; 1: as much.

    Transposed convolutions of stride 2 leave such a pattern (Odena et al., "Deconvolution and
    Checkerboard Artifacts", 2016). The power at the frequency 1/2 along x, y and both, over the
    power of the frequencies around it; of `made` over that of `originals`. 1 where images are
    smaller than 16 pixels.
    """
    if min(made.shape[1:3]) < 16:
        return 1.0
    return _peak(made) / max(_peak(originals), TINY)


def _peak(images: np.ndarray) -> float:
    """Of the mean power spectrum: at the three points of frequency 1/2, over their surroundings."""
    grey = images.astype(np.float32).mean(3)
    height, width = (side // 2 * 2 for side in grey.shape[1:])
    grey = grey[:, :height, :width]
    # Without a window, the jump between opposite edges would stand in the spectrum as a cross.
    window = np.outer(np.hanning(height), np.hanning(width))
    grey = (grey - grey.mean((1, 2), keepdims=True)) * window
    power = (np.abs(np.fft.fft2(grey)) ** 2).mean(0) + TINY
    ratios = []
    for y, x in ((height // 2, 0), (0, width // 2), (height // 2, width // 2)):
        near = power[np.ix_(_around(y, 6, height), _around(x, 6, width))]
        peak = power[np.ix_(_around(y, 1, height), _around(x, 1, width))].mean()
        ratios.append(peak / np.median(near))
    return float(max(ratios))


def _around(place: int, reach: int, count: int) -> np.ndarray:
    return np.arange(place - reach, place + reach + 1) % count


@contextmanager
def dead_channels(model: VAE) -> Iterator[Callable[[], float]]:
    """While it is open, watches which channels after a ReLU are zero for all that the model sees.

    Gives a function that tells their share of all channels, 0 to 1, so far.
    """
    alive: dict[nn.Module, Tensor] = {}

    def watch(layer: nn.Module, _arguments: object, output: Tensor) -> None:
        now = (output > 0).flatten(2).any(2).any(0)
        alive[layer] = alive[layer] | now if layer in alive else now

    layers = [layer for layer in model.modules() if isinstance(layer, nn.ReLU)]
    handles = [layer.register_forward_hook(watch) for layer in layers]

    def share() -> float:
        channels = torch.cat([*alive.values()]) if alive else torch.ones(1)
        return 1 - float(channels.float().mean())

    try:
        yield share
    finally:
        for handle in handles:
            handle.remove()


def sliced_wasserstein(a: np.ndarray, b: np.ndarray, seed: int = 0) -> float:
    """Sliced Wasserstein distance of two sets of images, in grey levels; 0: the same distribution.

    The mean over random directions of the 2-Wasserstein distance of the projections (Rabin et al.,
    2011), of images reduced to 32 pixels by area, scaled so that a step in brightness of all
    pixels by c is at a distance of c. Small sets differ by chance: compare it only with the
    distance of equally many images.
    """
    first, second = _reduced(a), _reduced(b)
    dimension = first.shape[1]
    directions = torch.randn(dimension, SWD_DIRECTIONS, generator=generator(seed, "directions"))
    directions /= directions.norm(dim=0, keepdim=True)
    ranks = torch.linspace(0, 1, 256)
    distances = [
        torch.quantile(first @ part, ranks, 0) - torch.quantile(second @ part, ranks, 0)
        for part in torch.split(directions, 64, dim=1)
    ]
    return float(torch.cat(distances, 1).square().mean().sqrt())


def _reduced(images: np.ndarray) -> Tensor:
    """Each image as a row."""
    sides = images.shape[1], images.shape[2]
    if max(sides) > SWD_SIDE:
        size = (min(SWD_SIDE, sides[1]), min(SWD_SIDE, sides[0]))
        images = np.stack([cv2.resize(i, size, interpolation=cv2.INTER_AREA) for i in images])
    return torch.from_numpy(images.reshape(len(images), -1)).float()


@torch.inference_mode()
def iwae_bound(model: VAE, x: Tensor, k: int, variance: float, random: torch.Generator) -> Tensor:
    """The lower bound on log p(x) by k importance samples, in nats for each image of a batch, (B,).

    log 1/k sum of p(x|z) p(z) / q(z|x), z from q(z|x) (Burda et al., "Importance Weighted
    Autoencoders", 2016), with a Gaussian decoder of one variance for images in [-1, 1].
    """
    mu, logvar = (part.float() for part in model.encode(x))
    weights = []
    for _ in range(k):
        noise = torch.randn(mu.shape, generator=random).to(mu.device)
        z = mu + noise * torch.exp(0.5 * logvar)
        error = (model.decode(z).float() - x).square().flatten(1)
        likelihood = -0.5 * (error / variance + math.log(2 * math.pi * variance)).sum(1)
        # The two normalisations by 2 pi cancel.
        prior_to_posterior = 0.5 * (noise.square() + logvar - z.square()).sum(1)
        weights.append(likelihood + prior_to_posterior)
    return torch.stack(weights).logsumexp(0) - math.log(k)


def bits_per_value(nats: float, values: int) -> float:
    """What a bound on log p of an image of so many values costs in bits for each, at 256 levels."""
    return -(nats / values + math.log(2 / 255)) / math.log(2)


class Features(nn.Module):
    """A small network with random weights that are always the same; 256 features of an image.

    Random features tell distributions apart without anything being downloaded (Naeem et al.,
    "Reliable Fidelity and Diversity Metrics for Generative Models", 2020, use a random VGG16); they
    know nothing of anatomy, and figures made with other features cannot be compared.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels, 32, 64, 128]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        initialize(self, generator(0, "features"))

    @torch.inference_mode()
    def forward(self, images: np.ndarray) -> Tensor:
        """Of uint8 images (N, H, W, C), reduced to 32 pixels by area: (N, 256)."""
        side = min(images.shape[1], 32)
        found = []
        for part in np.array_split(images, max(1, len(images) // 64)):
            h = self.layers(F.adaptive_avg_pool2d(to_float(part), side))
            found.append(torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1))
        return torch.cat(found)


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    """precision, recall, density and coverage of features (N, F), of generated images and real.

    By balls around each image to its k-th nearest neighbour of its own set (Kynkaanniemi et al.,
    "Improved Precision and Recall Metric", 2019; Naeem et al., 2020, for density and coverage).
    Precision, density: how real samples are; recall, coverage: how much of the real ones they
    reach. 1 is best; density may be above it.
    """
    k = min(k, len(real) - 1, len(fake) - 1)
    if k < 1:
        raise ValueError("precision and recall need two images of each kind")
    real_radius, fake_radius = (_kth_distance(part, k) for part in (real, fake))
    distance = torch.cdist(real, fake)
    in_real = distance < real_radius[:, None]
    return {
        "precision": float(in_real.any(0).float().mean()),
        "recall": float((distance < fake_radius).any(1).float().mean()),
        "density": float(in_real.sum(0).float().mean() / k),
        "coverage": float((distance.amin(1) < real_radius).float().mean()),
    }


def _kth_distance(features: Tensor, k: int) -> Tensor:
    """From each to its k-th nearest other."""
    return torch.cdist(features, features).kthvalue(k + 1, dim=1).values
