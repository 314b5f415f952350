"""How good images are, in numbers. Pure functions: what is random in them follows from a seed.

Images are float tensors (N, C, H, W) in [-1, 1].
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.loss import laplacian_variance, luma
from vae.model import VAE
from vae.randomness import generator

# The mean squared error that rounding to 8 bits leaves.
ROUNDING = (1 / 127.5) ** 2 / 12
# In dB: far above what rounding to 8 bits leaves (59 dB).
BEST_PSNR = 100.0
SSIM_WINDOW = 11  # pixels, of a Gaussian of 1.5
# Of the patches whose spectrum is taken: pixels, and how far apart.
PATCH, PATCH_STEP = 32, 16
DIRECTIONS, SIDE = 512, 32
# Values of the images that are decoded at once for the importance-weighted bound.
DECODED = 2**22


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error of images in [-1, 1].

    At most BEST_PSNR, so that an image without error gives a number too.
    """
    return min(10 * math.log10(4 / mse), BEST_PSNR) if mse else BEST_PSNR


class Spread:
    """How much images differ from their mean image, which is gathered batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.sum: Tensor | float = 0.0
        self.squares = 0.0

    def add(self, images: Tensor) -> None:
        """Take a batch of images, on the CPU: not every device has float64."""
        images = images.double()  # sums of float32 say little of images that are nearly alike
        self.count += len(images)
        self.sum = self.sum + images.sum(0)
        self.squares += float(images.square().sum())

    def explained(self, mse: float) -> float:
        """Share of the variance that reconstructions with such a mean squared error explain.

        The coefficient of determination, R squared: 1 without an error, 0 if the mean image in
        place of all would do as well, below 0 if it would do better. Not a number if the images
        are all alike.
        """
        mean = torch.as_tensor(self.sum) / self.count
        variance = self.squares / (self.count * mean.numel()) - float(mean.square().mean())
        return 1 - mse / variance if variance > ROUNDING / 100 else math.nan


def ssim(originals: Tensor, made: Tensor) -> float:
    """Mean structural similarity of pairs of images, 1 if they are equal.

    With the Gaussian window of Wang et al., "Image Quality Assessment: From Error Visibility to
    Structural Similarity" (2004). Of images narrower than the window the whole counts.
    """
    from skimage.metrics import structural_similarity  # takes long to import

    side = min(originals.shape[2:])
    # It is not the same with another zero: that of grey levels is black.
    sets = [(x + 1).permute(0, 2, 3, 1).cpu().numpy() for x in (originals, made)]
    values = [
        structural_similarity(  # type: ignore[no-untyped-call]
            a, b, data_range=2, channel_axis=2, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, win_size=min(SSIM_WINDOW, side - (side + 1) % 2),
        )
        for a, b in zip(*sets, strict=True)
    ]  # fmt: skip
    return float(np.mean(values))


def active_units(means: Tensor) -> int:
    """How many dimensions of mu (N, latent_dim) vary over images, with a variance above 0.01.

    Burda et al., "Importance Weighted Autoencoders" (2016).
    """
    return int((means.var(0, correction=0) > 0.01).sum())


def sharpness_ratio(made: Tensor, originals: Tensor) -> float:
    """Mean Laplacian variance of images over that of others: below 1 the images are blurred.

    Infinite or not a number if the others are flat.
    """
    return float(laplacian_variance(made).mean() / laplacian_variance(originals).mean())


def checkerboard(images: Tensor) -> float:
    """How much a pattern that repeats every 2 or 4 pixels stands out; about 1 where there is none.

    Transposed convolutions of stride 2 leave it (Odena et al., "Deconvolution and Checkerboard
    Artifacts", 2016). The mean spectrum of patches is taken (Welch, 1967), which makes the number
    independent of the image's size. The result is the amplitude at the frequencies of such a
    pattern over that of their neighbours in the spectrum, the larger one of both periods. Noise
    of one grey level is added to both, or else a pattern that nobody sees would stand out of a
    blurred image. A pattern of one level in a blurred image gives about 12.
    """
    side = min(PATCH, min(images.shape[2:]) // 4 * 4)
    hann = torch.hann_window(side, dtype=images.dtype, device=images.device)
    window = hann[:, None] * hann
    power = torch.zeros(side, side, dtype=torch.float64)
    for image in luma(images) * 127.5:
        patches = image.unfold(0, side, PATCH_STEP).unfold(1, side, PATCH_STEP)
        spectra = torch.fft.fft2((patches - patches.mean((2, 3), keepdim=True)) * window)
        power += spectra.abs().square().mean((0, 1)).double().cpu()
    power = power / len(images) + window.square().sum().double().cpu()
    half, quarter = side // 2, side // 4
    found = []
    for period in (half, quarter) if side >= 16 else (half,):
        repeats = range(0, side, period)
        # Where a pattern of 4 pixels and one of 2 coincide, it is one of 2.
        places = [
            (u, v)
            for u, v in itertools.product(repeats, repeats)
            if (u % half or v % half) or (period == half and (u or v))
        ]
        peaks = sum(float(power[u, v]) for u, v in places)
        found.append(peaks / sum(_expected(power, u, v) for u, v in places))
    return math.sqrt(max(found))


def _expected(power: Tensor, u: int, v: int) -> float:
    """What the spectrum around a place lets expect there: on the axes, along them only.

    The window spreads a peak over its neighbours, but not over those next to them.
    """
    side = len(power)
    rows, columns = ([(at - 2) % side, (at + 2) % side] if at else [0] for at in (u, v))
    return float(power[rows][:, columns].log().mean().exp())


@contextlib.contextmanager
def highest_outputs(model: VAE) -> Iterator[dict[nn.Module, Tensor]]:
    """The highest output so far of each channel of each ReLU, (C,), while the context lasts."""
    highest: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, inputs: object, output: Tensor) -> None:
        most = output.amax((0, 2, 3))
        highest[layer] = torch.maximum(highest.get(layer, most), most)

    layers = [layer for layer in model.modules() if isinstance(layer, nn.ReLU)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield highest
    finally:
        for hook in hooks:
            hook.remove()


def dead_share(highest: dict[nn.Module, Tensor]) -> float:
    """Share of the channels, 0 to 1, whose highest output is zero."""
    return float((torch.cat(list(highest.values())) == 0).float().mean())


def reduced(images: Tensor, side: int) -> Tensor:
    """Images averaged over areas to at most so many pixels a side."""
    height, width = (min(side, length) for length in images.shape[2:])
    return F.adaptive_avg_pool2d(images.float(), (height, width))


def sliced_wasserstein(a: Tensor, b: Tensor, seed: int) -> float:
    """Sliced Wasserstein-2 distance of two sets of images, in the units of a pixel.

    Over random directions in the space of the images, which are reduced to 32 pixels a side
    (Bonneel et al., "Sliced and Radon Wasserstein Barycenters of Measures", 2015). A difference v
    between the sets that is the same for all images gives sqrt(mean(v^2)), up to the choice of
    directions (3 %): a unit vector's mean squared product with v is just that. Two samples of one
    distribution have a distance too, which shrinks as they grow: compare at equal numbers only.
    """
    flat = [reduced(images, SIDE).flatten(1).cpu() for images in (a, b)]
    random = generator(seed, "directions")
    directions = F.normalize(torch.randn(flat[0].shape[1], DIRECTIONS, generator=random), dim=0)
    most = max(len(a), len(b))
    quantiles = []
    for vectors in flat:
        at = (torch.arange(most) + 0.5) / most * len(vectors)
        quantiles.append((vectors @ directions).sort(0).values[at.long()])
    return math.sqrt(float((quantiles[0] - quantiles[1]).square().mean()))


@torch.inference_mode()
def iwae_bound(
    model: VAE,
    x: Tensor,
    k: int,
    random: torch.Generator,
    variance: float = 0.0,
    step: Callable[[int], object] = lambda done: None,
) -> Tensor:
    """Importance-weighted bound of log p(x) in nats of each image, (N,), with k samples each.

    Burda et al., "Importance Weighted Autoencoders" (2016). The decoder is Gaussian, of the given
    variance; without one, of the mean squared error of x decoded from a sample each, the best
    choice (Rybkin et al., 2021), but at least what rounding to 8 bits leaves. p(x) is a density of
    images in [-1, 1]. `step` is called with how many of the images are done, each time before some
    are decoded.
    """
    values = x[0].numel()
    at_once = max(1, DECODED // values)
    if not variance:
        parts = []
        for part in torch.split(x, at_once):
            step(0)
            parts.append(_samples(model, part, 1, random)[0])
        variance = max(float(torch.cat(parts, 1).mean()), ROUNDING)
    bounds: list[Tensor] = []
    for part in torch.split(x, max(1, at_once // k)):
        weights = []
        for start in range(0, k, at_once):
            step(sum(map(len, bounds)))
            errors, ratio = _samples(model, part, min(at_once, k - start), random)
            likelihood = errors / variance + math.log(2 * math.pi * variance)
            weights.append(ratio - 0.5 * values * likelihood)
        bounds.append(torch.cat(weights).logsumexp(0) - math.log(k))
    return torch.cat(bounds)


def _samples(model: VAE, x: Tensor, k: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mean squared error, and log p(z) - log q(z | x), of k samples of images: (k, N) each."""
    mu, logvar = (t.double() for t in model.encode(x))
    noise = torch.randn(k, *mu.shape, generator=random).double().to(x.device)
    z = mu + noise * (0.5 * logvar).exp()
    made = model.decode(z.flatten(0, 1).float()).view(k, *x.shape)
    errors = (made - x).double().square().flatten(2).mean(2)
    return errors, 0.5 * (noise.square() + logvar - z.square()).sum(2)


def bits_per_dimension(nats: float, values: int) -> float:
    """A bound of log p(x) in nats as bits for each of an image's values of 8 bits.

    One of 256 levels is 1 / 127.5 wide in [-1, 1].
    """
    return -nats / (values * math.log(2)) + math.log2(127.5)
