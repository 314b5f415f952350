"""The images of a run."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vae.decoding import DataError, decode_files
from vae.errors import StopRequested
from vae.events import DataReady, Event, Progress
from vae.files import readable
from vae.groups import groups_of
from vae.images import find_images, none_found
from vae.language import _, number
from vae.reasons import reason_words


class MedicalImageDataset(Dataset[Tensor]):
    """All images of a folder that can be used, decoded once to uint8 (H, W, C).

    Item i is a float tensor (C, H, W) in [-1, 1] (mean 0.5, std 0.5). `fingerprint` names the
    data: it changes with the path below the folder or the content of any file. Up to `cache_bytes`
    of decoded images stay on disk for later runs. Raises DataError when no image can be used,
    OSError when the folder cannot be read, StopRequested when asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        img_size: int,
        in_channels: int,
        cache_bytes: int = 0,
        emit: Callable[[Event], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        files, unreadable = find_images(
            folder, should_stop, lambda count: emit(Progress("scan", count, 0))
        )
        if not files:
            text = none_found(folder, should_stop)
            raise DataError(text, {"file_path": text})
        shape = (img_size, img_size, in_channels)
        decoded = decode_files(folder, files, shape, cache_bytes, emit, should_stop)
        reasons = sorted(decoded.reasons.items())
        self.skipped = (*unreadable, *((folder / files[i].name, reason) for i, reason in reasons))
        if len(reasons) == len(files):
            text = _(
                "None of the {count} images in {folder} can be used. The first, {path}, {reason}. "
                "Choose another folder or mend the files."
            )
            path, reason = readable(folder / files[0].name), reason_words(decoded.reasons[0])
            text = text.format(count=len(files), folder=folder, path=path, reason=reason)
            raise DataError(text, {"file_path": text})
        digest, used = hashlib.sha256(), np.flatnonzero(decoded.rows >= 0)
        for i in used:
            name = files[i].name.encode(errors="surrogatepass")
            digest.update(name + b"\0" + decoded.hashes[i].tobytes())
        self.fingerprint = digest.hexdigest()
        self.folder, self.files = folder, [files[i] for i in used]
        self.hashes = decoded.hashes[used]
        self.pixels, self.rows = decoded.pixels, decoded.rows[used]
        emit(DataReady(len(self), self.skipped))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        """The images of these indices (B,) as uint8 (B, H, W, C), a copy.

        Raises DataError if a file that is not kept decoded has changed.
        """
        return self.pixels[self.rows[indices]]

    def subset(self, indices: np.ndarray) -> MedicalImageDataset:
        """Some of the images, (B,), as a data set of their own that shares the pixels."""
        part = copy.copy(self)
        part.files = [self.files[i] for i in indices]
        part.hashes, part.rows = self.hashes[indices], self.rows[indices]
        return part

    def __getitem__(self, index: int) -> Tensor:
        return to_device(self.batch(np.array([index])), torch.device("cpu"))[0]


def split(
    data: MedicalImageDataset, val_fraction: float, group_pattern: str
) -> tuple[MedicalImageDataset, MedicalImageDataset]:
    """The images for training and those for validation, a share of about val_fraction.

    An image's side follows from its file's content alone, so that it never changes, whatever comes
    or goes beside it, and copies are on one side. Images that match the pattern alike, in their
    path below the folder, follow from what matched: the first group if there is one. Raises
    DataError if one side has no image.
    """
    if not val_fraction:
        return data, data.subset(np.empty(0, np.int64))
    heads = data.hashes[:, :8].copy()
    names = [file.name for file in data.files]
    for i, group in enumerate(groups_of(names, group_pattern)):
        if group:
            digest = hashlib.sha256(group.encode(errors="surrogatepass")).digest()
            heads[i] = np.frombuffer(digest[:8], np.uint8)
    held_back = heads.view(">u8")[:, 0] < val_fraction * 2.0**64
    if held_back.all() or not held_back.any():
        side = _("training") if held_back.all() else _("validation")
        text = _(
            "val_fraction {share}: none of the {count} images is left for {side}. Take more "
            "images, another val_fraction, or a group_pattern that tells more groups apart."
        )
        text = text.format(share=number(val_fraction), count=len(data), side=side)
        raise DataError(text, {"val_fraction": text})
    return data.subset(np.flatnonzero(~held_back)), data.subset(np.flatnonzero(held_back))


# Gives the images of some indices, (B, C, H, W) in [-1, 1].
Load = Callable[[MedicalImageDataset, np.ndarray], Tensor]


def to_device(batch: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (B, H, W, C) to float (B, C, H, W) in [-1, 1] on the device, channels last in memory.

    The bytes travel, and the device scales them: a quarter of the traffic. To CUDA they travel
    from pinned memory, while the device still works on the batch before.
    """
    pixels = torch.from_numpy(batch)
    if device.type == "cuda":
        pixels = pixels.pin_memory()
    pixels = pixels.to(device, non_blocking=True)
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def loader(should_stop: Callable[[], bool]) -> Load:
    """Gives images on the CPU; raises StopRequested once asked to stop."""

    def load(data: MedicalImageDataset, indices: np.ndarray) -> Tensor:
        if should_stop():
            raise StopRequested
        return to_device(data.batch(indices), torch.device("cpu"))

    return load
