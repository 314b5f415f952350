"""The trainers that are compared. Each runs in a process of its own and prints one JSON line.

    python -m benchmarks.trainers NAME FOLDER '{"img_size": 128, ...}'

`ours` is the program; `plain` is the ordinary script of the field (Pillow and transforms in a
DataLoader, plain Adam, a blocking torch.save); `bare` is the bare step on a tensor in memory, with
our optimizer. Each gives the seconds of its epochs, from the end of one to the end of the next,
saving and sampling included; `train` leaves those out.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset, to_device
from vae.devices import choose_device, choose_threads
from vae.events import EpochDone, Event
from vae.loss import vae_loss
from vae.model import VAE
from vae.state import build_model
from vae.training import run_vae_training

EPOCHS = 3


def ours(config: TrainConfig) -> dict[str, Any]:
    """The program itself, all its outputs included."""
    ends = [time.perf_counter()]
    trained: list[float] = []

    def emit(event: Event) -> None:
        if isinstance(event, EpochDone):
            ends.append(time.perf_counter())
            trained.append(event.record.seconds)

    run_vae_training(config, emit)
    ends[-1] = time.perf_counter()  # the last checkpoint is on disk only now
    return {"epochs": [b - a for a, b in itertools.pairwise(ends)], "train": trained}


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


def bare(config: TrainConfig) -> dict[str, Any]:
    """Steps on images that lie ready as a float tensor, with our optimizer and memory layout."""
    device, dtype = choose_device(config.device, config.precision)
    torch.set_num_threads(choose_threads(config.threads))
    data = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels)
    images = to_device(data.batch(np.arange(len(data))), device)
    model = build_model(config).to(device).to(memory_format=torch.channels_last)
    fused = device.type in ("cpu", "cuda")
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=fused)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    trained = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        for x in torch.split(images[torch.randperm(len(images))], config.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = _step(config, model, optimizer, scaler, x, dtype)
        loss.item()
        trained.append(time.perf_counter() - began)
    return {"epochs": trained, "train": trained}


def _step(
    config: TrainConfig,
    model: VAE,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    x: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        recon, mu, logvar = model(x)
    loss = vae_loss(recon, x, mu, logvar, config).total
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)
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
            num_epochs=EPOCHS,
            **json.loads(values),
        )
        result = {
            "ours": lambda: ours(config),
            "plain": lambda: plain(config),
            "plain, 2 workers": lambda: plain(config, workers=2),
            "bare": lambda: bare(config),
        }[name]()
    result["memory"] = peak_memory()
    if torch.cuda.is_available():
        result["gpu_memory"] = torch.cuda.max_memory_allocated()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
