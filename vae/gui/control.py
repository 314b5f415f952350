"""What a person does with runs: begin, pause, stop, and what is asked before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vae.comparison import NO_OTHERS
from vae.config import PARAMETERS, RECORDED, parse, text_of
from vae.files import readable
from vae.findings import Finding
from vae.gui import dialogs, jobs
from vae.gui.sweep_dialog import ask_sweep
from vae.language import _, joined
from vae.requests import Request
from vae.schedule import WEIGHTS, has_given_up
from vae.sweep import Sweep

if TYPE_CHECKING:
    from vae.gui.app import App


class Control:
    """The actions of the bar and of the Run menu. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.waiting: dict[str, str] = {}  # what the form said when Train came before the look

    def train(self, fresh: bool = False) -> None:
        """Check the form and train, or resume. What is blocked is tried again."""
        app = self.app
        if app.state == "blocked":
            app.view.go_on()
        if app.busy or app.signalled or not self._form_is_whole():
            return
        self.waiting = {}
        if not fresh and not app.checkpoints.is_known():
            # A key was faster than the look. What it finds decides what is asked.
            self.waiting = app.form.texts()
            app.set_state("idle", "", "")
            app.say(_("Checking"), _("Looking into the checkpoint folder..."))
            app.checkpoints.look(force=True)
            return
        if not fresh and app.checkpoints.then and not self._may_go_on():
            return
        if app.busy:  # another answer has begun a run while a question stood
            return
        app.form.show_problems({})
        resumes = app.checkpoints.resumable and not fresh
        if not resumes:
            app.view.forget()
            app.checkpoints.looked = app.checkpoints.places  # a new run is there by now
        app.loss.show_own()
        app.banner.clear()
        app.set_state("checking", _("Checking"), _("Checking the form and the data set..."))
        app.remember()
        app.worker.train(app.form.texts(), fresh, resumes)

    def after_look(self) -> None:
        """Train if that was asked before the look was done, and the form still says the same."""
        texts, self.waiting = self.waiting, {}
        if texts and texts == self.app.form.texts():
            self.train()

    def _may_go_on(self) -> bool:
        """Whether the checkpoint folder's run is to go on as the form says; asks if need be."""
        app, folder = self.app, self.app.checkpoints
        if names := folder.other_values():
            self._offer_instead(names)
            return False
        # How far to train on is no question of images that cannot be used: the check says so.
        unusable = folder.elsewhere and not folder.other_images
        more = {} if unusable else self._to_train_on()
        others = self._other_values()
        reasons = [self._other_images(), self._told(others), self._all_done(more)]
        if not any(reasons):
            return True
        on, new = _("Train on") if more else _("Go on with it"), _("In new folders")
        # What comes first is what makes two runs that can be compared.
        choices = [new, on] if folder.other_images or set(others) & set(WEIGHTS) else [on, new]
        own = _("Take its values")
        choices += [own] * bool(others) + [_("Cancel")]
        reasons += [_("A run of its own can also begin in new folders beside it.")]
        text = "\n\n".join(filter(None, reasons))
        answer = dialogs.ask(app.root, _("Go on with this run"), text, tuple(choices))
        if answer == new:
            self.find_places()
        elif answer == own:
            app.form.take({name: text_of(folder.then[name]) for name in others})
        elif answer == on and more:
            app.form.take(more)
        return answer == on

    def _form_is_whole(self) -> bool:
        """Whether the form can be used, before anything is asked; marks what cannot."""
        app, problems = self.app, self.app.form.problems()
        if problems:
            app.form.show_problems(problems)
            app.set_state("idle", "", "")
            app.say_marked()
        return not problems

    def _offer_instead(self, names: Sequence[str]) -> None:
        """Ask what to do with the checkpoint folder's run, which cannot go on with these values."""
        app, then = self.app, self.app.checkpoints.then
        changed = [name for name in names if PARAMETERS[name].told]
        if app.checkpoints.other_images:
            names, changed = ["file_path", *names], ["file_path", *changed]
        text = _(
            "The checkpoint folder holds a run that was trained with other values and cannot "
            "go on with those of the form: {changes}. Begin a run in new folders beside it, or "
            "take its values and go on with it, or start fresh, which moves it aside."
        ).format(changes=self._changes(changed) or _("a changed pattern"))
        choices = (_("In new folders"), _("Take its values"), _("Start fresh..."), _("Cancel"))
        answer = dialogs.ask(app.root, _("Another run"), text, choices)
        if answer == choices[0]:
            self.find_places()
        elif answer == choices[1]:
            app.form.take({name: text_of(then[name]) for name in names})
        elif answer == choices[2]:
            self.start_fresh()

    def _other_images(self) -> str:
        """What is to be known of a run on other images, or nothing."""
        folder = self.app.checkpoints
        if not folder.other_images:
            return ""
        text = _(
            "The checkpoint folder holds a run on the images in {then}, and the form names {now}. "
            "It can go on if these are the same images."
        )
        then = readable(Path(str(folder.then["file_path"])))
        return text.format(then=then, now=self.app.form.texts()["file_path"])

    def _other_values(self) -> list[str]:
        """The fields with other values than the run learned by up to here."""
        then, now = self.app.checkpoints.then, parse(self.app.form.texts())[0]
        names = [name for name in RECORDED if name in now and now[name] != then[name]]
        return [name for name in names if name != "num_epochs"]  # which says how far to go

    def _told(self, names: Sequence[str]) -> str:
        """What is to be known of a run that goes on with other values, or nothing."""
        if not names:
            return ""
        text = _(
            "The run was trained with other values, and goes on with those of the form: {changes}."
        ).format(changes=self._changes(names))
        if set(names) & set(WEIGHTS):
            text += " " + _("The loss before and after is another measure, not to be compared.")
        return text

    def _to_train_on(self) -> dict[str, str]:
        """What the form must say for a run that is done to be trained on; nothing of others."""
        app, more = self.app, dict[str, str]()
        done, then = len(app.view.history), app.checkpoints.then
        if app.view.ended:
            before, most = int(then["num_epochs"]), int(PARAMETERS["num_epochs"].high or 0)
            more["num_epochs"] = text_of(before if before > done else min(done + before, most))
        if has_given_up(app.view.history, {**then, **parse(app.form.texts())[0]}):
            more["early_stopping"] = "0"
        return more

    def _all_done(self, more: Mapping[str, str]) -> str:
        """What is to be known of a run that is done, or nothing."""
        early = _("It ended early, since the validation images showed no improvement any more.")
        off = _("To train on, early stopping is switched off.")
        words = [early, off] if "early_stopping" in more else []
        text = _(
            "{done} epochs are done, and the form asks for {asked}. Train on until epoch {wanted}?"
        )
        done, asked = len(self.app.view.history), self.app.form.texts()["num_epochs"]
        if wanted := more.get("num_epochs"):
            words.append(text.format(done=done, asked=asked, wanted=wanted))
        return " ".join(words)

    def _changes(self, names: Iterable[str]) -> str:
        """ "Beta from 1.0 to 0.5, ...": from the checkpoint folder's run to the form."""
        then, texts = self.app.checkpoints.then, self.app.form.texts()
        text = _("{label} from {then} to {now}")
        return ", ".join(
            text.format(
                label=_(PARAMETERS[name].label), then=text_of(then[name]), now=texts[name]
            )
            for name in names
        )  # fmt: skip

    def find_places(self) -> None:
        """Have places looked for in which a run can begin beside that of the form."""
        self.app.worker.do(jobs.find_places, self.app.form.texts(), None)

    def train_there(self, places: Mapping[str, str]) -> None:
        """Begin a run in the places that were found."""
        app = self.app
        if app.busy:
            return
        app.form.take(places)
        text = _("A new run begins in new folders: {places}")
        app.log.write(text.format(places=", ".join(places.values())))
        self.train()

    def train_several(self) -> None:
        """Train with several values, one run after the other."""
        app = self.app
        if app.busy:
            return
        folder = Path(app.form.texts()["output_dir"] or ".").absolute().parent / "several_runs"
        last = app.view.several.asked or Sweep({"beta": []}, folder)
        wanted = ask_sweep(app.root, last, app.data_view.run_seconds())
        if wanted is None or app.busy:
            return
        app.view.several.asked = wanted
        app.form.show_problems({})
        app.banner.clear()
        app.runs.end_comparison()
        app.loss.compare(NO_OTHERS)
        app.set_state("checking", _("Checking"), _("Checking the form and the data set..."))
        app.remember()
        app.worker.sweep(app.form.texts(), wanted.axes, wanted.folder)

    def apply(self, finding: Finding) -> None:
        """Put the remedy of a finding into the form, and say what comes next."""
        app = self.app
        if app.busy:
            return
        values = finding.remedy
        app.form.take({name: text_of(value) for name, value in values.items()})
        app.sides.show_form()
        app.form.show_field(next(iter(values)))
        texts = (joined(_(PARAMETERS[name].label), text_of(v)) for name, v in values.items())
        changes = joined(*texts, by=", ")
        text = _("In the form: {changes}. Resume goes on with them.")
        if finding.fresh or app.checkpoints.other_values():  # by an earlier remedy
            text = _("In the form: {changes}. Only a new run takes them: Start fresh begins one.")
        elif set(values) == {"sampler"}:
            text = _("In the form: {changes}. The Samples tab can draw with it at once.")
        elif app.view.ended:
            text = _(
                "In the form: {changes}. All epochs of this run are done: Resume asks how far to "
                "train on with them. Or start fresh."
            )
        app.say(_("Note"), text.format(changes=changes), topic="form")

    def start_fresh(self) -> None:
        """Begin a new run in the same folders or in new ones, after asking."""
        app = self.app
        self.waiting = {}
        if app.busy or not self._form_is_whole():
            return
        text = _(
            "A new run begins at epoch 1. The earlier run's checkpoints, samples and log are moved "
            "into folders named earlier_run_0001 (or the next number); nothing is deleted. In new "
            "folders beside them, the earlier run stays as it is and can be compared."
        )
        choices = (_("Start fresh"), _("In new folders"), _("Cancel"))
        answer = dialogs.ask(app.root, choices[0], text, choices)
        if answer == choices[0]:
            self.train(fresh=True)
        elif answer == choices[1]:
            self.find_places()

    def stop(self) -> None:
        """Stop after the running batch. What is blocked can only be ended, after asking."""
        app = self.app
        if app.state == "blocked":
            self.give_up()
        if app.state not in ("checking", "evaluating", "running", "paused"):
            return
        saves = app.state in ("running", "paused")
        app.worker.stop()
        text = _("after this batch; a checkpoint will be saved") if saves else _("in a moment")
        app.set_state("stopping", _("Stopping"), text)

    def pause(self) -> None:
        """Let training wait after the running batch, or go on."""
        app = self.app
        if app.state == "running":
            app.worker.ask(Request.PAUSE)
            app.say(_("Pausing"), _("after this batch; a checkpoint will be saved"))
        elif app.state == "paused":
            app.worker.ask(Request.GO_ON)

    def save_now(self) -> None:
        """Save a checkpoint after the running batch."""
        app = self.app
        app.view.say_paused()  # then all is saved already
        if app.state == "running":
            app.worker.ask(Request.SAVE)
            app.say(app.bar.told[0], _("Saving a checkpoint after this batch..."))

    def sample_now(self) -> None:
        """Draw samples and reconstructions after the running batch."""
        app = self.app
        if app.state in ("running", "paused"):
            app.worker.ask(Request.SAMPLE)
            app.say(app.bar.told[0], _("Drawing samples after this batch..."))

    def give_up(self) -> None:
        """End a blocked run, after asking."""
        app = self.app
        trouble = app.view.trouble
        text = _("What came after the last checkpoint has not been saved, and would be lost.")
        choices = (_("Keep waiting"), _("End without saving"))
        if trouble and not trouble.movable:
            text = _("All that was trained is saved.")
            choices = (_("Keep waiting"), _("End the run"))
        if app.view.several.running:
            text = joined(text, _("The runs that would follow it do not begin."))
        answer = dialogs.ask(
            app.root, _("End the run"), text, choices, choices[0], lambda: app.state == "blocked"
        )
        if answer == choices[1] and app.state == "blocked":
            app.set_state("stopping", _("Stopping"), _("in a moment"))
            app.worker.give_up()

    def ask_stop(self) -> None:
        """Stop from the keyboard, where a slip is easy: asks first."""
        app = self.app
        if app.state == "blocked":
            self.give_up()
        elif app.state == "checking":  # there is nothing yet to lose
            self.stop()
        elif app.state == "evaluating":
            text = _(
                "What has been measured so far is lost. The run and its checkpoints stay as they "
                "are."
            )
            self._ask_stop(_("Stop evaluating"), text, _("Keep evaluating"), "evaluating")
        elif app.state in ("running", "paused"):
            text = _(
                "A checkpoint is saved after the running batch, and Resume goes on from there."
            )
            self._ask_stop(_("Stop training"), text, _("Keep training"), "running", "paused")

    def _ask_stop(self, title: str, text: str, keep: str, *states: str) -> None:
        """Stop if that is wanted; the question goes once the window is in none of these states."""
        app, choices = self.app, (_("Stop"), keep)
        answer = dialogs.ask(app.root, title, text, choices, still=lambda: app.state in states)
        if answer == choices[0]:
            self.stop()
