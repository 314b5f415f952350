"""Several runs in a row: what the form says meanwhile, and the curves that they leave behind."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vae.comparison import Compared
from vae.config import PATHS, text_of
from vae.events import TrialBegun, TrialEnded
from vae.language import _, marked
from vae.sweep import Sweep

if TYPE_CHECKING:
    from vae.gui.app import App

# Leads to the question which runs to go on with.
GO_ON = marked("Go on with the other runs...")


class SeveralRuns:
    """Follows them from the first to the last. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.asked: Sweep | None = None  # for last, before this start of the window too
        self.before: dict[str, str] = {}  # what the form said
        self.folders: list[Path] = []  # where their output is
        self.running: TrialBegun | None = None
        self.done = 0

    def recall(self, asked: Sweep | None) -> None:
        """Take what an earlier start of the window was asked for, and say if it came to no end."""
        self.asked = asked
        if asked and asked.unfinished:
            self.asked = asked._replace(unfinished=False)  # it is told once
            text = _("Several runs in a row were begun in {folder}, and not all are done.")
            text = text.format(folder=asked.folder)
            self.app.log.write(text)
            self.app.banner.say(text, _(GO_ON), self.app.control.train_several)

    def begun(self, trial: TrialBegun) -> None:
        """The next one begins, in folders of its own."""
        form = self.app.form
        self.before = self.before or form.texts()
        form.fill({name: text_of(value) for name, value in trial.config.items()})
        self.running = trial
        self._note(unfinished=True)
        self.folders.append(Path(str(trial.config["output_dir"])))

    def ended(self, event: TrialEnded) -> None:
        """One has ended: its curve stays, for the next ones to be seen beside."""
        if self.running and event.result and not event.result.stopped:
            # With whole paths, as the history of runs has them: it is the same run.
            config = self.running.config
            config = {**config, **{name: os.path.abspath(str(config[name])) for name in PATHS}}
            run = Compared(event.label, event.result.history, config)
            self.app.loss.compare(self.app.loss_actions.choices.comparison.beside(run))
            self.done += 1
            self._note(unfinished=self.done < self.running.total)

    def _note(self, unfinished: bool) -> None:
        """Remember whether all are done: the program may end at any moment."""
        if self.asked and self.asked.unfinished != unfinished:
            self.asked = self.asked._replace(unfinished=unfinished)
            self.app.remember()

    def over(self) -> bool:
        """Let the form say again what it said before. Returns whether there were any."""
        any_ran = bool(self.folders)
        self.app.form.fill(self.before)
        if any_ran:
            self.app.runs.select(self.folders)
        self.before, self.folders, self.running, self.done = {}, [], None, 0
        return any_ran

    def compare_alone(self) -> None:
        """Show their curves without that of the form's run."""
        comparison = self.app.loss_actions.choices.comparison
        self.app.loss.compare(replace(comparison, alone=True))
