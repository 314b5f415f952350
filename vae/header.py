"""The beginning of a checkpoint: which tensors follow, and the record of all that is no tensor.

A checkpoint is a safetensors file; the record stands as JSON in the header's `__metadata__`. What
is read here may come from anywhere, so that nothing is believed before it was looked at.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from vae.config import DEFAULTS, Value, check
from vae.events import EpochRecord, may_be_missing
from vae.language import _

FORMAT = 4
OLDEST = 3  # of the formats that can be read
KEY = "vae_studio"
DIGEST = "sha256"
DIGEST_SIZE = 32
# The history of the longest run takes 35 MB, and a list for each epoch.
MAX_HEADER = 40_000_000
# Once it is read, a list or a member of an object takes up to 50 times the memory of its text,
# anything else 20 times.
MAX_PARTS = 200_000
MAX_DIGITS = 20
MAX_DIMENSIONS = 8
MAX_TEXT = 100_000
ITEM_TYPES = {"F32": "<f4", "F64": "<f8", "U8": "|u1"}
# Bounds of what GradScaler keeps in float32, and of what it keeps in int32.
SCALER_NUMBERS = {"scale": (0, 3e38), "growth_factor": (1, 1e9), "backoff_factor": (0, 1)}
SCALER_COUNTS = {"growth_interval": (1, 2**31 - 1), "_growth_tracker": (0, 2**31 - 1)}


class DamagedError(Exception):
    """A file that is not whole: cut, changed, or not a checkpoint at all."""


class VersionError(Exception):
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

    config: dict[str, Value]
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
        raise DamagedError(_("it is cut short, or is not a checkpoint of VAE Studio"))
    text = file.read(length)
    try:
        facts = _parse(text.decode())
        record = _record(_parse(facts.pop("__metadata__")[KEY]))
        entries = _entries(facts, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(_("it is not a checkpoint of VAE Studio")) from error
    return Header(record, entries, start + text)


def _parse(text: str) -> Any:
    if sum(map(text.count, "[{:")) > MAX_PARTS:
        raise ValueError("more lists and members than the longest run has")
    return json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_short_whole
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _short_whole(digits: str) -> int:
    # Longer ones have no float, and not every Python refuses to work on millions of digits.
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number too long")
    return int(digits)


def _entries(facts: dict[str, Any], size: int) -> dict[str, Entry]:
    """The tensors, which must fill `size` bytes without a gap, the digest as the last."""
    entries, offset = {}, 0
    for name, entry in facts.items():
        found = Entry(ITEM_TYPES[entry["dtype"]], tuple(_wholes(entry["shape"], low=1)))
        if entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError("not an entry")
        if _wholes(entry["data_offsets"]) != [offset, offset + found.size]:
            raise ValueError("a gap, an overlap, or another order")
        offset += found.size
        entries[name] = found
    if offset != size or entries.pop(DIGEST) != Entry("|u1", (DIGEST_SIZE,)) or name != DIGEST:
        raise ValueError("not the size of the file, or no digest at its end")
    return entries


def _record(facts: dict[str, Any]) -> Record:
    """The record, once each of its parts is what it should be."""
    if not OLDEST <= (version := _whole(facts["format"])) <= FORMAT:
        raise VersionError
    if facts.keys() != {part.name for part in fields(Record)}:
        raise ValueError("not the parts of a record")
    images = _whole(facts["images"], low=1)
    rows = enumerate(_list(facts["history"]), start=1)
    columns = len(fields(EpochRecord)) - (FORMAT - version)  # each format added one
    return Record(
        config=_config(facts["config"]),
        history=tuple(_row(row, columns, number) for number, row in rows),
        images_done=_whole(facts["images_done"], high=images),
        seconds=_number(facts["seconds"], low=0),
        optimizer_steps=_whole(facts["optimizer_steps"]),
        scaler=_scaler(facts["scaler"]),
        data=_text(facts["data"]),
        images=images,
        threads=_whole(facts["threads"]),
        environment=_text(facts["environment"]),
        changes=tuple(_text(change) for change in _list(facts["changes"])),
    )


def _config(values: dict[str, Any]) -> dict[str, Value]:
    """All hyperparameters. One that the file lacks was not yet there, and has its default."""
    known = {name: value for name, value in values.items() if name in DEFAULTS}
    config = {**DEFAULTS, **known}
    if check(config) or any(len(str(value)) > MAX_TEXT for value in config.values()):
        raise ValueError("hyperparameters that cannot be")
    return config


def _scaler(state: dict[str, Any]) -> dict[str, Any]:
    """GradScaler's state, which is empty unless the precision is float16."""
    if state and state.keys() != SCALER_NUMBERS.keys() | SCALER_COUNTS.keys():
        raise ValueError("not a scaler's state")
    for name, value in state.items():
        if name in SCALER_NUMBERS:
            _number(value, *SCALER_NUMBERS[name])
        else:
            _whole(value, *SCALER_COUNTS[name])
    return state


def _row(row: list[Any], columns: int, number: int) -> EpochRecord:
    if len(row) != columns:
        raise ValueError("not the columns of a history")
    record = EpochRecord(*row)
    if (_whole(record.epoch), _whole(record.images) > 0) != (number, True):
        raise ValueError("not the rows of a history")
    for part, value in zip(fields(EpochRecord), astuple(record), strict=True):
        if value is not None or not may_be_missing(part):
            _number(value)
    return record


def _whole(value: Any, low: int = 0, high: int = 2**53) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError("not a whole number, or out of bounds")
    return value


def _wholes(values: Any, low: int = 0) -> list[int]:
    if len(_list(values)) > MAX_DIMENSIONS:
        raise ValueError("too many dimensions")
    return [_whole(value, low) for value in values]


def _number(
    value: Any, low: float = -sys.float_info.max, high: float = sys.float_info.max
) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        raise ValueError("not a finite number, or out of bounds")
    return float(value)


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError("not a list")
    return value


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueError("not a text")
    return value
