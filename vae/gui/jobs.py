"""Small jobs off the window's thread for presets, recent folders and the history of runs.

Each answers through `emit`; for one that raises the worker does.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from vae import diary
from vae.errors import StudioError, problem_of
from vae.files import APP, atomic_write
from vae.gui.answers import (
    GridsReady,
    PlacesFound,
    PresetsListed,
    RecentListed,
    RunsListed,
    RunsTrashed,
    ThumbnailsReady,
)
from vae.history import run_mark
from vae.language import _, joined, ngettext
from vae.presets import Preset, delete_preset, load_presets, save_preset
from vae.runs import Run, load_runs

if TYPE_CHECKING:
    from vae.gallery import Shelf

Emit = Callable[[object], None]

RECENT = 8
KNOWN_THUMBNAILS = 1000
# The part of a picture that is shown, of its width and of its height.
WHOLE = (1.0, 1.0)
THUMBNAIL = (0.25, 0.25)  # two images a side, of the grid's eight
FEWER, WIDE = (0.5, 1.0), 2.1  # four reconstructions of eight; with fewer it is less wide


# ---- presets


def list_presets(emit: Emit) -> None:
    """The person's own presets."""
    _answer_presets("", emit)


def keep_preset(preset: Preset, emit: Emit) -> None:
    """Save a preset."""
    text = _("The preset {name} was saved.").format(name=preset.name)
    try:
        save_preset(preset)
    except (OSError, StudioError) as error:
        text = problem_of(error)
    _answer_presets(text, emit)


def drop_preset(name: str, emit: Emit) -> None:
    """Delete a preset."""
    text = _("The preset {name} was deleted.").format(name=name)
    try:
        delete_preset(name)
    except OSError as error:
        text = problem_of(error)
    _answer_presets(text, emit)


def _answer_presets(text: str, emit: Emit) -> None:
    found: list[Preset] = []
    skipped: list[str] = []
    try:
        found, skipped = load_presets()
    except OSError as error:
        text = problem_of(error)
    emit(PresetsListed(tuple(found), tuple(skipped), text))


# ---- recent folders


def recent_path() -> Path:
    """Where the last image folders are kept."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "recent_folders.json"


def list_recent(emit: Emit) -> None:
    """The last image folders, and whether each is there."""
    # os.path, unlike Path, answers False for a folder that may not be looked at.
    emit(RecentListed(tuple((folder, os.path.isdir(folder)) for folder in _recent())))


def remember_folder(folder: str, emit: Emit) -> None:
    """Put a folder first."""
    first = str(Path(folder).absolute())
    _keep_recent([first, *(other for other in _recent() if other != first)][:RECENT])
    list_recent(emit)


def clear_recent(emit: Emit) -> None:
    """Forget all."""
    _keep_recent([])
    list_recent(emit)


def _recent() -> list[str]:
    try:
        found = json.loads(recent_path().read_text(encoding="utf-8"))
        return [folder for folder in found if isinstance(folder, str) and folder][:RECENT]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def _keep_recent(folders: list[str]) -> None:
    try:
        with atomic_write(recent_path()) as file:
            file.write(json.dumps(folders, indent=1).encode())
    except OSError as error:
        diary.log_error(error)  # a list for convenience; the person's work does not wait for it


# ---- the history of runs


def list_runs(side: int, emit: Emit) -> None:
    """All runs, and then their thumbnails, of `side` pixels."""
    runs: list[Run] = []
    try:
        runs, skipped = load_runs()
        emit(RunsListed(tuple(runs), tuple(skipped), ""))
    except OSError as error:
        emit(RunsListed((), (), problem_of(error)))
    from vae.gallery import SAMPLES

    pictures = {run.id: _picture(run, side, SAMPLES, THUMBNAIL)[0] for run in runs}
    emit(ThumbnailsReady({name: picture for name, picture in pictures.items() if picture}))


def find_places(paths: Mapping[str, object], run: Run | None, emit: Emit) -> None:
    """Names beside these paths at which nothing is yet: for a run like another, or the form's."""
    from vae.run_files import free_places

    emit(PlacesFound(run, free_places(paths)))


def trash_runs(chosen: Sequence[Run], emit: Emit) -> None:
    """Move runs to the trash folders. Those that cannot be moved stay, with the reason."""
    from vae.run_files import trash

    folders: list[Path] = []
    done: list[Run] = []
    problem = ""
    for run in chosen:
        try:
            folders += trash(run, load_runs()[0])
            done.append(run)
        except (OSError, StudioError) as error:
            problem = problem_of(error)
    text = ngettext(
        "{count} run was moved to the trash.", "{count} runs were moved to the trash.", len(done)
    ).format(count=len(done))
    emit(RunsTrashed(joined(text if done else "", problem), tuple(done), tuple(folders)))


def draw_grids(
    runs: Sequence[Run], side: int, reconstructions: bool, fewer: bool, emit: Emit
) -> None:
    """The newest samples of runs, or their reconstructions, each at most `side` pixels.

    `fewer` and larger reconstructions, if they are wanted.
    """
    from vae.gallery import RECONSTRUCTIONS, SAMPLES

    shelf = RECONSTRUCTIONS if reconstructions else SAMPLES
    part = FEWER if reconstructions and fewer else WHOLE
    grids = tuple(_picture(run, side, shelf, part) for run in runs)
    emit(GridsReady(tuple(run.id for run in runs), reconstructions, grids))


def _picture(run: Run, side: int, shelf: Shelf, part: tuple[float, float]) -> tuple[bytes, int]:
    """A part of the newest picture on a shelf as a PNG, and its epoch; or nothing."""
    if not run.trained:
        return b"", 0
    try:
        folder = run.place("output_dir")
        if epoch := shelf.newest(folder, len(run.history), run_mark(run.history)):
            path = folder / shelf.name(epoch)
            return _png(path, path.stat().st_mtime_ns, side, part), epoch
    except Exception:
        # The picture is another program's by now, or damaged: the run is shown without it.
        pass
    return b"", 0


@lru_cache(KNOWN_THUMBNAILS)
def _png(path: Path, changed: int, side: int, part: tuple[float, float]) -> bytes:
    """A part of a picture as a PNG of at most `side` pixels; `changed` is for the cache.

    All but thumbnails are enlarged by whole factors only.
    """
    from PIL import Image

    import vae.images  # noqa: F401  # its pixel limit, not Pillow's smaller one

    with Image.open(path, formats=("PNG",)) as opened:
        picture: Any = opened.convert("RGB")
    if part == FEWER and picture.width < WIDE * picture.height:
        part = WHOLE
    if part != WHOLE:
        wide, high = part
        picture = picture.crop((0, 0, int(picture.width * wide), int(picture.height * high)))
    factor = side / max(picture.size)
    if factor >= 1 and part != THUMBNAIL:
        factor = int(factor)
    size = tuple(max(1, round(length * factor)) for length in picture.size)
    method = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    file = io.BytesIO()
    picture.resize(size, method).save(file, format="PNG", compress_level=1)
    return file.getvalue()
