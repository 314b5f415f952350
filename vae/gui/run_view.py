"""What the window shows of a run: what training reports, and what an earlier run left."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config import parse
from vae.events import (
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
    Warned,
)
from vae.files import samples_name
from vae.gui.bar import ENOUGH_BATCHES, Eta
from vae.gui.worker import (
    CacheCleared,
    DemoReady,
    EngineReady,
    Failed,
    Finished,
    Found,
    Invalid,
    PathsChecked,
    PlotsReady,
)
from vae.words import event_lines, result_words

if TYPE_CHECKING:
    from vae.gui.app import App

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
            case PlotsReady():
                self.app.make_plots()
            case EngineReady():
                # The half million objects that PyTorch brings stay: looking through them at each
                # collection would hold the window up for a quarter of a second.
                gc.freeze()
            case CheckpointSaved() | Warned():
                pass  # the log has it
            case _:
                raise TypeError(f"no way to show {event!r}")

    def _progress(self, event: Progress) -> None:
        total = f" of {event.total}" if event.total else ""
        count = f": {event.done}{total}" if event.done else ""
        if self.app.state == "checking":
            self.app.say("Preparing", PHASES[event.phase] + count)
            self.app.bar.progress(event.done, event.total)
        elif self.app.state == "running":
            self.app.say("Training", PHASES[event.phase])

    def _data_ready(self, event: DataReady) -> None:
        app = self.app
        name = Path(app.form.texts()["file_path"]).name
        self.data = f"{name}  ·  {event.images:,} images"
        if event.skipped:
            self.data += f"  ·  {len(event.skipped)} left out (see Log)"
        app.header.show(self.data, self.device)

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
