"""One run at a time in a folder for checkpoints, or for pictures, and on a log."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from vae.errors import StudioError
from vae.files import identity, make_folder
from vae.language import _

STEM = ".vae-run"  # of the names of a lock, and of the file that says who holds it
# What a file system answers that has no locks, as some network drives have none.
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class BusyError(StudioError):
    """Another run works there; the text says which."""


@contextlib.contextmanager
def only_run(folder: Path, name: str = "model_save_dir") -> Iterator[Callable[[], bool]]:
    """Hold a folder for one run; the system lets go of it however the process ends.

    `name` is the parameter that names it. Gives a function that says whether the folder is still
    there and still held, or raises OSError where its drive does not answer. Makes the folder.
    Raises BusyError if another run holds it, OSError.
    """
    text = _(
        "Another run of VAE Studio is working in {folder} ({who}). Nothing was changed: wait "
        "for it, stop it, or choose another {name}."
    )
    busy = partial(text.format, folder=folder, name=name)
    with _held(folder / f"{STEM}.lock", busy) as is_held:
        yield is_held


@contextlib.contextmanager
def only_writer(log: Path) -> Iterator[None]:
    """Hold a log for one run, as `only_run` does a folder; other logs may lie beside it."""
    text = _(
        "Another run of VAE Studio is writing {log} ({who}). Nothing was changed: wait for it, "
        "stop it, or choose another {name}."
    )
    busy = partial(text.format, log=log, name="log_file")
    with _held(log.with_name(f"{STEM}-{log.name}.lock"), busy):
        yield


@contextlib.contextmanager
def _held(path: Path, busy: Callable[..., str]) -> Iterator[Callable[[], bool]]:
    """Hold a lock's file; `busy` says that another does, given `who`."""
    make_folder(path.parent)
    lock, holder = FileLock(path), path.with_suffix(".json")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(busy(who=_who(holder))) from None
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:  # there, better no guard than no training
            raise
    try:
        facts = {
            "host": platform.node(),
            "pid": os.getpid(),
            "since": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        holder.write_text(json.dumps(facts), encoding="utf-8")
        yield partial(_is_same, path, identity(path))
    finally:
        # A folder that is lost must not fail a run that ended.
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            lock.release()


def _is_same(path: Path, held: object) -> bool:
    """Whether the lock's file is the one that is held open. Raises OSError."""
    try:
        return identity(path) == held
    except FileNotFoundError:
        return False


def _who(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return _("process {pid} on {host} since {since}").format(**facts)
    except (OSError, ValueError, KeyError, TypeError):
        return _("process not known")
