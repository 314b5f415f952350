"""The tab with the generated images."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import Any

from vae.config import PARAMETERS, Value
from vae.files import samples_name
from vae.gui import kit, picture_jobs
from vae.gui.gallery_pane import GalleryPane, Shown
from vae.gui.viewer import Viewer
from vae.gui.worker import Worker
from vae.language import _, number

OWN = "own"  # of the run; an empty value would be none for a menu
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.2)


class SamplesPane(GalleryPane):
    """The 8x8 grids; draws with another seed, and shows one image of a grid large.

    `draw` is called with a seed, a sampler or a temperature other than the run's by parameter,
    and whether the network of the best epoch is wanted, not the newest; `complain` with what is
    wrong with the seed.
    """

    def __init__(
        self,
        master: tk.Misc,
        worker: Worker,
        draw: Callable[[int, dict[str, Value], bool], None],
        complain: Callable[[str], None],
    ) -> None:
        promise = _("An 8x8 grid of generated images appears here after the first epoch.")
        meaning = _("64 generated images, {moment}")
        super().__init__(master, worker, "samples", samples_name, promise, meaning)
        self.draw, self.complain = draw, complain
        # What was asked for last, and what was drawn last.
        self.asked: tuple[int, dict[str, Value], bool] | None = None
        self.last: tuple[int, dict[str, Value], bool] | None = None
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(side="bottom", fill="x", pady=("6p", 0), before=self.tools)
        self.one = kit.button(row, _("One image..."), self.view, "Plain", "zoom-in")
        self.one.pack(side="left")
        kit.tooltip(self.one, _("Look at one image of the grid; a click on it does the same."))
        self.seed = tk.StringVar(self, "1")
        self.sampler = tk.StringVar(self, OWN)
        self.temperature = tk.StringVar(self, OWN)
        self.best = tk.BooleanVar(self)
        others = ttk.Frame(row, style="Vae.TFrame")
        others.pack(side="right")
        self.way = kit.menu_button(others, _("Sampler"), self._fill_ways)
        self.way.pack(side="left", padx="6p")
        kit.tooltip(
            self.way,
            _("What other images are drawn with: the sampler, its temperature, the checkpoint."),
        )
        ttk.Label(others, text=_("Seed"), style="Vae.TLabel").pack(side="left")
        self.seed_entry = ttk.Entry(others, textvariable=self.seed, width=8, style="Vae.TEntry")
        self.seed_entry.pack(side="left", padx="6p")
        self.seed_entry.bind("<Return>", lambda event: self._draw())
        self.drawer = kit.button(others, _("Draw others"), self._draw, "Plain", "dice-5")
        self.drawer.pack(side="left")
        kit.tooltip(
            self.drawer,
            _("Draw 64 other images from the seed beside, with the sampler beside it."),
        )
        self.allowed = self.drawing = False
        self._show_drawer()

    def create(self) -> None:
        super().create()
        self.plot.widget.bind("<Button-1>", self._clicked)

    def allow(self, allowed: bool) -> None:
        """Whether others can be drawn: there is a checkpoint, and no run goes on."""
        self.allowed = allowed
        self._show_drawer()

    def _show_drawer(self) -> None:
        """One draw at a time: a density that must be fitted takes a while, and all the cores."""
        possible = self.allowed and not self.drawing
        self.drawer.configure(state="normal" if possible else "disabled")

    def clear(self) -> None:
        super().clear()
        self.last = None  # of another run

    def take_over(self, other: GalleryPane) -> None:
        super().take_over(other)
        assert isinstance(other, SamplesPane)
        self.seed.set(other.seed.get())
        self.sampler.set(other.sampler.get())
        self.temperature.set(other.temperature.get())
        self.best.set(other.best.get())
        self.asked, self.last, self.drawing = other.asked, other.last, other.drawing
        self._show_drawer()

    def _fill_ways(self, menu: tk.Menu) -> None:
        def add(label: str, variable: tk.Variable, value: object) -> None:
            menu.add_radiobutton(label=label, variable=variable, value=value)

        add(_("The run's sampler"), self.sampler, OWN)
        for name in PARAMETERS["sampler"].choices:
            add(str(name), self.sampler, name)
        menu.add_separator()
        add(_("The run's temperature"), self.temperature, OWN)
        for value in TEMPERATURES:
            label = _("temperature {value}").format(value=number(value))
            add(label, self.temperature, value)
        menu.add_separator()
        add(_("The newest checkpoint"), self.best, False)
        add(_("The best epoch's checkpoint"), self.best, True)

    def _values(self) -> dict[str, Value]:
        """What is to differ from the run's parameters."""
        values: dict[str, Value] = {}
        if (sampler := self.sampler.get()) != OWN:
            values["sampler"] = sampler
        if (temperature := self.temperature.get()) != OWN:
            values["temperature"] = float(temperature)
        return values

    def show_drawn(self, seed: int, drawn: Any) -> None:
        """Show a grid drawn with a seed, vae.drawing.Drawn."""
        self.last = self.asked
        self.stop()  # the person may have gone on playing meanwhile
        self.wanted = None  # what is being read meanwhile
        values = {"sampler": drawn.sampler, "temperature": drawn.temperature}
        self.show(Shown(drawn.grid, drawn.path, drawn.epoch, seed=seed, values=values))
        self.position.configure(text="")  # it is none of those that the slider goes through

    def draw_ended(self) -> None:
        """Whatever came of a draw, others can be asked for."""
        self.drawing = False
        self._show_drawer()

    def _put(self) -> None:
        super()._put()
        self.one.configure(state="disabled" if self.pixels is None else "normal")

    def _draw(self) -> None:
        text, high = self.seed.get().strip(), PARAMETERS["seed"].high or 0
        if str(self.drawer["state"]) == "disabled":
            return
        if not (text.isdecimal() and text.isascii() and int(text) <= high):
            self.seed_entry.configure(style="Bad.Vae.TEntry")
            self.complain(_("The seed is a whole number, such as 1."))
            return
        self.seed_entry.configure(style="Vae.TEntry")
        self.stop()
        wanted = int(text), self._values(), self.best.get()
        if wanted == self.last and wanted[0] < high:  # others are wanted, and these are there
            wanted = (wanted[0] + 1, *wanted[1:])
            self.seed.set(str(wanted[0]))
        self.asked, self.drawing = wanted, True
        self._show_drawer()
        self.draw(*wanted)

    def _clicked(self, event: tk.Event) -> None:
        from vae.grid import GRID_SIDE

        if (cell := self.plot.cell(event.x, event.y, GRID_SIDE)) is not None:
            self.view(cell)

    def view(self, cell: int = 0) -> None:
        """Show one image of the grid in a window of its own."""
        from vae.grid import GRID_SIDE

        if self.pixels is not None:
            self.stop()
            write = partial(self.worker.write, picture_jobs.write)
            path = self.shown.path if self.shown else self.folder
            Viewer(self, self.pixels, GRID_SIDE, cell, self.caption["text"], path, write)
