"""The read-out of a plot: a vertical line at an epoch, with the values there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vae.gui.theme import Palette
from vae.language import _, number

if TYPE_CHECKING:
    from vae.gui.loss_plot import LossPlot


class Hover:
    """Follows the pointer, and the arrow keys while the plot has the focus; others zoom then.

    Drawn over a kept copy of the plot, which takes a fraction of the time of drawing all anew.
    """

    def __init__(self, plot: LossPlot) -> None:
        self.plot, self.epoch = plot, 0  # no epoch: nothing is shown
        self.background: Any = None
        self.line = plot.axes.axvline(0, linewidth=1, animated=True, visible=False)
        self.text = plot.axes.annotate(
            "", (0, 1), (0, -8), xycoords=("data", "axes fraction"), textcoords="offset points",
            va="top", multialignment="left", fontsize=9, linespacing=1.5, zorder=9,
            annotation_clip=False, animated=True, visible=False,
            bbox={"boxstyle": "round,pad=0.5", "linewidth": 0.8},
        )  # fmt: skip
        connect = plot.canvas.mpl_connect
        connect("draw_event", self._drawn)
        connect("motion_notify_event", self._moved)
        connect("resize_event", lambda event: self.forget())
        connect("figure_leave_event", lambda event: self.show(0))
        plot.widget.configure(takefocus=True)
        keys: dict[str, Callable[[object], None]] = {
            "Left": lambda event: self.step(-1), "Right": lambda event: self.step(1),
            "Home": lambda event: plot.zoom(math.inf, 0),
            **dict.fromkeys(("plus", "equal", "KP_Add"), lambda event: self._zoom(0.5)),
            **dict.fromkeys(("minus", "KP_Subtract"), lambda event: self._zoom(2.0)),
        }  # fmt: skip
        for key, act in keys.items():
            plot.widget.bind(f"<{key}>", act)
        plot.widget.bind("<FocusOut>", lambda event: self.show(0), add="+")
        plot.widget.bind("<Button-1>", lambda event: plot.widget.focus_set(), add="+")

    def _moved(self, event: Any) -> None:
        # While a button is held, a part to zoom into is being drawn.
        inside = event.inaxes is self.plot.axes and not event.buttons
        self.show(round(event.xdata) if inside else 0)

    def step(self, by: int) -> None:
        """Go to another epoch, at first to the newest."""
        epoch = self.epoch + by if self.epoch else self._newest()
        self.plot.show_epoch(min(max(epoch, 1), self._newest()))
        self.show(epoch)

    def _zoom(self, factor: float) -> None:
        """Show more epochs, or fewer, around the one whose values are read off, or the newest."""
        self.plot.zoom(factor, self.epoch or self._newest())

    def _newest(self) -> int:
        return max((line.epochs[-1] for line in self.plot.lines if line.epochs), default=0)

    def show(self, epoch: int) -> None:
        """Show the values at an epoch, the nearest that there is; 0 shows none."""
        epoch = min(max(epoch, 1), self._newest()) if epoch else 0
        if epoch == self.epoch or self.background is None:
            return
        self.epoch = epoch
        self.follow()
        canvas = self.plot.canvas
        canvas.restore_region(self.background)  # type: ignore[no-untyped-call]
        self._draw()
        canvas.blit(self.plot.figure.bbox)  # type: ignore[no-untyped-call]

    def hide(self) -> None:
        """Show nothing, from the next drawing on."""
        self.epoch = 0
        self.follow()

    def forget(self) -> None:
        """The kept copy is of another size; the next drawing gives one."""
        self.background = None

    def follow(self) -> None:
        """Bring the text in line with the lines that are shown."""
        rows = [_("Epoch {epoch}").format(epoch=self.epoch)]
        for line in self.plot.lines:
            # A line of validation losses may have gaps.
            if self.epoch in line.epochs:
                value = line.values[line.epochs.index(self.epoch)]
                rows.append(f"{line.label}  {number(value, '.5g')}")
        left, right = self.plot.axes.get_xlim()
        on_left = self.epoch > (left + right) / 2
        self.text.set(text="\n".join(rows), ha="right" if on_left else "left")
        self.text.xy = (self.epoch, 1)
        self.text.set_position((-10 if on_left else 10, -8))
        self.line.set_xdata([self.epoch, self.epoch])
        for artist in (self.line, self.text):
            artist.set_visible(left <= self.epoch <= right and self.epoch > 0)

    def _drawn(self, event: Any) -> None:
        if event.canvas is self.plot.canvas:
            figure = self.plot.figure
            self.background = self.plot.canvas.copy_from_bbox(figure.bbox)
            self._draw()

    def _draw(self) -> None:
        for artist in (self.line, self.text):
            self.plot.axes.draw_artist(artist)

    def paint(self, c: Palette) -> None:
        """Take the colours of a palette."""
        self.line.set_color(c.muted)
        self.text.set_color(c.text)
        if box := self.text.get_bbox_patch():
            box.set(facecolor=c.pane, edgecolor=c.edge)
