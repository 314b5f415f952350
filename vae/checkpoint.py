"""Checkpoints: safetensors files with a JSON record and a SHA-256. No pickle, and no torch here.

A checkpoint is a safetensors file (any tool opens it) whose last tensor, `sha256`, holds the
digest of all bytes before it. The record stands as JSON in the header's `__metadata__`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from vae.errors import StudioError
from vae.events import EpochRecord
from vae.files import (
    CHECKPOINT_NAME,
    DAMAGED_SUFFIX,
    SPARE_NAME,
    atomic_write,
    checkpoint_name,
    replace,
    sync_folder,
)

FORMAT = 1
KEY = "vae_studio"
DIGEST = "sha256"
DIGEST_SIZE = 32
# safetensors itself allows no larger header.
MAX_HEADER = 100_000_000
CHUNK = 1 << 20


class CheckpointError(StudioError):
    """A checkpoint that cannot be continued from; the text says what is safe and what to do."""


class DamagedError(Exception):
    """A file that is not whole: cut, changed, or not a checkpoint at all."""


class NonFiniteError(Exception):
    """The named tensor holds NaN or infinity; a checkpoint never does."""


class MismatchError(CheckpointError):
    """A checkpoint of another architecture or data set. `problems` maps fields to messages."""

    def __init__(self, message: str, problems: Mapping[str, str]) -> None:
        super().__init__(message)
        self.problems = dict(problems)


@dataclass(frozen=True)
class Record:
    """All of a run's state that is not a tensor."""

    config: dict[str, Any]
    history: tuple[EpochRecord, ...]
    images_done: int  # of the epoch after the history's last
    seconds: float  # spent in that epoch
    optimizer_steps: int
    scaler: dict[str, Any]
    data: str  # the data set's fingerprint
    images: int
    threads: int
    environment: str  # processor, device, number format, PyTorch
    changes: tuple[str, ...] = ()
    format: int = field(default=FORMAT)


