"""Several runs in a row: each combination of some values of one or two parameters."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vae.config import PARAMETERS, ConfigError, TrainConfig, parse, text_of
from vae.errors import StudioError, file_problem
from vae.events import Event, TrainingResult, TrialBegun, TrialEnded, Trouble, Warned
from vae.files import atomic_write
from vae.language import _, joined
from vae.recorded_run import run_recorded
from vae.requests import Request
from vae.schedule import measured_loss

MAX_TRIALS = 100
TABLE_NAME = "comparison.csv"
FIGURES = (
    "state", "epochs", "best_loss", "best_epoch", "loss", "reconstruction_loss", "kl_loss",
    "blur_loss", "val_loss", "psnr", "ssim", "explained_variance", "active_units", "sharpness",
    "checkerboard", "dead_channels", "swd", "seconds", "folder",
)  # fmt: skip

# The names that can be varied: folders are called by the values, which must be fit to be told.
VARIABLE = tuple(name for name, facts in PARAMETERS.items() if facts.told)


class Sweep(NamedTuple):
    """What was asked for: the values of one or two parameters, and the folder of all runs.

    `unfinished` says that they began, and that not all are done.
    """

    axes: Mapping[str, list[str]]
    folder: Path
    unfinished: bool = False


class Trial(NamedTuple):
    """One run: what it varies, in words and as values, and its configuration."""

    label: str
    values: dict[str, str]
    config: TrainConfig


def split_values(text: str) -> list[str]:
    """The values of a parameter, written with blanks or semicolons between them.

    A comma may be a decimal one, so that it separates only where a blank follows, or where a point
    is the decimal one.
    """
    parts = (part.rstrip(",") for part in text.replace(";", " ").split())
    values = (value for part in parts for value in (part.split(",") if "." in part else [part]))
    return list(dict.fromkeys(filter(None, values)))


def plan(texts: Mapping[str, str], axes: Mapping[str, Sequence[str]], folder: Path) -> list[Trial]:
    """All combinations of the axes' values, each with a folder of its own below `folder`.

    Looks at the file system. Raises ConfigError.
    """
    count = 1
    for name, values in axes.items():
        if name not in VARIABLE:
            raise ConfigError({name: _("{name} cannot be varied.").format(name=name)})
        if not values:
            raise ConfigError({name: _("{name}: no value is given.").format(name=name)})
        count *= len(values)
    if count > MAX_TRIALS:
        text = _("These are {count} runs, more than {most}: take fewer values.")
        raise ConfigError({next(iter(axes)): text.format(count=count, most=MAX_TRIALS)})
    trials = []
    for combination in itertools.product(*axes.values()):
        chosen = dict(zip(axes, combination, strict=True))
        # Read first: 0,5 and 0.5 are one value, and make one folder's name.
        read, problems = parse(chosen)
        if problems:
            raise ConfigError(problems)
        varied = {name: text_of(read[name]) for name in chosen}
        place = folder / "_".join(f"{name}_{value}" for name, value in varied.items())
        paths = {
            "log_file": str(place / "log.csv"),
            "model_save_dir": str(place / "checkpoints"),
            "output_dir": str(place / "output"),
        }
        label = ", ".join(f"{name} {value}" for name, value in varied.items())
        trials.append(Trial(label, varied, TrainConfig.from_strings({**texts, **chosen, **paths})))
    return trials


def run_sweep(
    trials: Sequence[Trial],
    folder: Path,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    decide: Callable[[Trouble], Path | None],
    requested: Callable[[], Request | None] = lambda: None,
) -> list[TrainingResult]:
    """Train each trial, from its newest checkpoint if it has one, and keep a table of all.

    A trial that fails is named and the next one begins; a stop ends all. So the same call goes on
    where an earlier one ended. A table of other parameters in the folder is moved out of the way.
    Returns the results of the trials that ended without an error. Raises StudioError if that table
    cannot be moved.
    """
    results: list[TrainingResult] = []
    rows = _earlier_rows(folder / TABLE_NAME, trials)
    for number, trial in enumerate(trials, start=1):
        emit(TrialBegun(number, len(trials), trial.label, trial.config.to_dict()))
        result = None
        try:
            result = run_recorded(trial.config, emit, should_stop, decide, requested)
        except StudioError as error:
            emit(Warned(joined(trial.label, str(error), by=": ")))
        if result is None or result.checkpoint:  # else it was stopped before it began
            rows = [line for line in rows if not trial.values.items() <= line.items()]
            rows.append(row(trial, result))
            try:
                write_table(folder / TABLE_NAME, rows)
            except OSError as error:  # as of one that a spreadsheet holds
                text = _(
                    "{problem} The table is written again after the next run, or when the same "
                    "runs are started again."
                )
                emit(Warned(text.format(problem=file_problem(error))))
        emit(TrialEnded(trial.label, result))
        if result:
            results.append(result)
            if result.stopped:
                break
    return results


def _earlier_rows(path: Path, trials: Sequence[Trial]) -> list[Mapping[str, object]]:
    """The rows of a table of the same parameters; any other table gives way."""
    if not path.exists():
        return []
    names = list(trials[0].values)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows: list[Mapping[str, object]] = list(reader)
            same = [*names, *FIGURES] == reader.fieldnames
    except (OSError, UnicodeDecodeError, csv.Error):
        rows, same = [], False
    if same:
        return rows
    free = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in itertools.count(2))
    try:
        path.rename(next(other for other in free if not other.exists()))
    except OSError as error:  # as of one that a spreadsheet holds
        text = _(
            "{path} is the table of other runs and could not be moved aside ({reason}). Nothing "
            "was started: close it where it is open, or choose another folder."
        )
        raise StudioError(text.format(path=path, reason=error.strerror or error)) from None
    return []


def row(trial: Trial, result: TrainingResult | None) -> dict[str, object]:
    """What a trial came to at its best epoch, as a line of the table; or only its values."""
    place = str(Path(trial.config.output_dir).parent)
    found: dict[str, object] = {**trial.values, "state": "failed", "folder": place}
    if result is None:
        return found
    found["state"] = "stopped" if result.stopped else "finished"
    found["epochs"] = result.epoch
    if result.best:
        found |= {"best_loss": measured_loss(result.best), "best_epoch": result.best.epoch}
        # What was not measured at the best epoch is of the newest at which it was.
        for record in (*result.history, result.best):
            figures = {name: getattr(record, name, None) for name in FIGURES}
            found |= {name: value for name, value in figures.items() if value is not None}
        found["seconds"] = round(sum(record.seconds for record in result.history), 3)
    return found


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the table of all trials so far. Raises OSError."""
    names = [name for name in rows[-1] if name not in FIGURES]
    file = io.StringIO()
    writer = csv.DictWriter(
        file, [*names, *FIGURES], restval="", extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    with atomic_write(path, private=False) as target:
        # A folder's name may hold bytes that are no text.
        target.write(file.getvalue().encode(errors="backslashreplace"))
