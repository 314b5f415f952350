"""Checkpoints: safetensors files with a JSON record and a SHA-256. No pickle, and no torch here.

A checkpoint is a safetensors file (any tool opens it) whose last tensor, `sha256`, holds the
digest of all bytes before it. The record stands as JSON in the header's `__metadata__`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vae.config import MAX_PARAMETERS
from vae.errors import StudioError
from vae.files import (
    CHECKPOINT_NAME,
    DAMAGED_SUFFIX,
    SPARE_NAME,
    atomic_write,
    checkpoint_name,
    listed,
    replace,
    sync_folder,
)
from vae.header import (
    DIGEST_SIZE,
    MAX_HEADER,
    DamagedError,
    Entry,
    Header,
    Record,
    VersionError,
    header_bytes,
    read_header,
)
from vae.language import _, marked

CHUNK = 1 << 20
WRONG_DIGEST = marked("its content does not match its checksum")
# Formats of others that hold pickles, which run code when they are read.
PICKLED = (".pt", ".pth", ".ckpt", ".pkl")

# The tensors that a file must hold, by name.
Layout = Mapping[str, Entry]


def bytes_a_weight(averaged: bool) -> int:
    """The weight itself, Adam's two moments, and its average, four bytes each."""
    return 16 if averaged else 12


# Beside the tensors of the largest network there is room for the header and running sums.
MAX_FILE = bytes_a_weight(averaged=True) * MAX_PARAMETERS + 2 * MAX_HEADER


class CheckpointError(StudioError):
    """A checkpoint that cannot be continued from; the text says what is safe and what to do."""


class NonFiniteError(Exception):
    """The named tensor holds NaN or infinity; a checkpoint never does."""


class MismatchError(CheckpointError):
    """A checkpoint of another architecture or data set. `problems` maps fields to messages."""

    def __init__(self, message: str, problems: Mapping[str, str]) -> None:
        super().__init__(message)
        self.problems = dict(problems)


class Draft:
    """A checkpoint whose content is written, but not yet verified, durable or named.

    Writing into the system's file cache takes a fraction of the time that hashing and fsync take;
    once the draft is made, the training may change the tensors. Where it can, it is written over
    the checkpoint pruned last, whose room in that cache is still there: up to ten times faster than
    making new room.
    """

    def __init__(self, folder: Path, tensors: Mapping[str, np.ndarray], record: Record) -> None:
        """Write everything but the digest. Tensors are float32 or float64. Raises OSError."""
        self.folder = folder
        taken = max((number for number, _path in _numbered(folder, damaged=True)), default=0)
        self.path = folder / checkpoint_name(taken + 1, len(record.history))
        arrays = {name: tensors[name] for name in sorted(tensors)}
        self.parts = [(name, array.dtype, array.nbytes) for name, array in arrays.items()]
        entries = {name: Entry(array.dtype.str, array.shape) for name, array in arrays.items()}
        header = header_bytes(entries, record)
        self.header_size = len(header)
        with contextlib.ExitStack() as stack:
            self.file = stack.enter_context(atomic_write(self.path, over=folder / SPARE_NAME))
            self.file.write(header)
            for array in arrays.values():
                # Copied one at a time, if it has another order in memory than in a file.
                content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
                # In pieces: measured beside one long write, a window's loop was late by up to
                # 0.7 s, beside these by 0.2 s.
                for start in range(0, content.size, CHUNK):
                    self.file.write(content[start : start + CHUNK].data)
            self.file.flush()
            self.rest = stack.pop_all()

    def finish(self, keep: int, best: int | None = None) -> Path:
        """Add the digest, make the file durable, then give up all but the newest `keep`.

        That of the epoch `best` stays too. Raises NonFiniteError if a tensor holds NaN or
        infinity, and OSError; then nothing stays.
        """
        with self.rest:
            digest = hashlib.sha256()
            self.file.seek(0)
            digest.update(self.file.read(self.header_size))
            for name, dtype, size in self.parts:
                for start in range(0, size, CHUNK):
                    wanted = min(CHUNK, size - start)
                    chunk = self.file.read(wanted)
                    if len(chunk) < wanted:
                        problem = _("the file is shorter than what was written")
                        raise OSError(errno.EIO, problem)
                    digest.update(chunk)
                    if not np.isfinite(np.frombuffer(chunk, dtype)).all():
                        raise NonFiniteError(name)
            self.file.write(digest.digest())
            self.file.truncate()
        kept = None if best is None else of_epoch(self.folder, best)
        for _number, old in checkpoint_files(self.folder)[keep:]:
            if old == kept:
                continue
            # One that another program holds open on Windows is given up after a later save.
            with contextlib.suppress(OSError):
                replace(old, self.folder / SPARE_NAME)
        with contextlib.suppress(OSError):
            # The name must be gone for good before the content is.
            sync_folder(self.folder)
        return self.path


