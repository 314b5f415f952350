"""What the Loss tab does beyond showing: comparing, copying, pictures and figures."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vae.comparison import Compared
from vae.files import FIGURE_FORMATS, readable
from vae.gui import kit, loss_jobs, picture_jobs
from vae.gui.answers import LogRead
from vae.gui.export_dialog import ask_export
from vae.gui.labels import values_labelled
from vae.gui.loss_jobs import Export
from vae.gui.loss_pane import LossChoices
from vae.history import log_text
from vae.language import _, joined, ngettext, number

if TYPE_CHECKING:
    from vae.gui.app import App


class LossActions:
    """The actions, and what the person chose in them. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.choices = LossChoices()
        self.last_export: Export | None = None

    def begin_run(self) -> None:
        """Take off the curves that cannot be ranked with the run that begins, and say which."""
        others = self.choices.comparison
        folder = os.path.abspath(self.app.form.texts()["file_path"])  # as runs have it
        left = others.on_images_in(folder)
        runs = self.app.runs  # whose comparison brings back what was there before it
        runs.before = runs.before.on_images_in(folder)
        if gone := [values_labelled(run.name) for run in others.runs if run not in left.runs]:
            self.app.loss.compare(left)
            text = ngettext(
                "Taken off the loss plot, since it is on other images: {runs}.",
                "Taken off the loss plot, since they are on other images: {runs}.", len(gone),
            )  # fmt: skip
            self.app.tell(text.format(runs=joined(*gone, by="; ")))

    def compare_with_log(self) -> None:
        """Let the person choose the log of another run, and read it."""
        now = Path(self.app.form.texts()["log_file"] or ".").absolute()
        if chosen := kit.choose_log(self.app.root, str(now.parent)):
            self.app.worker.do(loss_jobs.read_log, Path(chosen))

    def show_log(self, event: LogRead) -> None:
        """Lay the log that was read over the run's own curve."""
        if event.problem:
            self.app.tell(event.problem)
            return
        if not event.history:
            text = _("{file} has no epochs yet, so that there is nothing to compare with.")
            self.app.tell(text.format(file=readable(event.path)))
            return
        # Logs that are called as this run's are told apart by their folders.
        own = Path(self.app.form.texts()["log_file"]).name
        name = event.path.parent.name if event.path.name == own else event.path.stem
        name = readable(Path(name))
        comparison = self.choices.comparison
        taken = [run.name for run in comparison.runs]
        label, count = name, 1
        while label in taken:
            count += 1
            label = f"{name} ({count})"
        self.app.loss.compare(comparison.beside(Compared(label, event.history)))

    def copy_data(self) -> None:
        """Put the history that is shown on the clipboard, as the text of a log."""
        history = self.app.loss.history
        if history and self.app.loss.left_out:
            self.app.tell(_("The curves are of other runs, whose logs hold the data."))
            return
        if not history:
            self.app.tell(_("There are no epochs to copy yet."))
            return
        self.app.root.clipboard_clear()
        self.app.root.clipboard_append(log_text(history))
        text = ngettext(
            "{count} epoch was copied as CSV text.", "{count} epochs were copied as CSV text.",
            len(history),
        )  # fmt: skip
        self.app.tell(text.format(count=number(len(history), ",")))

    def save_plot(self) -> None:
        """Save the plot as it is shown."""
        plot = self.app.loss.plot
        if plot is None or not plot.lines:
            self.app.tell(_("There is no loss curve to save yet."))
            return
        start = Path(self.app.form.texts()["output_dir"] or ".").absolute()
        start = start if os.path.isdir(start) else Path.home()
        chosen = kit.choose_picture(self.app.root, str(start), "loss_plot.png", FIGURE_FORMATS)
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower().removeprefix(".") not in FIGURE_FORMATS:
            path = path.with_name(f"{path.name}.{FIGURE_FORMATS[0]}")
        picture = plot.picture(path.suffix.lower().removeprefix("."))
        plot.refresh()
        self.app.worker.write(
            picture_jobs.write, partial(loss_jobs.write_picture, path, picture), path
        )

    def export(self) -> None:
        """Let the person choose figures for a paper, and draw them."""
        from vae.figures import Picture, Subject, figure_titles

        app = self.app
        if not app.view.history and not self.choices.comparison.runs:
            self.app.tell(_("There is nothing to draw yet. Train first."))
            return
        output_dir = Path(app.form.texts()["output_dir"] or ".").absolute()
        titles, pictures, hint = figure_titles(), {}, ""
        for name, pane in (("samples", app.samples), ("reconstructions", app.reconstructions)):
            pane.stop()  # what is seen is what becomes a figure
            if shown := pane.shown:
                drawn = {"seed": shown.seed, **shown.values} if shown.seed is not None else {}
                pictures[name] = Picture(shown.pixels, shown.path.stem, shown.moment, drawn)
                titles[name] = f"{titles[name]} ({shown.moment})"
        if app.loss.left_out:  # the pictures are of the form's run, and would go with other curves
            titles, pictures = {"loss_curve": titles["loss_curve"]}, {}
            hint = _(
                "Pictures are of the form's run, whose curve is not among these: Clear in the Loss "
                "tab brings both back."
            )
        own = output_dir / "figures"
        last = self.last_export or Export(tuple(titles), FIGURE_FORMATS[0], own, True)
        if last.folder.name == own.name:  # that of another run, maybe
            last = replace(last, folder=own)
        if wanted := ask_export(app.root, titles, FIGURE_FORMATS, last, hint):
            self.last_export = wanted
            run = Subject(
                tuple(app.view.history), app.loss.values_of_run or app.view.values, output_dir,
                pictures=pictures, comparison=app.loss.comparison, column=self.choices.column,
            )  # fmt: skip
            app.worker.write(
                picture_jobs.write,
                partial(loss_jobs.write_export, run, wanted),
                wanted.folder / "figures",
            )
