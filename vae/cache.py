"""Decoded images on disk, so that no later epoch and no later run decodes them again.

One file for each folder of images, img_size and in_channels, in the user's cache folder, for its
owner alone. It holds pixels but no names: an image is known by a digest of its name, size and time
of change. All of it can be made again, so whoever deletes it loses nothing but time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import secrets
import shutil
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import platformdirs

from vae.files import APP, atomic_write, make_folder, size_words
from vae.language import _, ngettext

SUFFIX = ".images"
KEY_SIZE, HASH_SIZE = 16, 32
# Version, images, rows, bytes of the reasons, and the SHA-256 of all between pixels and here.
FOOTER = struct.Struct("<8sQQQ32s")
VERSION = b"VAEIMG 1"
# What a disk keeps free for everything else.
RESERVE = 10**9
ABANDONED_SECONDS = 86400


class CacheRefused(Exception):
    """Decoded images are not kept on disk; the text is the reason."""


@dataclass(frozen=True)
class Index:
    """What is known of the images of a cache file: keys (N, 16), SHA-256 of the content (N, 32).

    rows (N,) gives each image's row of pixels, -1 for one that cannot be used; `reasons` says why,
    one text for each of these, in order.
    """

    keys: np.ndarray
    hashes: np.ndarray
    rows: np.ndarray
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A cache file: its index and its pixels, uint8 (M, H, W, C), mapped and not loaded."""

    index: Index
    pixels: np.ndarray
    path: Path


def image_key(name: str, size: int, mtime: int) -> bytes:
    """A digest of an image's path below its folder, its size and its time of change."""
    text = f"{name}\0{size}\0{mtime}".encode(errors="surrogatepass")
    return hashlib.blake2b(text, digest_size=KEY_SIZE).digest()


def cache_folder() -> Path:
    """Where the decoded images are."""
    return Path(platformdirs.user_cache_dir(APP, appauthor=False)) / "decoded_images"


def stem_of(folder: Path, shape: tuple[int, ...], decoder: str) -> str:
    """How the names of a folder's cache files begin; shape is that of one image."""
    text = f"{os.path.realpath(folder)}\0{shape}\0{decoder}".encode(errors="surrogatepass")
    return hashlib.blake2b(text, digest_size=KEY_SIZE).hexdigest()


def open_newest(stem: str, shape: tuple[int, ...]) -> Entry | None:
    """The newest whole cache file of that name, or None. Others of that name are deleted."""
    found = None
    for path in _named(stem):
        found = found or open_file(path, shape)
        if found is None or found.path != path:
            _delete(path)
    return found


def _named(stem: str) -> list[Path]:
    """The cache files of that name, newest first; none if the folder cannot be looked into."""
    try:
        return [path for path, _size in reversed(cache_files()) if path.name.startswith(stem)]
    except OSError:
        return []  # `new_file` says why


def open_file(path: Path, shape: tuple[int, ...]) -> Entry | None:
    """A cache file, or None if it is not whole or cannot be read."""
    row_size = int(np.prod(shape))
    try:
        with path.open("rb") as file:
            file.seek(-FOOTER.size, os.SEEK_END)
            version, count, rows, reasons, digest = FOOTER.unpack(file.read())
            size = count * (KEY_SIZE + HASH_SIZE + 8) + reasons
            if version != VERSION or file.tell() != rows * row_size + size + FOOTER.size:
                return None
            file.seek(rows * row_size)
            index = file.read(size)
            if hashlib.sha256(index).digest() != digest:
                return None
            pixels = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        now = time.time_ns()
        os.utime(path, ns=(now, now))  # used now: the last to be evicted
    except (OSError, struct.error, ValueError):
        return None
    return Entry(
        _read_index(index, count),
        np.frombuffer(pixels, np.uint8, rows * row_size).reshape(rows, *shape),
        path,
    )


def _read_index(data: bytes, count: int) -> Index:
    hashes, rows, reasons = np.cumsum([KEY_SIZE, HASH_SIZE, 8]) * count
    return Index(
        np.frombuffer(data[:hashes], np.uint8).reshape(count, KEY_SIZE),
        np.frombuffer(data[hashes:rows], np.uint8).reshape(count, HASH_SIZE),
        np.frombuffer(data[rows:reasons], "<i8"),
        tuple(json.loads(data[reasons:])),
    )


