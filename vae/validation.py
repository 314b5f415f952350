"""How good a network is on images that it does not learn from, after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from vae import metrics
from vae.dataset import MedicalImageDataset
from vae.loss import vae_loss
from vae.randomness import generator
from vae.samples import to_bytes
from vae.state import TrainingState

# Images that are measured beyond the losses, at most, and their bytes: they are held together.
MOST_IMAGES, MOST_BYTES = 512, 10**8
# Without validation images so many of the training's: one in so many, but not too few.
ONE_IN, FEWEST = 20, 16
# SSIM takes 3 ms for a colour image of 128 pixels: of so many images, evenly spread.
MOST_COSTLY = 64
LOSSES = ("val_loss", "val_reconstruction_loss", "val_kl_loss", "val_blur_loss")

Load = Callable[[MedicalImageDataset, np.ndarray], torch.Tensor]


def to_measure(state: TrainingState) -> MedicalImageDataset:
    """The images that are measured, the same each time: of the validation images, if any."""
    data, config = state.validation, state.config
    most = max(FEWEST, min(MOST_IMAGES, MOST_BYTES // (config.img_size**2 * config.in_channels)))
    if not len(data):
        data = state.data
        most = min(most, max(FEWEST, len(data) // ONE_IN))
    return data.subset(spread(len(data), most))


def spread(count: int, most: int) -> np.ndarray:
    """At most so many of `count` indices, evenly spread."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


@torch.inference_mode()
def validation_losses(state: TrainingState, load: Load) -> dict[str, float]:
    """Mean losses over the validation images, at the config's full weights; none without images.

    The noise of the latents is the same each time. `load` gives the images of indices.
    """
    data, config = state.validation, state.config
    sums = torch.zeros(len(LOSSES), dtype=torch.float64)
    for indices in _batches(state, data):
        x = load(data, indices)
        noise = generator(config.seed, "validation", int(indices[0]))
        recon, mu, logvar = state.shown(x, noise)
        loss = vae_loss(recon, x, mu, logvar, config, state.running_mse)
        sums += torch.stack(loss[: len(LOSSES)]).cpu() * len(indices)
    return dict(zip(LOSSES, (sums / len(data)).tolist(), strict=True)) if len(data) else {}


@torch.inference_mode()
def measures(state: TrainingState, load: Load, samples: np.ndarray | None) -> dict[str, float]:
    """What vae.metrics says of the reconstructions from mu of the images of `to_measure`.

    And of samples, uint8 (N, H, W, C), if any were drawn.
    """
    data, model = to_measure(state), state.shown
    errors, means, originals, made = [], [], [], []
    with metrics.dead_channels(model) as share_of_dead:
        for indices in _batches(state, data):
            x = load(data, indices)
            mu, _logvar = model.encode(x)
            recon = model.decode(mu).float()
            errors.append((recon - x).square().flatten(1).mean(1).cpu())
            means.append(mu.float().cpu())
            originals.append(to_bytes(x))
            made.append(to_bytes(recon))
        dead = share_of_dead()
    images, recons = np.concatenate(originals), np.concatenate(made)
    few = spread(len(images), MOST_COSTLY)
    similarity = metrics.ssim(images[few], recons[few])
    found = {
        "psnr": float(np.mean([metrics.psnr(mse) for mse in torch.cat(errors).tolist()])),
        "active_units": float(metrics.active_units(torch.cat(means))),
        "sharpness": metrics.sharpness_ratio(recons[few], images[few]),
        "checkerboard": metrics.checkerboard(recons[few], images[few]),
        "dead_channels": dead,
    }
    if similarity is not None:
        found["ssim"] = similarity
    if samples is not None:
        found["swd"] = metrics.sliced_wasserstein(samples, images)
    return found


def _batches(state: TrainingState, data: MedicalImageDataset) -> Iterator[np.ndarray]:
    """Indices, a training batch at a time: what fits into memory with gradients fits without."""
    size = state.config.batch_size
    state.shown.eval()
    for start in range(0, len(data), size):
        yield np.arange(start, min(start + size, len(data)))
