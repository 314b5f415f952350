"""The tab that shows what is in the chosen folder."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import TYPE_CHECKING

from vae.config import PARAMETERS
from vae.gui import data_words as words
from vae.gui import kit
from vae.gui.labels import labelled
from vae.gui.pane import Pane
from vae.gui.theme import pixels
from vae.language import _

if TYPE_CHECKING:
    from vae.gui.data_view import DataView
    from vae.sheet import Sheet

LIST_ROWS = 3
MIDDLE_ROW = 3  # of the contact sheet, or of the line in its place
SHEET_HEIGHT = 120  # of the contact sheet, at least, in logical pixels


def first_steps() -> str:
    """What a person does who sees the window for the first time."""
    steps = (
        _(
            "1.  Choose the folder of your images, on the left, or Help > Demo data set. "
            "The Data tab shows what is in it."
        ),
        _("2.  Choose Presets > Quick look to see in a minute whether it works; click Train."),
        _("3.  Watch Loss, Samples and Quality. Stop saves, and Resume goes on."),
    )
    return "\n\n".join(steps)


class DataPane(Pane):
    """Facts of the folder, a contact sheet, and a list of the files that need attention.

    `follow` is called with the name of a field whose suggestion is wanted.
    """

    def __init__(
        self, master: tk.Misc, look_again: Callable[[], object], follow: Callable[[str], object]
    ) -> None:
        self.promise = first_steps()
        super().__init__(master, self.promise)
        self.sheet: Sheet | None = None
        self._make_top(look_again)
        self._make_facts(follow)
        self.caption = ttk.Label(self, style="Muted.Vae.TLabel", padding="0 9p 0 6p")
        self._make_list()
        _wrap(self.caption)
        for row, part in enumerate((self.top, self.facts, self.caption, self.empty, self.below)):
            part.grid(row=row, column=0, sticky="nsew")
            if part is not self.empty:
                part.grid_remove()
        self.rowconfigure(MIDDLE_ROW, weight=1)
        self.columnconfigure(0, weight=1)
        _wrap(self.empty)

    def _make_top(self, look_again: Callable[[], object]) -> None:
        self.top = ttk.Frame(self, style="Vae.TFrame", padding="0 0 0 6p")
        self.status = ttk.Label(self.top, style="Muted.Vae.TLabel", justify="left")
        self.again = kit.button(self.top, _("Look again"), look_again, "Link")
        self.again.pack(side="right", anchor="n", padx=("6p", 0))
        self.status.pack(side="left", fill="x", expand=True)
        _wrap(self.status)

    def _make_facts(self, follow: Callable[[str], object]) -> None:
        self.facts = ttk.Frame(self, style="Vae.TFrame")
        self.titles: dict[str, ttk.Label] = {}
        self.values: dict[str, ttk.Label] = {}
        labels = {
            "images": _("Images"), "sizes": _("Sizes"), "shape": _("Shape"),
            "colour": _("Colour"), "patients": _("Patients"), "memory": _("Memory"),
            "time": _("Time per epoch"),
        }  # fmt: skip
        rows = {name: 2 * place for place, name in enumerate(labels)}  # every second one is free
        for name, row in rows.items():
            title = ttk.Label(self.facts, text=labels[name], style="Muted.Vae.TLabel")
            value = ttk.Label(self.facts, style="Vae.TLabel", justify="left")
            title.grid(row=row, column=0, sticky="nw", padx=(0, "12p"), pady="0.75p")
            span = 1 if name == "colour" else 2  # a button stands beside this one
            value.grid(row=row, column=1, columnspan=span, sticky="ew", pady="0.75p")
            _wrap(value)
            self.titles[name], self.values[name] = title, value
        self.facts.columnconfigure(1, weight=1)
        self.suggest = kit.button(self.facts, "", partial(follow, "in_channels"), "Link")
        self.suggest.grid(row=rows["colour"], column=2, sticky="e")
        text, command = _("Put into the form"), partial(follow, "group_pattern")
        self.suggest_pattern = kit.button(self.facts, text, command, "Link")
        self.suggest_pattern.grid(row=rows["patients"] + 1, column=1, sticky="w")

    def _make_list(self) -> None:
        self.below = ttk.Frame(self, style="Vae.TFrame")
        head = ttk.Frame(self.below, style="Vae.TFrame")
        head.pack(fill="x", pady=("6p", "1.5p"))
        self.headline = ttk.Label(head, style="Bold.Vae.TLabel")
        self.headline.pack(side="left")
        self.copy = kit.button(head, _("Copy"), self.copy_list, "Link")
        self.copy.pack(side="right")
        self.list = tk.Text(
            self.below, state="disabled", wrap="word", font="TkDefaultFont", relief="flat",
            borderwidth=0, height=LIST_ROWS, takefocus=True,
        )  # fmt: skip
        bar = ttk.Scrollbar(self.below, command=self.list.yview, style="Vae.Vertical.TScrollbar")
        self.list.configure(yscrollcommand=bar.set)
        # A disabled text takes no focus by itself on macOS, and without it nothing can be copied.
        self.list.bind("<Button-1>", lambda event: self.list.focus_set())
        self.list.bind("<<Copy>>", self._copy_selected)
        bar.pack(side="right", fill="y")
        self.list.pack(fill="both", expand=True)

    def create(self) -> None:
        from vae.gui.picture import Picture

        self.plot = Picture(self)
        self.plot.widget.configure(width=1, height=1)  # it takes the room that is left
        self.plot.widget.grid(row=MIDDLE_ROW, column=0, sticky="nsew")
        self._put()

    def least_height(self) -> int:
        sheet = self.plot is not None and self.plot.widget.winfo_manager() != ""
        return self.winfo_reqheight() + (pixels(self, SHEET_HEIGHT)[0] if sheet else 0)

    def show(self, view: DataView) -> None:
        """Show what is known of the folder."""
        chosen = bool(view.texts.get("file_path"))
        known = bool(view.survey or view.sheet or view.estimate)
        self.empty.configure(text=labelled(view.problem) or ("" if chosen else self.promise))
        self.status.configure(text=self._status(view))
        self.again.configure(state="disabled" if view.locked else "normal")
        _show(self.top, chosen)
        _show(self.facts, known)
        self._show_facts(view)
        self._show_list(view)
        if view.sheet is not self.sheet:
            self.sheet = view.sheet
            self._put()

    def _status(self, view: DataView) -> str:
        if view.looking and view.survey is None:
            return words.looking(view.progress)
        if view.survey:
            return words.checked(view.survey, view.sheet)
        if view.locked:
            return _("The images are looked at again once the run has ended.")
        return ""

    def _show_facts(self, view: DataView) -> None:
        survey, sheet, estimate = view.survey, view.sheet, view.estimate
        waiting = "..." if view.looking else "–"
        soon = "..." if view.looking or view.locked else "–"  # a run tells it, or the look after it
        texts = {
            "images": words.images(survey) if survey else waiting,
            "sizes": words.sizes(survey) if survey else waiting,
            "shape": words.shape(survey) if survey else waiting,
            "colour": words.colour(survey, sheet) if survey or sheet else waiting,
            "patients": words.patients(view.grouping) if view.grouping else "",
            "memory": words.memory(estimate) if estimate else soon,
            "time": words.epoch_time(estimate) if estimate else soon,
        }
        if view.loses_colour:
            texts["colour"] += "\n" + words.colour_lost()
        for name, text in texts.items():
            self.values[name].configure(text=text)
        for part in (self.titles["patients"], self.values["patients"]):
            _show(part, bool(view.grouping))
        suggestions = view.suggestions()
        text = _("Set {field} to {value}").format(
            field=_(PARAMETERS["in_channels"].label), value=suggestions.get("in_channels", "")
        )
        self.suggest.configure(text=text)
        buttons = {"in_channels": self.suggest, "group_pattern": self.suggest_pattern}
        for name, button in buttons.items():
            button.configure(state="disabled" if view.locked else "normal")
            _show(button, name in suggestions)

    def _show_list(self, view: DataView) -> None:
        headline, lines = words.trouble(view.survey, view.sheet)
        self.headline.configure(text=headline)
        _show(self.below, bool(lines))
        text = "\n".join(lines)
        if text != self.list.get("1.0", "end-1c"):
            self.list.configure(state="normal", height=min(len(lines), LIST_ROWS))
            self.list.replace("1.0", "end", text, "line")
            self.list.configure(state="disabled")

    def _put(self) -> None:
        """Bring the picture in line with the sheet."""
        anything = self.sheet is not None and self.sheet.grid is not None
        self.caption.configure(text=words.sheet_caption(self.sheet) if self.sheet else "")
        _show(self.caption, anything)
        if self.plot:
            _show(self.plot.widget, anything)
            if anything and self.sheet:
                self.plot.update(self.sheet.grid)
        _show(self.empty, not anything)

    def copy_list(self) -> None:
        """Put the whole list on the clipboard."""
        self.clipboard_clear()
        self.clipboard_append(self.list.get("1.0", "end-1c"))

    def _copy_selected(self, event: object) -> str | None:
        """Of a list in which nothing is selected, all is copied."""
        if self.list.tag_ranges("sel"):
            return None
        self.copy_list()
        return "break"

    def paint(self) -> None:
        super().paint()
        c = kit.palette(self)
        self.list.configure(
            background=c.background, foreground=c.text, selectbackground=c.primary,
            selectforeground=c.on_primary, inactiveselectbackground=c.rule, borderwidth=0,
            highlightthickness="0.75p", highlightbackground=c.rule, highlightcolor=c.primary,
            padx="3p",
        )  # fmt: skip
        self.list.tag_configure("line", lmargin2="12p")
        self.list.tag_raise("sel")


def _show(part: tk.Widget, shown: bool) -> None:
    part.grid() if shown else part.grid_remove()


def _wrap(label: ttk.Label) -> None:
    """Break lines at the width that the label has."""
    label.bind("<Configure>", lambda e: label.configure(wraplength=max(e.width - 8, 80)))
