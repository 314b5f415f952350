"""The action bar and the contents of the tabs."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Any

from vae.events import BatchDone, EpochRecord
from vae.gui import kit

LOG_LINES = 2000
ETA_AFTER_BATCHES = 20
COLOURS = {
    "idle": "text", "checking": "primary", "running": "primary", "stopping": "warning",
    "finished": "success", "failed": "danger",
}  # fmt: skip


class Eta:
    """Time left, from a smoothed speed of training alone."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the earlier run's speed."""
        self.batches, self.speed, self.last = 0, 0.0, (0, 0, 0.0)

    def left(self, event: BatchDone) -> str:
        """ "3 min left · ", or nothing before enough batches were seen."""
        now = time.monotonic()
        epoch, batch, then = self.last
        if epoch == event.epoch and now > then and event.batch > batch:
            speed = (event.batch - batch) / (now - then)
            self.speed = speed if not self.speed else 0.9 * self.speed + 0.1 * speed
            self.batches += event.batch - batch
        self.last = (event.epoch, event.batch, now)
        if self.batches < ETA_AFTER_BATCHES or not self.speed:
            return ""
        rest = (event.epochs - event.epoch + 1) * event.batches - event.batch
        seconds = rest / self.speed
        if seconds >= 3600:
            return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min left  ·  "
        if seconds >= 60:
            return f"{seconds // 60:.0f} min {seconds % 60:.0f} s left  ·  "
        return f"{seconds:.0f} s left  ·  "


class ActionBar(ttk.Frame):
    """Train, Stop, Start fresh, progress, and a line that says what is going on."""

    def __init__(
        self,
        master: tk.Misc,
        train: Callable[[], object],
        stop: Callable[[], object],
        fresh: Callable[[], object],
        details: Callable[[], object],
    ) -> None:
        super().__init__(master, style="Vae.TFrame", padding=(24, 12))
        self.eta = Eta()
        self.shown_state = "idle"
        self.train = kit.Button(self, "Train", train, "primary")
        self.stop = kit.Button(self, "Stop", stop, "danger")
        self.fresh = kit.Button(self, "Start fresh", fresh, "plain")
        self.details = kit.Button(self, "Details", details, "plain")
        self.train.configure(width=8)
        self.stop.configure(width=8)
        for column, button in enumerate((self.train, self.stop, self.fresh)):
            button.grid(row=0, column=column, rowspan=2, padx=(0, 8))
        self.meter = ttk.Progressbar(self, maximum=1.0, style="Vae.Horizontal.TProgressbar")
        self.meter.grid(row=0, column=3, columnspan=4, sticky="ew", padx=(16, 0))
        self.word = ttk.Label(self, style="Bold.Vae.TLabel")
        self.text = ttk.Label(self, style="Vae.TLabel", justify="left")
        self.right = ttk.Label(self, style="Muted.Vae.TLabel")
        self.word.grid(row=1, column=3, sticky="nw", padx=(16, 8), pady=(4, 0))
        self.text.grid(row=1, column=4, sticky="ew", pady=(4, 0))
        self.right.grid(row=1, column=5, sticky="e", pady=(4, 0), padx=(8, 0))
        self.details.grid(row=1, column=6, padx=(8, 0), pady=(4, 0))
        self.details.grid_remove()
        self.columnconfigure(4, weight=1)
        self.text.bind("<Configure>", lambda e: self.text.configure(wraplength=max(e.width, 80)))

    def show_state(self, state: str, resumable: bool) -> None:
        """Which buttons can be clicked, and what they say."""
        self.shown_state = state
        running = state in ("checking", "running", "stopping")
        self.train.configure(
            text="Resume" if resumable else "Train", state="disabled" if running else "normal"
        )
        self.stop.configure(state="normal" if state in ("checking", "running") else "disabled")
        self.fresh.configure(state="normal" if resumable and not running else "disabled")
        self.details.grid_remove()
        self.paint()

    def say(self, word: str, text: str, right: str = "") -> None:
        """A word for the state and a sentence beside it."""
        self.word.configure(text=word)
        self.text.configure(text=text)
        self.right.configure(text=right)

    def offer_details(self) -> None:
        """Show the button that shows the traceback."""
        self.details.grid()

    def progress(self, done: int, total: int) -> None:
        """Move the meter."""
        self.meter.configure(value=done / total if total else 0)

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        for button in (self.train, self.stop, self.fresh, self.details):
            button.paint(c)
        self.word.configure(foreground=getattr(c, COLOURS[self.shown_state]))


