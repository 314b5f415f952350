from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Page faults of a thread that takes 100 MB and lets them go, after it has done so before.
FAULTS = """
import resource, sys, threading
from vae.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def take():
    blocks = [bytearray(25_000_000) for _ in range(4)]

def work():
    for _ in range(3):
        take()
    before = faults()
    take()
    print(faults() - before)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_used_again_by_threads_too() -> None:
    assert faults("kept") < 100 < 1000 < faults("left")


def test_other_systems_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from vae import allocator

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(allocator.ctypes, "CDLL", None)  # it would fail if called
    allocator.keep_freed_memory()
