"""Small plots of what was measured after each epoch."""

from __future__ import annotations

import math
import tkinter as tk
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vae.config import Value
from vae.events import EpochRecord
from vae.gui.plot import Plot
from vae.gui.theme import LIGHT, Palette
from vae.language import _, number
from vae.measures import MEASURES, Measure

COLUMNS = 3
MARGINS = (0.55, 0.15, 0.35, 0.5)  # inches around each: left, right, bottom, top
MANY_EPOCHS = 60  # beyond, a dot for each hides the line


def _tick(value: float, place: int | None) -> str:
    return number(value, ".3g" if abs(value) < 1000 else ",.0f")


class Cell:
    """The small plot of one measure."""

    def __init__(self, measure: Measure, axes: Axes) -> None:
        self.measure, self.axes = measure, axes
        (self.line,) = axes.plot([], [], markersize=3, linewidth=2)
        self.title = self._above(20, 9.5, "bold")
        self.good = self._above(7, 8.5, "normal")
        self.good.set_text(_(measure.good))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, labelsize=8.5)

    def _above(self, points: int, size: float, weight: str) -> Annotation:
        return self.axes.annotate(
            "", (0, 1), (0, points), xycoords="axes fraction", textcoords="offset points",
            fontsize=size, weight=weight, annotation_clip=False,
        )  # fmt: skip

    def show(self, history: Sequence[EpochRecord], values: Mapping[str, Value]) -> None:
        """Take the epochs of a run of these parameters."""
        measure = self.measure
        points = [(record.epoch, getattr(record, measure.name)) for record in history]
        points = [(epoch, value) for epoch, value in points if value is not None]
        epochs, measured = zip(*points, strict=True)
        self.line.set_data(epochs, measured)
        self.line.set_marker("o" if len(points) <= MANY_EPOCHS else "")
        newest = number(measured[-1], measure.form)
        if measure.name == "active_units" and "latent_dim" in values:
            newest = _("{count} of {total}").format(count=newest, total=values["latent_dim"])
        self.title.set_text(f"{_(measure.label)}  {newest} {measure.unit}".rstrip())
        low, high = min(measured), max(measured)
        room = (high - low or abs(high) or 1) * 0.15
        self.axes.set_ylim(low - room, high + room)
        self.axes.set_xlim(0, max(epochs[-1], 2))

    def paint(self, c: Palette) -> None:
        """Take the colours of a palette."""
        self.axes.set_facecolor(c.background)
        self.axes.grid(axis="y", color=c.rule)
        self.axes.spines["bottom"].set_color(c.rule)
        self.axes.tick_params(colors=c.muted)
        self.line.set_color(c.primary)
        self.title.set_color(c.text)
        self.good.set_color(c.muted)


class QualityPlot(Plot):
    """One plot for each measure that has a value, with its newest value as the title."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.axes.remove()
        self.cells: list[Cell] = []
        self.palette = LIGHT

    def update(self, history: Sequence[EpochRecord], values: Mapping[str, Value]) -> None:
        """Show the epochs of a run of these parameters."""
        shown = [m for m in MEASURES if any(getattr(r, m.name) is not None for r in history)]
        if shown != [cell.measure for cell in self.cells]:
            self.figure.clear()
            rows = -(-len(shown) // COLUMNS)
            self.cells = [
                Cell(measure, self.figure.add_subplot(rows, COLUMNS, place))
                for place, measure in enumerate(shown, start=1)
            ]
            self._place()
            self.paint(self.palette)
        for cell in self.cells:
            cell.show(history, values)
        self.stale = True

    def _place(self) -> None:
        if not self.cells:
            return
        width, height = self.figure.get_size_inches()
        rows = math.ceil(len(self.cells) / COLUMNS)
        cell_width, cell_height = width / COLUMNS, height / rows
        left, right, bottom, top = MARGINS
        for place, cell in enumerate(self.cells):
            x, y = place % COLUMNS * cell_width, height - (place // COLUMNS + 1) * cell_height
            wide, high = cell_width - left - right, cell_height - bottom - top
            cell.axes.set_position(
                ((x + left) / width, (y + bottom) / height, max(wide, 0.2) / width,
                 max(high, 0.2) / height)
            )  # fmt: skip

    def paint(self, c: Palette) -> None:
        super().paint(c)
        self.palette = c
        for cell in self.cells:
            cell.paint(c)
