"""The trainers that are compared. Each runs in a process of its own and prints one JSON line.

    python -m benchmarks.trainers NAME FOLDER '{"img_size": 128, ...}'

`ours` is the program; `plain` is the ordinary script of the field (Pillow and transforms in a
DataLoader, plain Adam, a blocking torch.save); `bare` is the bare step on a tensor in memory, with
our optimizer; `loading` brings batches to the device and trains nothing; `pythae` is the trainer
of that library, if it is installed, with our network on a tensor in memory, its own loss, and a
checkpoint after each epoch. Each gives the seconds of its epochs, from the end of one to the end
of the next, saving and sampling included; `train` leaves those out.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from vae import cache
from vae.adam import Adam
from vae.allocator import keep_freed_memory
from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset, to_device
from vae.devices import choose_device, choose_threads
from vae.events import EpochDone, Event
from vae.loss import vae_loss
from vae.model import VAE, build_model
from vae.randomness import batch_order
from vae.saving import Saving
from vae.training import run_vae_training

EPOCHS = 3
# Ours runs on until each checkpoint is written over an older one, and then for five more, of which
# the last alone has to wait for its own.
OUR_EPOCHS = 10


def ours(config: TrainConfig) -> dict[str, Any]:
    """The program itself, all its outputs included, with an empty image cache.

    `stalls` are the seconds that a checkpoint kept the loop of each epoch waiting.
    """
    keep_freed_memory()  # as the program does when it starts
    cache.cache_folder = lambda: Path(config.output_dir) / "cache"
    config = dataclasses.replace(config, num_epochs=OUR_EPOCHS)
    ends = [time.perf_counter()]
    trained: list[float] = []
    stalls = [0.0]

    def timed(action: Callable[[Saving], None], begins: bool) -> Callable[[Saving], None]:
        def run(saving: Saving) -> None:
            if begins:
                stalls.append(0.0)  # what is waited for from here belongs to this checkpoint
            began = time.perf_counter()
            action(saving)
            stalls[-1] += time.perf_counter() - began

        return run

    def emit(event: Event) -> None:
        if isinstance(event, EpochDone):
            ends.append(time.perf_counter())
            trained.append(event.record.seconds)

    Saving.begin = timed(Saving.begin, True)  # type: ignore[method-assign, assignment]
    Saving.until_taken_down = timed(Saving.until_taken_down, False)  # type: ignore[method-assign, assignment]
    run_vae_training(config, emit)
    ends[-1] = time.perf_counter()  # the last checkpoint is on disk only now
    epochs = [b - a for a, b in itertools.pairwise(ends)]
    return {"epochs": epochs, "train": trained, "stalls": stalls[1:]}


def plain(config: TrainConfig, workers: int = 0) -> dict[str, Any]:
    """The ordinary script: decode and transform each image in each epoch."""
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    device, dtype = choose_device(config.device, config.precision)
    torch.set_num_threads(choose_threads(config.threads))
    half = [0.5] * config.in_channels
    transform = transforms.Compose(
        [
            transforms.Resize((config.img_size, config.img_size)),
            transforms.ToTensor(),
            transforms.Normalize(half, half),
        ]
    )
    paths = sorted(Path(config.file_path).rglob("*.jpg"))

    class Images(Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> torch.Tensor:
            with Image.open(paths[index]) as image:
                pixels: torch.Tensor = transform(image.convert("RGB"))
            return pixels

    model = build_model(config).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    loader = DataLoader(Images(), config.batch_size, shuffle=True, num_workers=workers)
    epochs, trained = [], []
    for _ in range(EPOCHS):
        began, total = time.perf_counter(), 0.0
        for batch in loader:
            x = batch.to(device)
            optimizer.zero_grad()
            total += _step(config, model, optimizer, scaler, x, dtype).item()
        trained.append(time.perf_counter() - began)
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(state, Path(config.model_save_dir) / "plain.pt")
        epochs.append(time.perf_counter() - began)
    return {"epochs": epochs, "train": trained}


def loading(config: TrainConfig) -> dict[str, Any]:
    """Batches as training gets them, from the cache to the device."""
    device, _dtype = choose_device(config.device, config.precision)
    torch.set_num_threads(choose_threads(config.threads))
    cache.cache_folder = lambda: Path(config.output_dir) / "cache"
    data = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels, 10**9)
    epochs = []
    for number in range(EPOCHS):
        began, order = time.perf_counter(), batch_order(config.seed, number, len(data))
        for start in range(0, len(data), config.batch_size):
            x = to_device(data.batch(order[start : start + config.batch_size]), device)
        x.sum().item()  # the device has all of them
        epochs.append(time.perf_counter() - began)
    return {"epochs": epochs, "train": epochs}


def bare(config: TrainConfig) -> dict[str, Any]:
    """Steps on images that lie ready as a float tensor, with our optimizer and memory layout."""
    device, dtype = choose_device(config.device, config.precision)
    torch.set_num_threads(choose_threads(config.threads))
    data = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels)
    images = to_device(data.batch(np.arange(len(data))), device)
    model = build_model(config).to(device).to(memory_format=torch.channels_last)
    optimizer = Adam(model.parameters(), config.lr)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    trained = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        for x in torch.split(images[torch.randperm(len(images))], config.batch_size):
            optimizer.zero_grad()
            loss = _step(config, model, optimizer, scaler, x, dtype)
        loss.item()
        trained.append(time.perf_counter() - began)
    return {"epochs": trained, "train": trained}


def pythae(config: TrainConfig) -> dict[str, Any]:
    """The trainer of pythae (Chadebec et al., 2022)."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE as PythaeVAE
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    torch.set_num_threads(choose_threads(config.threads))
    data = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels)
    images = to_device(data.batch(np.arange(len(data))), torch.device("cpu")).contiguous()
    network = build_model(config)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList([network.encoder, network.fc_mu, network.fc_logvar])

        def forward(self, x: torch.Tensor) -> Any:
            h = self.parts[0](x).flatten(1)
            return ModelOutput(embedding=self.parts[1](h), log_covariance=self.parts[2](h))

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList([network.fc_decode, network.decoder])

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(
                reconstruction=self.parts[1](self.parts[0](z).unflatten(1, network.top))
            )

    class Clock(TrainingCallback):  # type: ignore[misc]
        begins: ClassVar[list[float]] = []
        trained: ClassVar[list[float]] = []

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.begins.append(time.perf_counter())

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.trained.append(time.perf_counter() - self.begins[-1])

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.begins.append(time.perf_counter())

    shape = (config.in_channels, config.img_size, config.img_size)
    model = PythaeVAE(
        VAEConfig(input_dim=shape, latent_dim=config.latent_dim), Encoder(), Decoder()
    )
    settings = BaseTrainerConfig(
        output_dir=config.model_save_dir, num_epochs=EPOCHS, learning_rate=config.lr,
        per_device_train_batch_size=config.batch_size, steps_saving=1, keep_best_on_train=True,
    )  # fmt: skip
    dataset = BaseDataset(images, torch.zeros(len(images)))
    BaseTrainer(model, dataset, None, settings, [Clock()]).train()
    # The last epoch's end is not seen apart from the final model's saving: it is left out.
    epochs = [b - a for a, b in itertools.pairwise(Clock.begins)]
    return {"epochs": epochs[:-1], "train": Clock.trained[:-1]}


def _step(
    config: TrainConfig,
    model: VAE,
    optimizer: torch.optim.Optimizer | Adam,
    scaler: torch.amp.GradScaler,
    x: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        recon, mu, logvar = model(x)
    loss = vae_loss(recon, x, mu, logvar, config).total
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)  # type: ignore[arg-type]
    scaler.update()
    return loss


def peak_memory() -> int:
    """The process's peak resident memory in bytes, 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Run one trainer."""
    name, folder, values = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        config = TrainConfig(
            file_path=folder,
            log_file=f"{place}/log.csv",
            model_save_dir=place,
            output_dir=f"{place}/output",
            **json.loads(values),
        )
        result = {
            "ours": lambda: ours(config),
            "plain": lambda: plain(config),
            "plain, 2 workers": lambda: plain(config, workers=2),
            "bare": lambda: bare(config),
            "loading": lambda: loading(config),
            "pythae": lambda: pythae(config),
        }[name]()
    result["memory"] = peak_memory()
    if torch.cuda.is_available():
        result["gpu_memory"] = torch.cuda.max_memory_allocated()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
