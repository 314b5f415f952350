"""Small plots of what was measured after each epoch."""

from __future__ import annotations

import math
import tkinter as tk
from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.ticker import MaxNLocator

from vae.config import Value
from vae.events import EpochRecord
from vae.gui.plot import Plot
from vae.gui.theme import LIGHT, Palette
from vae.language import _, number
from vae.measures import MEASURES, Measure
from vae.ticks import Ticks

COLUMNS = 3
MARGINS = (0.62, 0.15, 0.3, 0.5)  # inches around each: left, right, bottom, top
TITLE_LEFT = 0.05  # inches from a cell's left edge
LEAST_PLOT = 0.5  # inches, the height of a cell's axes
STEPS = (1, 2, 5, 10)  # from one number to the next; others need more digits
TICK_HEIGHT = 0.25  # inches from one number to the next, at least
NUMBER_HEIGHT = 0.14  # inches that a number takes
FLAT = 0.02  # of a value, the least that an axis spans, so that noise is not blown up
MANY_EPOCHS = 60  # beyond, a dot for each hides the line
MOST_TICKS = 6  # of an axis, those beyond its ends included
SIZES = 9.5, 8.0  # of a title in points: where it has room, and where it has not


class Cell:
    """The small plot of one measure."""

    def __init__(self, measure: Measure, axes: Axes) -> None:
        self.measure, self.axes = measure, axes
        self.newest = ""  # number, with its unit
        (self.line,) = axes.plot([], [], markersize=3, linewidth=2, clip_on=False)
        self.title = self._above(22, SIZES[0], "bold")
        self.good = self._above(9, 8.5, "normal")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(Ticks())
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, labelsize=8.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_label_coords(0, 0)  # it has none; each drawing would look for its place
            axis.get_major_ticks(MOST_TICKS)  # made here, and not by the first drawing

    def _above(self, points: int, size: float, weight: str) -> Annotation:
        left = 72 * (TITLE_LEFT - MARGINS[0])
        return self.axes.annotate(
            "", (0, 1), (left, points), xycoords="axes fraction", textcoords="offset points",
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
        self.newest = f"{newest} {measure.unit}".rstrip()
        low, high = min(measured), max(measured)
        # The first epochs may lie so far below that the others' line would be flat.
        cut = low < measure.least <= measured[-1]
        low = measure.least if cut else low
        self.line.set_clip_on(cut)
        if low == high == 0:
            high = 1.0
        middle, span = (low + high) / 2, max(high - low, FLAT * abs(high))
        low, high, room = middle - span / 2, middle + span / 2, span * 0.15
        # What is never below zero has no numbers below it either.
        self.axes.set_ylim(low - room if low >= room or low < 0 else -room / 3, high + room)
        self.axes.set_xlim(0, max(epochs[-1], 2))

    def fit(self, width: float, height: float, measure: Callable[[Text], float]) -> None:
        """Take the words that a cell of this width has room for, and numbers for its height.

        Both in inches, as what `measure` gives of a text.
        """
        room, label = width - TITLE_LEFT, _(self.measure.label)
        self.title.set_text(f"{label}  {self.newest}")
        for size in SIZES:
            self.title.set_fontsize(size)
            if measure(self.title) < room:
                break
        # A number that is cut reads as another one.
        for letters in range(len(label) - 1, -1, -1):
            if measure(self.title) < room:
                break
            self.title.set_text(f"{label[:letters].rstrip()}…  {self.newest}")
        whole = _(self.measure.good)
        for words in (whole, whole.rpartition("; ")[2], ""):
            self.good.set_text(words)
            if measure(self.good) < room:
                break
        count, (low, high) = min(max(2, int(height / TICK_HEIGHT)), 4), self.axes.get_ylim()
        # One number tells little of how far a line has come; but two must have room.
        for fewest in (2, 1):
            locator = MaxNLocator(count, steps=STEPS, min_n_ticks=fewest)
            first, second = locator.tick_values(low, high)[:2]
            if (second - first) / (high - low) * height >= NUMBER_HEIGHT:
                break
        self.axes.yaxis.set_major_locator(locator)

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
        self.made: list[Cell] = []
        self.cells: list[Cell] = []  # those that are shown
        self.palette = LIGHT

    def make_next(self) -> bool:
        """Make a cell that is missing, which takes a moment. Returns whether one was."""
        if missing := MEASURES[len(self.made) :]:
            cell = Cell(missing[0], self.figure.add_axes((0, 0, 1, 1), visible=False))
            cell.paint(self.palette)
            self.made.append(cell)
        return bool(missing)

    def update(self, history: Sequence[EpochRecord], values: Mapping[str, Value]) -> None:
        """Show the epochs of a run of these parameters."""
        while self.make_next():
            pass
        self.cells = []
        for cell in self.made:
            measured = any(getattr(record, cell.measure.name) is not None for record in history)
            cell.axes.set_visible(measured)
            if measured:
                self.cells.append(cell)
                cell.show(history, values)
        self._place()
        self.stale = True

    @property
    def rows(self) -> int:
        """How many rows of cells there are."""
        return math.ceil(len(self.cells) / COLUMNS)

    def least_height(self) -> int:
        """Of all rows, so that no cell is cut; in logical pixels."""
        return round(96 * self.rows * (LEAST_PLOT + MARGINS[2] + MARGINS[3]))

    def _place(self) -> None:
        if not self.cells:
            return
        width, height = self.figure.get_size_inches()
        rows = self.rows
        cell_width, cell_height = width / COLUMNS, height / rows
        left, right, bottom, top = MARGINS
        for place, cell in enumerate(self.cells):
            x, y = place % COLUMNS * cell_width, height - (place // COLUMNS + 1) * cell_height
            wide, high = cell_width - left - right, max(cell_height - bottom - top, 0.2)
            cell.axes.set_position(
                ((x + left) / width, (y + bottom) / height, max(wide, 0.2) / width, high / height)
            )
            cell.fit(cell_width, high, self._width)

    def _width(self, text: Text) -> float:
        renderer = self.canvas.get_renderer()  # type: ignore[no-untyped-call]
        return text.get_window_extent(renderer).width / self.figure.dpi  # which is remembered

    def paint(self, c: Palette) -> None:
        super().paint(c)
        self.palette = c
        for cell in self.made:
            cell.paint(c)
