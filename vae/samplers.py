"""Where latents of samples come from: N(0, I), or a density fitted to the encoded training images.

The latents of a trained network seldom fill N(0, I), so that samples from it look like no image;
those from a density fitted afterwards do (Ghosh et al., "From Variational to Deterministic
Autoencoders", 2020).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vae.dataset import Load, MedicalImageDataset
from vae.images import evenly_spread
from vae.model import VAE
from vae.samples import fixed_latents

# Images whose latents are fitted: a quarter, but not too few, and not more than tell anything new.
FEWEST, MOST_IMAGES = 128, 512
# Principal components in which a mixture is fitted; beyond them latents are close to one Gaussian.
MIXED = 32
COMPONENTS = (1, 2, 4, 8, 16, 32)
# Added to the variances of components, as a share of the data's: none shrinks to a single image.
REGULAR = 1e-3
ONE_IN = 4  # of the codes, held out to choose the mixture


@dataclass(frozen=True)
class Sampler:
    """A density of latents: a Gaussian, whose leading directions may follow a mixture.

    `directions` (R, latent_dim) are orthonormal. Along them the standard deviations are `scales`
    (R,), and `rest` () in all other directions. Of the first, as many as `means` is wide, the
    coordinates in units of `scales` are not N(0, I) but a mixture's: of a component, chosen by
    `weights` (K,), they are means (K, r) + factors (K, r, r) of N(0, I).
    """

    centre: np.ndarray
    directions: np.ndarray
    scales: np.ndarray
    rest: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def draw(self, count: int, temperature: float, random: torch.Generator) -> torch.Tensor:
        """Latents (count, latent_dim), float32.

        `temperature` scales how far they lie from the middle of their component. The noise is that
        of the prior, scaled along each direction and not turned (the symmetric root of the
        covariance), so that grids of several epochs compare.
        """
        parts = {name: torch.from_numpy(part) for name, part in vars(self).items()}
        noise = temperature * fixed_latents(count, len(self.centre), random)
        along = noise @ parts["directions"].T
        across = noise - along @ parts["directions"]
        weights = parts["weights"].double()
        chosen = torch.multinomial(weights, count, replacement=True, generator=random)
        mixed = self.means.shape[1]
        leading = (parts["factors"][chosen] @ along[:, :mixed, None])[..., 0]
        along[:, :mixed] = parts["means"][chosen] + leading
        along *= parts["scales"]
        return parts["centre"] + along @ parts["directions"] + parts["rest"] * across


def fit(kind: str, codes: np.ndarray, seed: int) -> Sampler:
    """A "gaussian" or a "gmm" of means mu of images, (N, latent_dim).

    gaussian: of full covariance, shrunk where images are few (Ledoit and Wolf, 2004). gmm: its
    first principal components follow a mixture, of the number and shape of components under which
    held-out images are most likely. The same for the same codes and seed. Codes that are not
    finite are left out; without any other, N(0, I) remains.
    """
    from threadpoolctl import threadpool_limits

    codes = codes[np.isfinite(codes).all(1)].astype(np.float64)
    single = np.ones(1), np.zeros((1, 0)), np.zeros((1, 0, 0))
    if not len(codes):
        return _sampler(codes.sum(0), codes, np.zeros(0), np.ones(()), *single)
    # One thread: the last bits depend on their number, and so small a matrix gains nothing.
    with threadpool_limits(1):
        centre = codes.mean(0)
        _turned, singular, directions = np.linalg.svd(codes - centre, full_matrices=False)
        variances = singular**2 / len(codes)
        shrinkage = _shrinkage(codes - centre, variances)
        rest = shrinkage * variances.sum() / codes.shape[1]
        scales = np.sqrt((1 - shrinkage) * variances + rest)
        used = int((scales > 1e-9).sum())
        mixed = min(MIXED, len(codes) // ONE_IN, used) if kind == "gmm" else 0
        y = (codes - centre) @ directions[:mixed].T / scales[:mixed]
        mixture = _mixture(y, seed) if mixed else single
    return _sampler(centre, directions, scales, np.sqrt(rest), *mixture)


def _sampler(*parts: np.ndarray) -> Sampler:
    return Sampler(*(np.array(part, np.float32, order="C") for part in parts))


def _shrinkage(centred: np.ndarray, variances: np.ndarray) -> float:
    """How far the covariance of (N, latent_dim) gives way to a multiple of the identity.

    `variances` are those of the principal components. Ledoit and Wolf, "A well-conditioned
    estimator for large-dimensional covariance matrices", 2004; equals scikit-learn's, without the
    covariance itself, which grows with the square of latent_dim.
    """
    count, width = centred.shape
    squared = (variances**2).sum()
    distance = squared - variances.sum() ** 2 / width
    error = ((centred**2).sum(1) ** 2).sum() / count**2 - squared / count
    return float(np.clip(error / distance, 0, 1)) if distance > 0 else 0.0


def _mixture(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and factors of the mixture that suits y (N, r).

    Components have full covariances, or diagonal ones where images are too few for more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    def fitted(shape: str, components: int, data: np.ndarray) -> Any:
        mixture = GaussianMixture(
            components, covariance_type=shape, random_state=seed % 2**32, reg_covar=REGULAR
        )
        with warnings.catch_warnings():
            # Codes that are all alike, or a fit that could be better still, do no harm.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(data)

    held_out = np.arange(len(y)) % ONE_IN == ONE_IN - 1
    known = y[~held_out]
    counts = [count for count in COMPONENTS if count * ONE_IN <= len(known)] or [1]
    # The simplest first: of equally good ones it is taken.
    kinds = [(shape, count) for count in counts for shape in ("diag", "full")]
    scores = [fitted(shape, count, known).score(y[held_out]) for shape, count in kinds]
    shape, count = kinds[int(np.argmax(scores))]
    best = fitted(shape, count, y)
    if shape == "full":
        return best.weights_, best.means_, np.linalg.cholesky(best.covariances_)
    return best.weights_, best.means_, np.sqrt(best.covariances_)[:, :, None] * np.eye(y.shape[1])


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
    indices = evenly_spread(len(data), min(MOST_IMAGES, max(FEWEST, len(data) // 4)))
    parts = [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]
    means = [model.encode(load(data, part))[0].float().cpu() for part in parts]
    return torch.cat(means).numpy()
