"""The tab with the generated images."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import Any

from vae.gui.pane import Pane


class SamplesPane(Pane):
    """The newest 8x8 grid."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(
            master, "An 8x8 grid of generated images appears here after the first epoch."
        )
        self.caption = ttk.Label(self, style="Muted.Vae.TLabel")
        self.caption.pack(fill="x")
        self.empty.pack(fill="both", expand=True)
        self.grid_shown: Any = None

    def create(self) -> None:
        from vae.gui.picture import Picture

        self.plot = Picture(self)
        self._put()

    def show(self, grid: Any, epoch: int, file_name: str) -> None:
        """Show a grid of an epoch and say where it is; None empties the tab."""
        self.grid_shown = grid
        source = f"64 images decoded from z ~ N(0, I), epoch {epoch}  ·  {file_name}"
        self.caption.configure(text="" if grid is None else source)
        if self.plot:
            self._put()

    def _put(self) -> None:
        if self.grid_shown is not None:
            self.plot.update(self.grid_shown)
        self.swap(self.grid_shown is not None)
