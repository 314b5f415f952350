"""One image of a sample grid, large."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk
from typing import Any

from vae.gui import kit
from vae.gui.theme import pixels
from vae.language import _

SIZE, AROUND = 512, 200  # of the image, and of what is above and below it, in logical pixels


class Viewer(tk.Toplevel):
    """Shows an image of a grid of `side` x `side`, its latent's number, and its neighbours.

    path is the grid's, after which a saved image is called. `write` takes what writes a file, and
    the file's path.
    """

    def __init__(
        self,
        master: tk.Misc,
        grid: Any,
        side: int,
        cell: int,
        text: str,
        path: Path,
        write: Callable[[Callable[[], str], Path], None],
    ) -> None:
        super().__init__(master, background=kit.palette(master).background)
        self.title(_("One image"))
        self.transient(master.winfo_toplevel())
        self.cells, self.cell, self.text = split(grid, side), cell, text
        self.path, self.write = path, write
        body = ttk.Frame(self, style="Vae.TFrame", padding="12p")
        body.pack(fill="both", expand=True)
        self.image: Any = None
        self.label = ttk.Label(body, style="Vae.TLabel", anchor="center")
        self.label.pack(fill="both", expand=True)
        self.caption = ttk.Label(body, style="Muted.Vae.TLabel", wraplength="360p", justify="left")
        self.caption.pack(fill="x", pady="6p")
        row = ttk.Frame(body, style="Vae.TFrame")
        row.pack(fill="x")
        back = kit.button(row, "", lambda: self.show(self.cell - 1), "Tool", "chevron-left")
        on = kit.button(row, "", lambda: self.show(self.cell + 1), "Tool", "chevron-right")
        back.pack(side="left")
        on.pack(side="left", padx="3p")
        kit.tooltip(back, _("The image before (left arrow)"))
        kit.tooltip(on, _("The next image (right arrow)"))
        right = ttk.Frame(row, style="Vae.TFrame")
        right.pack(side="right")
        kit.button(right, _("Save image..."), self.save, "Plain").pack(side="left")
        kit.button(right, _("Close"), self.destroy, "Plain").pack(side="left", padx=("6p", 0))
        self.bind("<Left>", lambda event: self.show(self.cell - 1))
        self.bind("<Right>", lambda event: self.show(self.cell + 1))
        self.bind("<Escape>", lambda event: self.destroy())
        self.show(cell)
        on.focus_set()

    def show(self, cell: int) -> None:
        """Show the image of a cell; beyond the last comes the first."""
        from PIL import Image, ImageOps, ImageTk

        self.cell = cell % len(self.cells)
        image = Image.fromarray(self.cells[self.cell])
        size, around = pixels(self, SIZE, AROUND)
        room = min(size, self.winfo_screenheight() - around)
        if (factor := room // max(image.size)) > 0:
            shown = image.resize(
                (image.width * factor, image.height * factor), Image.Resampling.NEAREST
            )
        else:
            shown = ImageOps.contain(image, (room, room))
        self.image = ImageTk.PhotoImage(shown, master=self)
        self.label.configure(image=self.image)
        number = _("Image and latent vector {number} of {count}").format(
            number=self.cell + 1, count=len(self.cells)
        )
        self.caption.configure(text=f"{number}  ·  {self.text}")

    def save(self) -> None:
        """Write the image, pixel for pixel as the network made it."""
        name = f"{self.path.stem}_latent_{self.cell + 1:02d}.png"
        if chosen := kit.choose_file(self, _("Save image"), self.path.parent, name):
            image, path = self.cells[self.cell], Path(chosen)
            self.write(lambda: _save(image, path), path)


def _save(image: Any, path: Path) -> str:
    from vae.samples import write_png

    write_png(path, image)
    return _("{path} was written.").format(path=path)


def split(grid: Any, side: int) -> list[Any]:
    """The images of a grid, row by row; between them are gaps of equal width."""
    from vae.grid import GRID_GAP

    height, width = ((length + GRID_GAP) // side for length in grid.shape[:2])
    return [
        grid[y * height : (y + 1) * height - GRID_GAP, x * width : (x + 1) * width - GRID_GAP]
        for y in range(side)
        for x in range(side)
    ]
