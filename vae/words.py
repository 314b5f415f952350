"""Events in words: the same lines in the terminal and in the window's log."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vae.events import (
    SLOW,
    CheckpointSaved,
    DataReady,
    DeviceChosen,
    EpochDone,
    EpochRecord,
    Event,
    HeldBack,
    Passed,
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
from vae.language import _, joined, marked, ngettext, number
from vae.reasons import reason_words

# Of a parameter; in a checkpoint, as in all files but reports and figures, it stands in English.
CHANGE = marked("From epoch {epoch}: {name} {then} became {now}.")
# What is done meanwhile.
PHASES = {
    "scan": marked("Looking for images"),
    "decode": marked("Decoding images"),
    "save": marked("Saving a checkpoint"),
    "sample": marked("Drawing samples"),
    "validate": marked("Measuring"),
    # Of an evaluation, beside the first two and the samples.
    "read": marked("Reading images"),
    "encode": marked("Encoding images"),
    "features": marked("Taking features of images"),
    "reconstruct": marked("Measuring reconstructions"),
    "bound": marked("Estimating the IWAE bound"),
    "nearest": marked("Looking for copied images"),
}
# What a phase that brings nothing for seconds is likely to wait for.
SLOW_PHASES = {
    "scan": marked("Waiting for the disk with the images"),
    "decode": marked("Waiting for the disk, or for a slow image"),
    "read": marked("Waiting for the disk with the images"),
    "save": marked("Waiting for the disk with the checkpoints"),
}


def event_lines(event: Event) -> list[str]:
    """An event in words, one line each; none for events that only move a bar."""
    if isinstance(event, DataReady):
        return _data_lines(event)
    if isinstance(event, HeldBack):
        text = ngettext(
            "{count} of them is held back for validation.",
            "{count} of them are held back for validation.",
            event.validation,
        )
        return [text.format(count=event.validation)]
    if isinstance(event, DeviceChosen):
        return [_("Device: {device}.").format(device=device_words(event))]
    if isinstance(event, Resumed):
        return [_resumed_line(event), *event.changes]
    if isinstance(event, EpochDone):
        return [_epoch_line(event.record)]
    if isinstance(event, CheckpointSaved):
        return [_("Saved {name}.").format(name=event.path.name)]
    if isinstance(event, SamplesReady):
        return [_("Samples: {name}").format(name=event.path.name)]
    if isinstance(event, ReconstructionsReady):
        return [_("Reconstructions: {name}").format(name=event.path.name)]
    if isinstance(event, TrialBegun):
        text = _("Run {number} of {total}: {label}")
        return [text.format(number=event.number, total=event.total, label=event.label)]
    if isinstance(event, TrialEnded):
        return [result_line(event.result)] if event.result else []
    if isinstance(event, Paused):
        return [_("Paused; all is saved.")]
    if isinstance(event, WentOn):
        return [_("Went on.")]
    if isinstance(event, Progress) and event.phase.endswith(SLOW):
        return [f"{_(SLOW_PHASES[event.phase.removesuffix(SLOW)])}..."]
    if isinstance(event, Passed):
        return [event.message]
    if isinstance(event, Warned):
        return [_("Note: {message}").format(message=event.message)]
    return []


def device_words(event: DeviceChosen) -> str:
    """Where and how a run computes: "CPU, 2 threads, float32"."""
    detail = event.detail
    if event.threads:
        detail = ngettext("{count} thread", "{count} threads", event.threads)
        detail = detail.format(count=event.threads)
    return f"{event.device}, {detail}, {event.precision}"


def _data_lines(event: DataReady) -> list[str]:
    lines = [ngettext("{count} image.", "{count} images.", event.images).format(count=event.images)]
    if event.skipped:
        count = len(event.skipped)
        left_out = ngettext(
            "Left out, since {count} file cannot be used:",
            "Left out, since {count} files cannot be used:",
            count,
        )
        lines.append(left_out.format(count=count))
    return lines + [f"  {readable(path)} {reason_words(why)}" for path, why in event.skipped]


def _resumed_line(event: Resumed) -> str:
    if event.over:
        text = _("Loaded {name}, after epoch {epoch}: nothing is left to train.")
        return text.format(name=event.path.name, epoch=event.epoch)
    text = _("Resuming from epoch {epoch} ({name}).")
    if event.images_done:
        text = _("Resuming from epoch {epoch} at image {image} ({name}).")
    return text.format(epoch=event.epoch + 1, image=event.images_done + 1, name=event.path.name)


def change_words(change: str) -> str:
    """One of a record's changes in the language in use."""
    facts = _change_facts(change)
    return _(CHANGE).format(**facts) if facts else change


