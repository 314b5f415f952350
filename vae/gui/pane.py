"""What the tabs have in common."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import Any

from vae.gui import kit


class Pane(ttk.Frame):
    """A tab. Until there is something to show, a line says what will appear."""

    def __init__(self, master: tk.Misc, promise: str = "") -> None:
        super().__init__(master, style="Vae.TFrame", padding="0 12p 0 0")
        self.empty = ttk.Label(
            self, text=promise, style="Muted.Vae.TLabel", anchor="center", justify="center"
        )
        self.plot: Any = None  # made once matplotlib is there

    def create(self) -> None:
        """Make what needs matplotlib, which takes a moment: only after the window is up."""

    def take_over(self, other: Any) -> None:
        """Show what another of its kind shows, in the language in use."""

    def refresh(self) -> None:
        """Draw what changed, if the tab can be seen."""
        if self.plot:
            self.plot.refresh()

    def least_height(self) -> int:
        """What all of it takes, in pixels; where there is less, the tabs scroll."""
        return 0

    def swap(self, anything: bool) -> None:
        """Show the plot, or the line in its place."""
        hide, show = self.empty, self.plot.widget
        if not anything:
            hide, show = show, hide
        if not show.winfo_manager():
            hide.pack_forget()
            show.pack(fill="both", expand=True, pady=("9p", 0))
            self.update_idletasks()

    def paint(self) -> None:
        """Take the colours of the mode."""
        if self.plot:
            self.plot.paint(kit.palette(self))
