"""The loss curve and the sample grid on matplotlib canvases. Imported after the window is up."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_tkagg import FigureCanvasTkAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae.events import EpochRecord
from vae.gui.kit import Palette


class _Plot:
    """A figure that draws at once only while it can be seen."""

    def __init__(self, master: tk.Misc) -> None:
        # 96 at any screen: the canvas itself scales by the screen's density.
        self.figure = Figure(layout="constrained", dpi=96)
        self.canvas = FigureCanvasTkAgg(self.figure, master)  # type: ignore[no-untyped-call]
        self.widget: tk.Canvas = self.canvas.get_tk_widget()  # type: ignore[no-untyped-call]
        self.widget.configure(highlightthickness=0, borderwidth=0)
        self.axes = self.figure.add_subplot()
        self.stale = True

    def refresh(self) -> None:
        """Draw if something changed and the tab is visible."""
        if self.stale and self.widget.winfo_viewable():
            self.stale = False
            self.canvas.draw_idle()  # type: ignore[no-untyped-call]

    def _paint(self, c: Palette) -> None:
        self.figure.set_facecolor(c.background)
        self.axes.set_facecolor(c.background)
        self.widget.configure(background=c.background)
        self.stale = True


class LossPlot(_Plot):
    """Total loss against epoch: a strong line of epochs done, a faint one within them."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        (self.trace,) = self.axes.plot([], [], linewidth=1, alpha=0.45)
        (self.line,) = self.axes.plot([], [], linewidth=2, marker="o", markersize=3)
        (self.best,) = self.axes.plot([], [], "o", markersize=9, markeredgewidth=2)
        self.best_text = self.axes.annotate(
            "", (0, 0), (0, 12), textcoords="offset points", ha="center"
        )
        self.label = self.axes.annotate(
            "", (0, 0), (8, 0), textcoords="offset points", va="center", weight="bold"
        )
        self.axes.set_xlabel("Epoch")
        self.axes.set_ylabel("Loss (weighted total)")
        self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.axes.spines[["top", "right", "left"]].set_visible(False)
        self.axes.tick_params(length=0)
        self.history: Sequence[EpochRecord] = ()
        self.points: list[tuple[float, float]] = []

    def update(self, history: Sequence[EpochRecord], points: list[tuple[float, float]]) -> None:
        """Show a history and the (epoch fraction, running mean) points of this session."""
        self.history = history
        self.line.set_data([r.epoch for r in history], [r.loss for r in history])
        self.trace.set_data([x for x, _ in points], [y for _, y in points])
        shown = bool(history)
        for artist in (self.best, self.best_text, self.label):
            artist.set_visible(shown)
        if history:
            best, last = min(history, key=lambda r: r.loss), history[-1]
            self.best.set_data([best.epoch], [best.loss])
            self.best_text.xy = (best.epoch, best.loss)
            self.best_text.set_text(f"best {best.loss:.4g}" if len(history) > 1 else "")
            self.label.xy = (last.epoch, last.loss)
            self.label.set_text("Training")
        self._limits(points)
        self.stale = True

    def _limits(self, points: list[tuple[float, float]]) -> None:
        values = [r.loss for r in self.history] + [y for _, y in points]
        right = max([r.epoch for r in self.history] + [x for x, _ in points], default=1)
        self.axes.set_xlim(0, max(right * 1.12, 2))
        if values:
            low, high = min(values), max(values)
            if self.axes.get_yscale() == "log" and low > 0:
                self.axes.set_ylim(low / 1.15, high * 1.15)
            else:
                room = (high - low or abs(high) or 1) * 0.12
                self.axes.set_ylim(low - room, high + room)

    def set_log_scale(self, log: bool) -> None:
        """Switch the loss axis between linear and logarithmic."""
        self.axes.set_yscale("log" if log else "linear")
        self.update(self.history, list(zip(*self.trace.get_data(), strict=True)))  # type: ignore[arg-type]

    def paint(self, c: Palette) -> None:
        """Take the colours of a palette."""
        self._paint(c)
        self.line.set_color(c.primary)
        self.trace.set_color(c.primary)
        self.best.set(markerfacecolor=c.background, markeredgecolor=c.primary)
        self.best_text.set_color(c.text)
        self.label.set_color(c.primary)
        self.axes.grid(axis="y", color=c.rule)
        self.axes.spines["bottom"].set_color(c.rule)
        self.axes.tick_params(colors=c.muted)
        for text in (self.axes.xaxis.label, self.axes.yaxis.label):
            text.set_color(c.muted)


class GridPlot(_Plot):
    """The 8x8 grid: one image in one artist."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.axes.set_axis_off()
        self.image: Any = None

    def update(self, grid: np.ndarray) -> None:
        """Show uint8 (h, w) or (h, w, 3)."""
        if self.image is None or self.image.get_array().shape != grid.shape:
            self.axes.clear()
            self.axes.set_axis_off()
            self.image = self.axes.imshow(
                grid, cmap="gray", vmin=0, vmax=255, interpolation="antialiased"
            )
        else:
            self.image.set_data(grid)
        self.stale = True

    def paint(self, c: Palette) -> None:
        """Take the colours of a palette."""
        self._paint(c)
