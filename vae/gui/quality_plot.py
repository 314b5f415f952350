"""Small plots of what was measured after each epoch."""

from __future__ import annotations

import math
import tkinter as tk
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
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


class QualityPlot(Plot):
    """One plot for each measure that has a value, with its newest value as the title."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.axes.remove()
        self.cells: dict[Measure, Axes] = {}
        self.palette = LIGHT
        self.history: Sequence[EpochRecord] = ()

    def update(self, history: Sequence[EpochRecord], values: Mapping[str, Value]) -> None:
        """Show the epochs of a run of these parameters."""
        self.history = history
        shown = [m for m in MEASURES if any(getattr(r, m.name) is not None for r in history)]
        if shown != list(self.cells):
            self.figure.clear()
            rows = -(-len(shown) // COLUMNS)
            self.cells = {
                measure: self.figure.add_subplot(rows, COLUMNS, place)
                for place, measure in enumerate(shown, start=1)
            }
            self._place()
        for measure, axes in self.cells.items():
            self._draw(measure, axes, values)
        self.paint(self.palette)

    def _draw(self, measure: Measure, axes: Axes, values: Mapping[str, Value]) -> None:
        points = [(r.epoch, getattr(r, measure.name)) for r in self.history]
        points = [(epoch, value) for epoch, value in points if value is not None]
        axes.clear()
        marker = "o" if len(points) <= MANY_EPOCHS else ""
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=3, linewidth=2)
        newest = number(points[-1][1], measure.form)
        if measure.name == "active_units" and "latent_dim" in values:
            newest = _("{count} of {total}").format(count=newest, total=values["latent_dim"])
        text = f"{_(measure.label)}  {newest} {measure.unit}".rstrip()
        for line, above, size, weight in (
            (text, 20, 9.5, "bold"), (_(measure.good), 7, 8.5, "normal"),
        ):  # fmt: skip
            axes.annotate(
                line, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points",
                fontsize=size, weight=weight, annotation_clip=False,
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, labelsize=8.5)
        axes.set_xlim(0, max(points[-1][0], 2))
        axes.margins(y=0.15)

    def _place(self) -> None:
        if not self.cells:
            return
        width, height = self.figure.get_size_inches()
        rows = math.ceil(len(self.cells) / COLUMNS)
        cell_width, cell_height = width / COLUMNS, height / rows
        left, right, bottom, top = MARGINS
        for place, axes in enumerate(self.cells.values()):
            x, y = place % COLUMNS * cell_width, height - (place // COLUMNS + 1) * cell_height
            wide, high = cell_width - left - right, cell_height - bottom - top
            axes.set_position(
                ((x + left) / width, (y + bottom) / height, max(wide, 0.2) / width,
                 max(high, 0.2) / height)
            )  # fmt: skip

    def paint(self, c: Palette) -> None:
        super().paint(c)
        self.palette = c
        for axes in self.cells.values():
            axes.set_facecolor(c.background)
            axes.grid(axis="y", color=c.rule)
            axes.spines["bottom"].set_color(c.rule)
            axes.tick_params(colors=c.muted)
            axes.lines[0].set_color(c.primary)
            axes.texts[0].set_color(c.text)
            axes.texts[1].set_color(c.muted)
