"""The long jobs of the worker's thread: one run, or several in a row. No Tk object in reach."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vae.config import ConfigError, TrainConfig
from vae.errors import StudioError
from vae.events import Trouble
from vae.files import readable
from vae.gui.answers import Failed, Finished, Invalid, SweepFinished
from vae.language import _
from vae.recorded_run import run_recorded
from vae.requests import Request


class Wires(NamedTuple):
    """What ties a training to the window. memory_is_free waits for a network that is timed."""

    emit: Callable[[object], None]
    should_stop: Callable[[], bool]
    decide: Callable[[Trouble], Path | None]
    requested: Callable[[], Request | None]
    memory_is_free: Callable[[], None]


def train(texts: dict[str, str], fresh: bool, resumes: bool, wires: Wires) -> None:
    """Check the form and train. Ends in Finished, Invalid or Failed.

    `resumes`: the person was shown a run to go on with, and wants no other.
    """

    def work() -> Finished:
        from vae.checkpoint import CheckpointError, checkpoint_files  # not before the window

        config = TrainConfig.from_strings(texts)
        folder = Path(config.model_save_dir)
        if resumes and not checkpoint_files(folder, damaged=True):
            text = _(
                "The checkpoints in {folder} are gone, so that the run cannot go on. Nothing was "
                "changed: put them back, or click Train for a new run."
            )
            raise CheckpointError(text.format(folder=readable(folder)))
        wires.memory_is_free()
        return Finished(
            run_recorded(
                config, wires.emit, wires.should_stop, wires.decide, wires.requested, fresh
            )
        )

    _to_the_end(work, wires.emit)


def sweep(
    texts: dict[str, str], axes: Mapping[str, Sequence[str]], folder: Path, wires: Wires
) -> None:
    """Train with each combination of values. Ends in SweepFinished, Invalid or Failed."""

    def work() -> SweepFinished:
        from vae.sweep import plan, run_sweep

        trials = plan(texts, axes, folder)
        wires.memory_is_free()
        results = run_sweep(
            trials, folder, wires.emit, wires.should_stop, wires.decide, wires.requested
        )
        stopped = next((result for result in results if result.stopped), None)
        outputs = tuple(Path(trial.config.output_dir) for trial in trials)
        done = sum(not result.stopped for result in results)
        return SweepFinished(done, len(trials), stopped, folder, outputs)

    _to_the_end(work, wires.emit)


def _to_the_end(work: Callable[[], object], emit: Callable[[object], None]) -> None:
    """Tell what the work came to, whatever it was. The thread's border."""
    end: object = Failed(_("The run ended without a word."), {}, "")
    try:
        end = work()
    except ConfigError as error:
        end = Invalid(error.problems)
    except BaseException as error:
        # Whatever happened is shown to the person, with its traceback.
        # Of what was foreseen, with nothing behind it, the message says all.
        foreseen = isinstance(error, StudioError) and error.__cause__ is None
        details = "" if foreseen else traceback.format_exc()
        end = Failed(str(error) or type(error).__name__, getattr(error, "problems", {}), details)
    finally:
        emit(end)
