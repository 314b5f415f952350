"""What the worker answers the window with, beside the events of training: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.events import EpochRecord, Progress, TrainingResult

if TYPE_CHECKING:
    from vae.estimate import Estimate
    from vae.header import Record
    from vae.presets import Preset
    from vae.runs import Run
    from vae.sheet import Sheet
    from vae.survey import Survey


@dataclass(frozen=True)
class Finished:
    """The run ended, or was stopped."""

    result: TrainingResult


@dataclass(frozen=True)
class SweepFinished:
    """Several runs in a row ended: `done` of `total`; `stopped` is the one that was cut short.

    `folder` has the table, `outputs` are the output folders of all.
    """

    done: int
    total: int
    stopped: TrainingResult | None
    folder: Path
    outputs: tuple[Path, ...]


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
    """What a checkpoint folder and an output folder hold, as far as they can be read.

    record is of the newest checkpoint, or None; anything says whether there are checkpoints at
    all, damaged ones included. samples and reconstructions are the epochs up to there, with images
    of the next, of which there are pictures.
    """

    folder: str
    record: Record | None
    anything: bool
    samples: tuple[tuple[int, int], ...]
    reconstructions: tuple[tuple[int, int], ...]
    problem: str


@dataclass(frozen=True)
class PictureRead:
    """A run's picture of an epoch, uint8, or None with why it cannot be shown."""

    path: Path
    epoch: int
    pixels: Any
    problem: str


@dataclass(frozen=True)
class SeedDrawn:
    """A grid drawn with a seed of its own, vae.drawing.Drawn; or None with why there is none."""

    seed: int
    drawn: Any
    problem: str


@dataclass(frozen=True)
class Told:
    """Something small was done, or could not be: a sentence for the bar."""

    text: str
    folder: Path | None = None


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
class Looked:
    """One thing that a look at the image folder found, or in `problem` why it found nothing.

    A look answers several times; the estimate or the problem is the last. number tells the newest
    look from older ones.
    """

    number: int
    progress: Progress | None = None
    sheet: Sheet | None = None
    survey: Survey | None = None
    estimate: Estimate | None = None
    problem: str = ""


@dataclass(frozen=True)
class Retrying:
    """A blocked run tries again by itself."""


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
class ReportWritten:
    """The file that the report of a run is in, or None with why it is not."""

    text: str
    path: Path | None


@dataclass(frozen=True)
class Evaluated:
    """What was measured of a checkpoint: a headline, rows for a table, and the file of all of it.

    Without rows, why there are none.
    """

    text: str
    rows: tuple[tuple[str, str, str], ...] = ()
    path: Path | None = None


@dataclass(frozen=True)
class LogRead:
    """The log of another run, or why it cannot be used."""

    path: Path
    history: tuple[EpochRecord, ...]
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
    """Free places by field, for a run like another or else of the form."""

    run: Run | None
    places: dict[str, str]


@dataclass(frozen=True)
class RunsTrashed:
    """What became of runs that were to be deleted: those that were, and where their files are."""

    text: str
    runs: tuple[Run, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True)
class GridsReady:
    """The newest samples or reconstructions of runs: a PNG, or nothing, and the epoch of each."""

    ids: tuple[str, ...]
    reconstructions: bool
    grids: tuple[tuple[bytes, int], ...]
