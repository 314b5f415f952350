"""What the matplotlib canvases have in common. Imported after the window is up."""

from __future__ import annotations

import tkinter as tk

from matplotlib.backends.backend_tkagg import FigureCanvasTkAgg
from matplotlib.figure import Figure

from vae.gui.theme import Palette

RESIZE_MS = 80


class Plot:
    """A figure that draws at once only while it can be seen."""

    def __init__(self, master: tk.Misc) -> None:
        # 96 at any screen: the canvas itself scales by the screen's density.
        self.figure = Figure(dpi=96)
        self.canvas = FigureCanvasTkAgg(self.figure, master)  # type: ignore[no-untyped-call]
        self.widget: tk.Canvas = self.canvas.get_tk_widget()  # type: ignore[no-untyped-call]
        # Keys do nothing with most pictures.
        self.widget.configure(highlightthickness=0, borderwidth=0, takefocus=False)
        self.axes = self.figure.add_subplot()
        self.stale = True
        self.seen, self.size = False, (0, 0)  # at the last refresh; that it has taken
        self.canvas.mpl_connect("resize_event", lambda event: self._place())
        self.resizing = ""
        # In the place of matplotlib's own: both would draw at once, before the layout has settled.
        self.widget.bind("<Configure>", self._resized)
        self.widget.unbind("<Map>")
        self.widget.bind("<Destroy>", lambda event: self._wait_no_more(), add="+")

    def _wait_no_more(self) -> None:
        if self.resizing:
            self.widget.after_cancel(self.resizing)
            self.resizing = ""

    def _resized(self, event: tk.Event) -> None:
        """Take a new size once it stays: to draw at each step of a drag would hold it up."""
        self._wait_no_more()
        self.resizing = self.widget.after(RESIZE_MS, self._take_size, event)

    def _take_size(self, event: tk.Event) -> None:
        self.resizing, self.size = "", (event.width, event.height)
        wanted = self.widget["width"], self.widget["height"]
        # The screen's density, which matplotlib takes at <Map>. It then wants a size of its own.
        self.canvas._update_device_pixel_ratio()  # type: ignore[no-untyped-call]
        self.widget.configure(width=wanted[0], height=wanted[1])
        self.canvas.resize(event)  # type: ignore[no-untyped-call]
        self.stale = False  # it draws

    def _place(self) -> None:
        """Put the axes where they belong in a canvas of this size."""

    def refresh(self) -> None:
        """Draw if something changed and the tab is visible."""
        if self.stale and self._ready():
            self.stale = False
            self.canvas.draw_idle()  # type: ignore[no-untyped-call]

    def _ready(self) -> bool:
        """Whether it can be seen and has taken its size; else it would be drawn twice."""
        widget, before = self.widget, self.seen
        self.seen = bool(widget.winfo_viewable())
        if self.seen and not before:
            widget.update_idletasks()  # the window may have another size since it was last seen
        return self.seen and self.size == (widget.winfo_width(), widget.winfo_height())

    def paint(self, c: Palette) -> None:
        """Take the colours of a palette."""
        self.figure.set_facecolor(c.background)
        self.axes.set_facecolor(c.background)
        self.widget.configure(background=c.background)
        self.stale = True
