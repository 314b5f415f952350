"""A picture made of images, enlarged by whole factors only, on a matplotlib canvas."""

from __future__ import annotations

import tkinter as tk

import numpy as np
from PIL import Image

from vae.gui.plot import Plot


class Picture(Plot):
    """One picture, such as the 8x8 grid, as large as it fits."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.axes.set_axis_off()
        self.pixels: Image.Image | None = None
        self.placed = False
        self.box = (0, 0, 1, 1)  # left, top, width, height in the widget's pixels

    def update(self, grid: np.ndarray) -> None:
        """Show uint8 (h, w), (h, w, 3) or (h, w, 4)."""
        self.pixels = Image.fromarray(grid).convert("RGBA")
        self.placed, self.stale = False, True

    def refresh(self) -> None:
        if self.stale and self._ready() and not self.placed:
            self._place()
        super().refresh()

    def _place(self) -> None:
        """Centre the grid as large as it fits: pixels of equal size, or all reduced alike.

        Sized here and not by matplotlib, which would take ten times as long, at every drawing.
        """
        if self.pixels is None:
            return
        self.placed = True
        room = self.figure.bbox.width, self.figure.bbox.height
        scale = min(room[0] / self.pixels.width, room[1] / self.pixels.height)
        if scale >= 1:
            scale = int(scale)
        width, height = (max(1, round(side * scale)) for side in self.pixels.size)
        method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
        pixels = np.asarray(self.pixels.resize((width, height), method))
        for old in self.figure.images:
            old.remove()
        left, bottom = (
            int(space - side) // 2 for space, side in zip(room, (width, height), strict=True)
        )
        self.figure.figimage(pixels, left, bottom)
        self.box = (left, round(room[1]) - bottom - height, width, height)

    def cell(self, x: int, y: int, side: int) -> int | None:
        """Which image of a grid of side x side is at a place in the widget, row by row."""
        left, top, width, height = self.box
        column, row = (x - left) * side // width, (y - top) * side // height
        inside = self.pixels is not None and 0 <= column < side and 0 <= row < side
        return row * side + column if inside else None
