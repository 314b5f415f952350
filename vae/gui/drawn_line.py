"""A line on a plot, told by a label at its end."""

from __future__ import annotations

from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes

from vae.curve import Line, smoothed
from vae.gui.theme import Palette

LABEL_OFFSET = 12  # pixels at 96 dpi, beside the line's end


class DrawnLine:
    """The artists of a line: as it is, smoothed, and its label, which a stroke joins to its end."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        (self.raw,) = axes.plot([], [], linewidth=1, alpha=0.35)
        (self.line,) = axes.plot([], [], linewidth=2, markersize=3)
        self.label: Any = axes.annotate(
            "", (0, 0), (LABEL_OFFSET, 0), textcoords="offset pixels", va="center", weight="bold",
            fontsize=9.5, annotation_clip=False, zorder=5,
            arrowprops={"arrowstyle": "-", "shrinkA": 0, "shrinkB": 2, "relpos": (0, 0.5)},
        )  # fmt: skip

    def show(self, line: Line, keep: float) -> None:
        """Show a line, smoothed if `keep` is not 0 (see vae.curve): then faint as it is, too."""
        self.line.set_data(line.epochs, smoothed(line.values, keep) if keep else line.values)
        self.raw.set_data(*((line.epochs, line.values) if keep else ((), ())))
        self.line.set_marker("o" if len(line.epochs) == 1 else "")  # a point is no line
        self.label.set_text(line.label)

    def end(self) -> tuple[float, float] | None:
        """The last point that can be seen, or None."""
        left, right = self.axes.get_xlim()
        low, high = self.axes.get_ylim()
        xs: Any = self.line.get_xdata()
        ys: Any = self.line.get_ydata()
        points = zip(reversed(xs), reversed(ys), strict=True)
        seen = ((x, y) for x, y in points if left <= x <= right and low <= y <= high)
        return next(seen, None)

    def paint(self, line: Line, c: Palette) -> None:
        """Take the colour and the dashes of the line's style; the label keeps others off."""
        colour = line.colour(c.lines)
        dashes: Any = (0, line.dashes) if line.dashes else "-"
        self.raw.set_color(colour)
        self.line.set(color=colour, linestyle=dashes)
        halo = patheffects.withStroke(linewidth=3, foreground=c.background)
        self.label.set(color=colour, path_effects=[halo])
        self.label.arrow_patch.set_color(colour)

    def remove(self) -> None:
        """Take it off the plot."""
        for artist in (self.raw, self.line, self.label):
            artist.remove()
