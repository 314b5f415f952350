"""What the window shows of a run: what training reports, and what an earlier run left."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config import parse
from vae.events import (
    SLOW,
    BatchDone,
    CheckpointSaved,
    DataReady,
    DeviceChosen,
    EpochDone,
    EpochRecord,
    Progress,
    Resumed,
    SamplesReady,
    TrainingResult,
    Trouble,
    Warned,
)
from vae.files import samples_name
from vae.gui import jobs, kit
from vae.gui.answers import (
    CacheCleared,
    DemoReady,
    EngineReady,
    Failed,
    Finished,
    Found,
    GridsReady,
    Invalid,
    PathsChecked,
    PlacesFound,
    PlotsReady,
    PresetsListed,
    RecentListed,
    ReportReady,
    Retrying,
    RunsListed,
    RunsTrashed,
    ThumbnailsReady,
)
from vae.gui.bar import ENOUGH_BATCHES, Eta
from vae.language import _
from vae.words import SLOW_PHASES, event_lines, result_words

if TYPE_CHECKING:
    from vae.gui.app import App
    from vae.presets import Preset

PHASES = {
    "scan": "Looking for images",
    "decode": "Decoding images",
    "save": "Saving a checkpoint",
    "sample": "Drawing samples",
}
# What the bar says of itself, and a new look-up may replace.
FOUND_WORDS = ("", "Ready", "Found", "Note")
MAX_POINTS = 4000


class RunView:
    """Turns events into what the window's parts show. Lives on the window's thread."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.found: Found | None = None
        self.trouble: Trouble | None = None  # that a paused run waits with
        self.presets: tuple[Preset, ...] = ()  # the person's own
        self.recent: tuple[tuple[str, bool], ...] = ()  # image folders, and whether they are there
        self.forget()

    def forget(self) -> None:
        """Begin with nothing: another run is looked at, or a new one begins."""
        self.history: list[EpochRecord] = []
        self.points: list[tuple[float, float]] = []  # of the running epoch
        self.eta = Eta()
        self.data = self.device = ""
        self._show_history()
        self.app.samples.show(None, 0, "")
        self.app.header.show()
        self.app.banner.clear()

    @property
    def resumable(self) -> bool:
        """Whether the checkpoint folder holds a run to go on with."""
        return bool(self.found and self.found.record)

    @property
    def replaceable(self) -> bool:
        """Whether the checkpoint folder holds anything, so that a fresh start makes sense."""
        return bool(self.found and self.found.anything)

    def show(self, event: Any) -> None:
        """Show one event."""
        for line in event_lines(event):
            self.app.log.write(line, "warning" if isinstance(event, Warned) else "")
        match event:
            case BatchDone():
                self._batch_done(event)
            case Progress():
                self._progress(event)
            case EpochDone():
                self._epoch_done(event.record)
            case SamplesReady():
                self.app.samples.show(event.grid, event.epoch, event.path.name)
            case DataReady():
                self._data_ready(event)
            case DeviceChosen():
                self._device_chosen(event)
            case Resumed():
                self._resumed(event)
            case Finished():
                self._finished(event.result)
            case Failed():
                self._failed(event)
            case Trouble():
                self._paused(event)
            case Retrying():
                self._tried_again()
            case Invalid():
                self._invalid(event.problems)
            case Found():
                self._found(event)
            case PathsChecked():
                self._paths_checked(event)
            case DemoReady():
                self._demo_ready(event)
            case CacheCleared():
                self.app.log.write(event.text)
                if not self.app.busy:
                    self.app.say("Note", event.text)
            case ReportReady():
                self._report_ready(event)
            case PresetsListed():
                self._presets_listed(event)
            case RecentListed():
                self.recent = event.folders
            case RunsListed() | ThumbnailsReady() | PlacesFound() | RunsTrashed() | GridsReady():
                self.app.runs.answer(event)
            case PlotsReady():
                self.app.make_plots()
            case EngineReady():
                # The half million objects that PyTorch brings stay: looking through them at each
                # collection would hold the window up for a quarter of a second.
                gc.freeze()
            case CheckpointSaved():
                self._saved(event.path)
            case Warned():
                self.app.banner.say(event.message)
            case _:
                raise TypeError(f"no way to show {event!r}")

    def _progress(self, event: Progress) -> None:
        total = f" of {event.total}" if event.total else ""
        count = f": {event.done}{total}" if event.done else ""
        if event.phase.endswith(SLOW):
            words = {"checking": "Preparing", "running": "Training", "stopping": "Stopping"}
            if word := words.get(self.app.state):
                self.app.say(word, SLOW_PHASES[event.phase.removesuffix(SLOW)])
            return
        if self.app.state == "checking":
            self.app.say("Preparing", PHASES[event.phase] + count)
            self.app.bar.progress(event.done, event.total)
        elif self.app.state == "running":
            self.app.say("Training", PHASES[event.phase])

    def _data_ready(self, event: DataReady) -> None:
        app = self.app
        folder = app.form.texts()["file_path"]
        app.worker.do(jobs.remember_folder, folder)
        name = Path(folder).name
        self.data = f"{name}  ·  {event.images:,} images"
        if event.skipped:
            self.data += f"  ·  {len(event.skipped)} left out (see Log)"
        app.header.show(self.data, self.device)

    def _presets_listed(self, event: PresetsListed) -> None:
        app = self.app
        self.presets = event.presets
        for name in event.skipped:
            text = _("The file {name} in the presets folder is no preset and was left out.")
            app.log.write(text.format(name=name), "warning")
        if event.text and not app.busy:
            app.say("Note", event.text)

    def _device_chosen(self, event: DeviceChosen) -> None:
        self.device = f"{event.device}, {event.detail}, {event.precision}"
        self.app.header.show(self.data, self.device)
        self.eta = Eta()
        if self.app.state == "checking":
            self.app.set_state("running", "Training", "Building the network...")

    def _resumed(self, event: Resumed) -> None:
        self.history = list(event.history)
        self.points = []
        self._show_history()

    def _batch_done(self, event: BatchDone) -> None:
        if event.batch >= min(ENOUGH_BATCHES, event.batches / 2):
            self.points.append((event.epoch - 1 + event.batch / event.batches, event.loss))
            if len(self.points) > MAX_POINTS:
                self.points = self.points[::2]
            self._show_history()
        done = (event.epoch - 1) * event.batches + event.batch
        self.app.bar.progress(done, event.epochs * event.batches)
        left = self.eta.left(event)
        if self.app.state == "running":
            text = f"epoch {event.epoch} of {event.epochs}, batch {event.batch} of {event.batches}"
            figures = [left] * bool(left) + [f"{event.images_per_s:,.1f} images/s"]
            self.app.say("Training", text, "  ·  ".join(figures))

    def _epoch_done(self, r: EpochRecord) -> None:
        if not self.history or self.history[-1].epoch < r.epoch:
            self.history.append(r)
        self.points = []
        self._show_history()

    def _finished(self, result: TrainingResult) -> None:
        app = self.app
        word, text = result_words(result)
        app.set_state("idle" if result.stopped else "finished", word, text)
        if not result.stopped:
            app.bar.progress(1, 1)
            app.bar.offer("Open output folder", app.open_output)
        app.log.write(f"{word}: {text}")
        self.history = list(result.history) or self.history
        self._show_history()
        app.look(force=True)
        app.runs.reload()

    def _failed(self, event: Failed) -> None:
        began = self.app.state != "checking"
        self.app.set_state("failed", "Failed", event.message)
        if not began:
            self.app.bar.progress(0, 1)
        self.app.log.write(event.message, "error")
        if event.details:
            self.app.bar.offer("Details", self.app.show_log)
            self.app.log.write(event.details.rstrip())
        if event.problems:
            self.app.form.show_problems(event.problems)
        self.app.look(force=True)
        self.app.runs.reload()

    def _report_ready(self, event: ReportReady) -> None:
        app, text = self.app, event.problem
        if event.text:
            app.root.clipboard_clear()
            app.root.clipboard_append(event.text)
            text = (
                "The report was copied: versions, device, folders, checkpoints and the end of the "
                "log, without any path or name of an image. Paste it where you ask for help."
            )
        app.log.write(text)
        if app.busy:
            app.banner.say(text)  # the bar tells of the run
        else:
            app.say("Note", text)

    def _paused(self, event: Trouble) -> None:
        app = self.app
        self.trouble = event
        app.log.write(event.message, "error")
        if app.signalled:  # the session ends: nobody is there to decide
            app.worker.answer(None)
            return
        app.set_state("paused", "Paused", event.message)
        if event.movable:
            app.bar.offer("Choose another folder...", self._choose_another)

    def _choose_another(self) -> None:
        assert self.trouble is not None
        if chosen := kit.choose_folder(self.app.root, str(self.trouble.folder.parent)):
            self.go_on(Path(chosen))

    def go_on(self, folder: Path | None = None) -> None:
        """Let a paused run try again, in another folder if one is named."""
        if self.app.state == "paused" and self.trouble:
            self._tried_again()
            self.app.worker.answer(folder or self.trouble.folder)

    def _tried_again(self) -> None:
        if self.app.state == "paused":
            state = "stopping" if self.app.worker.flag.is_set() else "running"
            word = "Stopping" if state == "stopping" else "Training"
            self.app.set_state(state, word, "Trying again...")

    def _saved(self, path: Path) -> None:
        """Keep the form true when checkpoints go to another folder than it says."""
        form = self.app.form
        if path.parent != Path(form.texts()["model_save_dir"]):
            form.fill({"model_save_dir": str(path.parent)})
            self.app.remember()

    def _invalid(self, problems: dict[str, str]) -> None:
        self.app.set_state("idle", "", "")
        self.app.bar.progress(0, 1)
        self.app.look(force=True)
        self.app.form.show_problems(problems)
        self.app.say_marked()

    def _paths_checked(self, event: PathsChecked) -> None:
        form = self.app.form
        if any(form.variables[name].get() != text for name, text in event.texts.items()):
            return  # edited meanwhile; that edit is checked in its turn
        plain = form.problems()
        for name in event.texts.keys() - form.refused.keys():
            form.show_problem(name, plain.get(name, "") or event.problems.get(name, ""))
        self.app.say_marked()

    def _demo_ready(self, event: DemoReady) -> None:
        if event.complete:
            self.app.form.fill({"file_path": str(event.folder)})
            self.app.set_state("idle", "Ready", "The demo data set is filled in. Click Train.")
        else:
            self.app.set_state("idle", "Stopped", "The demo data set is not complete.")
            self.app.start_wanted = False
        self.app.look()
        self.app.start_if_wanted()

    def _found(self, event: Found) -> None:
        app = self.app
        if app.busy or event.folder != app.form.texts()["model_save_dir"]:
            return
        self.found = event
        app.show_buttons()
        if event.problem:
            app.log.write(event.problem, "warning")
        if event.record:
            self.history = list(event.record.history)
            self._show_history()
            if event.grid is not None:
                app.samples.show(event.grid, event.grid_epoch, samples_name(event.grid_epoch))
        if app.state == "idle" and app.bar.word["text"] in FOUND_WORDS:
            self.say_found()

    def say_found(self) -> None:
        """Say what the checkpoint folder holds, and what a click on Train does."""
        app, found = self.app, self.found
        texts = app.form.texts()
        if found and found.record:
            done = len(found.record.history)
            wanted = parse({"num_epochs": texts["num_epochs"]})[0].get("num_epochs", 0)
            total = max(int(wanted), done)
            more = found.record.images_done
            part = f", {more} images of the next" if more else ""
            hint = "Resume" if done < total else "raise Epochs to train on"
            app.say("Found", f"{done} of {total} epochs done{part}: {hint}")
            app.bar.progress(done, total)
        elif found and found.problem:
            app.bar.say("failed", "Note", found.problem)
        elif found and found.anything:
            text = "No checkpoint in the checkpoint folder can be read. Train says more."
            app.bar.say("failed", "Note", text)
        else:
            chosen = texts["file_path"]
            app.say("Ready", "Click Train." if chosen else "Choose a folder of images, then Train.")

    def _show_history(self) -> None:
        self.app.loss.show(self.history, self.points)
