"""The file of a fitted sampler, which lies beside the checkpoint that it was fitted to.

It can be made again from the images, so that one that is gone or damaged loses nothing.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vae.events import EpochRecord
from vae.files import atomic_write
from vae.header import DamagedError
from vae.language import _
from vae.samplers import Sampler

MAX_BYTES = 200_000_000
# What NumPy and zipfile make of a file that is damaged, or crafted.
NOT_A_SAMPLER = (
    zipfile.BadZipFile, struct.error, ValueError, KeyError, TypeError, AttributeError, EOFError,
    OverflowError, RuntimeError, MemoryError,
)  # fmt: skip

Facts = dict[str, Any]


def fitted_to(
    kind: str, fingerprint: str, history: Sequence[EpochRecord], images_done: int
) -> Facts:
    """What tells whether a sampler fits a checkpoint: data, and the place in the run.

    The loss tells runs apart that came to the same place another way.
    """
    return {
        "sampler": kind,
        "data": fingerprint,
        "epoch": len(history),
        "images_done": images_done,
        "loss": history[-1].loss if history else None,
    }


def save(path: Path, sampler: Sampler, facts: Facts) -> None:
    """Write a sampler, and what it was fitted to. Raises OSError."""
    content = io.BytesIO()
    np.savez(content, facts=np.array(json.dumps(facts)), **vars(sampler))
    with atomic_write(path, durable=False) as file:
        file.write(content.getbuffer())


def load(path: Path, facts: Facts) -> Sampler | None:
    """The sampler of a file, or None if there is none that was fitted to just that.

    Raises DamagedError if the file is damaged or was made for a trap, and OSError.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise ValueError("more than any sampler has")
            found, parts = _read(file.read())
    except FileNotFoundError:
        return None
    except NOT_A_SAMPLER as error:
        raise DamagedError(_("it is not a sampler of VAE Studio")) from error
    if found != facts:
        return None
    sampler = Sampler(**parts)
    if not _is_sound(sampler):
        raise DamagedError(_("its numbers cannot be those of a sampler"))
    return sampler


def _read(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    """Facts and arrays of a file's content. Raises one of NOT_A_SAMPLER."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # A compressed one may be of any size; NumPy would unpack it.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = Sampler.__dataclass_fields__
        return json.loads(str(arrays["facts"])), {name: arrays[name] for name in names}


def _is_sound(sampler: Sampler) -> bool:
    """Whether shapes belong together and all numbers can be used."""
    s = sampler
    if any(part.dtype != np.float32 or not np.isfinite(part).all() for part in vars(s).values()):
        return False
    if s.centre.ndim != 1 or s.scales.ndim != 1 or s.means.ndim != 2:
        return False
    components, mixed = s.means.shape
    return (
        s.directions.shape == (len(s.scales), len(s.centre))
        and mixed <= len(s.scales)
        and s.rest.shape == ()
        and s.weights.shape == (components,)
        and s.factors.shape == (components, mixed, mixed)
        and bool((s.weights >= 0).all())
        and s.weights.sum() > 0
    )
