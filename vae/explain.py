"""Why a run cannot go on: what happened, what is safe, and what to do next."""

from __future__ import annotations

from pathlib import Path

from vae.config import TrainConfig
from vae.errors import StudioError, file_problem
from vae.files import size_words
from vae.state import TrainingState


class TrainingError(StudioError):
    """Training cannot go on; the text says what is safe and what to do next."""


def what_is_safe(state: TrainingState | None) -> str:
    """The newest checkpoint that can be relied on, in a sentence."""
    if state is None:
        return "Nothing was trained."
    if state.saved is None:
        return "No checkpoint had been written yet."
    if not state.saved.exists():
        return f"The checkpoint {state.saved.name} is no longer there."
    return f"The checkpoint {state.saved.name} is safe."


def loss_not_finite(state: TrainingState) -> TrainingError:
    """Seen before the optimizer's step."""
    return TrainingError(
        f"The loss became NaN or infinite in epoch {state.epoch + 1}; the weights were not changed "
        f"by it. {what_is_safe(state)} Lower lr (now {state.config.lr:g}) and go on."
    )


def weights_not_finite(state: TrainingState, name: str) -> TrainingError:
    """Seen while a checkpoint was saved."""
    return TrainingError(
        f"The weights became NaN or infinite ({name}) and were not saved. {what_is_safe(state)} "
        f"Lower lr (now {state.config.lr:g}) and go on."
    )


def float16_too_narrow(state: TrainingState) -> TrainingError:
    """The scaler found no scale at which the gradients fit."""
    return TrainingError(
        "float16 is too narrow for this run: the loss scale fell below 1. "
        f"{what_is_safe(state)} Choose precision bfloat16 or float32 and resume."
    )


def out_of_memory(config: TrainConfig, state: TrainingState | None) -> TrainingError:
    """A smaller batch helps once the network itself is in memory."""
    size = config.batch_size
    if state is None or size == 1:
        remedy = "a smaller img_size, latent_dim or base_channels"
    else:
        remedy = f"batch_size {size // 2}"
    return TrainingError(f"Out of memory at batch_size {size}. {what_is_safe(state)} Try {remedy}.")


def no_room(folder: Path, free: int, needed: int) -> TrainingError:
    """Bytes free and needed."""
    return TrainingError(
        f"{folder} has {size_words(free)} free, but two checkpoints of this network take "
        f"{size_words(needed)}. Nothing was trained: make room, or choose another model_save_dir."
    )


def cannot_save(problem: str, state: TrainingState) -> str:
    """Training waits, since a checkpoint could not be written."""
    return (
        f"{_unwritten(problem, state)} Training waits, and keeps in memory all that it has "
        f"learned. {what_is_safe(state)} Make room or mend the disk and try again, or choose "
        "another folder."
    )


def not_saved(problem: str, state: TrainingState) -> TrainingError:
    """Training ends, since a checkpoint could not be written."""
    return TrainingError(
        f"{_unwritten(problem, state)} {what_is_safe(state)} Mend the disk or make room, then "
        "resume from there."
    )


def _unwritten(problem: str, state: TrainingState) -> str:
    return f"The checkpoint could not be written in {state.config.model_save_dir} ({problem})."


def file_failed(error: OSError, state: TrainingState | None) -> TrainingError:
    """Any other file or folder."""
    return TrainingError(
        f"{file_problem(error)} {what_is_safe(state)} See that it is there, that the disk has room "
        "and that no other program holds it; then start again."
    )
