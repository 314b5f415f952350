from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from vae import limits
from vae.limits import FreeMemory, cores, free_memory

GIB = 2**30


class Computer:
    """One with 16 cores and 8 GiB free, and files as its system keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def groups(self, text: str) -> None:
        """What /proc says of the process."""
        (self.folder / "own").write_text(text)

    def write(self, path: str, text: str) -> None:
        """A file below the folder of control groups."""
        file = self.folder / "groups" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    monkeypatch.setattr(limits, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(limits, "OWN_GROUPS", tmp_path / "own")
    facts = SimpleNamespace(available=8 * GIB)
    monkeypatch.setattr(limits.psutil, "virtual_memory", lambda: facts)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(16), raising=False)
    return Computer(tmp_path)


def test_without_control_groups_all_of_the_computer_can_be_taken(computer: Computer) -> None:
    assert (free_memory(), cores()) == (FreeMemory(8 * GIB, False), 16)
    computer.groups("0::/user.slice\n")
    assert (free_memory(), cores()) == (FreeMemory(8 * GIB, False), 16)


def test_a_container_bounds_memory_and_cores(computer: Computer) -> None:
    computer.groups("0::/\n")
    computer.write("memory.max", f"{3 * GIB}\n")
    computer.write("memory.current", f"{2 * GIB}\n")
    computer.write("memory.stat", f"anon 5\ninactive_file {GIB // 2}\nactive_file 7\n")
    computer.write("cpu.max", "250000 100000\n")
    # What was read of files gives way, and half a core is none.
    assert (free_memory(), cores()) == (FreeMemory(3 * GIB // 2, True), 2)


def test_a_job_is_bounded_by_the_groups_above_its_own(computer: Computer) -> None:
    computer.groups("0::/slurm/job_7/step_0\n")
    computer.write("slurm/job_7/step_0/memory.max", "max\n")
    computer.write("slurm/job_7/step_0/memory.current", "1\n")
    computer.write("slurm/job_7/step_0/cpu.max", "max 100000\n")
    computer.write("slurm/job_7/memory.max", f"{GIB}\n")
    computer.write("slurm/job_7/memory.current", "0\n")
    computer.write("slurm/job_7/cpu.max", "50000 100000\n")
    assert (free_memory(), cores()) == (FreeMemory(GIB, True), 1)


def test_older_systems_have_a_tree_for_each_limit(computer: Computer) -> None:
    computer.groups("9:name=systemd:/\n4:memory:/docker/a\n2:cpu,cpuacct:/docker/a\n0::/\n")
    computer.write("memory/memory.limit_in_bytes", f"{2 * GIB}\n")  # its own is the root inside
    computer.write("memory/memory.usage_in_bytes", f"{GIB}\n")
    computer.write("memory/memory.stat", f"cache 9\ntotal_inactive_file {GIB // 4}\n")
    computer.write("cpu/cpu.cfs_quota_us", "400000\n")
    computer.write("cpu/cpu.cfs_period_us", "100000\n")
    assert (free_memory(), cores()) == (FreeMemory(5 * GIB // 4, True), 4)
    computer.write("cpu/cpu.cfs_quota_us", "-1\n")
    computer.write("memory/memory.limit_in_bytes", "9223372036854771712\n")  # none
    assert (free_memory(), cores()) == (FreeMemory(8 * GIB, False), 16)
