"""Events in words: the same lines in the terminal and in the window's log."""

from __future__ import annotations

from vae.events import (
    SLOW,
    CheckpointSaved,
    DataReady,
    DeviceChosen,
    EpochDone,
    Event,
    Paused,
    Progress,
    ReconstructionsReady,
    Resumed,
    SamplesReady,
    TrainingResult,
    TrialBegun,
    TrialEnded,
    Warned,
    WentOn,
)
from vae.files import readable

# What a phase that brings nothing for seconds is likely to wait for.
SLOW_PHASES = {
    "scan": "Waiting for the disk with the images",
    "decode": "Waiting for the disk, or for a slow image",
    "read": "Waiting for the disk with the images",
    "save": "Waiting for the disk with the checkpoints",
}


def event_lines(event: Event) -> list[str]:
    """An event in words, one line each; none for events that only move a bar."""
    if isinstance(event, DataReady):
        lines = [f"{event.images} images."]
        if event.skipped:
            count = len(event.skipped)
            lines.append(f"Left out, since {count} file{'s' if count > 1 else ''} cannot be used:")
        return lines + [f"  {readable(path)} {why}" for path, why in event.skipped]
    if isinstance(event, DeviceChosen):
        return [f"Device: {event.device}, {event.detail}, {event.precision}."]
    if isinstance(event, Resumed):
        where = f" at image {event.images_done + 1}" if event.images_done else ""
        first = f"Resuming from epoch {event.epoch + 1}{where} ({event.path.name})."
        return [first, *event.changes]
    if isinstance(event, EpochDone):
        r = event.record
        return [
            f"Epoch {r.epoch}: loss {r.loss:.4g}, reconstruction {r.reconstruction_loss:.4g}, "
            f"KL {r.kl_loss:.4g}, blur {r.blur_loss:.4g}, {r.images_per_s:.4g} images/s"
        ]
    if isinstance(event, CheckpointSaved):
        return [f"Saved {event.path.name}."]
    if isinstance(event, SamplesReady):
        return [f"Samples: {event.path.name}"]
    if isinstance(event, ReconstructionsReady):
        return [f"Reconstructions: {event.path.name}"]
    if isinstance(event, TrialBegun):
        return [f"Run {event.number} of {event.total}: {event.label}"]
    if isinstance(event, TrialEnded):
        return [" ".join(result_words(event.result))] if event.result else []
    if isinstance(event, Paused):
        return ["Paused; all is saved."]
    if isinstance(event, WentOn):
        return ["Went on."]
    if isinstance(event, Progress) and event.phase.endswith(SLOW):
        return [f"{SLOW_PHASES[event.phase.removesuffix(SLOW)]}..."]
    if isinstance(event, Warned):
        return [f"Note: {event.message}"]
    return []


def result_words(result: TrainingResult) -> tuple[str, str]:
    """How a run ended, a word and a sentence: "Stopped", "after 3 of 25 epochs. ..."."""
    if result.checkpoint is None:
        return "Stopped", "before the training began. Nothing was changed."
    if result.stopped:
        part = f" and {result.images_done} images of the next" if result.images_done else ""
        done = f"after {result.epoch} of {result.epochs} epochs{part}."
        return "Stopped", f"{done} Saved as {result.checkpoint.name}; resume goes on from there."
    if not result.trained:
        done = f"All epochs up to {result.epoch} were done already: raise num_epochs to go on."
        return "Finished", done
    best = result.best
    words = f" Best loss {best.loss:.4g} at epoch {best.epoch}." if best else ""
    seconds = sum(record.seconds for record in result.history)
    epochs = f"{result.epoch} epoch{'s' if result.epoch > 1 else ''}"
    return "Finished", f"{epochs} in {duration(seconds)}.{words}"


def duration(seconds: float) -> str:
    """ "12 s", "3 min 5 s" or "2 h 10 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
