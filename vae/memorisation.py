"""Whether drawn images are copies of training images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vae.config import Value
from vae.findings import Finding, against_learning_by_heart
from vae.grid import GRID_SIDE, image_grid
from vae.language import _, number
from vae.metrics import reduced
from vae.model import VAE

SIDE = 64  # pixels a side at which images are compared
PERCENTILE = 5
COPIED = 0.25  # share of the samples that are as near to a training image as a copy


class Pair(NamedTuple):
    """A sample, the training image nearest to it, by their places, and how far they are apart."""

    sample: int
    image: int
    distance: float


class Nearness(NamedTuple):
    """How near samples are to their nearest training images, beside images that were held out.

    Medians of the distances; and `share`, 0 to 1, of the samples that are nearer than all but
    PERCENTILE in a hundred of the held-out images: about PERCENTILE / 100 if the samples are as
    new as those, much more if training images are copied. A blurred sample is near to many images
    without being a copy: look at the closest pairs, closest first. None without held-out images.
    """

    median: float
    held_out_median: float | None
    share: float | None
    pairs: tuple[Pair, ...]


class Memorisation(NamedTuple):
    """Nearness in pixels, at 64 a side in [-1, 1], and in mu; root mean squares over both."""

    pixels: Nearness
    latents: Nearness


class _Nearest(NamedTuple):
    distances: Tensor  # (N,)
    places: Tensor  # (N,)


@torch.inference_mode()
def memorisation(
    model: VAE,
    samples: Tensor,
    held_out: Tensor,
    training: Iterable[Tensor],
    batch_size: int = 64,
    step: Callable[[int], object] = lambda done: None,
) -> Memorisation:
    """Look for copies of training images among samples.

    Images are (N, C, H, W) in [-1, 1]; held_out may have none. The training images come in
    batches, so that only one of them is in memory. Their places count through the batches. At most
    batch_size of the other images are encoded at once; `step` is called with how many are, before
    each part of them.
    """
    queries, parts = torch.cat([samples, held_out]), []
    for first in range(0, len(queries), batch_size):
        step(first)
        parts.append(_vectors(model, queries[first : first + batch_size]))
    spaces = [torch.cat(vectors) for vectors in zip(*parts, strict=True)]
    found = [_Nearest(torch.full((len(q),), torch.inf), torch.zeros(len(q)).long()) for q in spaces]
    first = 0
    for batch in training:
        for i, vectors in enumerate(_vectors(model, batch)):
            found[i] = _nearer(found[i], spaces[i], vectors, first)
        first += len(batch)
    return Memorisation(*(_nearness(nearest, len(samples)) for nearest in found))


def _vectors(model: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """What is compared: pixels, (N, D), and mu, (N, latent_dim), on the CPU."""
    x = x.to(model.fc_mu.weight.device)
    return reduced(x, SIDE).flatten(1).cpu(), model.encode(x)[0].float().cpu()


def _nearer(nearest: _Nearest, queries: Tensor, vectors: Tensor, first: int) -> _Nearest:
    """The nearest so far or among the vectors, of which the first has the place `first`."""
    at = torch.cdist(queries, vectors).argmin(1)
    # By the difference itself: cdist's matrix product finds a copy, but not that it is at 0.
    distances = (queries - vectors[at]).square().mean(1).sqrt()
    closer = distances < nearest.distances
    return _Nearest(
        torch.where(closer, distances, nearest.distances),
        torch.where(closer, at + first, nearest.places),
    )


def _nearness(nearest: _Nearest, samples: int) -> Nearness:
    own, held_out = nearest.distances[:samples], nearest.distances[samples:]
    closest = own.argsort(stable=True)[:GRID_SIDE].tolist()
    pairs = tuple(Pair(i, int(nearest.places[i]), float(own[i])) for i in closest)
    if not len(held_out):
        return Nearness(float(own.median()), None, None, pairs)
    near = torch.quantile(held_out, PERCENTILE / 100)
    share = float((own < near).float().mean())
    return Nearness(float(own.median()), float(held_out.median()), share, pairs)


def copies(found: Memorisation, values: Mapping[str, Value]) -> Finding | None:
    """Whether samples are training images again, by pixels and by latents.

    Both must say so: a blurred sample is near to many images by pixels, and one that says little
    is near to them by latents.
    """
    shares = found.pixels.share, found.latents.share
    if any(share is None or share < COPIED for share in shares):
        return None
    text = _(
        "{pixels} % of the samples by their pixels and {latents} % by their latents are as near to "
        "a training image as only one new image in twenty is. Look at the closest pairs, and do "
        "not share such samples where the images must stay private. More images help most."
    )
    pixels, latents = (number(100 * (share or 0), ".0f") for share in shares)
    return Finding(
        "copies", _("Copies of training images"), text.format(pixels=pixels, latents=latents),
        against_learning_by_heart(values), fresh=True,
    )  # fmt: skip


def no_copies(found: Memorisation) -> str:
    """What is said where samples seem to be no copies; nothing where that is not known."""
    shares = found.pixels.share, found.latents.share
    if None in shares:
        return ""
    text = _(
        "No sign of copied training images: by their pixels, to which blur brings all of them "
        "nearer, {pixels} % of the samples are as near to one as only one new image in twenty is, "
        "and {latents} % by their latents. Of copies both are {least} % or more."
    )
    pixels, latents = (number(100 * (share or 0), ".0f") for share in shares)
    return text.format(pixels=pixels, latents=latents, least=number(100 * COPIED, ".0f"))


def closest_pairs(samples: np.ndarray, images: np.ndarray) -> np.ndarray:
    """A picture of pairs: the samples in a row, each above its training image; uint8 (h, w, 3).

    Both are uint8 (N, H, W, C), in the order of the pairs.
    """
    grid = image_grid(np.concatenate([samples, images]), len(samples))
    return grid if grid.ndim == 3 else np.repeat(grid[:, :, None], 3, 2)
