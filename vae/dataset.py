"""The images of a run, decoded once and held in memory."""

from __future__ import annotations

import hashlib
import math
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
from vae.images import SUFFIXES, ImageError, ImageFile, decode_image, find_images, read_file

PROGRESS_SECONDS = 0.25


class DataError(StudioError):
    """The image folder cannot be trained on; the text says what to do."""


class MedicalImageDataset(Dataset[Tensor]):
    """All images of a folder, decoded once to uint8 (N, H, W, C).

    Item i is a float tensor (C, H, W) in [-1, 1] (mean 0.5, std 0.5). `fingerprint` names the
    data: it changes with the path below the folder or the content of any file. Raises DataError
    when no image can be used or memory does not suffice, OSError when the folder cannot be read,
    StopRequested when asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        img_size: int,
        in_channels: int,
        emit: Callable[[Event], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        files, unreadable = find_images(
            folder, should_stop, lambda count: emit(Progress("scan", count, 0))
        )
        if not files:
            raise DataError(
                f"No images in {folder}. Looked for {', '.join(SUFFIXES)}, subfolders included. "
                "Choose the folder that holds your images."
            )
        decoded = _Decoded(files, img_size, in_channels)
        decoded.fill(emit, should_stop)
        reasons = [(files[i].path, reason) for i, reason in sorted(decoded.reasons.items())]
        self.skipped = (*unreadable, *reasons)
        if len(reasons) == len(files):
            path, reason = reasons[0]
            raise DataError(
                f"None of the {len(files)} images in {folder} can be used. The first, "
                f"{readable(path)}, {reason}. Choose another folder or mend the files."
            )
        self.images, self.fingerprint = decoded.usable()
        emit(DataReady(len(self.images), self.skipped))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return to_device(self.images[index : index + 1], torch.device("cpu"))[0]


def to_device(batch: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (B, H, W, C) to float (B, C, H, W) in [-1, 1] on the device, channels last in memory.

    The bytes travel, and the device scales them: a quarter of the traffic.
    """
    return torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1)


class _Decoded:
    """Files on their way to pixels: what each became, or why it cannot be used."""

    def __init__(self, files: list[ImageFile], size: int, channels: int) -> None:
        self.files, self.size, self.channels = files, size, channels
        shape = (len(files), size, size, channels)
        try:
            self.images = np.empty(shape, np.uint8)
        except MemoryError as error:
            raise DataError(
                f"{len(files):,} images take {math.prod(shape) / 1e9:.1f} GB of memory at "
                f"img_size {size} and in_channels {channels}, more than there is. Take a smaller "
                "img_size, in_channels 1, or fewer images."
            ) from error
        self.hashes = [b""] * len(files)
        self.reasons: dict[int, str] = {}

    def fill(self, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
        """Decode all files with threads. Raises StopRequested."""
        count, reported = len(self.files), 0.0
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            steps = pool.map(lambda i: self._decode(i, should_stop), range(count))
            for done, _ in enumerate(steps, start=1):
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    emit(Progress("decode", done, count))
        if should_stop():
            raise StopRequested

    def _decode(self, i: int, should_stop: Callable[[], bool]) -> None:
        if should_stop():
            return
        try:
            data = read_file(self.files[i])
            self.images[i] = decode_image(data, self.size, self.channels)
            self.hashes[i] = hashlib.sha256(data).digest()
        except ImageError as error:
            self.reasons[i] = str(error)

    def usable(self) -> tuple[np.ndarray, str]:
        """The images that can be used, moved together in place, and their fingerprint."""
        digest = hashlib.sha256()
        good = [i for i in range(len(self.files)) if i not in self.reasons]
        for place, i in enumerate(good):
            if place != i:
                self.images[place] = self.images[i]
            name = self.files[i].name.encode(errors="surrogatepass")
            digest.update(name + b"\0" + self.hashes[i])
        return self.images[: len(good)], digest.hexdigest()
