"""A frame that scrolls where its content would get less height than it needs."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import Any

from vae.gui.theme import pixels

# These scroll by themselves, unless all of them is in sight.
OWN, ALL = ("Treeview", "Text", "Listbox"), (0.0, 1.0)


class Scrolled(ttk.Frame):
    """Shows `content`, at least so high as it needs; a bar appears where that is more."""

    def __init__(self, master: tk.Misc, padding: str) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.needed = self.offset = 0  # pixels
        view = self.view = ttk.Frame(self, style="Vae.TFrame")
        self.bar = ttk.Scrollbar(self, command=self._moved, style="Vae.Vertical.TScrollbar")
        view.pack(side="left", fill="both", expand=True)
        self.content = ttk.Frame(view, style="Vae.TFrame", padding=padding)
        self.content.place(x=0, y=0, relwidth=1, relheight=1)
        view.bind("<Configure>", lambda event: self.move(0))
        window = self.winfo_toplevel()
        for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
            window.bind(sequence, self._wheel)
        # Of the Tab key alone: what is clicked must not move under the pointer.
        window.bind("<<TraverseIn>>", lambda event: self._see(event.widget))

    def move(self, by: int) -> None:
        """Scroll by so many pixels, as far as there is something."""
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
            self.move(0)

    def to_top(self) -> None:
        """Scroll to where the content begins."""
        self.move(-self.offset)

    def _moved(self, what: str, value: str, unit: str = "") -> None:
        """The bar was moved: to a share of the whole, or by so many lines or pages."""
        (step,) = pixels(self, 30)
        if what == "moveto":
            self.move(round(float(value) * self.needed) - self.offset)
        else:
            self.move(int(value) * (self.view.winfo_height() if unit == "pages" else step))

    def _wheel(self, event: tk.Event) -> None:
        widget: Any = event.widget
        up, down = event.num == 4, event.num == 5
        if self._holds(widget) and not (widget.winfo_class() in OWN and widget.yview() != ALL):
            steps = int(down or event.delta < 0) - int(up or event.delta > 0)
            self.move(pixels(self, 60 * steps)[0])

    def _see(self, widget: tk.Misc) -> None:
        """Scroll so that a widget which the Tab key came to can be seen, its top in any case."""
        if self._holds(widget) and self.bar.winfo_manager():
            above = self.view.winfo_rooty() - widget.winfo_rooty()
            below = widget.winfo_height() - above - self.view.winfo_height()
            self.move(-above if above > 0 else min(max(0, below), -above))

    def _holds(self, widget: object) -> bool:
        # A list that a field drops down is known to Tk alone, by a name.
        return isinstance(widget, tk.Misc) and str(widget).startswith(f"{self.content}.")
