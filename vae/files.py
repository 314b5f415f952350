"""The one way that files which must last are written, and the names that files have."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vae.language import number

APP = "vae-studio"  # as the system's folders for settings, data and caches name it
CHECKPOINT_NAME = re.compile(r"checkpoint_(\d{6,})_epoch_(\d{4,})\.safetensors")
SAMPLES_NAME = re.compile(r"samples_epoch_(\d{4,})\.png")
RECONSTRUCTIONS_NAME = re.compile(r"reconstructions_epoch_(\d{4,})\.png")
BETWEEN_NAME = re.compile(r"(samples|reconstructions)_epoch_\d{4,}_image_\d+\.png")
LOSS_CURVE_NAME = "loss_curve.png"
RUN_KEY = "VAE Studio run"  # of a PNG's text that tells pictures of one run from another's
SAMPLER_NAMES = {kind: f"sampler_{kind}.npz" for kind in ("gaussian", "gmm")}
IMAGE_LIST_NAME = ".vae-images.bin"
# In the checkpoints' folder, and as much a run's own.
BESIDE_CHECKPOINTS = (*SAMPLER_NAMES.values(), IMAGE_LIST_NAME)
REPORT_NAME = "report.html"
EVALUATION_NAME = "evaluation.csv"
FIGURE_FORMATS = ("png", "svg", "pdf")
SPARE_NAME = ".vae-spare.tmp"
DAMAGED_SUFFIX = ".bad"
# A virus scanner or an indexer may hold a fresh file for a moment.
WINDOWS_RETRIES = 10


def checkpoint_name(sequence: int, epoch: int) -> str:
    """File name of a checkpoint; the sequence number alone decides which is the newest."""
    return f"checkpoint_{sequence:06d}_epoch_{epoch:04d}.safetensors"


def samples_name(epoch: int, images_done: int = 0) -> str:
    """File name of the sample grid drawn after an epoch, or in the midst of the next one."""
    return f"samples_{_moment(epoch, images_done)}.png"


def reconstructions_name(epoch: int, images_done: int = 0) -> str:
    """File name of the reconstructions made at the same moment."""
    return f"reconstructions_{_moment(epoch, images_done)}.png"


def is_picture(name: str) -> bool:
    """Whether a file is named as the pictures are that training leaves."""
    patterns = (SAMPLES_NAME, RECONSTRUCTIONS_NAME, BETWEEN_NAME)
    return name == LOSS_CURVE_NAME or any(pattern.fullmatch(name) for pattern in patterns)


def drawn_name(sampler: str, temperature: float, seed: int, epoch: int) -> str:
    """File name of a grid drawn with a seed of its own."""
    warmth = "" if temperature == 1 else f"_temperature_{temperature:g}"
    return f"sample_{sampler}{warmth}_seed_{seed}_epoch_{epoch:04d}.png"


def _moment(epoch: int, images_done: int) -> str:
    return f"epoch_{epoch:04d}" + (f"_image_{images_done}" if images_done else "")


def readable(path: Path) -> str:
    """A path for a person: control characters and bytes that are no text are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def safe_name(text: str) -> str:
    """A text as a part of a file name that every system takes: letters, digits, - and _."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in text)
    return kept.strip("_")[:40] or "unnamed"


def identity(path: str | Path) -> tuple[int, int] | str:
    """What a file or folder shares with no other, whichever path leads to it. Raises OSError."""
    facts = os.stat(path)
    # Some network drives number none of their files: by number, all would be one.
    return (facts.st_dev, facts.st_ino) if facts.st_ino else _place(path)


def same_folder(one: Path, other: Path) -> bool:
    """Whether two paths name the same folder, whatever their spelling."""
    try:
        return identity(one) == identity(other)
    except OSError:  # one is not there
        return _place(one) == _place(other)


def _place(path: str | Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def listed(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing if it is none. Raises OSError."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def size_words(count: float) -> str:
    """A number of bytes for a person: "0.4 MB", "459 MB", "1.4 GB"."""
    if count >= 999.5e6:
        return f"{number(count / 1e9, '.1f')} GB"
    return f"{number(count / 1e6, '.0f' if count >= 9.95e6 else '.1f')} MB"


@contextlib.contextmanager
def atomic_write(
    path: Path, private: bool = True, durable: bool = True, over: Path | None = None
) -> Iterator[BinaryIO]:
    """Write a file whole or not at all: a temporary file beside it, fsync, replace, fsync folder.

    When the block ends without an error the new content is on disk, power loss included, as far
    as the file system honours fsync. After an error the old content stands and the temporary file
    is gone. `private` keeps the file from other users (mode 0600). Not `durable` leaves out the two
    fsyncs, for files that can be made again. `over` names a file that may be given up: if it is
    there, the block writes over its content, at the end of which it must truncate. Raises OSError.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".vae-{secrets.token_hex(8)}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    if over is not None and os.path.exists(over):
        # It only saves time: where another program holds it, the file is made anew.
        with contextlib.suppress(OSError):
            replace(over, temporary)
            flags &= ~os.O_EXCL
    try:
        with os.fdopen(os.open(temporary, flags, 0o600 if private else 0o644), "w+b") as file:
            yield file
            file.flush()
            if durable:
                sync(file.fileno())
        replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def replace(source: Path, target: Path) -> None:
    """os.replace, tried again for a second where Windows reports a sharing violation."""
    for attempt in range(WINDOWS_RETRIES):
        try:
            return os.replace(source, target)
        except PermissionError:
            if sys.platform != "win32" or attempt == WINDOWS_RETRIES - 1:
                raise
            time.sleep(0.1)


def sync(descriptor: int) -> None:
    """Have what was written to an open file reach the disk itself. Raises OSError."""
    if sys.platform == "darwin":
        import fcntl

        # There fsync leaves it in the drive's own memory. Not every file system knows better.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a folder's entries last through power loss. Windows has no such call."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder; the file itself was synced.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that they last. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def move_into(folder: Path, source: Path) -> None:
    """Move a file into a folder, which is made, so that the move lasts. Raises OSError."""
    make_folder(folder)
    replace(source, folder / source.name)
    sync_folder(folder)
    sync_folder(source.parent)


@contextlib.contextmanager
def no_leftovers(folder: Path) -> Iterator[None]:
    """However the block ends, no temporary file stays in a folder."""
    try:
        yield
    finally:
        remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a run, or a killed process, left in a folder.

    What cannot be deleted now does no harm, and the next run tries again.
    """
    with contextlib.suppress(OSError):
        for path in folder.glob(".vae-*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()
