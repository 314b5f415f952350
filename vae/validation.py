"""How good a network is on images that it does not learn from, after each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from vae.config import TrainConfig
from vae.dataset import Load, MedicalImageDataset, to_device
from vae.images import evenly_spread
from vae.loss import vae_loss
from vae.metrics import (
    SIDE,
    Spread,
    active_units,
    checkerboard,
    dead_share,
    highest_outputs,
    psnr,
    reduced,
    sharpness_ratio,
    sliced_wasserstein,
    ssim,
)
from vae.model import VAE
from vae.randomness import generator
from vae.state import TrainingState

# Images that are measured beyond the losses, at most, and their bytes: they are held together.
MOST_IMAGES, MOST_BYTES = 512, 10**8
# Without validation images so many of the training's: one in so many, but not too few.
ONE_IN, FEWEST = 20, 16
# Images of which structural similarity and spectra are taken, and the values that they hold: both
# they and their reconstructions are in memory as float32.
DETAILED, FEWEST_DETAILED, DETAILED_VALUES = 64, 4, 2**24
LOSSES = ("val_loss", "val_reconstruction_loss", "val_kl_loss", "val_blur_loss")


def measure(state: TrainingState, load: Load, samples: np.ndarray | None) -> dict[str, float]:
    """What is measured after an epoch: on all validation images, or on some of the training's."""
    data = state.validation
    held_out = len(data) > 0
    if not held_out:
        whole = state.data
        data = whole.subset(evenly_spread(len(whole), max(FEWEST, len(whole) // ONE_IN)))
    mse = state.running_mse
    return measures_of(state.shown, data, state.config, load, samples, held_out, mse)


@torch.inference_mode()
def measures_of(
    model: VAE,
    data: MedicalImageDataset,
    config: TrainConfig,
    load: Load,
    samples: np.ndarray | None,
    with_losses: bool,
    running_mse: torch.Tensor | None = None,
) -> dict[str, float]:
    """What vae.metrics says of the reconstructions of images from mu, by EpochRecord's names.

    And, with `with_losses`, the mean losses at the config's full weights, whose noise is the same
    each time. And how far from the images samples are, in grey levels, if any were drawn: uint8
    (N, H, W, C). `load` gives the images of indices. What takes long is measured on some of the
    images. What has no finite value, as the sharpness beside flat images, is left out, and if a
    loss has none, all losses are.
    """
    model.eval()
    count = len(data)
    chosen_ones = evenly_spread(count, most_measured(config))
    measured = np.isin(np.arange(count), chosen_ones)
    in_detail = chosen_ones[evenly_spread(len(chosen_ones), most_detailed(config))]
    detailed = np.isin(np.arange(count), in_detail)
    sums = torch.zeros(len(LOSSES), dtype=torch.float64)
    errors, means, small, originals, made = [], [], [], [], []
    spread = Spread()
    with highest_outputs(model) as highest:
        for indices in batches(data, config):
            x = load(data, indices)
            mu, logvar = model.encode(x)
            if with_losses:
                noise = generator(config.seed, "validation", int(indices[0]))
                recon = model.decode(model.reparameterize(mu, logvar, noise))
                loss = vae_loss(recon, x, mu, logvar, config, running_mse)
                sums += torch.stack(loss[: len(LOSSES)]).cpu() * len(indices)
            chosen = torch.from_numpy(measured[indices])
            if not chosen.any():
                continue
            x, mu = x[chosen.to(x.device)], mu[chosen.to(x.device)]
            recon = model.decode(mu).float()
            errors.append((recon - x).square().flatten(1).mean(1).cpu())
            means.append(mu.float().cpu())
            small.append(reduced(x, SIDE).cpu())
            x = x.cpu()
            spread.add(x)
            closely = torch.from_numpy(detailed[indices])[chosen]
            originals.append(x[closely])
            made.append(recon.cpu()[closely])
    pair = torch.cat(originals), torch.cat(made)
    mses = torch.cat(errors)
    found = {
        "psnr": float(np.mean([psnr(mse) for mse in mses.tolist()])),
        "explained_variance": spread.explained(float(mses.double().mean())),
        "ssim": ssim(*pair),
        "active_units": float(active_units(torch.cat(means))),
        "sharpness": sharpness_ratio(pair[1], pair[0]),
        "checkerboard": checkerboard(pair[1]),
        "dead_channels": dead_share(highest),
    }
    if samples is not None:
        # One at a time: as numbers of the network's kind all of them are large.
        cpu = torch.device("cpu")
        drawn = torch.cat([reduced(to_device(image[None], cpu), SIDE) for image in samples])
        found["swd"] = 127.5 * sliced_wasserstein(drawn, torch.cat(small), config.seed)
    # More digits than a mean of float32 has would be noise.
    found = {name: float(f"{v:.6g}") for name, v in found.items() if math.isfinite(v)}
    if not with_losses or not sums.isfinite().all():
        return found
    return {**dict(zip(LOSSES, (sums / count).tolist(), strict=True)), **found}


def most_measured(config: TrainConfig) -> int:
    """How many images are measured beyond the losses."""
    return max(FEWEST, min(MOST_IMAGES, MOST_BYTES // (config.img_size**2 * config.in_channels)))


def most_detailed(config: TrainConfig) -> int:
    """How many images are measured beyond errors and outputs: fewer the larger they are."""
    return max(
        FEWEST_DETAILED, min(DETAILED, DETAILED_VALUES // (config.img_size**2 * config.in_channels))
    )


def batches(data: MedicalImageDataset, config: TrainConfig) -> Iterator[np.ndarray]:
    """Indices, a training batch at a time: what fits into memory with gradients fits without."""
    for start in range(0, len(data), config.batch_size):
        yield np.arange(start, min(start + config.batch_size, len(data)))
