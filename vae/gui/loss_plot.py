"""The loss curve on a matplotlib canvas."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from vae.events import EpochRecord
from vae.gui.plot import Plot
from vae.gui.theme import Palette

MARGINS = (0.62, 1.45, 0.55, 0.32)  # inches: left, right (for the label), bottom, top


class LossPlot(Plot):
    """Total loss against epoch: strong for the epochs done, faint within the running one."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        (self.trace,) = self.axes.plot([], [], linewidth=1, alpha=0.45)
        (self.line,) = self.axes.plot([], [], linewidth=2, marker="o", markersize=3)
        (self.best,) = self.axes.plot([], [], "o", markersize=9, markeredgewidth=2)
        self.best_text = self._note((0, 12), ha="center")
        self.label = self._note((10, 0), va="center", weight="bold")
        formula = "Loss: alpha · reconstruction + beta · KL + gamma · blur"
        for artist in (self.trace, self.line, self.best):
            artist.set_clip_on(False)  # the newest epoch lies on the edge
        self.title = self.axes.set_title(formula, loc="left", fontsize=9.5)
        self.axes.set_xlabel("Epoch")
        self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.axes.spines[["top", "right", "left"]].set_visible(False)
        self.axes.tick_params(length=0, which="both")
        self.history: Sequence[EpochRecord] = ()
        self.points: Sequence[tuple[float, float]] = ()

    def _place(self) -> None:
        # Margins of a fixed size, so that nothing moves when a label or a number grows.
        width, height = self.figure.get_size_inches()
        left, right, bottom, top = MARGINS
        self.figure.subplots_adjust(
            min(left / width, 0.3),
            min(bottom / height, 0.3),
            max(1 - right / width, 0.6),
            max(1 - top / height, 0.6),
        )

    def _note(self, offset: tuple[int, int], **style: Any) -> Any:
        return self.axes.annotate("", (0, 0), offset, textcoords="offset points", **style)

    def update(self, history: Sequence[EpochRecord], points: Sequence[tuple[float, float]]) -> None:
        """Show a history and the (epoch fraction, running mean) points of the running epoch."""
        self.history, self.points = history, points
        self.line.set_data([r.epoch for r in history], [r.loss for r in history])
        trail = [(float(r.epoch), r.loss) for r in history[-1:]] if points else []
        trail += points
        self.trace.set_data([x for x, _ in trail], [y for _, y in trail])
        for artist in (self.best, self.best_text, self.label):
            artist.set_visible(bool(history))
        if history:
            best, last = min(history, key=lambda r: r.loss), history[-1]
            self.best.set_data([best.epoch], [best.loss])
            # When the newest epoch is the best, one label says both.
            self.best_text.xy = (best.epoch, best.loss)
            self.best_text.set_text("" if best is last else f"best {best.loss:.4g}")
            self.label.xy = (last.epoch, last.loss)
            self.label.set_text("Training" if best is not last else "Training (best)")
        self._limits()
        self.stale = True

    def _limits(self) -> None:
        values = [r.loss for r in self.history] + [y for _, y in self.points]
        right = max([r.epoch for r in self.history] + [x for x, _ in self.points], default=1)
        self.axes.set_xlim(0, max(right, 2))
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
        if log:
            # 0.4, where matplotlib writes 4 × 10⁻¹.
            self.axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.3g}"))
            self.axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:.3g}"))
        self._limits()
        self.stale = True

    def paint(self, c: Palette) -> None:
        super().paint(c)
        self.line.set_color(c.primary)
        self.trace.set_color(c.primary)
        self.best.set(markerfacecolor=c.background, markeredgecolor=c.primary)
        self.best_text.set_color(c.text)
        self.label.set_color(c.primary)
        self.axes.grid(axis="y", which="both", color=c.rule)
        self.axes.spines["bottom"].set_color(c.rule)
        self.axes.tick_params(colors=c.muted, which="both")
        for text in (self.axes.xaxis.label, self.title):
            text.set_color(c.muted)
