"""One run at a time in a checkpoint folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vae.errors import StudioError

LOCK_NAME = ".vae-run.lock"
HOLDER_NAME = ".vae-run.json"


class BusyError(StudioError):
    """Another run works in the folder; the text says which."""


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the system lets go of it when the process ends, however it ends.

    Makes the folder. Raises BusyError if another run holds it, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / LOCK_NAME), folder / HOLDER_NAME
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"Another run of VAE Studio is working in {folder} ({_who(holder)}). Nothing was "
            "changed: wait for it, stop it, or choose another model_save_dir."
        ) from None
    except NotImplementedError:
        pass  # a file system without locks; better no guard than no training
    try:
        facts = {
            "host": platform.node(),
            "pid": os.getpid(),
            "since": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        holder.write_text(json.dumps(facts), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {facts['pid']} on {facts['host']} since {facts['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "process not known"
