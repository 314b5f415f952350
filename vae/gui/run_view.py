"""What the window shows of a run: what training reports, and what an earlier run left."""

from __future__ import annotations

import gc
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config import DEFAULTS, PATHS, Value, parse
from vae.events import (
    PROCESSOR,
    SLOW,
    BatchDone,
    CheckpointSaved,
    DataReady,
    DeviceChosen,
    EpochDone,
    EpochRecord,
    HeldBack,
    Passed,
    Paused,
    Progress,
    ReconstructionsReady,
    Resumed,
    SamplesReady,
    TrialBegun,
    TrialEnded,
    Trouble,
    Warned,
    WentOn,
)
from vae.files import readable
from vae.gui import jobs, kit
from vae.gui.answers import (
    CacheCleared,
    DemoReady,
    EngineReady,
    Evaluated,
    Failed,
    Finished,
    Found,
    GridsReady,
    Invalid,
    LogRead,
    Looked,
    PathsChecked,
    PictureRead,
    PlacesFound,
    PlotsReady,
    PresetsListed,
    RecentListed,
    ReportReady,
    ReportWritten,
    Retrying,
    RunsListed,
    RunsTrashed,
    SeedDrawn,
    SweepFinished,
    ThumbnailsReady,
    Told,
)
from vae.gui.bar import ENOUGH_BATCHES, Eta
from vae.gui.endings import Ending, Endings
from vae.gui.evaluation_dialog import show_evaluation
from vae.gui.labels import labelled, values_labelled
from vae.gui.several_runs import SeveralRuns
from vae.language import _, joined, ngettext, number
from vae.words import PHASES, SLOW_PHASES, device_words, event_lines

if TYPE_CHECKING:
    from vae.gui.app import App
    from vae.presets import Preset

MAX_POINTS = 4000


