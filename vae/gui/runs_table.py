"""The table of runs: sorted by a click on a heading, used with the keys too."""

from __future__ import annotations

import math
import sys
import tkinter as tk
import tkinter.font as tkfont
from bisect import bisect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from tkinter import ttk
from typing import Any

from vae.config import PARAMETERS
from vae.gui import kit
from vae.gui.theme import pixels
from vae.language import _, number
from vae.runs import Run, loss_words, measured, state_word, telling
from vae.schedule import measured_loss
from vae.words import duration

# The columns, with what they are sorted by. The first is the tree's own, with the picture.
SORTED_BY: dict[str, Callable[[Run], Any]] = {
    "#0": lambda run: run.began,
    "state": lambda run: (state_word(run), len(run.history)),
    "seconds": lambda run: run.seconds,
    "loss": lambda run: measured_loss(run.best) if run.best else math.inf,
    "psnr": lambda run: measured(run, "psnr") or 0.0,
}
COLUMNS = ("#0", "changed", "state", "seconds", "loss", "psnr")
LINES = 2  # of a cell, beside its picture
INSET = 12  # of a cell's text from the edges of its column, at 96 dpi
HEADING_INSET = 18  # of a heading's
PICTURE_INSET = 20  # of a picture
MEASURED = 4096  # texts whose widths are kept
# Of the values, which take what room the others leave: at least, and before a column goes for it.
NARROWEST, ENOUGH = 60, 120
# These go first where room is short: how long runs took, then losses, which seldom compare.
GIVING_WAY = ("seconds", "loss")


def value_words(run: Run, names: Collection[str]) -> list[str]:
    """Some values of a run in words, in the order of the form, so that rows compare."""
    return [
        f"{_(PARAMETERS[name].label)} {run.words(name)}" for name in PARAMETERS if name in names
    ]


