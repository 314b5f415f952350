"""Small things that the menus offer: folders, copies, the image cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vae import __version__, diary
from vae.command import train_command
from vae.config import Value
from vae.gui import dialogs, picture_jobs
from vae.gui.data_pane import first_steps
from vae.gui.desktop import open_path
from vae.gui.settings import demo_folder
from vae.language import _, joined, number
from vae.measures import MEASURES

if TYPE_CHECKING:
    from vae.gui.app import App


class Actions:
    """They change nothing of a run. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app

    def open(self, path: Path) -> None:
        """Open a folder or a file with the system's program for it."""
        self.app.worker.do(open_path, path.absolute())

    def open_output(self) -> None:
        """Show the output folder."""
        self.open(Path(self.app.form.texts()["output_dir"]))

    def open_checkpoints(self) -> None:
        """Show the checkpoint folder."""
        self.open(Path(self.app.form.texts()["model_save_dir"]))

    def open_log(self) -> None:
        """Show the folder of the CSV log."""
        self.open(Path(self.app.form.texts()["log_file"]).absolute().parent)

    def open_log_folder(self) -> None:
        """Show the folder of the program's log."""
        self.open(diary.log_path().parent)

    def draw(self, seed: int, values: dict[str, Value], best: bool) -> None:
        """Draw other samples with a seed; `values` and `best` as for vae.drawing."""
        app = self.app
        places = app.form.texts()
        way = [_("seed {seed}").format(seed=seed)]
        if "sampler" in values:
            way.append(str(values["sampler"]))
        if "temperature" in values:
            degree = number(float(values["temperature"]))
            way.append(_("temperature {value}").format(value=degree))
        if best:
            way.append(_("best epoch"))
        app.say(_("Note"), _("Drawing samples: {way}...").format(way=joined(*way, by=", ")))
        folders = Path(places["model_save_dir"]), Path(places["output_dir"])
        app.worker.write(picture_jobs.draw, *folders, seed, values, best)

    def write_report(self) -> None:
        """Measure the newest checkpoint, and write all that is known of its run into a file."""
        app = self.app
        if app.busy:
            app.refuse(_("The report is made from a checkpoint, while no run goes on."))
            return
        if not app.checkpoints.resumable:
            app.tell(_("There is nothing to report yet. Train first."))
            return
        places = app.form.texts()
        folders = Path(places["model_save_dir"]), Path(places["output_dir"])
        text = _("Measuring the newest checkpoint and writing the report...")
        app.set_state("evaluating", _("Evaluating"), text)
        app.bar.progress(0, 0)
        app.worker.write_report(*folders)

    def evaluate(self) -> None:
        """Measure all that can be measured of the newest checkpoint, and show it in a table."""
        app = self.app
        if app.busy:
            app.refuse(_("A checkpoint is measured while no run goes on."))
            return
        if not app.checkpoints.resumable:
            app.tell(_("There is nothing to measure yet. Train first."))
            return
        places = app.form.texts()
        app.set_state("evaluating", _("Evaluating"), _("Measuring the newest checkpoint..."))
        app.bar.progress(0, 0)
        app.worker.evaluate(Path(places["model_save_dir"]), Path(places["output_dir"]))

    def copy_command(self) -> None:
        """Copy the terminal command that equals the form."""
        app = self.app
        if problems := app.form.problems():
            app.form.show_problems(problems)
            app.say_marked()
            return
        app.root.clipboard_clear()
        app.root.clipboard_append(train_command(app.form.texts()))
        text = _(
            "The command was copied. Run it in the folder of VAE Studio. It goes on with a run in "
            "the same folders; with --fresh it begins anew."
        )
        app.tell(text, topic="form")

    def copy_report(self) -> None:
        """Copy what a person who helps must know."""
        app = self.app
        if not app.busy:
            app.say(_("Note"), _("Making a report..."))
        app.worker.report(app.form.texts())

    def clear_cache(self) -> None:
        """Delete the decoded images that are kept for later runs, after asking."""
        from vae import cache  # not at the start: NumPy takes a moment

        choices = (_("Clear"), _("Cancel")) if cache.cache_files() else (_("Close"),)
        text = cache.usage_words()
        if len(choices) > 1:
            text += " " + _("The next run decodes its images again; nothing else is lost.")
        if dialogs.ask(self.app.root, _("Image cache"), text, choices) == _("Clear"):
            self.app.worker.clear_cache()

    def make_demo(self) -> None:
        """Fill in the demo data set, which is made unless it is there."""
        app = self.app
        if app.busy:
            app.refuse(_("The demo data set is made while no run goes on."))
            return
        app.set_state("checking", _("Preparing"), _("Making the demo data set..."))
        app.worker.make_demo(demo_folder())

    def help(self) -> None:
        """What to do first, and what the measures of the Quality tab mean."""
        lines = [f"{_(measure.label)}: {_(measure.good)}" for measure in MEASURES]
        text = "\n\n".join((first_steps(), _("The measures of the Quality tab:"), "\n".join(lines)))
        dialogs.ask(self.app.root, _("Help"), text, (_("Close"),))

    def about(self) -> None:
        """Version and purpose."""
        purpose = _(
            "Trains a convolutional variational autoencoder on a folder of images. Nothing leaves "
            "this computer."
        )
        text = f"VAE Studio {__version__}\n\n{purpose}"
        dialogs.ask(self.app.root, _("About VAE Studio"), text, (_("Close"),))
