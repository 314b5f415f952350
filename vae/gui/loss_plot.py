"""The loss curve on a matplotlib canvas."""

from __future__ import annotations

import textwrap
import tkinter as tk
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from vae.curve import Line, Mark, spread
from vae.figures import encode
from vae.gui.drawn_line import LABEL_OFFSET, DrawnLine
from vae.gui.hover import Hover
from vae.gui.plot import Plot
from vae.gui.plot_tools import Navigation
from vae.gui.theme import LIGHT, Palette
from vae.language import _, number
from vae.ticks import Ticks

MARGINS = (0.62, 1.45, 0.55, 0.32)  # inches: left, right (for the labels), bottom, top
TITLE_LINE = 0.17  # inches, of a title's second line
LABEL_GAP = 18  # pixels at 96 dpi, from one label to the next
LEAST_EPOCHS = 2  # that a zoom by a key shows
MANY_EPOCHS = 200  # beyond, a dot for each hides the line


class LossPlot(Plot):
    """Lines against epoch; of the run's own the best epoch and the running one are shown too."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.lines: Sequence[Line] = ()
        self.points: Sequence[tuple[float, float]] = ()
        self.keep, self.best_line = 0.0, 0
        self.palette, self.right, self.words = LIGHT, MARGINS[1], ""
        (self.trace,) = self.axes.plot([], [], linewidth=1, alpha=0.45)
        (self.best,) = self.axes.plot([], [], "o", markersize=9, markeredgewidth=2, zorder=4)
        self.best_text = self._note((0, 12), ha="center")
        self.drawn = [DrawnLine(self.axes)]
        self.title = self.axes.set_title("", loc="left", fontsize=9.5)
        self.axes.set_xlabel(_("Epoch"))
        self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.axes.spines[["top", "right", "left"]].set_visible(False)
        self.axes.tick_params(length=0, which="both")
        self.set_log_scale(False)
        for change in ("xlim_changed", "ylim_changed"):
            self.axes.callbacks.connect(change, lambda axes: self._view_changed())
        self.navigation = Navigation(self.canvas, master)
        self.hover = Hover(self)

    @property
    def line(self) -> Any:
        """The artist of the first line."""
        return self.drawn[0].line

    def _note(self, offset: tuple[int, int], **style: Any) -> Any:
        return self.axes.annotate("", (0, 0), offset, textcoords="offset points", **style)

    def update(
        self,
        lines: Sequence[Line],
        points: Sequence[tuple[float, float]],
        keep: float,
        title: str,
        best: Mark | None,
    ) -> None:
        """Show lines, and the (epoch fraction, running mean) points of the first one's next epoch.

        `keep` is how much they are smoothed (see vae.curve). A view that was zoomed stays.
        """
        zoomed = self.zoomed
        self.lines, self.points, self.keep = lines, points, keep
        self.words = title
        while len(self.drawn) > len(lines):
            self.drawn.pop().remove()
        while len(self.drawn) < len(lines):
            self.drawn.append(DrawnLine(self.axes))
        for line, drawn in zip(lines, self.drawn, strict=True):
            drawn.show(line, keep)
        first = lines[0] if lines else Line("", (), ())
        if not first.style and len(first.epochs) <= MANY_EPOCHS:
            self.line.set_marker("o")
        self._show_trail(first)
        self._show_best(best)
        self._colour()
        self._place()
        if not zoomed:
            self.show_all()
        self._place_labels()
        self.hover.follow()
        self.stale = True

    def _show_trail(self, first: Line) -> None:
        trail = (
            [(float(first.epochs[-1]), first.values[-1])] if first.epochs and self.points else []
        )
        trail += self.points
        self.trace.set_data([x for x, _y in trail], [y for _x, y in trail])

    def _show_best(self, mark: Mark | None) -> None:
        for artist in (self.best, self.best_text):
            artist.set_visible(mark is not None)
        self.best_line = mark.line if mark else 0  # lines may be fewer than before
        if mark is None:
            return
        line = self.lines[mark.line]
        loss = line.values[line.epochs.index(mark.epoch)]
        self.best.set_data([mark.epoch], [loss])
        # When the newest epoch is the best, one label says both.
        newest = mark.epoch == line.epochs[-1]
        text = _("best {loss}").format(loss=number(loss))
        self.best_text.xy = (mark.epoch, loss)
        # Beside other lines there is no room for it; the marker stays.
        self.best_text.set_text("" if newest or len(self.lines) > 1 else text)
        if newest and mark.told:
            self.drawn[mark.line].label.set_text(_("{line} (best)").format(line=line.label))

    # ---- the view

    @property
    def zoomed(self) -> bool:
        """Whether a person has chosen what part is shown."""
        return (*self.axes.get_xlim(), *self.axes.get_ylim()) != self.automatic

    def show_all(self) -> None:
        """Show all that there is."""
        self._show(0, self._last())
        self.automatic = (*self.axes.get_xlim(), *self.axes.get_ylim())
        self._view_changed()

    def _last(self) -> float:
        """The right edge of all that there is."""
        epochs = [line.epochs[-1] for line in self.lines if line.epochs]
        return max([*epochs, *(x for x, _y in self.points), 2])

    def _show(self, left: float, right: float) -> None:
        """Show a range of epochs, and of the losses what there is within."""
        points = [p for line in self.lines for p in zip(line.epochs, line.values, strict=True)]
        log = self.axes.get_yscale() == "log"
        values = [
            y for x, y in (*points, *self.points) if left <= x <= right and (y > 0 or not log)
        ]
        self.axes.set_xlim(left, right)
        low, high = min(values, default=0.1), max(values, default=1)
        if log:
            self.axes.set_ylim(low / 1.15, high * 1.15)
        else:
            room = (high - low or abs(high) or 1) * 0.12
            self.axes.set_ylim(low - room, high + room)
        self.stale = True

    def zoom(self, factor: float, epoch: int) -> None:
        """Show so many times as many epochs as now, an epoch in their midst."""
        left, right = self.axes.get_xlim()
        width = max(factor * (right - left), LEAST_EPOCHS)
        if width >= self._last():
            self.home()
        else:
            self._show_around(epoch, width)
        self.refresh()

    def show_epoch(self, epoch: int) -> None:
        """Move a view that was zoomed to an epoch that is out of it."""
        left, right = self.axes.get_xlim()
        if not left <= epoch <= right:
            self._show_around(epoch, right - left)
            self.refresh()

    def _show_around(self, epoch: int, width: float) -> None:
        left = max(0, min(epoch - width / 2, self._last() - width))
        self._show(left, left + width)
        self.hover.follow()

    def _view_changed(self) -> None:
        for artist in (self.trace, self.best):
            # The newest epoch lies on the edge, and would be cut in half.
            artist.set_clip_on(self.zoomed)
        self._place_labels()

    def home(self) -> None:
        """Show all again after a zoom."""
        self.navigation.update()  # forgets the views before
        self.show_all()

    def set_log_scale(self, log: bool) -> None:
        """Switch the loss axis between linear and logarithmic."""
        if log:
            self.axes.set_yscale("log", nonpositive="mask")  # a part that is zero is left out
            self.axes.yaxis.set_major_formatter(FuncFormatter(self._log_number))
            self.axes.yaxis.set_minor_formatter(FuncFormatter(self._log_number))
        else:
            self.axes.set_yscale("linear")
            self.axes.yaxis.set_major_formatter(Ticks())
        self.show_all()

    def _log_number(self, x: float, place: int | None) -> str:
        """0.4, where matplotlib writes 4 × 10⁻¹; fewer the more decades there are to label."""
        low, high = self.axes.get_ylim()
        told = "123456789" if high < 10 * low else "125" if high < 1000 * low else "1"
        return number(x, ".3g") if f"{x:e}"[0] in told else ""

    def _place(self) -> None:
        # Margins of a fixed size, so that nothing moves when a number grows.
        width, height = self.figure.get_size_inches()
        left, right, bottom, top = MARGINS
        measure = self.canvas.get_renderer().get_text_width_height_descent  # type: ignore[no-untyped-call]
        for label in (drawn.label for drawn in self.drawn):
            pixels = measure(label.get_text(), label.get_fontproperties(), False)[0]
            right = max(right, pixels / self.figure.dpi + 0.2)
        room = width - min(left, 0.3 * width)
        wide = measure(self.words, self.title.get_fontproperties(), False)[0] / self.figure.dpi
        lines = textwrap.wrap(self.words, max(20, int(len(self.words) * room / max(wide, room))))
        self.title.set_text("\n".join(lines))
        top += TITLE_LINE * (len(lines) - 1)
        self.figure.subplots_adjust(
            min(left / width, 0.3),
            min(bottom / height, 0.3),
            max(1 - right / width, 0.55),
            max(1 - top / height, 0.6),
        )
        self._place_labels()

    def _place_labels(self) -> None:
        """Put each label beside the last point of its line that can be seen, none over another."""
        box: Bbox = self.axes.bbox
        ends, labels = [], []
        for drawn in self.drawn:
            end = drawn.end()
            drawn.label.set_visible(end is not None)
            if end is not None:
                drawn.label.xy = end
                ends.append(float(self.axes.transData.transform(end)[1]))
                labels.append(drawn.label)
        gap = LABEL_GAP * self.figure.dpi / 96
        for label, wanted, place in zip(
            labels, ends, spread(ends, gap, box.y0 + gap / 2, box.y1), strict=True
        ):
            label.set_position((LABEL_OFFSET * self.figure.dpi / 96, place - wanted))

    # ---- colours and pictures

    def paint(self, c: Palette) -> None:
        super().paint(c)
        self.palette = c
        self.trace.set_color(c.primary)
        self.best.set(markerfacecolor=c.background)
        self.best_text.set_color(c.text)
        self.axes.grid(axis="y", which="both", color=c.rule)
        self.axes.spines["bottom"].set_color(c.rule)
        self.axes.tick_params(colors=c.muted, which="both")
        for text in (self.axes.xaxis.label, self.title):
            text.set_color(c.muted)
        self.widget.configure(
            highlightthickness="0.75p", highlightcolor=c.primary, highlightbackground=c.background
        )
        self.hover.paint(c)
        self._colour()

    def _colour(self) -> None:
        for line, drawn in zip(self.lines, self.drawn, strict=False):
            drawn.paint(line, self.palette)
        if self.lines:
            self.best.set_markeredgecolor(self.lines[self.best_line].colour(self.palette.lines))

    def picture(self, form: str) -> bytes:
        """What is shown, as a file in a format; light, since it is to be printed."""
        mode = self.palette
        self.hover.hide()
        self.paint(LIGHT)
        content = encode(self.figure, form)
        self.paint(mode)
        self.hover.forget()
        return content
