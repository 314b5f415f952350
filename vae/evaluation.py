"""All that can be measured of a trained network: its losses, reconstructions and samples."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.config import TrainConfig
from vae.dataset import Load, MedicalImageDataset, split, to_device
from vae.decoding import PROGRESS_SECONDS, DataError
from vae.drawing import images_of, sampler_of
from vae.errors import StopRequested
from vae.events import Event, Progress
from vae.fidelity import Prdc, features, features_by, frechet_distance, prdc
from vae.files import atomic_write
from vae.findings import Finding
from vae.grid import GRID_SIDE
from vae.images import evenly_spread
from vae.language import _, marked, number
from vae.loss import kl_per_dimension
from vae.measures import MEASURES
from vae.memorisation import (
    PERCENTILE,
    Memorisation,
    Nearness,
    closest_pairs,
    copies,
    memorisation,
)
from vae.metrics import ROUNDING, bits_per_dimension, iwae_bound
from vae.model import VAE
from vae.randomness import generator
from vae.samplers import latents
from vae.samples import decode_latents
from vae.state import load_model
from vae.validation import LOSSES, MOST_BYTES, batches, measures_of

COUNT, K = 512, 50
NEIGHBOURS = 5
FEWEST_COMPARED = 40  # images: of fewer, which of them are near to a sample is a matter of chance
MOST_BOUNDED = 128  # images whose bound is estimated, k times as dear as a reconstruction
LOSS_LABELS = {
    "loss": marked("Loss"), "reconstruction_loss": marked("Reconstruction loss"),
    "kl_loss": marked("KL loss"), "blur_loss": marked("Blur loss"),
}  # fmt: skip
LOSS_MEANS = {
    "loss": marked("lower is better; compare with the same weights only"),
    "reconstruction_loss": marked("lower is better"),
    "kl_loss": marked("nats of a latent; near 0 it carries nothing, a high one is hard to sample"),
    "blur_loss": marked("lower is better"),
}
PRDC_LABELS = {
    "precision": marked("Precision"), "recall": marked("Recall"), "density": marked("Density"),
    "coverage": marked("Coverage"),
}  # fmt: skip
PRDC_MEANS = {
    "precision": marked("near 1 is best: share of the samples that look like images"),
    "recall": marked(
        "near 1 is best: share of the images that samples look like; blur brings it near 0"
    ),
    "density": marked("near 1 is best: how many images a sample looks like"),
    "coverage": marked("near 1 is best: share of the images with a sample nearby"),
}
NEAREST = {
    "pixels": (
        marked("Nearest training image by pixels"), marked("Unusually near by pixels")
    ),
    "latents": (
        marked("Nearest training image by latents"), marked("Unusually near by latents")
    ),
}  # fmt: skip
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Evaluation:
    """The network after an epoch, measured on so many images and equally many samples.

    images_done: of the next epoch, it had learned from so many too.

    held_out: the images are validation images, or else a part of those it learned from, and the
    numbers are too good. losses and measures have the names of EpochRecord's columns. iwae_bound
    is in nats for an image, iwae_bits in bits for each of its values, of k samples each. prdc is
    None with fewer than FEWEST_COMPARED images; frechet with no more than NEIGHBOURS, or without a
    network for it. pairs are pictures, uint8 (h, w, 3), of the samples nearest to a training image
    above that image: by pixels, and by latents. copies is the finding that they are the same, if
    they seem to be, of FEWEST_COMPARED images or more.
    """

    epoch: int
    images_done: int
    sampler: str
    held_out: bool
    images: int
    samples: int
    losses: dict[str, float]
    measures: dict[str, float]
    kl_per_dimension: tuple[float, ...]
    k: int
    iwae_bound: float
    iwae_bits: float
    prdc: Prdc | None
    frechet: float | None
    memorisation: Memorisation
    copies: Finding | None
    pairs: tuple[np.ndarray, np.ndarray] = field(compare=False, repr=False)


def evaluate(
    folder: Path,
    warn: Callable[[str], None],
    count: int = COUNT,
    k: int = K,
    seed: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    best: bool = False,
    network: Path | None = None,
    emit: Callable[[Progress], object] = lambda progress: None,
) -> Evaluation:
    """Measure the newest checkpoint in a folder, on up to `count` of its run's images.

    Or, with `best`, that of the best epoch. The Fréchet distance of samples takes the features of
    a `network` of the person's own, see vae.fidelity.

    On the validation images, or on a fixed part of the training images without those. The same
    seed gives the same numbers. At every batch how far it is is told through `emit`. Raises
    CheckpointError if there is no checkpoint, DataError if the run's images are gone, NetworkError,
    OSError, and StopRequested at the next batch once asked to stop.
    """
    steps = _Steps(emit, should_stop)
    loaded = load_model(folder, warn, best)
    model, config = loaded.model, loaded.config
    everything = images_of(loaded, should_stop, steps.tell_reading)
    if everything.fingerprint != loaded.record.data:
        warn(_("The images are not those of the training: some were changed, added or removed."))
    training, validation = split(everything, config.val_fraction, config.group_pattern)
    whole = validation if len(validation) else training
    values = config.img_size**2 * config.in_channels
    data = whole.subset(evenly_spread(len(whole), min(count, max(1, MOST_BYTES // values))))

    kind = config.sampler
    try:
        sampler = sampler_of(loaded, kind, folder, warn, lambda: everything, steps.load("encode"))
    except DataError as error:  # the density of the images that it learned from is not to be had
        warn(_("{reason} Here samples are drawn from N(0, I).").format(reason=error))
        kind, sampler = "prior", None
    shape, random = (len(data), config.latent_dim), generator(seed, "samples")
    z = latents(sampler, shape, config.temperature, random)
    drawn = _decoded(model, z, config.batch_size, steps)
    samples, load = to_device(drawn, CPU), steps.load("read")
    images = torch.cat([load(data, indices) for indices in batches(data, config)])
    frechet, enough = None, len(data) >= FEWEST_COMPARED
    if network and len(data) > NEIGHBOURS:
        step = steps.of("features", len(data))
        frechet = frechet_distance(*(features_by(network, x, step) for x in (images, samples)))
    bounded = data.subset(evenly_spread(len(data), MOST_BOUNDED))
    load = steps.load("reconstruct")
    found = measures_of(model, data, config, load, drawn, True, loaded.running_mse)
    mse = found.get("val_reconstruction_loss", 0.0)  # missing where a loss is not finite
    bound = _bound(model, bounded, config, steps, k, seed, mse)
    held_out, load = images if len(validation) else images[:0], steps.load("nearest")
    near = memorisation(
        model,
        samples,
        held_out,
        (load(training, indices) for indices in batches(training, config)),
        config.batch_size,
        steps.of("encode", len(samples) + len(held_out)),
    )
    return Evaluation(
        epoch=loaded.epoch,
        images_done=loaded.record.images_done,
        sampler=kind,
        held_out=len(validation) > 0,
        images=len(data),
        samples=len(samples),
        losses={n.removeprefix("val_"): v for n, v in found.items() if n in LOSSES},
        measures={n: v for n, v in found.items() if n not in LOSSES},
        kl_per_dimension=_kl(model, data, config, steps.load("encode")),
        k=k,
        iwae_bound=bound,
        iwae_bits=bits_per_dimension(bound, values),
        prdc=prdc(features(images), features(samples), NEIGHBOURS) if enough else None,
        frechet=frechet,
        memorisation=near,
        copies=copies(near, config.to_dict()) if enough else None,
        pairs=(_picture(near.pixels, drawn, training), _picture(near.latents, drawn, training)),
    )


class _Steps:
    """How far an evaluation is, told at most four times a second; and where it can be stopped.

    But each phase is told as it begins.
    """

    def __init__(self, emit: Callable[[Progress], object], should_stop: Callable[[], bool]) -> None:
        self.emit, self.should_stop = emit, should_stop
        self.told, self.phase = 0.0, ""

    def of(self, phase: str, total: int, first: int = 0) -> Callable[[int], None]:
        """To be called before each step of a phase with how many are done, beside `first`.

        Raises StopRequested once asked to stop.
        """

        def step(done: int) -> None:
            if self.should_stop():
                raise StopRequested
            now, done = time.monotonic(), first + done
            if phase != self.phase or now - self.told > PROGRESS_SECONDS:
                self.told, self.phase = now, phase
                self.emit(Progress(phase, done, total))

        return step

    def load(self, phase: str) -> Load:
        """Gives images on the CPU; each batch is a step of a phase."""

        def load(data: MedicalImageDataset, indices: np.ndarray) -> torch.Tensor:
            self.of(phase, len(data))(int(indices[0]))
            return to_device(data.batch(indices), CPU)

        return load

    def tell_reading(self, event: Event) -> None:
        """Of what reading the images reports, how far it is: the rest was told by the training."""
        if isinstance(event, Progress):
            self.emit(event)


def _decoded(model: VAE, z: torch.Tensor, batch_size: int, steps: _Steps) -> np.ndarray:
    """Latents (N, latent_dim) as uint8 (N, H, W, C)."""
    step, parts = steps.of("sample", len(z)), []
    for first in range(0, len(z), GRID_SIDE):
        step(first)
        parts.append(decode_latents(model, z[first : first + GRID_SIDE], batch_size))
    return np.concatenate(parts)


@torch.inference_mode()
def _kl(
    model: VAE, data: MedicalImageDataset, config: TrainConfig, load: Load
) -> tuple[float, ...]:
    parts = [model.encode(load(data, indices)) for indices in batches(data, config)]
    mu, logvar = (torch.cat(halves) for halves in zip(*parts, strict=True))
    return tuple(kl_per_dimension(mu, logvar).tolist())


def _bound(
    model: VAE, data: MedicalImageDataset, config: TrainConfig, steps: _Steps, k: int, seed: int,
    mse: float,
) -> float:  # fmt: skip
    """The mean over images, at the variance that is best for all of them together, if known."""
    random, variance = generator(seed, "bound"), mse and max(mse, ROUNDING)
    load, parts = steps.load("bound"), []
    for indices in batches(data, config):
        step = steps.of("bound", len(data), int(indices[0]))
        parts.append(iwae_bound(model, load(data, indices), k, random, variance, step))
    return float(torch.cat(parts).mean())


def _picture(near: Nearness, drawn: np.ndarray, training: MedicalImageDataset) -> np.ndarray:
    originals = training.batch(np.array([pair.image for pair in near.pairs]))
    return closest_pairs(drawn[[pair.sample for pair in near.pairs]], originals)


def facts(found: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data for JSON."""
    memorised = {
        name: {**near._asdict(), "pairs": [pair._asdict() for pair in near.pairs]}
        for name, near in found.memorisation._asdict().items()
    }
    plain = asdict(found)
    del plain["pairs"]
    return {
        **plain,
        "prdc": found.prdc and found.prdc._asdict(),
        "copies": found.copies and found.copies._asdict(),
        "memorisation": memorised,
    }