class RunsTable(ttk.Frame):
    """One row a run, with a picture. The selection and the order stay when runs are shown anew."""

    def __init__(self, master: tk.Misc, fill_menu: Callable[[tk.Menu], None]) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.tree = ttk.Treeview(
            self, columns=COLUMNS[1:], style="Pictures.Vae.Treeview", selectmode="extended"
        )
        bar = ttk.Scrollbar(self, command=self.tree.yview, style="Vae.Vertical.TScrollbar")
        self.tree.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.tree.pack(fill="both", expand=True)
        # A history may be long, and the same texts are in many rows and asked for at each size.
        self.font = tkfont.nametofont("TkDefaultFont", master)
        self.measure = lru_cache(MEASURED)(self.font.measure)
        self.cut = lru_cache(MEASURED)(self._cut)
        for name in COLUMNS:
            self.tree.column(name, anchor="w", stretch=name == "changed")
            self.tree.heading(name, anchor="w")
            if name in SORTED_BY:
                self.tree.heading(name, command=partial(self.sort, name))
        self.tree.bind("<FocusIn>", lambda event: self._begin(), add="+")
        self.tree.bind("<Configure>", lambda event: self._share(), add="+")
        self.tree.bind("<ButtonRelease-1>", self._released, add="+")
        self.dragged = False  # whether the person has chosen widths
        self.menu = kit.menu(self, fill_menu)
        # The right button's number differs on macOS.
        self.tree.bind(
            "<Button-2>" if sys.platform == "darwin" else "<Button-3>", self._right_click
        )
        for key in ("<Shift-F10>", "<App>" if sys.platform == "win32" else "<Menu>"):
            self.tree.bind(key, self._menu_key)
        for key, step in (("<Shift-Up>", -1), ("<Shift-Down>", 1)):
            self.tree.bind(key, partial(self._extend, step))
        self.runs: dict[str, Run] = {}
        self.rows: dict[str, dict[str, str]] = {}  # the text of each cell, by run and column
        # In which values runs differ from each other: their names, and words of the first.
        self.telling: dict[str, list[str]] = {}
        self.first: dict[str, list[str]] = {}
        self.shown = ""
        self.pictures: dict[str, tk.PhotoImage] = {}
        self.data: dict[str, bytes] = {}
        side = self.side()
        self.blank = tk.PhotoImage(master=self, width=side, height=side)
        self.column, self.down = "#0", True
        self._show_headings()

    def side(self) -> int:
        """Of a picture, in pixels of the screen."""
        return int(pixels(self, 44)[0])

    def titles(self) -> dict[str, str]:
        """The columns' names for a person."""
        return {
            "#0": _("Run"), "changed": _("Values"), "state": _("State"),
            "seconds": _("Duration"), "loss": _("Best loss"), "psnr": "PSNR",
        }  # fmt: skip

    def chosen(self) -> list[Run]:
        """The selected runs, in the table's order."""
        selected = set(self.tree.selection())
        return [self.runs[name] for name in self.tree.get_children() if name in selected]

    def take_over(self, other: RunsTable) -> None:
        """Show what another one shows."""
        self.column, self.down, self.shown = other.column, other.down, other.shown
        self._show_headings()
        self.show(list(other.runs.values()))
        self.show_pictures(other.data)

    def show(self, runs: Sequence[Run]) -> None:
        """Show these runs."""
        self.runs = {run.id: run for run in runs}
        self.telling = telling(runs)
        self.first = {run.id: value_words(run, self.telling[run.id][:LINES]) for run in runs}
        selected, focus, top = self.tree.selection(), self.tree.focus(), self.tree.yview()[0]
        self.tree.delete(*self.tree.get_children())
        self.rows = {}
        for run in self._ordered():
            self.tree.insert("", "end", run.id, image=self.pictures.get(run.id, self.blank))
            self._put(run)
        self._fit()
        self.tree.selection_set([name for name in selected if name in self.runs])
        if focus in self.runs:
            self.tree.focus(focus)
        self.tree.yview_moveto(top)

    def select(self, names: Sequence[str]) -> None:
        """Select runs by their ids, and bring the first of them in sight."""
        self.tree.selection_set(list(names))
        for name in [name for name in self.tree.get_children() if name in names][:1]:
            self.tree.focus(name)
            self.tree.see(name)

    def mark(self, shown: str) -> None:
        """Mark the run that the other tabs show, by its id."""
        changed = {self.shown, shown} if shown != self.shown else set()
        self.shown = shown
        for name in changed & self.runs.keys():
            self._put(self.runs[name])
        if changed:
            self._fit()

    def _put(self, run: Run) -> None:
        """Write the cells of a run's row."""
        first = f"▸ {run.folder}" if run.id == self.shown else run.folder
        done = _("{done} of {total}").format(done=len(run.history), total=run.config["num_epochs"])
        best = loss_words(run.best).replace(" ", "\n", 1) if run.best else "–"
        psnr = measured(run, "psnr")
        row = {
            "#0": f"  {first}\n  {run.moment}", "changed": self._changed(run.id),
            "state": f"{state_word(run)}\n{done}", "seconds": duration(run.seconds), "loss": best,
            "psnr": "–" if psnr is None else f"{number(psnr, '.1f')} dB",
        }  # fmt: skip
        self.rows[run.id] = row
        self.tree.item(run.id, text=row["#0"], values=[row[name] for name in COLUMNS[1:]])

    def changed(self, name: str) -> list[str]:
        """All values by which a run is told from the others."""
        return value_words(self.runs[name], self.telling[name])

    def _changed(self, name: str) -> str:
        """The values that tell most of a run, as much of each as there is room for."""
        lines, room = self.first[name], self.tree.column("changed", "width")
        room -= pixels(self, INSET)[0]
        ends = [""] * (LINES - 1) + [" …" if len(self.telling[name]) > LINES else ""]
        return "\n".join(self.cut(line, end, room) for line, end in zip(lines, ends, strict=False))

    def _cut(self, text: str, end: str, room: int) -> str:
        """A name and its value, with an end, in a room in pixels: the name is cut, if need be."""
        if self.measure(text + end) <= room:
            return text + end
        name, value = text.rsplit(" ", 1)

        def shortened(letters: int) -> str:
            return f"{name[:letters].rstrip()}… {value}{end}"

        def too_wide(letters: int) -> bool:
            return int(self.font.measure(shortened(letters))) > room

        return shortened(max(bisect(range(len(name)), False, key=too_wide) - 1, 0))

    def _fit(self) -> None:
        """Give each column but that of the values the width of its longest text.

        Widths that a person has chosen stay.
        """
        inset, heading, picture = pixels(self, INSET, HEADING_INSET, PICTURE_INSET)
        for name in () if self.dragged else COLUMNS:
            if name != "changed":
                aside = inset + (self.side() + picture if name == "#0" else 0)
                lines = {line for row in self.rows.values() for line in row[name].splitlines()}
                widths = [self.measure(line) + aside for line in lines]
                wide = max(self.measure(self.tree.heading(name, "text")) + heading, *widths, 0)
                self.tree.column(name, width=wide, minwidth=wide // 2)
        self._share()

    def _share(self) -> None:
        """Give the column of the values what room the others leave; some go for it."""
        least, enough = pixels(self, NARROWEST, ENOUGH)
        if not self.dragged:
            widths = {name: self.tree.column(name, "width") for name in COLUMNS}
            rest = self.tree.winfo_width() - sum(widths.values()) + widths["changed"]
            gone = []
            for name in GIVING_WAY:
                if rest < enough:
                    gone.append(name)
                    rest += widths[name]
            shown = tuple(name for name in COLUMNS[1:] if name not in gone)
            if self.tree["displaycolumns"] != shown:
                self.tree.configure(displaycolumns=shown)
            self.tree.column("changed", width=max(rest, least), minwidth=least)
        self._shorten()

    def _released(self, event: tk.Event) -> None:
        """A column's edge may have been moved."""
        if self.tree.identify_region(event.x, event.y) == "separator":
            self.dragged = True
        self._shorten()

    def _shorten(self) -> None:
        """Bring the values in line with the width of their column."""
        for name, row in self.rows.items():
            text = self._changed(name)
            if row["changed"] != text:
                row["changed"] = text
                self.tree.set(name, "changed", text)

    def bring_up_to_date(self, run: Run) -> None:
        """Show what is newer of a run that goes on."""
        if len(run.history) > len(self.runs[run.id].history):
            self.runs[run.id] = run
            self._put(run)
            self._fit()

    def show_pictures(self, pictures: Mapping[str, bytes]) -> None:
        """Show the runs' pictures, PNGs by the run's id."""
        for name, data in pictures.items():
            if self.data.get(name) != data:
                self.pictures[name] = tk.PhotoImage(master=self, data=data)
                if self.tree.exists(name):
                    self.tree.item(name, image=self.pictures[name])
        self.data = dict(pictures)

    def sort(self, column: str) -> None:
        """Sort by a column, and the other way round if it is that one already."""
        self.down = not self.down if column == self.column else column == "#0"
        self.column = column
        self._show_headings()
        for place, run in enumerate(self._ordered()):
            self.tree.move(run.id, "", place)
        self._fit()  # the arrow takes room

    def _ordered(self) -> list[Run]:
        return sorted(self.runs.values(), key=SORTED_BY[self.column], reverse=self.down)

    def _show_headings(self) -> None:
        for name, title in self.titles().items():
            arrow = (" ▼" if self.down else " ▲") if name == self.column else ""
            self.tree.heading(name, text=title + arrow)

    def _begin(self) -> None:
        """Give the arrow keys a row to go on from."""
        rows = self.tree.get_children()
        if rows and not self.tree.focus():
            self.tree.focus(rows[0])
            if not self.tree.selection():
                self.tree.selection_set(rows[0])

    def _extend(self, step: int, event: tk.Event) -> str:
        """Shift and an arrow select the next row too."""
        rows, at = self.tree.get_children(), self.tree.focus()
        if at in rows and 0 <= rows.index(at) + step < len(rows):
            following = rows[rows.index(at) + step]
            self.tree.selection_add(at, following)
            self.tree.focus(following)
            self.tree.see(following)
        return "break"

    def _right_click(self, event: tk.Event) -> None:
        """Select what is under the pointer, unless it is a part of the selection."""
        row = self.tree.identify_row(event.y)
        if row and row not in self.tree.selection():
            self.tree.selection_set(row)
        self.tree.focus_set()
        self.menu.tk_popup(event.x_root, event.y_root)

    def _menu_key(self, event: tk.Event) -> str:
        box = self.tree.bbox(self.tree.focus()) or (0, 0, 0, 0)
        x, y = self.tree.winfo_rootx() + box[0], self.tree.winfo_rooty() + box[1] + box[3]
        self.menu.tk_popup(x, y)
        return "break"  # F10 alone opens the menu bar
