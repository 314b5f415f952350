"""The beginning of a checkpoint: which tensors follow, and the record of all that is no tensor.

A checkpoint is a safetensors file; the record stands as JSON in the header's `__metadata__`. What
is read here may come from anywhere, so that nothing is believed before it was looked at.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from vae.config import DEFAULTS, check
from vae.errors import StudioError
from vae.events import EpochRecord

FORMAT = 2
KEY = "vae_studio"
DIGEST = "sha256"
DIGEST_SIZE = 32
# The history of the longest run takes 15 MB, and no JSON of this size 1 GB once it is read.
MAX_HEADER = 20_000_000
MAX_TEXT = 100_000
ITEM_TYPES = {"F32": "<f4", "F64": "<f8", "U8": "|u1"}
SCALER_KEYS = {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}


class DamagedError(Exception):
    """A file that is not whole: cut, changed, or not a checkpoint at all."""


class VersionError(StudioError):
    """A checkpoint of another version of the program."""


class Entry(NamedTuple):
    """A tensor of a file: its item type as NumPy names it, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


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


class Header(NamedTuple):
    """What a file says of itself: its record, its tensors in their order, and its own bytes."""

    record: Record
    entries: dict[str, Entry]
    raw: bytes


def header_bytes(entries: Mapping[str, Entry], record: Record) -> bytes:
    """A safetensors header: its length, then JSON, padded to eight bytes. Adds the digest's entry.

    Tensors follow in the order of the entries.
    """
    facts = {**asdict(record), "history": [astuple(row) for row in record.history]}
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(facts, allow_nan=False)}}
    names = {dtype: name for name, dtype in ITEM_TYPES.items()}
    offset = 0
    for name, entry in {**entries, DIGEST: Entry("|u1", (DIGEST_SIZE,))}.items():
        header[name] = {
            "dtype": names[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [offset, offset + entry.size],
        }
        offset += entry.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def read_header(file: BinaryIO, size: int) -> Header:
    """Read and check the header of an opened file of `size` bytes; the file then stands behind it.

    Whoever gets it may trust the types, the bounds, and that the tensors fill the file exactly.
    Raises DamagedError, and VersionError for a file of another version. Verifies no digest.
    """
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 0 < length <= min(MAX_HEADER, size - 8 - DIGEST_SIZE):
        raise DamagedError("it is cut short, or is not a checkpoint of VAE Studio")
    text = file.read(length)
    try:
        facts = _parse(text)
        record = _record(_parse(facts.pop("__metadata__")[KEY]))
        entries = _entries(facts, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError("it is not a checkpoint of VAE Studio") from error
    return Header(record, entries, start + text)


def _parse(text: bytes | str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _entries(facts: dict[str, Any], size: int) -> dict[str, Entry]:
    """The tensors, which must fill `size` bytes without a gap, the digest as the last."""
    entries, offset = {}, 0
    for name, entry in facts.items():
        shape = tuple(_whole(length) for length in entry["shape"])
        found = Entry(ITEM_TYPES[entry["dtype"]], shape)
        if entry.keys() != {"dtype", "shape", "data_offsets"} or len(shape) > 8:
            raise ValueError("not an entry")
        if entry["data_offsets"] != [offset, offset + found.size]:
            raise ValueError("a gap, an overlap, or another order")
        offset += found.size
        entries[name] = found
    if offset != size or entries.pop(DIGEST) != Entry("|u1", (DIGEST_SIZE,)) or name != DIGEST:
        raise ValueError("not the size of the file, or no digest at its end")
    return entries


def _record(facts: dict[str, Any]) -> Record:
    """The record, once each of its parts is what it should be."""
    if _whole(facts["format"]) != FORMAT:
        raise VersionError("was written by another version of VAE Studio")
    if facts.keys() != {part.name for part in fields(Record)}:
        raise ValueError("not the parts of a record")
    images = _whole(facts["images"])
    if _whole(facts["images_done"]) > images:
        raise ValueError("more images than there are")
    scaler = {str(name): _number(value) for name, value in facts["scaler"].items()}
    if scaler and (scaler.keys() != SCALER_KEYS or min(scaler.values()) < 0):
        raise ValueError("not a scaler's state")
    for name in ("threads", "optimizer_steps"):
        _whole(facts[name])
    _number(facts["seconds"])
    history = tuple(_row(row, number) for number, row in enumerate(facts["history"], start=1))
    changes = tuple(_text(change) for change in facts["changes"])
    for name in ("data", "environment"):
        _text(facts[name])
    _check_config(facts["config"])
    return Record(**{**facts, "history": history, "changes": changes})


def _check_config(config: dict[str, Any]) -> None:
    known = {name: config[name] for name in DEFAULTS.keys() & config.keys()}
    if any(type(value) is not type(DEFAULTS[name]) for name, value in known.items()):
        raise ValueError("a hyperparameter of another type")
    if any(not isinstance(value, (int, float, str)) for value in config.values()) or check(known):
        raise ValueError("a hyperparameter that cannot be")


def _row(row: list[Any], number: int) -> EpochRecord:
    record = EpochRecord(*row)
    if (_whole(record.epoch), _whole(record.images) > 0) != (number, True):
        raise ValueError("not the rows of a history")
    for value in row:
        _number(value)
    return record


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("not a whole number")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError("not a text")
    return value
