"""The parts of the window that scroll: with the wheel, a touchpad, and along with the Tab key."""

from __future__ import annotations

import tkinter as tk
from abc import ABC, abstractmethod
from tkinter import ttk
from typing import Any

from vae.gui.theme import pixels

WHEEL = ("<MouseWheel>", "<Button-4>", "<Button-5>")
# Of a touchpad, which gives Tk the events of a wheel only before its version 9.
TOUCHPAD = ("<TouchpadScroll>",) if tk.TkVersion >= 9 else ()
STEP = 90  # of the wheel, in logical pixels
# These scroll by themselves, unless all of them is in sight.
OWN, ALL = ("Treeview", "Text", "Listbox"), (0.0, 1.0)


class Scrolling(ttk.Frame, ABC):
    """A part of the window that shows a section of what it holds."""

    @abstractmethod
    def scroll(self, by: int) -> None:
        """Show what is so many pixels further down, as far as there is something."""

    @abstractmethod
    def see(self, widget: tk.Misc) -> None:
        """Bring a widget in sight, its top in any case."""


def listen(root: tk.Tk) -> None:
    """Let the wheel, a touchpad and the Tab key scroll the part that they are used in."""
    for sequence in WHEEL:
        root.bind_all(sequence, turned, add="+")
    for sequence in TOUCHPAD:
        root.bind_all(sequence, touched, add="+")
    # Of the Tab key alone: what is clicked must not move under the pointer, and when a menu closes,
    # the focus comes back to what was scrolled away.
    root.bind_all("<<TraverseIn>>", entered, add="+")


def turned(event: tk.Event) -> None:
    """The wheel was turned over a widget."""
    if part := _scrolled_over(event.widget):
        up, down = event.num == 4 or event.delta > 0, event.num == 5 or event.delta < 0
        part.scroll(pixels(part, STEP * (down - up))[0])


def touched(event: tk.Event) -> None:
    """Fingers moved over a touchpad by so many pixels, and what is below the pointer with them."""
    if part := _scrolled_over(event.widget):
        _across, down = part.tk.splitlist(part.tk.call("tk::PreciseScrollDeltas", event.delta))
        part.scroll(-int(down))


def entered(event: tk.Event) -> None:
    """The Tab key came to a widget."""
    if part := _around(event.widget):
        part.see(event.widget)


def _scrolled_over(widget: Any) -> Scrolling | None:
    """The part around a widget, unless the widget is what scrolls."""
    part = _around(widget)
    if part is None or widget.winfo_class() == "TScrollbar":
        return None
    return None if widget.winfo_class() in OWN and widget.yview() != ALL else part


def _around(widget: Any) -> Scrolling | None:
    """The part of its window that a widget is in."""
    # A list that a field drops down is known to Tk alone, by a name.
    top = widget.winfo_toplevel() if isinstance(widget, tk.Misc) else widget
    while widget is not top:
        if isinstance(widget, Scrolling):
            return widget
        widget = widget.master
    return None


class Scrolled(Scrolling):
    """Shows `content`, at least so high as it needs; a bar appears where that is more."""

    def __init__(self, master: tk.Misc, padding: str) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.needed = self.offset = 0  # pixels
        view = self.view = ttk.Frame(self, style="Vae.TFrame")
        self.bar = ttk.Scrollbar(self, command=self._moved, style="Vae.Vertical.TScrollbar")
        view.pack(side="left", fill="both", expand=True)
        self.content = ttk.Frame(view, style="Vae.TFrame", padding=padding)
        self.content.place(x=0, y=0, relwidth=1, relheight=1)
        view.bind("<Configure>", lambda event: self.scroll(0))

    def scroll(self, by: int) -> None:
        room, whole = self.view.winfo_height(), self.needed
        self.offset = min(max(0, self.offset + by), max(0, whole - room))
        if room >= whole:
            self.content.place(y=0, relheight=1, height="")
            self.bar.pack_forget()
            return
        self.content.place(y=-self.offset, relheight="", height=whole)
        self.bar.set(self.offset / whole, (self.offset + room) / whole)
        if not self.bar.winfo_manager():
            self.bar.pack(side="right", fill="y", before=self.view)

    def need(self, height: int) -> None:
        """Let the content have so many pixels of height, at least."""
        if height != self.needed:
            self.needed = height
            self.scroll(0)

    def to_top(self) -> None:
        """Scroll to where the content begins."""
        self.scroll(-self.offset)

    def _moved(self, what: str, value: str, unit: str = "") -> None:
        """The bar was moved: to a share of the whole, or by so many lines or pages."""
        (step,) = pixels(self, 30)
        if what == "moveto":
            self.scroll(round(float(value) * self.needed) - self.offset)
        else:
            self.scroll(int(value) * (self.view.winfo_height() if unit == "pages" else step))

    def see(self, widget: tk.Misc) -> None:
        if self.bar.winfo_manager():
            above = self.view.winfo_rooty() - widget.winfo_rooty()
            below = widget.winfo_height() - above - self.view.winfo_height()
            self.scroll(-above if above > 0 else min(max(0, below), -above))
