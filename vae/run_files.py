"""What a run left on disk: its newest samples, free places beside it, and its way to the trash."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from vae.checkpoint import checkpoint_files
from vae.config import OWNED
from vae.files import BESIDE_CHECKPOINTS, is_picture, listed, move_into, safe_name, same_folder
from vae.gallery import run_of
from vae.history import is_log, run_mark
from vae.lock import only_run
from vae.runs import Run, run_path

TRASH = "vae_trash"


def free_places(paths: Mapping[str, object]) -> dict[str, str]:
    """Names for checkpoints, pictures and log, all with the same number, beside a run's own."""
    for number in itertools.count(2):
        places = {name: _numbered(Path(str(paths[name])), number) for name in OWNED}
        if not any(place.exists() for place in places.values()):
            break
    return {name: str(place) for name, place in places.items()}


def _numbered(place: Path, number: int) -> Path:
    """run.csv, or run_2.csv, becomes run_3.csv. In a drive's root, which has no name, run_3."""
    if place.name in ("", ".."):
        place = Path(os.path.abspath(place))
    if not place.name:
        return place / f"run_{number}"
    stem = re.sub(r"_\d{1,3}$", "", place.stem)
    return place.with_name(f"{stem}_{number}{place.suffix}")


def own_files(run: Run, runs: Sequence[Run]) -> list[Path]:
    """The files that are this run's own; checkpoints last, oldest first.

    Pictures are known by their names and by the run's mark, if they have one; others by their names
    alone. In a folder that a later run has taken over, all are that run's.
    """
    if not run.trained:
        return []
    later = [other for other in runs if other.began > run.began and other.trained]
    own = {name for name in OWNED if run.config[name] not in [o.config[name] for o in later]}
    mark = run_mark(run.history)
    pictures = [
        path
        for path in listed(run.place("output_dir"))
        if is_picture(path.name) and path.is_file() and run_of(path) in ("", mark)
    ]
    log, checkpoints = run.place("log_file"), run.place("model_save_dir")
    return [
        *(pictures if "output_dir" in own else ()),
        *([log] if "log_file" in own and is_log(log) else ()),
        *(_in_checkpoints(checkpoints) if "model_save_dir" in own else ()),
    ]


def trash(run: Run, runs: Sequence[Run]) -> list[Path]:
    """Move a run's own files into `vae_trash/<date>_<name>` beside them, and forget the run.

    `runs` are all runs. Returns the folders that were moved into. When the move is interrupted,
    the newest checkpoint and the entry are still there, and a second call does the rest.
    Raises BusyError while a run works in one of its folders, OSError.
    """
    checkpoints, output = run.place("model_save_dir"), run.place("output_dir")
    with contextlib.ExitStack() as held:
        if checkpoints.is_dir() and run.trained:
            held.enter_context(only_run(checkpoints))
        if output.is_dir() and run.trained and not same_folder(output, checkpoints):
            held.enter_context(only_run(output, "output_dir"))
        files = own_files(run, runs)
        name = _free_name(run, files)
        for path in files:
            move_into(path.parent / TRASH / name, path)
    run_path(run.id).unlink(missing_ok=True)
    return sorted({path.parent / TRASH / name for path in files})


def _free_name(run: Run, files: Sequence[Path]) -> str:
    """A name for the folders in the trash that none of them has yet."""
    began = datetime.fromtimestamp(run.began)
    plain = f"{began:%Y-%m-%d_%H%M%S}_{safe_name(run.place('file_path').name)}"
    for name in (plain, *(f"{plain}_{number}" for number in range(2, 10_000))):
        if not any((path.parent / TRASH / name).exists() for path in files):
            return name
    raise OSError(errno.EEXIST, "it has no free name left", TRASH)


def _in_checkpoints(folder: Path) -> list[Path]:
    """What lies beside the checkpoints, and those."""
    beside = [path for path in listed(folder) if path.name in BESIDE_CHECKPOINTS and path.is_file()]
    return [*beside, *(path for _, path in reversed(checkpoint_files(folder, damaged=True)))]
