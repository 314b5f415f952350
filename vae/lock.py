"""One run at a time in a folder for checkpoints, or for pictures."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from vae.errors import StudioError
from vae.files import make_folder
from vae.language import _

LOCK_NAME = ".vae-run.lock"
HOLDER_NAME = ".vae-run.json"


class BusyError(StudioError):
    """Another run works in the folder; the text says which."""


@contextlib.contextmanager
def only_run(folder: Path, name: str = "model_save_dir") -> Iterator[Callable[[], bool]]:
    """Hold a folder for one run; the system lets go of it when the process ends, however it ends.

    `name` is the parameter that names it. Gives a function that says whether the folder is still
    there and still held. Makes the folder. Raises BusyError if another run holds it, OSError.
    """
    make_folder(folder)
    lock, holder = FileLock(folder / LOCK_NAME), folder / HOLDER_NAME
    try:
        lock.acquire(timeout=0)
    except Timeout:
        text = _(
            "Another run of VAE Studio is working in {folder} ({who}). Nothing was changed: wait "
            "for it, stop it, or choose another {name}."
        )
        raise BusyError(text.format(folder=folder, who=_who(holder), name=name)) from None
    except NotImplementedError:
        pass  # a file system without locks; better no guard than no training
    try:
        facts = {
            "host": platform.node(),
            "pid": os.getpid(),
            "since": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        holder.write_text(json.dumps(facts), encoding="utf-8")
        yield partial(_is_same, folder / LOCK_NAME, _identity(folder / LOCK_NAME))
    finally:
        with contextlib.suppress(OSError):  # a folder that is lost must not fail a run that ended
            holder.unlink(missing_ok=True)
        lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _is_same(path: Path, identity: tuple[int, int] | None) -> bool:
    """Whether the lock's file is the one that is held open, whose number no other can have."""
    return _identity(path) == identity


def _who(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return _("process {pid} on {host} since {since}").format(**facts)
    except (OSError, ValueError, KeyError, TypeError):
        return _("process not known")
