"""The contents of the tabs: Loss, Samples, Log."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk
from typing import Any

from vae.events import EpochRecord
from vae.gui import kit

TABS = ("Loss", "Samples", "Log")
LOG_LINES = 2000


class _Pane(ttk.Frame):
    """A tab's frame. Until there is something to show, a line says what will appear."""

    def __init__(self, master: tk.Misc, promise: str) -> None:
        super().__init__(master, style="Vae.TFrame", padding="0 12p 0 0")
        self.empty = ttk.Label(self, text=promise, style="Muted.Vae.TLabel", anchor="center")
        self.plot: Any = None  # made once matplotlib is there

    def swap(self, anything: bool) -> None:
        """Show the plot, or the line in its place."""
        hide, show = self.empty, self.plot.widget
        if not anything:
            hide, show = show, hide
        if not show.winfo_manager():
            hide.pack_forget()
            show.pack(fill="both", expand=True, pady=("9p", 0))
            self.update_idletasks()

    def paint(self) -> None:
        """Take the colours of the mode."""
        if self.plot:
            self.plot.paint(kit.palette(self))


class LossPane(_Pane):
    """Numbers of the last epoch above the loss curve."""

    NUMBERS = ("Loss", "Reconstruction", "KL divergence", "Blur", "Best epoch")

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, "The loss curve appears here once training has begun.")
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x")
        self.values: dict[str, ttk.Label] = {}
        for name in self.NUMBERS:
            cell = ttk.Frame(row, style="Vae.TFrame")
            cell.pack(side="left", padx=(0, "12p"))
            ttk.Label(cell, text=name, style="Muted.Vae.TLabel").pack(anchor="w")
            style = "Accent.Vae.TLabel" if name == "Loss" else "Number.Vae.TLabel"
            self.values[name] = ttk.Label(cell, text="–", style=style)
            self.values[name].pack(anchor="w")
        self.log_scale = tk.BooleanVar(self, False)
        switch = kit.switch(self, "Log scale", self.log_scale, self._scale)
        switch.pack(side="bottom", anchor="e", pady=("6p", 0))
        self.empty.pack(fill="both", expand=True)
        self.shown: tuple[Sequence[EpochRecord], Sequence[tuple[float, float]]] = ((), ())
        self.stale = False

    def create(self) -> None:
        """Make the plot; matplotlib takes a moment, so only after the window is up."""
        from vae.gui.plots import LossPlot

        self.plot = LossPlot(self)

    def show(self, history: Sequence[EpochRecord], points: Sequence[tuple[float, float]]) -> None:
        """Take the epochs done and the points within epochs; drawn at the next refresh."""
        self.shown, self.stale = (tuple(history), tuple(points)), True
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
            self.swap(any(map(len, self.shown)))
        self.plot.refresh()

    def _scale(self) -> None:
        if self.plot:
            self.plot.set_log_scale(self.log_scale.get())
            self.plot.refresh()


class SamplesPane(_Pane):
    """The newest 8x8 grid."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(
            master, "An 8x8 grid of generated images appears here after the first epoch."
        )
        self.caption = ttk.Label(self, style="Muted.Vae.TLabel")
        self.caption.pack(fill="x")
        self.empty.pack(fill="both", expand=True)
        self.grid_shown: Any = None

    def create(self) -> None:
        """Make the canvas, after the window is up."""
        from vae.gui.plots import GridPlot

        self.plot = GridPlot(self)
        self._put()

    def show(self, grid: Any, epoch: int, file_name: str) -> None:
        """Show a grid of an epoch and say where it is; None empties the tab."""
        self.grid_shown = grid
        source = f"64 images decoded from z ~ N(0, I), epoch {epoch}  ·  {file_name}"
        self.caption.configure(text="" if grid is None else source)
        if self.plot:
            self._put()

    def _put(self) -> None:
        if self.grid_shown is not None:
            self.plot.update(self.grid_shown)
        self.swap(self.grid_shown is not None)

    def refresh(self) -> None:
        """Draw a new grid if the tab can be seen."""
        if self.plot:
            self.plot.refresh()


class LogPane(ttk.Frame):
    """What happened, line by line; lines are inserted in batches."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, style="Vae.TFrame", padding="0 12p 0 0")
        self.text = tk.Text(
            self, state="disabled", wrap="word", font="TkFixedFont", relief="flat",
            borderwidth=0, highlightthickness=0, spacing1="1.5p",
        )  # fmt: skip
        bar = ttk.Scrollbar(self, command=self.text.yview, style="Vae.Vertical.TScrollbar")
        self.text.configure(yscrollcommand=bar.set)
        # A disabled text takes no focus by itself on macOS, and without it nothing can be copied.
        self.text.bind("<Button-1>", lambda event: self.text.focus_set())
        bar.pack(side="right", fill="y")
        self.text.pack(fill="both", expand=True)
        self.waiting: list[tuple[str, str, str]] = []
        self.following = True
        self.text.bind("<Map>", lambda event: self._follow())

    def write(self, text: str, kind: str = "") -> None:
        """Add a line; kind is "", "warning" or "error"."""
        self.waiting.append((f"{time.strftime('%H:%M:%S')}  ", f"{text}\n", kind))

    def flush(self) -> None:
        """Insert what waits."""
        if not self.waiting:
            return
        lines, self.waiting = self.waiting[-LOG_LINES:], []
        if self.text.winfo_viewable():
            # Whoever has scrolled up to read is left there.
            self.following = self.text.dlineinfo("end-1c") is not None
        self.text.configure(state="normal")
        for when, line, kind in lines:
            self.text.insert("end", when, "time", line, kind)
        extra = int(self.text.index("end-1c").split(".")[0]) - LOG_LINES
        if extra > 0:
            self.text.delete("1.0", f"{extra + 1}.0")
        self.text.configure(state="disabled")
        self._follow()

    def _follow(self) -> None:
        if self.following:
            self.text.see("end")

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        self.text.configure(
            background=c.background, foreground=c.text, selectbackground=c.primary,
            selectforeground=c.on_primary, inactiveselectbackground=c.rule,
            highlightthickness=0, borderwidth=0, padx="3p",  # the toolkit adds a frame of its own
        )  # fmt: skip
        for tag in ("time", "warning", "error"):
            colour = {"time": c.muted, "warning": c.warning, "error": c.danger}[tag]
            self.text.tag_configure(tag, foreground=colour)
        self.text.tag_raise("sel")
