"""What zooms a plot: matplotlib's own toolbar, unseen, behind buttons of our look."""

from __future__ import annotations

import tkinter as tk
from typing import Any

from matplotlib.backends._backend_tk import NavigationToolbar2Tk
from matplotlib.backends.backend_tkagg import FigureCanvasTkAgg


class Navigation(NavigationToolbar2Tk):
    """Zooms and moves; never packed, so that nothing of it is seen."""

    toolitems = ()

    def __init__(self, canvas: FigureCanvasTkAgg, master: tk.Misc) -> None:
        super().__init__(canvas, master, pack_toolbar=False)  # type: ignore[no-untyped-call]

    @property
    def tool(self) -> str:
        """ "pan" or "zoom" while dragging does so, else empty."""
        return {"PAN": "pan", "ZOOM": "zoom"}.get(self.mode.name, "")

    def set_message(self, s: Any) -> None:
        """Says nothing: the read-out does."""
