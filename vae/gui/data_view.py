"""What is known of the chosen folder, and when it is looked at. Plain data behind the Data tab."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from vae.config import TrainConfig, parse
from vae.events import BatchDone, DeviceChosen, Progress
from vae.gui.answers import Looked
from vae.gui.data_worker import FIELDS

if TYPE_CHECKING:
    from vae.estimate import Estimate
    from vae.groups import Grouping
    from vae.gui.app import App
    from vae.sheet import Sheet
    from vae.survey import Survey

ANOTHER = 0.1  # of the time of an epoch, by which another one must differ to be told


class DataView:
    """The newest look at the folder. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.texts: dict[str, str] = {}  # of the fields that were looked at
        self.number = 0  # of the look that goes on, or 0
        self.complete = self.locked = False
        self.of_run = False  # whether the estimate is what the run that goes on shows
        self.batch_size = 0  # of that run
        self._forget()

    def _forget(self) -> None:
        self.survey: Survey | None = None
        self.sheet: Sheet | None = None
        self.estimate: Estimate | None = None
        self.progress: Progress | None = None
        self.problem = ""

    @property
    def looking(self) -> bool:
        """Whether a look goes on."""
        return self.number > 0

    def look(self, again: bool = False) -> None:
        """Look at what the form names, unless that is known; `again` looks at all of it anew."""
        form = self.app.form.texts()
        texts = {name: form[name] for name in ("file_path", *FIELDS)}
        known = texts == self.texts and (self.looking or self.complete)
        if self.locked or (known and not again):
            self.app.data.show(self)  # what it advises depends on further fields
            return
        if again or texts["file_path"] != self.texts.get("file_path"):
            self._forget()
        self.texts, self.estimate, self.problem = texts, None, ""
        self.of_run = False
        self._end()
        if texts["file_path"]:
            self.number = self.app.worker.data.look(texts, self.survey, self.sheet)
        self.app.data.show(self)

    def take(self, event: Looked) -> None:
        """Take what a look found, if it is the newest one."""
        if event.number != self.number:
            return
        self.progress = event.progress
        self.sheet = event.sheet or self.sheet
        self.survey = event.survey or self.survey
        self.estimate = event.estimate
        if event.problem:
            self._forget()
            self.problem = event.problem
        if self.estimate or self.problem:
            self.number, self.complete = 0, True
            if self.app.state == "idle" and self.app.bar.topic == "ready":
                self.app.checkpoints.say()  # what a click on Train would meet
        self.app.data.show(self)

    def lock(self, locked: bool) -> None:
        """A run ends a look; what is missing is looked at after the run."""
        if locked == self.locked:
            return
        self.locked = locked
        if locked and self.looking:
            self._end()
        if not locked:
            self.look()
        self.app.data.show(self)

    def follow_run(self, device: DeviceChosen) -> None:
        """Say of a run what an estimate would have said that it left no time for."""
        if self.estimate and not self.of_run:
            return
        from vae.estimate import Estimate, needed_memory  # what they import, a run has imported

        # The form is locked meanwhile: the run has what it says.
        config = TrainConfig(**parse(self.app.form.texts())[0])  # type: ignore[arg-type]
        memory = needed_memory(config) if device.threads else 0
        self.estimate, self.of_run = Estimate(memory, 0, device.device), True
        self.batch_size = config.batch_size
        self.app.data.show(self)

    def take_batch(self, event: BatchDone) -> None:
        """A run shows how fast it is."""
        if self.of_run and event.images_per_s:
            self.take_seconds(event.batches * self.batch_size / event.images_per_s)

    def take_seconds(self, seconds: float) -> None:
        """A run shows how long an epoch takes. Told anew only if it differs: this comes often."""
        if not (self.of_run and self.estimate):
            return
        if abs(seconds - self.estimate.seconds) > ANOTHER * self.estimate.seconds:
            self.estimate = replace(self.estimate, seconds=seconds)
            self.app.data.show(self)

    def estimate_again(self) -> None:
        """At the next look: a run has shown how long an epoch takes."""
        self.complete = False

    def say_again(self) -> None:
        """Ask anew for what was said in another language."""
        if self.problem or (self.estimate and self.estimate.problem):
            self.complete = False
            self.look()
        self.app.data.show(self)

    def _end(self) -> None:
        self.app.worker.data.cancel()
        self.number, self.complete, self.progress = 0, False, None

    def suggestions(self) -> dict[str, str]:
        """What fields should say but do not, by name."""
        wanted = {}
        if self.has_colour is not None:
            wanted["in_channels"] = "3" if self.has_colour else "1"
        if self.grouping:
            wanted["group_pattern"] = self.grouping.pattern
        form = self.app.form.texts()
        return {name: value for name, value in wanted.items() if form[name] != value}

    @property
    def grouping(self) -> Grouping | None:
        """The patients that file names tell of, where validation does not keep them together."""
        form = self.app.form.texts()
        held_back = parse({"val_fraction": form["val_fraction"]})[0].get("val_fraction")
        apart = held_back and not form["group_pattern"]
        return self.survey.grouping if self.survey and apart else None

    @property
    def has_colour(self) -> bool | None:
        """Whether any image has colour, as far as they were decoded; None if none was."""
        survey, sheet = self.survey, self.sheet
        if (survey and survey.coloured) or (sheet and sheet.coloured):
            return True
        grey = survey and survey.whole and (survey.decoded or not survey.saved_colour)
        return False if grey or (sheet and sheet.shown) else None

    @property
    def loses_colour(self) -> bool:
        """Whether the form makes grey images of some that have colour."""
        return bool(self.has_colour) and self.app.form.texts()["in_channels"] == "1"

    def run_seconds(self) -> float:
        """What a run with the form's values takes on this computer, 0 if it is not known."""
        form = self.app.form.texts()
        if self.estimate is None or not self.texts.items() <= form.items():
            return 0.0
        epochs = parse({"num_epochs": form["num_epochs"]})[0].get("num_epochs", 0)
        return self.estimate.seconds * int(epochs)

    def take_folder(self, path: str) -> None:
        """Put a folder that was dropped on the window, or a file's folder, into the form."""
        if self.locked:
            return
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        self.app.form.fill({"file_path": folder})
        self.app.field_left("file_path")

    def follow_suggestion(self, name: str) -> None:
        """Put what a field should say into it."""
        if (value := self.suggestions().get(name)) and not self.locked:
            self.app.form.fill({name: value})
            self.app.form.show_field(name)
            self.app.field_left(name)
