"""How the C library keeps memory that is no longer used."""

from __future__ import annotations

import ctypes
import sys

# Of mallopt, in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# The largest that glibc allows for blocks which it takes from what it keeps.
LARGEST_KEPT = 32 * 2**20
MOST_KEPT = 256 * 2**20


def keep_freed_memory() -> None:
    """Have glibc keep up to 256 MB that were freed, for the next that ask for memory.

    The tensors of a training step are freed at its end, and would go back to the system, which
    zeroes the next step's page by page: up to a fifth of the time of a small network. To be called
    before there are threads, which then share what is kept. Other C libraries stay as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
