"""A run that leaves its traces: in the history of runs, and in the program's own log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vae import diary
from vae.config import TrainConfig
from vae.events import Event, TrainingResult, Trouble
from vae.recorder import recorded
from vae.requests import Request


def run_recorded(
    config: TrainConfig,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    decide: Callable[[Trouble], Path | None],
    requested: Callable[[], Request | None] = lambda: None,
    fresh: bool = False,
) -> TrainingResult:
    """Train as run_vae_training does, and write down what becomes of the run."""
    from vae.training import run_vae_training  # PyTorch takes seconds: not before it is needed

    with recorded(config, emit) as recorder, diary.logged(config, recorder) as heard:
        result = run_vae_training(config, heard, should_stop, fresh, decide, requested)
        recorder.ended(result)
    diary.log_result(result)
    return result
