"""The images of a run, decoded once and held in memory."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vae.errors import StopRequested, StudioError
from vae.events import DataReady, Event, Progress
from vae.files import readable
from vae.images import SUFFIXES, ImageError, ImageFile, decode_image, find_images


class DataError(StudioError):
    """The image folder cannot be trained on; the text says what to do."""


class MedicalImageDataset(Dataset[Tensor]):
    """All images of a folder, decoded once to uint8 (N, H, W, C).

    Item i is a float tensor (C, H, W) in [-1, 1] (mean 0.5, std 0.5). `fingerprint` names the
    data: it changes with any file's path below the folder or size. Raises DataError when no image
    can be used, OSError when the folder cannot be read, StopRequested when asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        img_size: int,
        in_channels: int,
        emit: Callable[[Event], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        files = find_images(folder, should_stop, lambda count: emit(Progress("scan", count, 0)))
        if not files:
            raise DataError(
                f"No images in {folder}. Looked for {', '.join(SUFFIXES)}, subfolders included. "
                "Choose the folder that holds your images."
            )
        images, reasons = _decode_all(files, img_size, in_channels, emit, should_stop)
        self.skipped = tuple((files[i].path, reason) for i, reason in sorted(reasons.items()))
        good = [i for i in range(len(files)) if i not in reasons]
        if not good:
            path, reason = self.skipped[0]
            raise DataError(
                f"None of the {len(files)} images in {folder} can be used. The first, "
                f"{readable(path)}, {reason}. Choose another folder or mend the files."
            )
        self.images = images[good] if reasons else images
        self.fingerprint = _fingerprint([files[i] for i in good])
        emit(DataReady(len(good), self.skipped))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return to_device(self.images[index : index + 1], torch.device("cpu"))[0]


def to_device(batch: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (B, H, W, C) to float (B, C, H, W) in [-1, 1] on the device, channels last in memory.

    The bytes travel, and the device scales them: a quarter of the traffic.
    """
    return torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def _decode_all(
    files: list[ImageFile],
    size: int,
    channels: int,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> tuple[np.ndarray, dict[int, str]]:
    """Decode with threads. Returns (N, size, size, channels) and why files i cannot be used."""
    images = np.empty((len(files), size, size, channels), np.uint8)
    reasons: dict[int, str] = {}

    def decode(i: int) -> None:
        if should_stop():
            return
        try:
            images[i] = decode_image(files[i].path, size, channels)
        except ImageError as error:
            reasons[i] = str(error)
        except OSError as error:
            reasons[i] = f"cannot be read ({error.strerror})"

    reported = 0.0
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(decode, range(len(files))), start=1):
            if time.monotonic() - reported > 0.25:
                reported = time.monotonic()
                emit(Progress("decode", done, len(files)))
    if should_stop():
        raise StopRequested
    return images, reasons


def _fingerprint(files: list[ImageFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.size}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()
