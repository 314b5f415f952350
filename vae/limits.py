"""What the program may take of its computer: less than is there in a container or a cluster's job.

On Linux such limits are control groups, files below CGROUPS: of the version 2 in one tree, of the
version 1 in one for each kind of limit. A group is bounded by those above it too. Outside
containers the whole path of a process's group is there; inside, often just its own as the root.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import psutil

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


class FreeMemory(NamedTuple):
    """Bytes that can still be taken, and whether a limit leaves no more, not the computer."""

    size: int
    limited: bool


def free_memory() -> FreeMemory:
    """Of the computer's memory, and of what limits leave."""
    there = psutil.virtual_memory().available
    left = [there]
    for folder in _folders("memory"):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                # Files that were read count as used, but give way.
                left.append(int(most - taken + _entry(folder / "memory.stat", cached)))
    return FreeMemory(max(0, min(left)), min(left) < there)


def cores() -> int:
    """Processor cores that can be used, one at least; a share of one counts as one."""
    there = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    allowed = [there]
    for folder in _folders("cpu"):
        with contextlib.suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            allowed.append(int(quota) // int(period))  # "max" is no number: no limit
        quota_us = _number(folder / "cpu.cfs_quota_us") or -1  # -1: no limit
        if (period_us := _number(folder / "cpu.cfs_period_us")) and quota_us > 0:
            allowed.append(quota_us // period_us)
    return max(1, min(allowed))


def _folders(kind: str) -> Iterator[Path]:
    """Those that may hold the limits of a kind: of the process's groups and of all above them."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _id, kinds, path = line.split(":", 2)
        if kinds and kind not in kinds.split(","):
            continue
        root = CGROUPS / kind if kinds else CGROUPS
        group = PurePosixPath(path).relative_to("/")
        for part in (group, *group.parents):
            yield root / part


def _number(path: Path) -> int | None:
    """What a file of one number says; None without the file, or if it says "max"."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _entry(path: Path, name: str) -> int:
    """One of a file's "name number" lines; 0 without it."""
    with contextlib.suppress(OSError, ValueError):
        lines = path.read_text(encoding="ascii").splitlines()
        return int(next((line.split()[1] for line in lines if line.split()[0] == name), 0))
    return 0