def rows(found: Evaluation) -> list[tuple[str, str, str]]:
    """An evaluation in words: measure, number with its unit, and what is good."""
    measures, kl = found.measures, np.array(found.kl_per_dimension)
    told = [
        (_(LOSS_LABELS[name]), number(value, ".5g"), _(LOSS_MEANS[name]))
        for name, value in found.losses.items()
    ]
    for measure in MEASURES:
        if measure.name in measures:
            value, words = number(measures[measure.name], measure.form), _(measure.good)
            if measure.name == "active_units":
                value = _("{count} of {total}").format(count=value, total=len(kl))
            if measure.name == "swd":
                text = _("{good}; of {count} samples, each epoch's is of {grid}")
                words = text.format(good=words, count=found.samples, grid=GRID_SIDE**2)
            told.append((_(measure.label), f"{value} {measure.unit}".rstrip(), words))
    span = _("{low} to {high} nats")
    span = span.format(low=number(kl.min(), ".3g"), high=number(kl.max(), ".3g"))
    bits = _("{count} a value").format(count=number(found.iwae_bits))
    told += [
        (_("KL of a latent"), span, _("0 carries nothing")),
        (
            _("IWAE bound, k={k}").format(k=found.k),
            _("{count} nats").format(count=number(found.iwae_bound, ".5g")),
            _("of log p(image), higher is better; a nat is 1.44 bits"),
        ),
        (_("IWAE bound in bits"), bits, _("lower is better")),
    ]
    for name, value in (found.prdc._asdict() if found.prdc else {}).items():
        told.append((_(PRDC_LABELS[name]), number(value, ".3f"), _(PRDC_MEANS[name])))
    if found.prdc is None:
        few = _("not told of fewer than {count} images").format(count=FEWEST_COMPARED)
        told.append((f"{_('Precision')}, {_('Recall')}", "–", few))
    if found.frechet is not None:
        good = _("lower is better; compare at equal numbers of images only")
        told.append((_("Fréchet distance"), number(found.frechet), good))
    for name, near in found.memorisation._asdict().items():
        nearest, copied = NEAREST[name]
        value, good = number(near.median, ".3g"), ""
        if near.held_out_median is not None:
            held_out = number(near.held_out_median, ".3g")
            value = _("{value} (held out {held_out})").format(value=value, held_out=held_out)
            good = _("not far below those held out")
        told.append((_(nearest), value, good))
        if near.share is not None:
            good = _("about {share} % if nothing is copied; of blurred samples far more")
            share = f"{number(100 * near.share, '.3g')} %"
            told.append((_(copied), share, good.format(share=PERCENTILE)))
    return told