class LossPane(ttk.Frame):
    """Numbers of the last epoch above the loss curve."""

    NUMBERS = ("Loss", "Reconstruction", "KL divergence", "Blur", "Best epoch")

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, style="Vae.TFrame", padding=(0, 12, 0, 0))
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x")
        self.values: dict[str, ttk.Label] = {}
        for name in self.NUMBERS:
            cell = ttk.Frame(row, style="Vae.TFrame")
            cell.pack(side="left", padx=(0, 32))
            ttk.Label(cell, text=name, style="Muted.Vae.TLabel").pack(anchor="w")
            style = "Accent.Vae.TLabel" if name == "Loss" else "Number.Vae.TLabel"
            self.values[name] = ttk.Label(cell, text="–", style=style)
            self.values[name].pack(anchor="w")
        self.log_scale = tk.BooleanVar(self, False)
        ttk.Checkbutton(
            row,
            text="Log scale",
            variable=self.log_scale,
            command=self._scale,
            style="Vae.TCheckbutton",
        ).pack(side="right", anchor="s")
        self.empty = ttk.Label(
            self, text="The loss curve appears here once training has begun.",
            style="Muted.Vae.TLabel", anchor="center",
        )  # fmt: skip
        self.empty.pack(fill="both", expand=True)
        self.plot: Any = None
        self.shown: tuple[Sequence[EpochRecord], list[tuple[float, float]]] = ((), [])
        self.stale = False

    def create(self) -> None:
        """Make the plot; matplotlib takes a moment, so only after the window is up."""
        from vae.gui.plots import LossPlot

        self.plot = LossPlot(self)

    def stale_with(self, history: Sequence[EpochRecord], points: list[tuple[float, float]]) -> None:
        """Take new data; they are drawn at the next refresh."""
        self.shown, self.stale = (tuple(history), points), True

    def numbers(self, history: Sequence[EpochRecord]) -> None:
        """Show the last epoch's losses and the best epoch."""
        texts = ["–"] * len(self.NUMBERS)
        if history:
            last, best = history[-1], min(history, key=lambda r: r.loss)
            losses = (last.loss, last.reconstruction_loss, last.kl_loss, last.blur_loss)
            texts = [f"{value:.4g}" for value in losses] + [str(best.epoch)]
        for name, text in zip(self.NUMBERS, texts, strict=True):
            self.values[name].configure(text=text)

    def refresh(self) -> None:
        """Draw new data if the tab can be seen."""
        if self.plot is None or not self.winfo_viewable():
            return
        if self.stale:
            self.stale = False
            self.plot.update(*self.shown)
            anything = any(map(len, self.shown))
            hide, show = (
                (self.empty, self.plot.widget) if anything else (self.plot.widget, self.empty)
            )
            if not show.winfo_manager():
                hide.pack_forget()
                show.pack(fill="both", expand=True, pady=(12, 0))
                self.update_idletasks()
        self.plot.refresh()

    def _scale(self) -> None:
        if self.plot:
            self.plot.set_log_scale(self.log_scale.get())
            self.plot.refresh()

    def paint(self) -> None:
        """Take the colours of the mode."""
        if self.plot:
            self.plot.paint(kit.palette(self))


class SamplesPane(ttk.Frame):
    """The newest 8x8 grid."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, style="Vae.TFrame", padding=(0, 12, 0, 0))
        self.caption = ttk.Label(self, style="Muted.Vae.TLabel")
        self.caption.pack(fill="x")
        self.empty = ttk.Label(
            self, text="An 8x8 grid of generated images appears here after the first epoch.",
            style="Muted.Vae.TLabel", anchor="center",
        )  # fmt: skip
        self.empty.pack(fill="both", expand=True)
        self.plot: Any = None
        self.grid_shown: Any = None

    def create(self) -> None:
        """Make the canvas, after the window is up."""
        from vae.gui.plots import GridPlot

        self.plot = GridPlot(self)
        if self.grid_shown is not None:
            self._put()

    def show(self, grid: Any, epoch: int, source: str) -> None:
        """Show a grid of an epoch, and say where it comes from."""
        self.grid_shown = grid
        self.caption.configure(
            text=f"64 images decoded from z ~ N(0, I), epoch {epoch}  ·  {source}"
        )
        if self.plot:
            self._put()

    def _put(self) -> None:
        self.plot.update(self.grid_shown)
        if not self.plot.widget.winfo_manager():
            self.empty.pack_forget()
            self.plot.widget.pack(fill="both", expand=True, pady=(8, 0))

    def refresh(self) -> None:
        """Draw a new grid if the tab can be seen."""
        if self.plot:
            self.plot.refresh()

    def paint(self) -> None:
        """Take the colours of the mode."""
        if self.plot:
            self.plot.paint(kit.palette(self))


class LogPane(ttk.Frame):
    """What happened, line by line; lines are inserted in batches."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, style="Vae.TFrame", padding=(0, 12, 0, 0))
        self.text = tk.Text(
            self, state="disabled", wrap="word", font="TkFixedFont", relief="flat",
            borderwidth=0, highlightthickness=0,
        )  # fmt: skip
        bar = ttk.Scrollbar(self, command=self.text.yview, style="Vae.Vertical.TScrollbar")
        self.text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.text.pack(fill="both", expand=True)
        self.waiting: list[tuple[str, str]] = []
        self.details = ""

    def write(self, text: str, kind: str = "") -> None:
        """Add a line; kind is "", "warning" or "error"."""
        self.waiting.append((f"{time.strftime('%H:%M:%S')}  {text}\n", kind))

    def clear_details(self) -> None:
        """Forget the last traceback."""
        self.details = ""

    def flush(self) -> None:
        """Insert what waits."""
        if not self.waiting:
            return
        lines, self.waiting = self.waiting, []
        self.text.configure(state="normal")
        for line, kind in lines:
            self.text.insert("end", line, kind)
        extra = int(self.text.index("end-1c").split(".")[0]) - LOG_LINES
        if extra > 0:
            self.text.delete("1.0", f"{extra + 1}.0")
        self.text.configure(state="disabled")
        self.text.see("end")

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        self.text.configure(background=c.background, foreground=c.text)
        self.text.tag_configure("warning", foreground=c.warning)
        self.text.tag_configure("error", foreground=c.danger)
