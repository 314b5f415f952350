"""Image quality: fixed weights, balanced ones and the recommended preset, beside pythae.

    python -m benchmarks.quality [FOLDER ...] [--seeds 2] [--steps 2500] [--img_size 64]
        [--latent_dim 128] [--in_channels 3] [--threads 0] [--only METHOD ...] [--json FILE]
        [--pictures FOLDER]

All methods train the same network on the same images for the same number of steps, and are
measured on the same held-out tenth. Without a folder they take the demo set. Unless in_channels
is given, grey images are trained with one channel; the published settings use three for all. The
JSON file gets each run's figures at once, and runs that it holds are not made again. Named by
--only, networks that were not taken are trained too: "auto, lr 0.001, GroupNorm". pythae
(Chadebec et al., "Pythae: Unifying Generative Autoencoders in Python", 2022) takes part if it is
installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.__main__ import machine
from benchmarks.networks import with_group_norm, with_residual_blocks
from vae import samplers
from vae.config import TrainConfig, Value
from vae.dataset import MedicalImageDataset, split, to_device
from vae.demo import make_demo_data
from vae.devices import choose_threads
from vae.grid import image_grid
from vae.metrics import active_units, checkerboard, psnr, sharpness_ratio, sliced_wasserstein, ssim
from vae.model import build_model, initialize
from vae.presets import built_in
from vae.randomness import generator
from vae.samples import fixed_latents, to_bytes, write_png
from vae.state import load_model
from vae.training import run_vae_training

SIZE = ("img_size", "latent_dim")
SHAPE = (*SIZE, "in_channels")
RECOMMENDED = {n: v for n, v in built_in()[1].values.items() if n not in (*SIZE, "num_epochs")}
OURS: dict[str, dict[str, Value]] = {
    "fixed": {}, "auto": {"kl_balance": "auto"}, "recommended": RECOMMENDED,
    "fixed, gamma 0": {"gamma": 0.0}, "auto, gamma 0": {"gamma": 0.0, "kl_balance": "auto"},
    "fixed, lr 0.001": {"lr": 0.001}, "auto, lr 0.001": {"lr": 0.001, "kl_balance": "auto"},
    "auto, upsample": {"kl_balance": "auto", "decoder": "upsample"},
    "recommended, upsample": {**RECOMMENDED, "decoder": "upsample"},
}  # fmt: skip
# Networks that were not taken, and what there is beside them; trained only if named by --only.
TRIED = {"GroupNorm": with_group_norm, "residual": with_residual_blocks}
BASES: dict[str, dict[str, Value]] = {
    "auto, lr 0.001": OURS["auto, lr 0.001"],
    "auto, lr 0.001, gamma 0": {**OURS["auto, lr 0.001"], "gamma": 0.0},
}
NOT_TAKEN = {
    "auto, lr 0.001, gamma 0": BASES["auto, lr 0.001, gamma 0"],
    "auto, lr 0.001, upsample": {**OURS["auto, lr 0.001"], "decoder": "upsample"},
    **{f"{base}, {name}": values for base, values in BASES.items() for name in TRIED},
}
# pythae's default learning rate, 0.0001, gives its models worse figures than this one of ours.
PYTHAE_LR = 0.001
THEIRS = ("pythae VAE", "pythae BetaVAE", "pythae RAE_L2")
BETA = 0.1  # of BetaVAE: at pythae's default of 1 it is the VAE
VAL_FRACTION = 0.1
SAMPLES, SHOWN = 512, 8
FIGURES = ("psnr", "psnr_of_mean", "ssim", "sharpness", "checkerboard", "swd_prior", "swd_gmm")


class Task(NamedTuple):
    """Images (N, C, H, W) in [-1, 1], split alike for all methods, and what all runs share."""

    name: str
    training: torch.Tensor
    validation: torch.Tensor
    shared: dict[str, Any]
    steps: int

    @property
    def epochs(self) -> int:
        """As many as come nearest to the number of steps."""
        batches = -(-len(self.training) // TrainConfig.batch_size)
        return max(1, round(self.steps / batches))

    def config(self, seed: int, place: str, **values: Any) -> TrainConfig:
        """That of a run into a folder."""
        own = {
            "num_epochs": self.epochs, "seed": seed, "val_fraction": VAL_FRACTION,
            "keep_checkpoints": 1, "checkpoint_every": self.epochs, "sample_every": self.epochs,
            "log_file": f"{place}/log.csv", "model_save_dir": f"{place}/checkpoints",
            "output_dir": f"{place}/output",
        }  # fmt: skip
        return TrainConfig(**{**own, **self.shared, **values})


class Network(NamedTuple):
    """What a method trained, for images in [-1, 1], and whether N(0, I) is its prior."""

    encode: Callable[[torch.Tensor], torch.Tensor]
    decode: Callable[[torch.Tensor], torch.Tensor]
    has_prior: bool


def main() -> None:
    """Measure, print a table, write JSON and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--img_size", type=int, default=64)
    parser.add_argument("--latent_dim", type=int, default=128)
    parser.add_argument("--in_channels", type=int, choices=(1, 3), help="default: the images' own")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--only", nargs="+", default=[], metavar="METHOD")
    parser.add_argument("--json", type=Path, default=Path("quality.json"))
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    methods = [*OURS, *(THEIRS if find_spec("pythae") else ())]
    if options.only:
        methods = [name for name in (*methods, *NOT_TAKEN) if name in options.only]
    torch.set_num_threads(choose_threads(options.threads))
    rows: list[dict[str, Any]] = []
    if options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
        if not all(set(SHAPE) <= row.keys() for row in rows):
            parser.error(f"{options.json} is of an earlier version of this script: name another.")
    print(machine(torch), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folders = options.folders or [Path(place) / "demo"]
        if not options.folders:
            make_demo_data(folders[0], 256, 256)
        for folder in folders:
            size = options.img_size, options.latent_dim, options.in_channels
            task = task_of(folder, *size, options.steps, options.threads)
            for seed in range(options.seeds):
                for method in methods:
                    key = {"data": task.name, "method": method, "seed": seed, "steps": task.steps}
                    key |= {name: task.shared[name] for name in SHAPE}
                    if any(key.items() <= row.items() for row in rows):
                        continue
                    rows.append({**key, **run(task, method, seed, options.pictures)})
                    print(rows[-1], file=sys.stderr, flush=True)
                    text = json.dumps(rows, indent=1) + "\n"
                    options.json.write_text(text, encoding="utf-8")
    print("\n".join(table(rows)))


def task_of(
    folder: Path, img_size: int, latent_dim: int, in_channels: int | None, steps: int, threads: int
) -> Task:
    """Without in_channels grey images if those of the folder are."""
    if in_channels is None:
        colour = MedicalImageDataset(folder, img_size, 3)
        pixels = colour.batch(np.arange(len(colour)))
        in_channels = 1 if (pixels[..., :1] == pixels).all() else 3
    data = MedicalImageDataset(folder, img_size, in_channels)
    training, validation = (
        to_device(part.batch(np.arange(len(part))), torch.device("cpu")).contiguous()
        for part in split(data, VAL_FRACTION, "")
    )
    shared = {
        "file_path": str(folder), "in_channels": in_channels, "img_size": img_size,
        "latent_dim": latent_dim, "threads": threads,
    }  # fmt: skip
    return Task(folder.name, training, validation, shared, steps)


def run(task: Task, method: str, seed: int, pictures: Path | None) -> dict[str, Any]:
    """Train by a method, and measure."""
    began = time.process_time()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        train = train_pythae if method in THEIRS else train_ours
        network = train(task, method, seed, place)
        seconds = time.process_time() - began
        with torch.inference_mode():
            found, images = measure(task, network, seed)
    if pictures and seed == 0:
        name = f"{task.name} {task.shared['img_size']} {method}.png".replace(" ", "_")
        write_png(pictures / name, image_grid(images, SHOWN))
    return {**found, "cpu_seconds": round(seconds)}


def measure(task: Task, network: Network, seed: int) -> tuple[dict[str, float], np.ndarray]:
    """Figures, and images in rows: originals, reconstructions, samples of each sampler."""
    step = max(1, len(task.training) // samplers.MOST_IMAGES)
    codes = _in_batches(network.encode, task.training[::step])
    made = _in_batches(network.decode, _in_batches(network.encode, task.validation))
    errors = (made - task.validation).square().flatten(1).mean(1)
    found: dict[str, float] = {
        "psnr": statistics.fmean(psnr(mse) for mse in errors.tolist()),
        "psnr_of_mean": psnr(float(errors.mean())),
        "ssim": ssim(task.validation, made),
        "sharpness": sharpness_ratio(made, task.validation),
        "checkerboard": checkerboard(made),
        "active_units": active_units(codes),
    }
    rows = [task.validation[:SHOWN], made[:SHOWN]]
    for kind in ("prior", "gmm") if network.has_prior else ("gmm",):
        random = generator(seed, "quality")
        latents = fixed_latents(SAMPLES, codes.shape[1], random)
        if kind == "gmm":
            latents = samplers.fit(kind, codes.numpy(), seed).draw(SAMPLES, 1.0, random)
        drawn = _in_batches(network.decode, latents)
        found[f"swd_{kind}"] = 127.5 * sliced_wasserstein(drawn, task.validation, 0)
        rows.append(drawn[:SHOWN])
    return found, to_bytes(torch.cat(rows))


def _in_batches(
    function: Callable[[torch.Tensor], torch.Tensor], tensor: torch.Tensor
) -> torch.Tensor:
    return torch.cat([function(part) for part in torch.split(tensor, 64)]).float()


def train_ours(task: Task, method: str, seed: int, place: str) -> Network:
    """By the program itself, whose network is another in a method of such a name."""
    build = TRIED.get(method.rpartition(", ")[2], build_model)
    with patch("vae.state.build_model", build):
        run_vae_training(task.config(seed, place, **{**OURS, **NOT_TAKEN}[method]))
        model = load_model(Path(place) / "checkpoints", print).model
    return Network(lambda x: model.encode(x)[0], model.decode, True)


def train_pythae(task: Task, method: str, seed: int, place: str) -> Network:
    """By pythae, as its documentation has it: images in [0, 1], its own losses and trainers."""
    from pythae import models, trainers
    from pythae.pipelines import TrainingPipeline

    from benchmarks.pythae_parts import parts

    torch.manual_seed(seed)
    config = task.config(seed, place)
    network = build_model(config)
    initialize(network, generator(seed, "weights"))
    name = method.removeprefix("pythae ")
    has_prior = name != "RAE_L2"
    shape = {"input_dim": tuple(task.training.shape[1:]), "latent_dim": config.latent_dim}
    beta = {"beta": BETA} if name == "BetaVAE" else {}
    model_config = getattr(models, f"{name}_Config" if name == "RAE_L2" else f"{name}Config")
    encoder, decoder = parts(network, has_prior)
    model = getattr(models, name)(model_config(**shape, **beta), encoder, decoder)
    common = {
        "output_dir": place, "num_epochs": task.epochs, "seed": seed,
        "per_device_train_batch_size": config.batch_size, "no_cuda": True,
    }  # fmt: skip
    settings = trainers.BaseTrainerConfig(**common, learning_rate=PYTHAE_LR)
    if name == "RAE_L2":
        settings = trainers.CoupledOptimizerTrainerConfig(
            **common, encoder_learning_rate=PYTHAE_LR, decoder_learning_rate=PYTHAE_LR
        )
    TrainingPipeline(model=model, training_config=settings)((task.training + 1) / 2)
    model.eval()
    return Network(
        lambda x: model.encoder((x + 1) / 2).embedding,
        lambda z: 2 * model.decoder(z).reconstruction - 1,
        has_prior,
    )


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Means over seeds, with the lowest and the highest, as a Markdown table."""
    lines = [
        "| data, size / latent / channels, steps | method | " + " | ".join(FIGURES) + " |",
        "|" + "---|" * (len(FIGURES) + 2),
    ]
    places = ("data", *SHAPE, "steps", "method")
    for key in dict.fromkeys(tuple(row[name] for name in places) for row in rows):
        same = [row for row in rows if tuple(row[name] for name in places) == key]
        cells = []
        for figure in FIGURES:
            values = [row[figure] for row in same if figure in row]
            spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.4g}{spread}" if values else "")
        data, size, latent, channels, steps, method = key
        where = f"{data}, {size} / {latent} / {channels}, {steps}"
        lines.append(f"| {where} | {method} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
