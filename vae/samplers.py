"""Where latents of samples come from: N(0, I), or a density fitted to the encoded training images.

The latents of a trained network seldom fill N(0, I), so that samples from it look like no image;
those from a density fitted afterwards do (Ghosh et al., "From Variational to Deterministic
Autoencoders", 2020).
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.dataset import MedicalImageDataset
from vae.files import atomic_write
from vae.model import VAE
from vae.samples import fixed_latents

# Images whose latents are fitted: a quarter, but not too few, and not more than tell anything new.
FEWEST, MOST_IMAGES = 128, 512
# Principal components in which a mixture is fitted; beyond them latents are close to one Gaussian.
MIXED = 32
COMPONENTS = (1, 2, 4, 8, 16, 32)
# Added to the variances of components, as a share of the data's: none shrinks to a single image.
REGULAR = 1e-3
ONE_IN = 4  # of the codes, held out to choose the number of components
MAX_BYTES = 200_000_000

Facts = dict[str, Any]
Load = Callable[[MedicalImageDataset, np.ndarray], torch.Tensor]


@dataclass(frozen=True)
class Sampler:
    """Latents z = centre + basis y, (latent_dim,). y are independent N(0, 1), but for the first.

    Those, as many as `means` is wide, come from a mixture: a component, by `weights` (K,), gives
    means (K, r) + factors (K, r, r) of N(0, I).
    """

    centre: np.ndarray
    basis: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def draw(self, count: int, temperature: float, random: torch.Generator) -> torch.Tensor:
        """Latents (count, latent_dim), float32.

        `temperature` scales how far they lie from the middle of their component.
        """
        share = torch.from_numpy(self.weights).double()
        chosen = torch.multinomial(share, count, replacement=True, generator=random)
        centre, basis, means, factors = (
            torch.from_numpy(part) for part in (self.centre, self.basis, self.means, self.factors)
        )
        y = temperature * torch.randn(count, basis.shape[1], generator=random)
        mixed = means.shape[1]
        y[:, :mixed] = means[chosen] + (factors[chosen] @ y[:, :mixed, None])[..., 0]
        return centre + y @ basis.T


def fit(kind: str, codes: np.ndarray, seed: int) -> Sampler:
    """A "gaussian" or a "gmm" of means mu of images, (N, latent_dim).

    gaussian: of full covariance, shrunk where images are few (Ledoit and Wolf, 2004). gmm: its
    first principal components follow a mixture, whose number of components is the one under which
    held-out images are most likely. The same for the same codes and seed.
    """
    from sklearn.covariance import ledoit_wolf  # a second, which not all runs need

    codes = codes.astype(np.float64)
    centre = codes.mean(0)
    covariance = ledoit_wolf(codes)[0] if len(codes) > 1 else np.zeros((len(centre),) * 2)
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1].clip(0), directions[:, ::-1]
    basis = directions * np.sqrt(variances)
    mixed = 0
    if kind == "gmm":
        used = variances > 1e-9 * max(variances[0], 1e-9)
        mixed = min(MIXED, len(codes) // ONE_IN, int(used.sum()))
    weights, means, factors = np.ones(1), np.zeros((1, mixed)), np.eye(mixed)[None]
    if mixed:
        y = (codes - centre) @ directions[:, :mixed] / np.sqrt(variances[:mixed])
        weights, means, factors = _mixture(y, seed)
    parts = (centre, basis, weights, means, factors)
    return Sampler(*(np.ascontiguousarray(part, np.float32) for part in parts))


def _mixture(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and factors of the mixture that suits y (N, r)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    def fitted(components: int, data: np.ndarray) -> Any:
        mixture = GaussianMixture(components, random_state=seed % 2**32, reg_covar=REGULAR)
        with warnings.catch_warnings():
            # Codes that are all alike, or a fit that could be better still, do no harm.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(data)

    held_out = np.arange(len(y)) % ONE_IN == ONE_IN - 1
    known = y[~held_out]
    counts = [count for count in COMPONENTS if count * ONE_IN <= len(known)] or [1]
    scores = {count: fitted(count, known).score(y[held_out]) for count in counts}
    best = fitted(max(scores, key=lambda count: (scores[count], -count)), y)
    return best.weights_, best.means_, np.linalg.cholesky(best.covariances_)


def latents(
    sampler: Sampler | None, shape: tuple[int, int], temperature: float, random: torch.Generator
) -> torch.Tensor:
    """Latents (count, latent_dim) of a shape; from N(0, I) without a fitted sampler."""
    if sampler is None:
        return fixed_latents(*shape, random) * temperature
    return sampler.draw(shape[0], temperature, random)


@torch.inference_mode()
def encoded(model: VAE, data: MedicalImageDataset, load: Load, batch_size: int) -> np.ndarray:
    """Means mu of at most 512 training images, evenly spread: (N, latent_dim).

    `load` gives the images of indices.
    """
    model.eval()
    count = min(len(data), MOST_IMAGES, max(FEWEST, len(data) // 4))
    indices = np.linspace(0, len(data) - 1, count).round().astype(np.int64)
    parts = [indices[i : i + batch_size] for i in range(0, count, batch_size)]
    means = [model.encode(load(data, part))[0].float().cpu() for part in parts]
    return torch.cat(means).numpy()


def fitted_to(kind: str, fingerprint: str, epoch: int, images_done: int) -> Facts:
    """What tells whether a sampler fits a checkpoint: data, and the place in the run."""
    return {"sampler": kind, "data": fingerprint, "epoch": epoch, "images_done": images_done}


def save(path: Path, sampler: Sampler, facts: Facts) -> None:
    """Write a sampler, and what it was fitted to. Raises OSError."""
    with atomic_write(path, durable=False) as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **vars(sampler))


def load(path: Path, facts: Facts) -> Sampler | None:
    """The sampler of a file, or None if there is none that was fitted to just that.

    A file that is damaged or was made for a trap counts as none. Raises OSError.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        content = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(content) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                return None
        with np.load(content, allow_pickle=False) as parts:
            if json.loads(str(parts["facts"])) != facts:
                return None
            names = Sampler.__dataclass_fields__
            sampler = Sampler(**{name: parts[name] for name in names})
    except (FileNotFoundError, zipfile.BadZipFile):
        return None
    except (ValueError, KeyError, TypeError, EOFError, MemoryError):
        return None  # what NumPy makes of crafted arrays
    return sampler if _is_sound(sampler) else None


def _is_sound(sampler: Sampler) -> bool:
    """Whether shapes belong together and all numbers can be used."""
    s = sampler
    if any(part.dtype != np.float32 or not np.isfinite(part).all() for part in vars(s).values()):
        return False
    if s.centre.ndim != 1 or s.basis.ndim != 2 or s.means.ndim != 2 or s.weights.ndim != 1:
        return False
    components, mixed = s.means.shape
    return (
        s.basis.shape[0] == len(s.centre)
        and mixed <= s.basis.shape[1]
        and s.weights.shape == (components,)
        and s.factors.shape == (components, mixed, mixed)
        and bool((s.weights >= 0).all())
        and s.weights.sum() > 0
    )
