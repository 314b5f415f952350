"""What the form's checkpoint folder holds, and whether that can go on as the form says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vae.config import DEFAULTS, Value, fixed_apart, parse
from vae.gui.answers import Found
from vae.language import _
from vae.schedule import has_given_up

if TYPE_CHECKING:
    from vae.gui.app import App
    from vae.header import Record


class CheckpointFolder:
    """Looked at off the window's thread when the form names another one, and after each run."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.found: Found | None = None
        self.looked, self.looking = ("", ""), False  # where, and whether the answer is due

    @property
    def places(self) -> tuple[str, str]:
        """Where a run to resume is looked for: the folders of checkpoints and of pictures."""
        texts = self.app.form.texts()
        return texts["model_save_dir"], texts["output_dir"]

    def look(self, force: bool = False) -> None:
        """Look for a run to resume. Not while one goes on."""
        app, places = self.app, self.places
        if app.busy or not places[0] or (places == self.looked and not force):
            return
        if places != self.looked and any(self.looked):
            self.found = None
            app.view.forget()
        self.looked, self.looking = places, True
        app.worker.look(*places)

    def take(self, found: Found) -> bool:
        """Take what was found. Returns whether it is still asked for."""
        if self.app.busy or found.folder != self.places[0]:
            return False
        self.found, self.looking = found, False
        return True

    def is_known(self) -> bool:
        """Whether it is known what the folder holds."""
        return self.places == self.looked and not self.looking

    @property
    def resumable(self) -> bool:
        """Whether the folder holds a run to go on with."""
        return bool(self.found and self.found.record)

    @property
    def replaceable(self) -> bool:
        """Whether the folder holds anything, so that a fresh start makes sense."""
        return bool(self.found and self.found.anything)

    @property
    def then(self) -> dict[str, Value]:
        """The values of the folder's run, or nothing without one."""
        found = self.found and self.places == self.looked and self.found.record
        return found.config if found else {}

    def other_values(self) -> list[str]:
        """The fields whose values keep the folder's run from going on."""
        then = self.then
        return fixed_apart(parse(self.app.form.texts())[0], then) if then else []

    @property
    def other_images(self) -> bool:
        """Whether the form names another image folder than that run's, which may have moved.

        One that cannot be used is none.
        """
        marked = "file_path" in self.app.form.marked()
        return self.elsewhere and not (marked or self.app.data_view.problem)

    @property
    def elsewhere(self) -> bool:
        """Whether the form's image folder is another path than that run's."""
        folders = self.app.form.texts()["file_path"], str(self.then.get("file_path", ""))
        now, then = (os.path.normcase(os.path.abspath(folder)) for folder in folders)
        return all(folders) and now != then

    def say(self) -> None:
        """Say what the folder holds, and what a click on Train does."""
        app, found, texts = self.app, self.found, self.app.form.texts()
        if found and found.record:
            self._say_run(found.record)
        elif found and found.problem:
            app.bar.say("failed", _("Note"), found.problem, topic="note")
        elif found and found.anything:
            text = _("No checkpoint in the checkpoint folder can be read. Train says more.")
            app.bar.say("failed", _("Note"), text, topic="note")
        elif texts["file_path"] and app.data_view.problem:
            app.bar.say("failed", _("Note"), app.data_view.problem, topic="ready")
        else:
            text = _("Choose a folder of images, then Train.")
            if texts["file_path"]:
                text = _("Click Train.")
            app.say(_("Ready"), text, topic="ready")

    def _say_run(self, record: Record) -> None:
        values = parse(self.app.form.texts())[0]
        done, more = len(record.history), record.images_done
        total = max(int(values.get("num_epochs", 0)), done)
        hint = _("Resume") if done < total else _("Resume asks how far to train on")
        if has_given_up(record.history, {**DEFAULTS, **record.config, **values}):
            hint = _("no more improvement; Resume asks whether to train on")
        if self.other_values():
            hint = _("of a run with other values; Train asks what to do with it")
        elif self.other_images:
            hint = _("of a run on other images; Train asks what to do with it")
        text = _("{done} of {total} epochs done: {hint}")
        if more:
            text = _("{done} of {total} epochs done, {more} images of the next: {hint}")
        text = text.format(done=done, total=total, more=more, hint=hint)
        self.app.say(_("Found"), text, topic="found")
        self.app.bar.progress(done + more / max(record.images, 1), total)