@contextlib.contextmanager
def new_file(stem: str, needed: int, limit: int) -> Iterator[tuple[BinaryIO, Path]]:
    """A cache file in the making, whose rows of pixels the block writes, and `write_index` ends.

    `needed` bytes are made room for within `limit` by deleting those used longest ago.
    Raises CacheRefused if that does not go; then no new file stays. Else it takes the place of
    the folder's earlier one.
    """
    folder = cache_folder()
    try:
        make_folder(folder)
        folder.chmod(0o700)
        _remove_abandoned(folder)
        _make_room(stem, needed, limit)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        text = _("{folder} cannot be used ({reason})")
        reason = error.strerror or error
        raise CacheRefused(text.format(folder=folder, reason=reason)) from error
    if free < needed + RESERVE:
        text = _(
            "they take {needed}, and the disk of {folder} has {free} free, of which {reserve} is "
            "left to other things"
        )
        sizes = {"needed": needed, "free": free, "reserve": RESERVE}
        words = {name: size_words(size) for name, size in sizes.items()}
        raise CacheRefused(text.format(folder=folder, **words))
    path = folder / f"{stem}_{secrets.token_hex(4)}{SUFFIX}"
    try:
        with atomic_write(path) as file:
            yield file, path
    except OSError as error:
        text = _("{folder} cannot be written ({reason})")
        reason = error.strerror or error
        raise CacheRefused(text.format(folder=folder, reason=reason)) from error
    for other in _named(stem):
        if other != path:
            _delete(other)


def _make_room(stem: str, needed: int, limit: int) -> None:
    if needed > limit:
        text = _("they take {needed}, more than cache_gb {limit}")
        raise CacheRefused(text.format(needed=size_words(needed), limit=f"{limit / 1e9:g}"))
    files = cache_files()
    total = sum(size for _path, size in files)
    for path, size in files:
        if total + needed <= limit:
            break
        if not path.name.startswith(stem):  # the earlier one of these images is read from now
            total -= size
            _delete(path)


def _remove_abandoned(folder: Path) -> None:
    """Delete what a killed process left half made; another run's is younger."""
    for path in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                path.unlink()


def write_index(file: BinaryIO, index: Index, row_count: int) -> None:
    """End a cache file after its rows of pixels."""
    reasons = json.dumps(index.reasons).encode()
    arrays = (index.keys, index.hashes, index.rows.astype("<i8"))
    data = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays) + reasons
    digest = hashlib.sha256(data).digest()
    file.write(data)
    file.write(FOOTER.pack(VERSION, len(index.keys), row_count, len(reasons), digest))


def cache_files() -> list[tuple[Path, int]]:
    """All cache files with their sizes in bytes, that used longest ago first. Raises OSError.

    None in a folder that may not be looked at.
    """
    folder, found = cache_folder(), []
    for path in folder.glob(f"*{SUFFIX}") if os.path.isdir(folder) else ():
        with contextlib.suppress(FileNotFoundError):  # another run has just deleted it
            facts = path.stat()
            found.append((facts.st_mtime_ns, path, facts.st_size))
    return [(path, size) for _time, path, size in sorted(found)]


def usage_words() -> str:
    """How much room the decoded images take, in a sentence."""
    sizes = [size for _path, size in cache_files()]
    if not sizes:
        return _("No decoded images are kept in {folder}.").format(folder=cache_folder())
    return ngettext(
        "Decoded images of {count} image folder take {size} in {folder}.",
        "Decoded images of {count} image folders take {size} in {folder}.",
        len(sizes),
    ).format(count=len(sizes), size=size_words(sum(sizes)), folder=cache_folder())


def clear() -> list[Path]:
    """Delete all cache files, half-made ones too; a run that makes one then goes on without.

    Returns those that could not be deleted: in use, on Windows.
    """
    files = [*(path for path, _size in cache_files()), *cache_folder().glob("*.tmp")]
    return [path for path in files if not _delete(path)]


def _delete(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
