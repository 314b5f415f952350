"""What the worker answers the window with, beside the events of training: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.events import TrainingResult

if TYPE_CHECKING:
    from vae.header import Record
    from vae.presets import Preset
    from vae.runs import Run


@dataclass(frozen=True)
class Finished:
    """The run ended, or was stopped."""

    result: TrainingResult


@dataclass(frozen=True)
class Invalid:
    """The form cannot be used; nothing was started. problems maps fields to messages."""

    problems: dict[str, str]


@dataclass(frozen=True)
class Failed:
    """The run ended with an error."""

    message: str
    problems: dict[str, str]
    details: str


@dataclass(frozen=True)
class Found:
    """What a checkpoint folder holds, as far as it can be read.

    record is of the newest checkpoint, or None; anything says whether there are checkpoints at
    all, damaged ones included; grid is the newest sample grid up to there, uint8, or None.
    """

    folder: str
    record: Record | None
    anything: bool
    grid: Any
    grid_epoch: int
    problem: str


@dataclass(frozen=True)
class PathsChecked:
    """What is wrong with the paths of a form, by field; none if all can be used."""

    texts: dict[str, str]
    problems: dict[str, str]


@dataclass(frozen=True)
class DemoReady:
    """The demo data set is in a folder; not complete if it was stopped."""

    folder: Path
    complete: bool


@dataclass(frozen=True)
class Retrying:
    """A paused run tries again by itself."""


@dataclass(frozen=True)
class CacheCleared:
    """The decoded images were deleted; text says what is left."""

    text: str


@dataclass(frozen=True)
class ReportReady:
    """What a person who helps must know, or an empty text with why there is none."""

    text: str
    problem: str


@dataclass(frozen=True)
class PlotsReady:
    """matplotlib is imported, so that plots can be made without a wait."""


@dataclass(frozen=True)
class EngineReady:
    """What training needs is imported."""


@dataclass(frozen=True)
class PresetsListed:
    """The person's own presets, the files that are none, and what was done, if anything."""

    presets: tuple[Preset, ...]
    skipped: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class RecentListed:
    """The last image folders, newest first, and whether each is there."""

    folders: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class RunsListed:
    """All runs, newest first, and the files that are none; or why they cannot be listed."""

    runs: tuple[Run, ...]
    skipped: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class ThumbnailsReady:
    """PNGs of the newest samples of the runs that were listed, by the run's id."""

    pictures: dict[str, bytes]


@dataclass(frozen=True)
class PlacesFound:
    """Free places for a run like another, by field; or why there are none."""

    run: Run
    places: dict[str, str]
    problem: str


@dataclass(frozen=True)
class RunsTrashed:
    """What became of the runs that were to be deleted, and where their files are."""

    text: str
    folders: tuple[Path, ...]


@dataclass(frozen=True)
class GridsReady:
    """The newest sample grids of runs: a PNG, or nothing, and the epoch of each."""

    ids: tuple[str, ...]
    grids: tuple[tuple[bytes, int], ...]