class RunView:
    """Turns events into what the window's parts show. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.started_in = Path.cwd()
        self.endings = Endings(app)
        self.several = SeveralRuns(app)
        self.trouble: Trouble | None = None  # that a blocked run waits with
        self.standing: set[str] = set()  # causes of notes that can pass and did not yet
        self.presets: tuple[Preset, ...] = ()  # the person's own
        self.recent: tuple[tuple[str, bool], ...] = ()  # image folders, and whether they are there
        self.forget()

    def forget(self) -> None:
        """Begin with nothing: another run is looked at, or a new one begins."""
        self._forget_run()
        self.app.banner.clear()

    def _forget_run(self) -> None:
        """All of it but the notes, which are to be read yet."""
        self.history: list[EpochRecord] = []
        self.points: list[tuple[float, float]] = []  # of the running epoch
        self.eta = Eta()
        self.newest: BatchDone | None = None
        self.values: dict[str, Value] = {}  # the parameters of the run that is shown
        self.device: DeviceChosen | None = None
        self.subject: tuple[str, int, int] | None = None  # folder, images, files left out
        self.app.loss.show_own()
        self._show_history()
        self.app.samples.clear()
        self.app.reconstructions.clear()
        self.app.header.show()

    def show(self, event: Any) -> None:
        """Show one event."""
        for line in event_lines(event):
            self.app.log.write(labelled(line), "warning" if isinstance(event, Warned) else "")
        match event:
            case BatchDone():
                self._batch_done(event)
            case Progress():
                self._progress(event)
            case EpochDone():
                self._epoch_done(event.record)
            case SamplesReady():
                self.app.samples.take_new(event.epoch, event.grid, event.path, event.images_done)
                self.say_paused()
            case ReconstructionsReady():
                self.app.reconstructions.take_new(
                    event.epoch, event.picture, event.path, event.images_done
                )
            case PictureRead():
                for pane in (self.app.samples, self.app.reconstructions):
                    pane.show_read(event.path, event.epoch, event.pixels, event.problem)
            case SeedDrawn():
                self.app.samples.draw_ended()
                self._seed_drawn(event)
            case Told():
                self._told(event)
            case DataReady():
                self._data_ready(event)
            case DeviceChosen():
                self._device_chosen(event)
            case Resumed():
                self._resumed(event)
            case Finished() | Failed() | SweepFinished():
                self._ended(event)
            case Trouble():
                self._blocked(event)
            case Paused():
                self._paused()
            case WentOn():
                self._went_on()
            case Retrying():
                self._tried_again()
            case HeldBack():
                pass  # the log tells it
            case TrialBegun():
                self._trial_begun(event)
            case TrialEnded():
                self.several.ended(event)
            case Invalid():
                self._invalid(event.problems)
            case Looked():
                self.app.data_view.take(event)
            case Found():
                self._found(event)
            case PathsChecked():
                self._paths_checked(event)
            case DemoReady():
                self._demo_ready(event)
            case CacheCleared():
                self.app.tell(event.text)
            case ReportReady():
                self._report_ready(event)
            case ReportWritten():
                self._evaluation_over()
                self.app.tell(event.text, event.path, _("Open report"))
            case Evaluated():
                self._evaluated(event)
            case LogRead():
                self.app.loss_actions.show_log(event)
            case PresetsListed():
                self._presets_listed(event)
            case RecentListed():
                self.recent = event.folders
            case PlacesFound(run=None):
                self.app.control.train_there(event.places)
            case RunsListed() | ThumbnailsReady() | PlacesFound() | RunsTrashed() | GridsReady():
                self.app.runs.answer(event)
            case PlotsReady():
                self.app.make_plots()
            case EngineReady():
                # The quarter of a million objects that the imports bring stay: looking through them
                # at each collection would hold the window up for a tenth of a second.
                gc.freeze()
            case CheckpointSaved():
                self._saved(event.path)
            case Warned():
                self._warned(event)
            case Passed():
                self.standing.discard(event.cause)
            case _:
                raise TypeError(f"no way to show {event!r}")

    def _warned(self, event: Warned) -> None:
        cause, standing = event.cause, self.standing
        if not cause:
            self.app.banner.say(event.message)
        elif cause not in standing:
            standing.add(cause)
            self.app.banner.say(event.message, until=lambda: cause not in standing)

    def _progress(self, event: Progress) -> None:
        state = self.app.state
        words = {
            "checking": _("Preparing"), "evaluating": _("Evaluating"), "running": _("Training"),
            "stopping": _("Stopping"),
        }  # fmt: skip
        if event.phase.endswith(SLOW):
            if state in words:
                self.app.say(words[state], _(SLOW_PHASES[event.phase.removesuffix(SLOW)]))
            return
        text = _(PHASES[event.phase])
        if state in ("checking", "evaluating"):
            done, total = number(event.done, ",d"), number(event.total, ",d")
            if event.total and event.done:
                count = _("{done} of {total}").format(done=done, total=total)
            else:
                count = done if event.done else ""
            self.app.say(words[state], joined(text, count, by=": "))
            self.app.bar.progress(event.done, event.total)
        elif state == "running":
            self.app.say(words[state], text)

    def _data_ready(self, event: DataReady) -> None:
        folder = self.app.form.texts()["file_path"]
        self.app.worker.do(jobs.remember_folder, folder)
        name = readable(Path(Path(folder).name))
        self.subject = (name, event.images, len(event.skipped))
        self.show_subject()

    def show_subject(self) -> None:
        """What is trained, and where, in the window's head; nothing beside images of another."""
        if not self.app.busy and self.app.checkpoints.other_images:
            self.app.header.show()
            return
        parts = []
        if trial := self.several.running:
            text, label = _("Run {number} of {total}: {label}"), values_labelled(trial.label)
            parts.append(text.format(number=trial.number, total=trial.total, label=label))
        if self.subject:
            name, images, skipped = self.subject
            count = ngettext("{count} image", "{count} images", images)
            parts += [name, count.format(count=number(images, ",d"))]
            if skipped:
                parts.append(_("{count} left out (see Log)").format(count=number(skipped, ",d")))
        if self.device:
            parts.append(device_words(self.device))
        self.app.header.show(*parts)

    def _presets_listed(self, event: PresetsListed) -> None:
        app = self.app
        self.presets = event.presets
        for name in event.skipped:
            text = _("The file {name} in the presets folder is no preset and was left out.")
            app.log.write(text.format(name=name), "warning")
        if event.text:
            app.tell(event.text, topic="form")

    def _device_chosen(self, event: DeviceChosen) -> None:
        # The form is locked meanwhile: the run has what it says.
        self.values = parse(self.app.form.texts())[0]
        self.app.loss_actions.begin_run()
        self.device = event
        self.app.reconstructions.tell_images(bool(self.values.get("val_fraction")))
        self.show_subject()
        self.app.data_view.follow_run(event)
        self.eta = Eta()
        self.standing.clear()
        if self.app.state == "checking":
            self.app.set_state("running", _("Training"), _("Building the network..."))

    def _resumed(self, event: Resumed) -> None:
        self.history = list(event.history)
        self.points = []
        self._show_history()

    def _batch_done(self, event: BatchDone) -> None:
        if event.batch >= min(ENOUGH_BATCHES, event.batches / 2):
            self.points.append((event.epoch - 1 + event.batch / event.batches, event.loss))
            if len(self.points) > MAX_POINTS:
                self.points = self.points[::2]
            self.app.loss.show_points(self.points)
            self.app.data_view.take_batch(event)
        done = (event.epoch - 1) * event.batches + event.batch
        left, total = self.eta.left(event), event.epochs * event.batches
        if trial := self.several.running:
            self.app.bar.progress(trial.number - 1 + done / total, trial.total)
            left = left and _("{time_left} of this run").format(time_left=left)
        else:
            self.app.bar.progress(done, total)
        self.newest = event
        if self.app.state == "running":
            speed = _("{count} images/s").format(count=number(event.images_per_s, ",.1f"))
            right = "  ·  ".join([left, speed] if left else [speed])
            self.app.say(_("Training"), self._place(), right)

    def _place(self) -> str:
        """The epoch and the batch that training has come to."""
        if self.newest is None:
            return ""
        return _("epoch {epoch} of {epochs}, batch {batch} of {batches}").format(
            epoch=self.newest.epoch, epochs=self.newest.epochs,
            batch=self.newest.batch, batches=self.newest.batches,
        )  # fmt: skip

    def _epoch_done(self, r: EpochRecord) -> None:
        if not self.history or self.history[-1].epoch < r.epoch:
            self.history.append(r)
        self.points = []
        self._show_history()
        self.app.data_view.take_seconds(r.seconds)

    def _ended(self, event: Ending) -> None:
        app, several = self.app, self.several.over()
        self.trouble = None
        self.standing.discard(PROCESSOR)
        self.show_subject()
        if isinstance(event, SweepFinished) and event.done == event.total:
            app.banner.clear()  # its notes are of the last of them, and another run is shown now
        if not isinstance(event, Failed):
            app.data_view.estimate_again()
        self.endings.take(event)
        if several:  # their curves are compared, and not with that of the form's run
            self._forget_run()
            if isinstance(event, SweepFinished) and event.done == event.total:
                self.several.compare_alone()
        if isinstance(event, Finished):
            self.history = list(event.result.history) or self.history
            self._show_history()
        app.checkpoints.look(force=True)
        app.runs.reload()

    def _evaluation_over(self) -> None:
        self.app.set_state("idle", "", "")
        self.app.checkpoints.say()  # the meter is the run's again

    def _evaluated(self, event: Evaluated) -> None:
        app = self.app
        self._evaluation_over()
        if event.path is None:
            app.tell(event.text)
            return
        app.tell(_("{path} was written.").format(path=event.path), event.path.parent)
        # Not from here: what else is reported would wait until it is closed.
        app.root.after_idle(partial(show_evaluation, app.root, event.text, event.rows))

    def _told(self, event: Told) -> None:
        if event.folder is None:
            self._tell_problem(event.text)
        else:
            self.app.tell(event.text, event.folder)

    def _tell_problem(self, text: str) -> None:
        """Say what could not be done: where the person is closing the window, it stays for that."""
        if not self.app.signalled:
            self.app.quit_after_stop = False
        self.app.tell(text)

    def _report_ready(self, event: ReportReady) -> None:
        app, text = self.app, event.problem
        if event.text:
            app.root.clipboard_clear()
            app.root.clipboard_append(event.text)
            text = _(
                "The report was copied: versions, device, folders, checkpoints and the end of the "
                "log, without any path or name of an image. Paste it where you ask for help."
            )
        app.tell(text)

    def _paused(self) -> None:
        if self.app.state == "running":
            self.app.set_state("paused", "", "")
            self.say_paused()

    def say_paused(self) -> None:
        """Say what a paused run waits for."""
        if self.app.state == "paused":
            text = _("All is saved. The computer is free; Go on continues where it waits.")
            self.app.say(_("Paused"), text, self._place())

    def _went_on(self) -> None:
        self.eta = Eta()
        if self.app.state == "paused":
            self.app.set_state("running", _("Training"), "")

    def _blocked(self, event: Trouble) -> None:
        app, first = self.app, self.trouble is None
        self.trouble = event
        app.log.write(event.message, "error")
        if app.signalled:  # the session ends: nobody is there to decide
            app.worker.give_up()
            return
        app.set_state("blocked", _("Paused"), event.message)
        if first:  # and not each time that it was tried again in vain
            app.ring()
        if event.movable:
            app.bar.offer(_("Choose another folder..."), self._choose_another)

    def _choose_another(self) -> None:
        assert self.trouble is not None
        if chosen := kit.choose_folder(self.app.root, str(self.trouble.folder.parent)):
            self.go_on(Path(chosen))

    def go_on(self, folder: Path | None = None) -> None:
        """Let a blocked run try again, in another folder if one is named."""
        if self.app.state == "blocked" and self.trouble:
            self._tried_again()
            self.app.worker.answer(folder or self.trouble.folder)

    def _tried_again(self) -> None:
        self.eta = Eta()  # the wait was no training
        if self.app.state == "blocked":
            state = "stopping" if self.app.worker.flag.is_set() else "running"
            word = _("Stopping") if state == "stopping" else _("Training")
            self.app.set_state(state, word, _("Trying again..."))

    def _trial_begun(self, event: TrialBegun) -> None:
        self.forget()
        self.several.begun(event)
        self.show_subject()

    def _saved(self, path: Path) -> None:
        """Keep the form true when checkpoints go to another folder than it says."""
        self.trouble = None  # what comes from now on is another one
        form = self.app.form
        if path.parent != self._place_of(form.texts()["model_save_dir"]):
            form.fill({"model_save_dir": str(path.parent)})
            self.app.remember()

    def _invalid(self, problems: dict[str, str]) -> None:
        self.several.over()
        self.app.set_state("idle", "", "")
        self.app.bar.progress(0, 1)
        self.app.checkpoints.look(force=True)
        self.app.form.show_problems(problems)
        self.app.say_marked()

    def _paths_checked(self, event: PathsChecked) -> None:
        form = self.app.form
        if not event.texts.items() <= form.texts().items():
            return  # edited meanwhile; that edit is checked in its turn
        plain = form.problems()
        for name in event.texts:
            problem = plain.get(name, "") or event.problems.get(name, "")
            if problem or name not in form.refused:
                form.show_problem(name, problem)
        self.app.say_marked()

    def _seed_drawn(self, event: SeedDrawn) -> None:
        if event.drawn is None:
            self._tell_problem(event.problem)
            return
        path = event.drawn.path
        if path.parent == Path(self.app.form.texts()["output_dir"]) and not self.app.busy:
            self.app.samples.show_drawn(event.seed, event.drawn)  # else of another run by now
        self.app.tell(_("{path} was written.").format(path=path), path.parent)

    def _demo_ready(self, event: DemoReady) -> None:
        if event.complete:
            self.app.form.fill({"file_path": str(event.folder)})
            text = _("The demo data set is filled in. Click Train.")
            self.app.set_state("idle", _("Ready"), text)
        else:
            self.app.set_state("idle", _("Stopped"), _("The demo data set is not complete."))
            self.app.start_wanted = False
        self.app.field_left("file_path")
        self.app.root.after_idle(self.app.start_if_wanted)  # it may ask something, too

    def _found(self, event: Found) -> None:
        app = self.app
        if not app.checkpoints.take(event):
            return
        app.show_buttons()
        if event.problem:
            app.log.write(event.problem, "warning")
        if event.record:
            self.history, self.values = list(event.record.history), event.record.config
            name = readable(Path(Path(str(self.values["file_path"])).name))
            self.subject = (name, event.record.images, 0)
            self.show_subject()
            self._show_history()
            folder = self._place_of(app.form.texts()["output_dir"])
            app.samples.take_found(folder, event.samples)
            app.reconstructions.take_found(folder, event.reconstructions)
        if app.state == "idle" and app.bar.topic in ("ready", "found", "form", "note"):
            app.checkpoints.say()
        # Not from here: while a question stands, nothing else that is reported would be shown.
        app.root.after_idle(app.control.after_look)

    def say_again(self) -> None:
        """Say in the language in use what can be said anew."""
        app = self.app
        self.show_subject()
        if app.state == "idle" and app.bar.topic in ("ready", "found", "attention"):
            app.bar.word.configure(text="")
            app.say_marked()

    @property
    def ended(self) -> bool:
        """Whether the run that is shown has done as many epochs as the form wants."""
        wanted = parse({"num_epochs": self.app.form.texts()["num_epochs"]})[0].get("num_epochs", 0)
        return 0 < int(wanted) <= len(self.history)

    def _place_of(self, path: str) -> Path:
        """Where a path of the form leads to, also once a drive took the current folder away."""
        return Path(os.path.normpath(self.started_in / path))

    def _show_history(self) -> None:
        known: dict[str, Value] = {}
        if self.values.keys() >= DEFAULTS.keys():
            texts = self.app.form.texts()  # whose folders have been moved, maybe
            places = {**texts, "file_path": str(self.values["file_path"])}
            known = self.values | {name: str(self._place_of(places[name])) for name in PATHS}
        self.app.loss.show(self.history, self.points, known)
        self.app.reconstructions.tell_images(bool(known.get("val_fraction")))
        unseen = not self.app.quality.winfo_viewable()
        if self.app.quality.show(self.history, known) and self.app.busy and unseen:
            text = _("The Quality tab says what is wrong with this run, and what mends it.")
            app = self.app  # whose parts are others after a change of language
            app.banner.say(
                text, _("Show"), lambda: app.show_tab(app.quality),
                lambda: app.quality.winfo_viewable() or not app.quality.found,
            )  # fmt: skip
