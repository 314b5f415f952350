"""The window: states, polling, menus."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import tkinter as tk
import traceback
from functools import partial
from pathlib import Path
from tkinter import ttk
from typing import Any

from vae import __version__
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
from vae.gui import kit
from vae.gui.form import Form
from vae.gui.panes import ActionBar, LogPane, LossPane, SamplesPane
from vae.gui.settings import demo_folder, load_settings, save_settings
from vae.gui.worker import DemoReady, Failed, Finished, Found, Invalid, Worker

POLL_MS = 50
EVENTS_A_TURN = 100
REDRAW_SECONDS = 0.5
COLLECT_SECONDS = 10.0
RUNNING = ("checking", "running", "stopping")
TABS = ("Loss", "Samples", "Log")


class App:
    """The window. `state` is one of idle, checking, running, stopping, finished, failed."""

    def __init__(
        self, texts: dict[str, str] | None = None, demo: bool = False, start: bool = False
    ) -> None:
        # A cyclic collection in any other thread could destroy Tk objects there and abort the
        # process, so the window's thread collects by the clock, as long as the process lives.
        gc.disable()
        remembered = load_settings()
        self.root = kit.create_window("VAE Studio", remembered["mode"])
        self.root.report_callback_exception = self.callback_failed
        kit.wheel_never_changes_values(self.root)
        self.worker = Worker()
        self.state, self.fresh = "idle", False
        self.found: Found | None = None
        self.history: list[EpochRecord] = []
        self.points: list[tuple[float, float]] = []
        self.quit_after_stop = False
        self.interrupted = False
        self.looked = ("", "")
        self.redrawn = self.collected = self.started = 0.0
        self.data_text = self.device_text = ""
        self._build()
        self.form.fill({**remembered["form"], **(texts or {})})
        kit.on_mode_change(self.root, self.paint)
        self.set_state("idle", "Ready", "Choose a folder of images, then Train.")
        self._place()
        self.start_wanted = start
        self.polling = self.root.after(POLL_MS, self.poll)
        self.root.after(60, self._after_shown, demo)

    def _place(self) -> None:
        width, height = kit.pixels(self.root, 1280, 820)
        width = min(width, self.root.winfo_screenwidth() - 40)
        height = min(height, self.root.winfo_screenheight() - 60)
        self.root.geometry(f"{width}x{height}+20+10")

    def _after_shown(self, demo: bool) -> None:
        """What can wait until the window is on screen."""
        self.loss.create()
        self.samples.create()
        self.paint()
        if demo and not self.form.texts()["file_path"]:
            self.set_state("checking", "Preparing", "Making the demo data set...")
            self.worker.make_demo(demo_folder())
        else:
            self.look()
            self._start_if_wanted()
        self.worker.import_engine()

    def _start_if_wanted(self) -> None:
        if self.start_wanted:
            self.start_wanted = False
            self.train()

    # ---- widgets

    def _build(self) -> None:
        root = self.root
        self.header = ttk.Frame(root, style="Vae.TFrame", padding=(24, 12))
        self.header.pack(fill="x")
        ttk.Label(self.header, text="VAE Studio", style="Title.Vae.TLabel").pack(side="left")
        self.subject = ttk.Label(self.header, style="Muted.Vae.TLabel")
        self.subject.pack(side="left", padx=16)
        self.mode_button = kit.Button(self.header, "Dark", self.toggle_mode, "plain")
        self.mode_button.pack(side="right")
        self.folder_button = kit.Button(
            self.header, "Open output folder", self.open_output, "plain"
        )
        self.folder_button.pack(side="right", padx=8)
        self.bar = ActionBar(root, self.train, self.ask_stop, self.start_fresh, self.show_details)
        self.bar.pack(side="bottom", fill="x")
        for side in ("top", "bottom"):
            rule = ttk.Frame(root, style="Rule.Vae.TFrame", height=1)
            rule.pack(side=side, fill="x")
        self.form = Form(root, self.field_changed)
        self.form.pack(side="left", fill="y")
        ttk.Frame(root, style="Rule.Vae.TFrame", width=1).pack(side="left", fill="y")
        right = ttk.Frame(root, style="Vae.TFrame", padding=(24, 8, 24, 16))
        right.pack(side="left", fill="both", expand=True)
        self.tabs = ttk.Notebook(right, style="Vae.TNotebook")
        self.tabs.pack(fill="both", expand=True)
        self.loss, self.samples = LossPane(self.tabs), SamplesPane(self.tabs)
        self.log = LogPane(self.tabs)
        for title, pane in zip(TABS, (self.loss, self.samples, self.log), strict=True):
            self.tabs.add(pane, text=title)
        self.tabs.bind("<<NotebookTabChanged>>", lambda event: self.refresh(), add="+")
        self._menus()
        root.protocol("WM_DELETE_WINDOW", self.close)

    def _menus(self) -> None:
        command = "Command" if sys.platform == "darwin" else "Control"
        short = "Cmd" if sys.platform == "darwin" else "Ctrl"
        bar = tk.Menu(self.root)
        menus: dict[str, list[tuple[str, str, str, Any]]] = {
            "File": [
                ("Open output folder", "", "", self.open_output),
                ("Quit", f"{short}+Q", f"<{command}-q>", self.close),
            ],
            "Run": [
                ("Train or resume", f"{short}+Enter", f"<{command}-Return>", self.train),
                ("Stop...", "Esc", "<Escape>", self.ask_stop),
                ("Start fresh...", "", "", self.start_fresh),
            ],
            "View": [
                (title, f"{short}+{i}", f"<{command}-Key-{i}>", partial(self.show_tab, i - 1))
                for i, title in enumerate(TABS, start=1)
            ]
            + [("Light or dark", f"{short}+D", f"<{command}-d>", self.toggle_mode)],
            "Help": [("About VAE Studio", "F1", "<F1>", self.about)],
        }
        for title, entries in menus.items():
            menu = tk.Menu(bar, tearoff=False)
            bar.add_cascade(label=title, menu=menu, underline=0)
            for label, shown, keys, action in entries:
                menu.add_command(label=label, accelerator=shown, command=action)
                if keys:
                    self.root.bind(keys, partial(_without_event, action))
        self.root.configure(menu=bar)

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self.root)
        self.mode_button.configure(text="Dark" if c is kit.LIGHT else "Light")
        for button in (self.mode_button, self.folder_button):
            button.paint(c)
        for part in (self.form, self.bar, self.loss, self.samples, self.log):
            part.paint()
        self.refresh()

    # ---- states

    def set_state(self, state: str, word: str, text: str, right: str = "") -> None:
        """The one place where the state changes; what can be clicked derives from it."""
        self.state = state
        running = state in RUNNING
        self.form.lock(running)
        resumable = bool(self.found and self.found.peek)
        self.bar.show_state(state, resumable)
        self.bar.say(word, text, right)

    def train(self, fresh: bool = False) -> None:
        """Check the form and train, or resume."""
        if self.state in RUNNING:
            return
        self.form.show_problems({})
        self.log.clear_details()
        self.started = time.monotonic()
        self.bar.eta.reset()
        self.set_state("checking", "Checking", "Checking the form and the data set...")
        self.remember()
        self.worker.train(self.form.texts(), fresh)

    def start_fresh(self) -> None:
        """Begin a new run in the same folders, after asking."""
        if self.state in RUNNING:
            return
        text = (
            "A new run begins at epoch 1. The earlier run's checkpoints, samples and log are moved "
            "into folders named earlier_run_0001 (or the next number); nothing is deleted."
        )
        if kit.ask(self.root, "Start fresh", text, ("Start fresh", "Cancel")) == "Start fresh":
            self.history, self.points = [], []
            self.show_history()
            self.train(fresh=True)

    def ask_stop(self) -> None:
        """Stop after the running batch. From the keyboard and the button alike."""
        if self.state in ("checking", "running") and self.worker.busy:
            self.worker.stop()
            self.set_state("stopping", "Stopping", "after this batch; a checkpoint will be saved")

    def close(self) -> None:
        """Close the window; while a run goes on, ask what to do with it."""
        if not self.worker.busy:
            self.destroy()
            return
        choices = ("Save and exit", "Exit without saving", "Keep training")
        text = "A run is going on. Its last checkpoint is safe in any case."
        answer = kit.ask(self.root, "Close VAE Studio", text, choices)
        if answer == choices[0]:
            self.quit_after_stop = True
            self.ask_stop()
        elif answer == choices[1]:
            self.destroy()

    def destroy(self) -> None:
        """Remember the form and leave."""
        self.remember()
        self.root.after_cancel(self.polling)
        self.root.destroy()

    def remember(self) -> None:
        """Keep the form for the next start."""
        try:
            save_settings(self.form.texts(), kit.mode(self.root))
        except OSError as error:
            self.log.write(f"The form could not be remembered: {error}", "warning")

    # ---- events

    def poll(self) -> None:
        """Take a bounded number of events, then redraw once."""
        try:
            for event in self.worker.drain(EVENTS_A_TURN):
                self.show(event)
            now = time.monotonic()
            if now - self.redrawn >= REDRAW_SECONDS:
                self.redrawn = now
                self.refresh()
            if now - self.collected > COLLECT_SECONDS:
                self.collected = now
                gc.collect()
            if self.interrupted:
                self.interrupted, self.quit_after_stop = False, True
                self.ask_stop()
            if self.quit_after_stop and not self.worker.busy and self.state not in RUNNING:
                self.destroy()
                return
        except Exception:
            self.callback_failed(*sys.exc_info())
        self.polling = self.root.after(POLL_MS, self.poll)

    def show(self, event: Any) -> None:
        """Show one event; a method for each kind."""
        getattr(self, "on_" + type(event).__name__.lower())(event)

    def on_progress(self, event: Progress) -> None:
        what = "Looking for images" if event.phase == "scan" else "Decoding images"
        total = f" of {event.total}" if event.total else ""
        if self.state == "checking":
            self.bar.say("Preparing", f"{what}: {event.done}{total}")
        self.bar.progress(event.done, event.total)

    def on_dataready(self, event: DataReady) -> None:
        name = Path(self.form.texts()["file_path"]).name
        self.data_text = f"{name}  ·  {event.images:,} images"
        self.log.write(f"{event.images} images.")
        if event.skipped:
            self.log.write(f"{len(event.skipped)} files left out:", "warning")
        for path, reason in event.skipped:
            self.log.write(f"  {path} {reason}", "warning")
        self.show_subject()

    def on_devicechosen(self, event: DeviceChosen) -> None:
        self.device_text = f"{event.device}, {event.detail}, {event.precision}"
        self.log.write(f"Device: {self.device_text}.")
        self.show_subject()
        if self.state == "checking":
            self.set_state("running", "Training", "Starting...")

    def on_resumed(self, event: Resumed) -> None:
        self.history = list(event.history)
        self.points = [p for p in self.points if p[0] <= event.epoch + 1]
        where = f", image {event.images_done + 1}" if event.images_done else ""
        self.log.write(f"Resuming from epoch {event.epoch + 1}{where} ({event.path.name}).")
        for change in event.changes:
            self.log.write(change)
        self.show_history()

    def on_batchdone(self, event: BatchDone) -> None:
        self.points.append((event.epoch - 1 + event.batch / event.batches, event.loss))
        del self.points[:-4000]
        self.loss.stale_with(self.history, self.points)
        done = (event.epoch - 1) * event.batches + event.batch
        self.bar.progress(done, event.epochs * event.batches)
        if self.state == "running":
            left = self.bar.eta.left(event)
            text = f"epoch {event.epoch} of {event.epochs}, batch {event.batch} of {event.batches}"
            self.bar.say("Training", text, f"{left}{event.images_per_s:,.1f} images/s")

    def on_epochdone(self, event: EpochDone) -> None:
        r = event.record
        if not self.history or self.history[-1].epoch < r.epoch:
            self.history.append(r)
        self.log.write(
            f"epoch {r.epoch:4d}  loss {r.loss:.5g}  reconstruction {r.reconstruction_loss:.5g}  "
            f"KL {r.kl_loss:.5g}  blur {r.blur_loss:.5g}  lr {r.lr:g}  {r.images_per_s:.1f} img/s"
        )
        self.show_history()

    def on_checkpointsaved(self, event: CheckpointSaved) -> None:
        self.log.write(f"Saved {event.path.name}.")

    def on_samplesready(self, event: SamplesReady) -> None:
        self.samples.show(event.grid, event.epoch, str(event.path))

    def on_warned(self, event: Warned) -> None:
        self.log.write(event.message, "warning")

    def on_demoready(self, event: DemoReady) -> None:
        self.form.fill({"file_path": str(event.folder)})
        self.set_state("idle", "Ready", "The demo data set is filled in. Click Train.")
        self.look()
        self._start_if_wanted()

    def on_invalid(self, event: Invalid) -> None:
        self.form.show_problems(event.problems)
        self._say_problems(event.problems)

    def _say_problems(self, problems: dict[str, str]) -> None:
        one = len(problems) == 1
        text = f"{len(problems)} field{'' if one else 's'} need{'s' if one else ''} attention"
        self.set_state("failed", text, ", ".join(n for n in self.form.fields if n in problems))

    def on_failed(self, event: Failed) -> None:
        self.log.write(event.message, "error")
        self.log.details = event.details
        if event.problems:
            self.form.show_problems(event.problems)
        self.set_state("failed", "Training failed", event.message)
        if event.details:
            self.bar.offer_details()

    def on_finished(self, event: Finished) -> None:
        result: TrainingResult = event.result
        self.history = list(result.history) or self.history
        self.show_history()
        best = (
            f" Best loss {result.best.loss:.4g} at epoch {result.best.epoch}."
            if (result.best)
            else ""
        )
        self.look(force=True)
        if result.stopped:
            saved = "A checkpoint is saved; Resume goes on." if result.checkpoint else ""
            text = f"after {result.epoch} of {result.epochs} epochs. {saved}"
            self.set_state("idle", "Stopped", text)
        else:
            took = _duration(sum(record.seconds for record in result.history))
            self.set_state("finished", "Finished", f"{result.epoch} epochs in {took}.{best}")
            self.bar.progress(1, 1)
        self.log.write(f"{'Stopped' if result.stopped else 'Finished'} at epoch {result.epoch}.")

    def on_found(self, event: Found) -> None:
        self.found = event
        if self.state in RUNNING:
            return
        if event.problem:
            self.set_state("idle", "Note", event.problem)
            return
        peek = event.peek
        if peek is None:
            if self.state == "idle" and not self.history:
                self.set_state("idle", "Ready", self._ready_text())
            else:
                self.bar.show_state(self.state, False)
            return
        self.history = list(peek.history)
        self.show_history()
        if event.grid is not None:
            self.samples.show(event.grid, event.grid_epoch, "last saved")
        wanted = parse({"num_epochs": self.form.texts()["num_epochs"]})[0].get("num_epochs", 0)
        total = max(int(wanted), peek.epoch)
        self.bar.progress(peek.epoch, total)
        if self.state == "idle":
            done = f"{peek.epoch} of {total} epochs done: "
            hint = "Resume" if peek.epoch < total else "raise Epochs to train on"
            self.set_state("idle", "Found", done + hint)
        else:
            self.bar.show_state(self.state, True)

    def _ready_text(self) -> str:
        chosen = self.form.texts()["file_path"]
        return "Click Train." if chosen else "Choose a folder of images, then Train."

    # ---- small things

    def field_changed(self, name: str) -> None:
        """A field was left: another checkpoint folder may hold another run."""
        if name in ("model_save_dir", "output_dir"):
            self.look()

    def look(self, force: bool = False) -> None:
        """Look, off this thread, for a run to resume."""
        texts = self.form.texts()
        places = texts["model_save_dir"], texts["output_dir"]
        if places[0] and (force or places != self.looked):
            if self.looked not in (("", ""), places):
                self.history, self.points, self.found = [], [], None
                self.show_history()
            self.looked = places
            self.worker.look(*places)

    def show_history(self) -> None:
        """Bring curve and numbers up to date."""
        self.loss.stale_with(self.history, self.points)
        self.loss.numbers(self.history)

    def show_subject(self) -> None:
        """The data set and the device in the header."""
        parts = [text for text in (self.data_text, self.device_text) if text]
        self.subject.configure(text="  ·  ".join(parts))

    def refresh(self) -> None:
        """Redraw what changed and can be seen."""
        self.loss.refresh()
        self.samples.refresh()
        self.log.flush()

    def toggle_mode(self) -> None:
        """Switch between light and dark."""
        kit.toggle_mode(self.root)
        self.remember()

    def open_output(self) -> None:
        """Show the output folder in the system's file manager."""
        folder = Path(self.form.texts()["output_dir"]).absolute()
        if not folder.is_dir():
            self.bar.say("Note", f"{folder} does not exist yet; Train makes it.")
        elif sys.platform == "win32":
            os.startfile(folder)
        else:
            opener = "open" if sys.platform == "darwin" else "xdg-open"
            try:
                subprocess.Popen([opener, str(folder)], stderr=subprocess.DEVNULL)
            except OSError:
                self.bar.say("Note", f"No file manager was found. The folder is {folder}")

    def show_tab(self, index: int) -> None:
        """Select a tab."""
        self.tabs.select(index)  # type: ignore[no-untyped-call]

    def show_details(self) -> None:
        """The traceback, in the log, where it can be copied."""
        self.log.write(self.log.details, "error")
        self.log.clear_details()
        self.show_tab(TABS.index("Log"))

    def about(self) -> None:
        """Version and purpose."""
        text = (
            f"VAE Studio {__version__}\n\nTrains a convolutional variational autoencoder on a "
            "folder of images. Nothing leaves this computer."
        )
        kit.ask(self.root, "About VAE Studio", text, ("Close",))

    def callback_failed(self, *error: Any) -> None:
        """An error in the window itself: shown and logged; training goes on."""
        self.log.write("".join(traceback.format_exception(*error)), "error")
        self.bar.say("Window error", f"{error[1]} (see Log; a running training goes on)")

    def run(self) -> None:
        """Run until the window is closed. Ctrl-C and SIGTERM save first."""

        def interrupt(*_: object) -> None:
            self.interrupted = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupt)
        self.root.mainloop()


def _without_event(action: Any, event: object) -> None:
    action()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
