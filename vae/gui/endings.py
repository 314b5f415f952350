"""How a run ended, and what the bar says of it, in the language in use."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vae.gui.answers import Failed, Finished, SweepFinished
from vae.gui.several_runs import GO_ON
from vae.language import _, joined, ngettext
from vae.sweep import TABLE_NAME
from vae.words import result_words

if TYPE_CHECKING:
    from vae.gui.app import App

Ending = Finished | Failed | SweepFinished


class Endings:
    """Says it and writes it down. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app

    def take(self, ending: Ending) -> None:
        """Say how a run, or several in a row, ended, and write it down."""
        app, began = self.app, self.app.state != "checking"
        self._say(ending)
        app.log.write(f"{app.bar.word['text']}: {app.bar.text['text']}", self._kind(ending))
        if isinstance(ending, Failed):
            if not began:
                app.bar.progress(0, 1)
            if ending.details:
                app.log.write(ending.details.rstrip())
            if ending.problems:
                app.form.show_problems(ending.problems)
        elif app.state == "finished":
            app.bar.progress(1, 1)

    def _kind(self, ending: Ending) -> str:
        return "error" if isinstance(ending, Failed) else ""

    def _say(self, ending: Ending) -> None:
        """Bring the window into the state of an ending."""
        match ending:
            case Finished(result):
                self._state(result.stopped, *result_words(result))
                if not result.stopped:
                    self.app.bar.offer(_("Open output folder"), self.app.actions.open_output)
            case SweepFinished():
                self._say_sweep(ending)
            case Failed():
                self.app.set_state("failed", _("Failed"), ending.message)
                images_differ = ending.problems.keys() == {"file_path"}
                if ending.details:
                    self.app.bar.offer(_("Details"), self.app.show_log)
                elif images_differ and self.app.checkpoints.resumable:
                    self.app.bar.offer(_("In new folders"), self.app.control.find_places)

    def _say_sweep(self, ending: SweepFinished) -> None:
        text = ngettext(
            "{done} of {total} run is done.", "{done} of {total} runs are done.", ending.total
        ).format(done=ending.done, total=ending.total)
        if stopped := ending.stopped:
            if stopped.checkpoint:
                saved = _("The next one is saved, after {done} of {epochs} epochs.")
                text = joined(text, saved.format(done=stopped.epoch, epochs=stopped.epochs))
            more = _("Train and Resume are for the form's own run, which is none of them.")
            text = joined(text, more)
        else:
            table = _("A table of them is {path}.")
            path = Path(ending.folder.name) / TABLE_NAME
            text = joined(text, table.format(path=path))
        self._state(bool(stopped), _("Stopped") if stopped else _("Finished"), text)
        if ending.done < ending.total:
            self.app.bar.offer(_(GO_ON), self.app.control.train_several)
        elif ending.done > 1:
            # The tab is another one after a change of language.
            self.app.bar.offer(_("Compare"), lambda: self.app.runs.compare_those(ending.outputs))
        else:
            self.app.bar.offer(_("Open folder"), partial(self.app.actions.open, ending.folder))

    def _state(self, stopped: bool, word: str, text: str) -> None:
        self.app.set_state("idle" if stopped else "finished", word, text)