def load(
    path: Path, layout: Callable[[Record], Layout | None] | None = None
) -> tuple[dict[str, np.ndarray], Record]:
    """Read a checkpoint into memory, piece by piece, never from a live map.

    `layout` gives the tensors that a record's network has, or None if it is not the network asked
    for; then only the digest is verified, and no tensors are returned. So that nothing larger than
    that network is ever held. Without `layout`, whatever the file holds is read.
    Raises DamagedError if the file is not whole, holds other tensors, or one that is not finite;
    CheckpointError if another version wrote it; OSError.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedError(_("it is not a file"))  # and to open it could take for ever
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE:
            raise DamagedError(_("it is larger than any checkpoint of VAE Studio"))
        try:
            header = read_header(file, size)
        except VersionError:
            # It may only say so because a bit has flipped.
            _verify(file, size)
            raise _of_another_version(path) from None
        wanted = layout(header.record) if layout else header.entries
        if wanted is None:
            _verify(file, size)
            return {}, header.record
        if header.entries != wanted:
            raise DamagedError(_("its tensors are not those of its network"))
        return _read_tensors(file, header), header.record


def verify(path: Path) -> Record:
    """The record of a checkpoint whose digest is right, read in little memory; else like `load`."""
    return load(path, lambda record: None)[1]


def _of_another_version(path: Path) -> CheckpointError:
    text = _(
        "{path} was written by another version of VAE Studio. It was left untouched: use that "
        "version, choose another checkpoint folder, or start fresh."
    )
    return CheckpointError(text.format(path=path))


def _read_tensors(file: BinaryIO, header: Header) -> dict[str, np.ndarray]:
    digest = hashlib.sha256(header.raw)
    tensors = {}
    for name, entry in header.entries.items():
        tensors[name] = np.empty(entry.shape, entry.dtype)
        content = tensors[name].reshape(-1).view(np.uint8).data
        for start in range(0, entry.size, CHUNK):
            piece = content[start : start + CHUNK]
            if file.readinto(piece) < len(piece):  # type: ignore[attr-defined]
                raise DamagedError(_("it is cut short"))
            digest.update(piece)
    if digest.digest() != file.read(DIGEST_SIZE + 1):
        raise DamagedError(_(WRONG_DIGEST))
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise DamagedError(_("its tensor {name} is not finite").format(name=name))
    return tensors


def _verify(file: BinaryIO, size: int) -> None:
    """Hold a whole file against its digest, in little memory. Raises DamagedError."""
    file.seek(0)
    digest, left = hashlib.sha256(), size - DIGEST_SIZE
    while left > 0 and (piece := file.read(min(CHUNK, left))):
        digest.update(piece)
        left -= len(piece)
    if digest.digest() != file.read(DIGEST_SIZE + 1):
        raise DamagedError(_(WRONG_DIGEST))


def peek(folder: Path) -> tuple[Path, Record] | None:
    """The newest readable checkpoint of a folder and its record, or None if there is none.

    For showing only: reads headers, verifies no digest, changes nothing. Raises OSError, and
    CheckpointError if another version wrote it.
    """
    for _number, path in checkpoint_files(folder):
        with path.open("rb") as file:
            try:
                return path, read_header(file, os.fstat(file.fileno()).st_size).record
            except DamagedError:
                continue
            except VersionError:
                raise _of_another_version(path) from None
    return None


def load_newest(
    folder: Path,
    warn: Callable[[str], None],
    layout: Callable[[Record], Layout | None] | None = None,
) -> tuple[Path, dict[str, np.ndarray], Record] | None:
    """The newest intact checkpoint, or None if the folder never had one.

    Damaged ones are set aside under `.bad` and named, with the one taken instead, through `warn`.
    `layout` as for `load`. Raises CheckpointError when all are damaged, or when there are only
    files that may not be read: a run is never silently started over. Raises OSError.
    """
    damaged: Path | None = None  # the newest that is
    for _number, path in _numbered(folder, damaged=False):
        try:
            tensors, record = load(path, layout)
        except DamagedError as error:
            aside, damaged = path, damaged or path
            while aside.exists():  # an earlier one, whose copy from a backup is damaged too
                aside = aside.with_name(aside.name + DAMAGED_SUFFIX)
            replace(path, aside)
            text = _("Checkpoint {path} is damaged: {reason}. It was set aside as {aside}.")
            warn(text.format(path=path, reason=error, aside=aside.name))
            continue
        if damaged:
            text = _("Continuing from the older checkpoint {older}, since {damaged} is damaged.")
            warn(text.format(older=path.name, damaged=damaged.name))
        return path, tensors, record
    if damaged or _numbered(folder, damaged=True):
        text = _(
            "All checkpoints in {folder} are damaged; they were set aside as *{suffix}. Nothing "
            "was started over. Put back a copy from a backup, choose another model_save_dir, or "
            "start fresh."
        )
        raise CheckpointError(text.format(folder=folder, suffix=DAMAGED_SUFFIX))
    if pickled := [path.name for path in listed(folder) if path.suffix.lower() in PICKLED]:
        text = _(
            "{folder} holds {name}, a kind of checkpoint that can run foreign code when it is "
            "read. It was not read, and nothing was started: choose another model_save_dir, or "
            "start fresh, which leaves it where it is."
        )
        raise CheckpointError(text.format(folder=folder, name=pickled[0]))
    return None


def checkpoint_files(folder: Path, damaged: bool = False) -> list[tuple[int, Path]]:
    """(sequence number, path) of the checkpoints in a folder, newest first.

    With `damaged`, those that were set aside as such too. What is no file is left out.
    """
    return [(number, path) for number, path in _numbered(folder, damaged) if path.is_file()]


def of_epoch(folder: Path, epoch: int) -> Path | None:
    """The first checkpoint made after an epoch, usually at its end, or None if there is none."""
    named = [(int(CHECKPOINT_NAME.fullmatch(p.name)[2]), p) for _n, p in checkpoint_files(folder)]  # type: ignore[index]  # they match
    return next((path for found, path in reversed(named) if found == epoch), None)


def _numbered(folder: Path, damaged: bool) -> list[tuple[int, Path]]:
    found = []
    for path in listed(folder):
        name = path.name
        while damaged and name.endswith(DAMAGED_SUFFIX):
            name = name.removesuffix(DAMAGED_SUFFIX)
        if match := CHECKPOINT_NAME.fullmatch(name):
            found.append((int(match[1]), path))
    return sorted(found, reverse=True)