def headline(found: Evaluation) -> str:
    """What was measured."""
    text = _(
        "Epoch {epoch}, {images} training images (the numbers are too good), {samples} samples "
        "({sampler})"
    )
    if found.held_out:
        text = _("Epoch {epoch}, {images} held-out images, {samples} samples ({sampler})")
    epoch = str(found.epoch)
    if found.images_done:
        more = _("{epoch} and {count} images of the next")
        epoch = more.format(epoch=epoch, count=found.images_done)
    return text.format(
        epoch=epoch, images=found.images, samples=found.samples, sampler=found.sampler
    )


def table(found: Evaluation) -> str:
    """An evaluation as aligned lines."""
    told = rows(found)
    widths = [max(len(row[i]) for row in told) for i in range(2)]
    lines = [f"{a:{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in told]
    return "\n".join([headline(found), *lines])


def write_evaluation(path: Path, found: Evaluation) -> None:
    """Write an evaluation as CSV, a measure and its value in each row. Raises OSError.

    With the KL divergence of each latent dimension, in nats.
    """
    named: list[tuple[str, object]] = [
        *((n, getattr(found, n)) for n in ("epoch", "images_done", "sampler", "images", "samples")),
        *found.losses.items(),
        *found.measures.items(),
        ("iwae_k", found.k),
        ("iwae_bound", found.iwae_bound),
        ("iwae_bits", found.iwae_bits),
        *(found.prdc._asdict() if found.prdc else {}).items(),
        ("frechet_distance", found.frechet),
    ]
    for space, near in found.memorisation._asdict().items():
        facts = ("median", "held_out_median", "share")
        named += [(f"nearest_by_{space}_{fact}", getattr(near, fact)) for fact in facts]
    named += [(f"kl_{i:04d}", kl) for i, kl in enumerate(found.kl_per_dimension, start=1)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("measure", "value"))
    writer.writerows((name, "" if value is None else value) for name, value in named)
    with atomic_write(path, private=False) as target:
        target.write(file.getvalue().encode())
