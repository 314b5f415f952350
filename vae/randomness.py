"""Every random choice of a run. Each is a function of (seed, purpose, place) alone.

Nothing depends on a global generator or on what was drawn before, so a resumed run needs no
stored generator state to equal an unbroken one.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def batch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which an epoch visits its images: a permutation, (count,).

    Sorts the raw output of a bit generator, which NumPy promises never to change, unlike that of
    its `permutation`: an update must not repeat images in a resumed epoch.
    """
    return np.argsort(np.random.PCG64([seed, epoch]).random_raw(count), kind="stable")


def generator(seed: int, purpose: str, *place: int) -> torch.Generator:
    """A CPU generator of its own for "weights", "noise" or "samples" at a place in the run."""
    key = "/".join(map(str, (seed, purpose, *place)))
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))