def changes_of(changes: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of a record's changes that are of some parameters, in the language in use."""
    wanted = set(names)
    return [change_words(c) for c in changes if _change_facts(c).get("name") in wanted]


def _change_facts(change: str) -> dict[str, str]:
    template = re.escape(CHANGE).replace(r"\{", "(?P<").replace(r"\}", ">.+)")
    found = re.fullmatch(template, change)
    return found.groupdict() if found else {}


def _epoch_line(r: EpochRecord) -> str:
    text = _(
        "Epoch {epoch}: loss {loss}, reconstruction {reconstruction}, KL {kl}, blur {blur}, "
        "{speed} images/s"
    )
    text = text.format(
        epoch=r.epoch,
        loss=number(r.loss),
        reconstruction=number(r.reconstruction_loss),
        kl=number(r.kl_loss),
        blur=number(r.blur_loss),
        speed=number(r.images_per_s),
    )
    if r.val_loss is not None:
        text = f"{text}, {_('validation loss {loss}').format(loss=number(r.val_loss))}"
    return text


def result_words(result: TrainingResult) -> tuple[str, str]:
    """How a run ended, a word and a sentence: "Stopped", "after 3 of 25 epochs. ..."."""
    if result.checkpoint is None:
        return _("Stopped"), _("before the training began. Nothing was trained.")
    if result.stopped:
        return _("Stopped"), _stopped_words(result, result.checkpoint.name)
    if not result.trained:
        text = _("All epochs up to {epoch} were done already: raise num_epochs to go on.")
        if result.gave_up:
            text = _(
                "The run ended early at epoch {epoch}, since the validation images showed no "
                "improvement any more: raise early_stopping to go on."
            )
        return _("Finished"), text.format(epoch=result.epoch)
    seconds = sum(record.seconds for record in result.history)
    text = ngettext("{count} epoch in {time}.", "{count} epochs in {time}.", result.epoch)
    text = text.format(count=result.epoch, time=duration(seconds))
    if result.gave_up:
        words = _("It ended early: no more improvement.")
        text = joined(text, words)
    if result.best:
        text = joined(text, best_words(result.best))
    return _("Finished"), text


def result_line(result: TrainingResult) -> str:
    """How a run ended, in one line."""
    word, text = result_words(result)
    stop = "." if text[0].isupper() else ""  # before a sentence that does not go on from the word
    return f"{word}{stop} {text}"


def best_words(best: EpochRecord) -> str:
    """Which epoch was the best, in a sentence."""
    if best.val_loss is not None:
        text, loss = _("Best validation loss {loss} at epoch {epoch}."), best.val_loss
    else:
        text, loss = _("Best loss {loss} at epoch {epoch}."), best.loss
    return text.format(loss=number(loss), epoch=best.epoch)


def _stopped_words(result: TrainingResult, name: str) -> str:
    text = _("after {done} of {epochs} epochs. Saved as {name}; resume goes on from there.")
    if result.images_done:
        text = ngettext(
            "after {done} of {epochs} epochs and {count} image of the next. Saved as {name}; "
            "resume goes on from there.",
            "after {done} of {epochs} epochs and {count} images of the next. Saved as {name}; "
            "resume goes on from there.",
            result.images_done,
        )
    return text.format(done=result.epoch, epochs=result.epochs, count=result.images_done, name=name)


def duration(seconds: float) -> str:
    """ "12 s", "3 min 5 s" or "2 h 10 min", which are the same in all our languages."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
