"""Why a run cannot go on: what happened, what is safe, and what to do next."""

from __future__ import annotations

import os
from pathlib import Path

from vae.config import TrainConfig
from vae.errors import StudioError, file_problem
from vae.files import size_words
from vae.language import _
from vae.state import TrainingState


class TrainingError(StudioError):
    """Training cannot go on; the text says what is safe and what to do next."""


def what_is_safe(state: TrainingState | None) -> str:
    """The newest checkpoint that can be relied on, in a sentence."""
    if state is None:
        return _("Nothing was trained.")
    if state.saved is None:
        return _("No checkpoint had been written yet.")
    text = _("The checkpoint {name} is safe.")
    if not os.path.exists(state.saved):
        text = _("The checkpoint {name} cannot be reached now.")
    return text.format(name=state.saved.name)


def loss_not_finite(state: TrainingState) -> TrainingError:
    """Seen before the optimizer's step."""
    text = _(
        "The loss became NaN or infinite in epoch {epoch}; the weights were not changed by it. "
        "{safe} Lower lr (now {lr}) and go on."
    )
    lr = f"{state.config.lr:g}"
    return TrainingError(text.format(epoch=state.epoch + 1, safe=what_is_safe(state), lr=lr))


def weights_not_finite(state: TrainingState, name: str) -> TrainingError:
    """Seen while a checkpoint was saved."""
    text = _(
        "The weights became NaN or infinite ({name}) and were not saved. {safe} Lower lr "
        "(now {lr}) and go on."
    )
    lr = f"{state.config.lr:g}"
    return TrainingError(text.format(name=name, safe=what_is_safe(state), lr=lr))


def float16_too_narrow(state: TrainingState) -> TrainingError:
    """The scaler found no scale at which the gradients fit."""
    text = _(
        "float16 is too narrow for this run: the loss scale fell below 1. {safe} Choose precision "
        "bfloat16 or float32 and resume."
    )
    return TrainingError(text.format(safe=what_is_safe(state)))


def out_of_memory(config: TrainConfig, state: TrainingState | None) -> TrainingError:
    """A smaller batch helps once the network itself is in memory."""
    size = config.batch_size
    if state is None or size == 1:
        remedy = _("a smaller img_size, latent_dim or base_channels")
    else:
        remedy = f"batch_size {size // 2}"
    text = _("Out of memory at batch_size {size}. {safe} Try {remedy}.")
    return TrainingError(text.format(size=size, safe=what_is_safe(state), remedy=remedy))


def no_room(folder: Path, free: int, needed: int) -> TrainingError:
    """Bytes free and needed."""
    text = _(
        "{folder} has {free} free, but two checkpoints of this network take {needed}. Nothing was "
        "trained: make room, or choose another model_save_dir."
    )
    words = {"free": size_words(free), "needed": size_words(needed)}
    return TrainingError(text.format(folder=folder, **words))


def cannot_save(problem: str, state: TrainingState) -> str:
    """Training waits, since a checkpoint could not be written."""
    text = _(
        "{unwritten} Training waits, and keeps in memory all that it has learned. {safe} Make "
        "room or mend the disk and try again, or choose another folder."
    )
    return text.format(unwritten=_unwritten(problem, state), safe=what_is_safe(state))


def not_saved(problem: str, state: TrainingState) -> TrainingError:
    """Training ends, since a checkpoint could not be written."""
    text = _("{unwritten} {safe} Mend the disk or make room, then resume from there.")
    words = {"unwritten": _unwritten(problem, state), "safe": what_is_safe(state)}
    return TrainingError(text.format(**words))


def _unwritten(problem: str, state: TrainingState) -> str:
    text = _("The checkpoint could not be written in {folder} ({reason}).")
    return text.format(folder=state.config.model_save_dir, reason=problem)


def file_failed(error: OSError, state: TrainingState | None) -> TrainingError:
    """Any other file or folder."""
    text = _(
        "{problem} {safe} See that it is there, that the disk has room and that no other program "
        "holds it; then start again."
    )
    return TrainingError(text.format(problem=file_problem(error), safe=what_is_safe(state)))