class Draft:
    """A checkpoint whose content is written, but not yet verified, durable or named.

    Writing into the system's file cache takes a fraction of the time that hashing and fsync take,
    and no memory of ours; once the draft is made, the training may change the tensors. Where it
    can, it is written over the checkpoint pruned last, whose room in that cache is still there:
    up to ten times faster than making new room.
    """

    def __init__(self, folder: Path, tensors: Mapping[str, np.ndarray], record: Record) -> None:
        """Write everything but the digest. Tensors are float32 or float64. Raises OSError."""
        self.folder = folder
        taken = max((number for number, _ in checkpoint_files(folder, damaged=True)), default=0)
        self.path = folder / checkpoint_name(taken + 1, len(record.history))
        arrays = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
        self.parts = [(name, array.dtype, array.nbytes) for name, array in arrays.items()]
        header = _header(arrays, record)
        self.header_size = len(header)
        with contextlib.ExitStack() as stack:
            self.file = stack.enter_context(atomic_write(self.path, over=folder / SPARE_NAME))
            self.file.write(header)
            for array in arrays.values():
                # In pieces: measured beside one long write, a window's loop was late by up to
                # 0.7 s, beside these by 0.2 s.
                content = array.reshape(-1).view(np.uint8)
                for start in range(0, content.size, CHUNK):
                    self.file.write(content[start : start + CHUNK].data)
            self.file.flush()
            self.rest = stack.pop_all()

    def finish(self, keep: int) -> Path:
        """Add the digest, make the file durable, then give up all but the newest `keep`.

        Raises NonFiniteError if a tensor holds NaN or infinity, and OSError; then nothing stays.
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
                        raise OSError(errno.EIO, "the file is shorter than what was written")
                    digest.update(chunk)
                    if not np.isfinite(np.frombuffer(chunk, dtype)).all():
                        raise NonFiniteError(name)
            self.file.write(digest.digest())
            self.file.truncate()
        for _, old in checkpoint_files(self.folder)[keep:]:
            # One that another program holds open on Windows is given up after a later save.
            with contextlib.suppress(OSError):
                replace(old, self.folder / SPARE_NAME)
        with contextlib.suppress(OSError):
            # The name must be gone for good before the content is.
            sync_folder(self.folder)
        return self.path


def _header(arrays: Mapping[str, np.ndarray], record: Record) -> bytes:
    """The safetensors header: its length, then JSON, padded to eight bytes."""
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(asdict(record), allow_nan=False)}}
    offset = 0
    for name, array in arrays.items():
        kind = {"<f4": "F32", "<f8": "F64"}[array.dtype.newbyteorder("<").str]
        header[name] = _entry(kind, array.shape, offset, array.nbytes)
        offset += array.nbytes
    header[DIGEST] = _entry("U8", (DIGEST_SIZE,), offset, DIGEST_SIZE)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _entry(kind: str, shape: tuple[int, ...], offset: int, size: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + size]}


def load(path: Path) -> tuple[dict[str, np.ndarray], Record]:
    """Read a checkpoint from bytes, never from a live map, after its digest has been verified.

    Raises DamagedError if it is not whole, CheckpointError if a newer version wrote it, OSError.
    """
    data = path.read_bytes()
    if len(data) < 8 + DIGEST_SIZE:
        raise DamagedError("it is cut short")
    if hashlib.sha256(memoryview(data)[:-DIGEST_SIZE]).digest() != data[-DIGEST_SIZE:]:
        raise DamagedError("its content does not match its checksum")
    try:
        (size,) = struct.unpack("<Q", data[:8])
        record = _parse_record(path, data[8 : 8 + size])
        tensors = safetensors.numpy.load(data)
    except (ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise DamagedError("it is not a checkpoint of VAE Studio") from error
    tensors.pop(DIGEST, None)
    return tensors, record


def _parse_record(path: Path, header: bytes) -> Record:
    facts = json.loads(json.loads(header)["__metadata__"][KEY])
    if facts["format"] > FORMAT:
        raise CheckpointError(
            f"{path} was written by a newer version of VAE Studio. It was left untouched: "
            "update the program, or choose another checkpoint folder."
        )
    facts["history"] = tuple(EpochRecord(**row) for row in facts["history"])
    facts["changes"] = tuple(facts["changes"])
    return Record(**facts)


def peek(folder: Path) -> tuple[Path, Record] | None:
    """The newest readable checkpoint of a folder and its record, or None if there is none.

    For showing only: reads headers, verifies no digest, changes nothing. Raises OSError, and
    CheckpointError if a newer version wrote it.
    """
    for _, path in checkpoint_files(folder):
        with path.open("rb") as file:
            length = file.read(8)
            size = struct.unpack("<Q", length)[0] if len(length) == 8 else MAX_HEADER + 1
            header = file.read(size) if size <= MAX_HEADER else b""
        try:
            return path, _parse_record(path, header)
        except (ValueError, KeyError, TypeError):
            continue
    return None


def load_newest(
    folder: Path, warn: Callable[[str], None]
) -> tuple[Path, dict[str, np.ndarray], Record] | None:
    """The newest intact checkpoint, or None if the folder never had one.

    Damaged ones are set aside under `.bad` and named, with the one taken instead, through `warn`.
    Raises CheckpointError when all are damaged: a run is never silently started over.
    """
    damaged: list[Path] = []
    for _, path in checkpoint_files(folder):
        try:
            tensors, record = load(path)
        except DamagedError as error:
            aside = path.with_name(path.name + DAMAGED_SUFFIX)
            replace(path, aside)
            damaged.append(aside)
            warn(f"Checkpoint {path} is damaged: {error}. It was set aside as {aside.name}.")
            continue
        if damaged:
            warn(f"Continuing from the older checkpoint {path.name} instead.")
        return path, tensors, record
    if damaged or any(checkpoint_files(folder, damaged=True)):
        raise CheckpointError(
            f"All checkpoints in {folder} are damaged; they were set aside as *{DAMAGED_SUFFIX}. "
            "Nothing was started over. Put back a copy from a backup, choose another "
            "model_save_dir, or start fresh."
        )
    return None


def checkpoint_files(folder: Path, damaged: bool = False) -> list[tuple[int, Path]]:
    """(sequence number, path) of the checkpoints in a folder, newest first.

    With `damaged`, those that were set aside as such too.
    """
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        name = path.name.removesuffix(DAMAGED_SUFFIX) if damaged else path.name
        if match := CHECKPOINT_NAME.fullmatch(name):
            found.append((int(match[1]), path))
    return sorted(found, reverse=True)
