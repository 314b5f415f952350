"""The history of runs: one private JSON file for each, in the user's own data folder.

What is kept of a run is for looking back only: training neither reads it nor waits for it.
"""

from __future__ import annotations

import json
import math
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from vae.config import DEFAULTS, OWNED, PARAMETERS, Value, is_of_type, text_of
from vae.events import EpochRecord, may_be_missing
from vae.files import APP, atomic_write
from vae.language import _, number
from vae.schedule import WEIGHTS, best_epoch, measured_loss
from vae.words import duration

STATES = ("running", "finished", "stopped", "failed", "interrupted")
MAX_BYTES = 60_000_000
PACED = 5  # of the newest epochs the time is looked at
ELSEWHERE_SECONDS = 7 * 86_400.0  # that a run of another computer is taken to go on without a word
# What reading a foreign file may raise.
NOT_A_RUN = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


class Change(NamedTuple):
    """A parameter that had the value `then` before an epoch of a run."""

    epoch: int
    name: str
    then: Value


@dataclass(frozen=True)
class Run:
    """One run, resumed ones included. Times are seconds since 1970; `ended` is 0 while it runs.

    config holds absolute paths, and follows the files when they are moved; the values are those of
    the newest epochs, and `changes` tells earlier ones. `trained` says whether the run came to
    train, so that the files in its folders are its own.
    """

    id: str
    config: Mapping[str, Value]
    began: float
    ended: float = 0.0
    written: float = 0.0
    state: str = "running"
    message: str = ""
    images: int = 0
    trained: bool = False
    host: str = ""
    process: int = 0
    history: tuple[EpochRecord, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def folder(self) -> str:
        """The image folder's name."""
        return Path(str(self.config["file_path"])).name

    @property
    def moment(self) -> str:
        """When the run began."""
        return f"{datetime.fromtimestamp(self.began):%Y-%m-%d %H:%M}"

    @property
    def name(self) -> str:
        """The image folder's name and when the run began."""
        return f"{self.folder}  {self.moment}"

    @property
    def best(self) -> EpochRecord | None:
        """The epoch that measured best, or None before the first."""
        return best_epoch(self.history, self.config)

    @property
    def seconds(self) -> float:
        """Spent on the epochs done."""
        return sum(record.seconds for record in self.history)

    def place(self, name: str) -> Path:
        """Where one of the run's paths is."""
        return Path(str(self.config[name]))

    def values(self, name: str) -> tuple[Value, ...]:
        """A parameter's values, one after the other."""
        then = (change.then for change in self.changes if change.name == name)
        return (*then, self.config[name])

    def words(self, name: str) -> str:
        """A parameter's value: "0.003", or "0.003→0.0005" if it was changed on the way."""
        return "→".join(map(text_of, self.values(name)))


# What stands in a run's file, with examples; the rest of it is read in other ways.
BLANK: dict[str, object] = vars(Run("", {}, 0.0))
DERIVED = ("id", "config", "history", "changes")


def state_word(run: Run) -> str:
    """A run's state for a person."""
    return {
        "running": _("Running"), "finished": _("Finished"), "stopped": _("Stopped"),
        "failed": _("Failed"), "interrupted": _("Interrupted"),
    }[run.state]  # fmt: skip


def loss_words(best: EpochRecord) -> str:
    """The loss of a run's best epoch, with what it was measured on."""
    text = number(measured_loss(best))
    return text if best.val_loss is None else _("{loss} (validation)").format(loss=text)


def measured(run: Run, name: str) -> float | None:
    """What was measured at the best epoch, or last; of a loss, on validation images if any."""
    best = [run.best] if run.best else []
    records = (*best, *reversed(run.history))
    names = (f"val_{name}", name) if name.endswith("_loss") else (name,)
    found = (getattr(record, each) for record in records for each in names)
    return next((value for value in found if value is not None), None)


def runs_folder() -> Path:
    """Where the history is."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False)) / "runs"


def run_path(run_id: str) -> Path:
    """The file of a run."""
    return runs_folder() / f"{run_id}.json"


def run_facts(run: Run) -> dict[str, Any]:
    """A run as its file holds it: plain data, with what can be derived beside it."""
    best = run.best
    return {
        **asdict(run),
        "epochs": len(run.history),
        "seconds": round(run.seconds, 3),
        "best_loss": measured_loss(best) if best else None,
        "best_epoch": best.epoch if best else None,
        "columns": [field.name for field in fields(EpochRecord)],
        "history": [astuple(record) for record in run.history],
    }


def run_line(run: Run) -> str:
    """A run in one line."""
    best = run.best
    parts = [
        run.name,
        state_word(run),
        _("{done} of {total} epochs").format(done=len(run.history), total=run.config["num_epochs"]),
        duration(run.seconds),
    ]
    if best:
        words = _("best loss {loss} at epoch {epoch}")
        parts.append(words.format(loss=loss_words(best), epoch=best.epoch))
    return ", ".join(parts + [run.message] * bool(run.message))


def write_run(run: Run, durable: bool = True) -> None:
    """Write a run's file. Raises OSError."""
    with atomic_write(run_path(run.id), durable=durable) as file:
        file.write(json.dumps(run_facts(run), indent=1).encode())


def load_runs() -> tuple[list[Run], list[str]]:
    """All runs, newest first, and the names of the files that are none.

    A run whose process ended without a word is "interrupted". Raises OSError if the folder cannot
    be read.
    """
    found: list[Run] = []
    skipped: list[str] = []
    folder = runs_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            run = _read(path)
        except FileNotFoundError:
            continue  # deleted meanwhile
        except (OSError, *NOT_A_RUN):
            skipped.append(path.name)
            continue
        if run.state == "running" and not _is_alive(run):
            run = replace(run, state="interrupted", ended=run.written)
        found.append(run)
    return sorted(found, key=lambda run: run.began, reverse=True), skipped


def _read(path: Path) -> Run:
    """A run from its file. Raises one of NOT_A_RUN if it is none, OSError."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise ValueError("it is no run")
    facts = json.loads(path.read_text(encoding="utf-8"))
    config = {name: facts["config"].get(name, default) for name, default in DEFAULTS.items()}
    history = tuple(EpochRecord(*row) for row in facts["history"])
    changes = tuple(Change(*row) for row in facts.get("changes", ()))
    plain = {name: facts[name] for name in BLANK if name not in DERIVED}
    fits = [is_of_type(config[name], default) for name, default in DEFAULTS.items()]
    fits += [_is_like(plain[name], BLANK[name]) for name in plain]
    fits += [
        _is_like(value, 0.0) or (value is None and may_be_missing(part))
        for record in history
        for part, value in zip(fields(EpochRecord), astuple(record), strict=True)
    ]
    fits += [_is_like(c.epoch, 0) and is_of_type(c.then, DEFAULTS[c.name]) for c in changes]
    if not all(fits) or plain["state"] not in STATES:
        raise ValueError("it is no run")
    datetime.fromtimestamp(plain["began"])  # raises for times that no calendar has
    return Run(path.stem, config, history=history, changes=changes, **plain)


def _is_like(value: object, example: object) -> bool:
    """Whether a value may stand where the example does; a finite number for a number."""
    if isinstance(example, (bool, str)):
        return type(value) is type(example)
    kinds = (int, float) if isinstance(example, float) else (int,)
    return type(value) in kinds and math.isfinite(value)  # type: ignore[arg-type]


def _is_alive(run: Run) -> bool:
    """Whether the process that trains is there. One on another computer is believed for a week.

    What looks like another one may be this one: a container or a network gives it a new name.
    """
    import psutil

    if run.host != platform.node():
        return time.time() < run.written + ELSEWHERE_SECONDS
    try:
        # A process that is younger than what was written only has the number of the one that died.
        return bool(psutil.Process(run.process).create_time() <= run.written + 1)
    except (psutil.Error, ValueError, OverflowError):
        return False


def pace(values: Mapping[str, Value], runs: Sequence[Run]) -> tuple[float, str]:
    """Seconds of an epoch for each of its images, and when the run began that took so long.

    Of the newest of `runs` on this computer that had these values; 0 and nothing without one.
    """
    for run in runs:
        fits = run.host == platform.node() and values.items() <= run.config.items()
        since = max((change.epoch for change in run.changes), default=1)
        epochs = [epoch for epoch in run.history if epoch.epoch >= since] if fits else []
        if epochs:  # the first of which decodes images, as later ones need not
            newest = epochs[1:][-PACED:] or epochs
            return statistics.median(epoch.seconds / epoch.images for epoch in newest), run.moment
    return 0.0, ""


def differing(runs: Sequence[Run]) -> list[str]:
    """The names of the parameters, the run's own paths left out, in which runs differ."""
    names = (name for name in PARAMETERS if name not in OWNED)
    return [name for name in names if len({run.values(name) for run in runs}) > 1]


def telling(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The names of the parameters whose values tell runs from each other, by the run's id.

    First those in which a run differs from the one before it on the same images.
    """
    names = sorted(differing(runs), key=lambda name: name not in WEIGHTS)
    # How many epochs were wanted stands beside those that are done.
    names = [name for name in names if PARAMETERS[name].told and name != "num_epochs"]
    found, before = {}, dict[object, Run]()
    for run in sorted(runs, key=lambda run: run.began):
        folder, values = run.config["file_path"], run.config
        earlier = before.get(folder, run).config
        found[run.id] = sorted(names, key=lambda name: values[name] == earlier[name])
        before[folder] = run
    return found
