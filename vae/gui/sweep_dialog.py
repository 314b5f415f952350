"""The question which values to train with, one run after the other."""

from __future__ import annotations

import math
import tkinter as tk
from tkinter import ttk

from vae.config import PARAMETERS, check, parse
from vae.gui import dialogs, kit
from vae.gui.data_worker import FIELDS
from vae.gui.folder_field import FolderField
from vae.gui.labels import labelled
from vae.language import _, ngettext
from vae.sweep import VARIABLE, Sweep, split_values
from vae.words import duration

AXES = 2


def ask_sweep(root: tk.Tk, last: Sweep, seconds: float) -> Sweep | None:
    """Ask for values and a folder. None if cancelled.

    `seconds` is what a run with the form's values takes, 0 if it is not known.
    """
    dialog = SweepDialog(root, last, seconds)
    dialogs.wait(root, dialog.top)
    return dialog.answer


def _problem(name: str, values: list[str]) -> str:
    """What is wrong with the first bad value of a parameter, or an empty string."""
    for text in values:
        found, problems = parse({name: text})
        if wrong := problems.get(name) or check(found).get(name):
            return labelled(wrong)
    return ""


class SweepDialog:
    """The dialog; begins with what was asked for last."""

    def __init__(self, root: tk.Tk, last: Sweep, seconds: float = 0.0) -> None:
        self.answer: Sweep | None = None
        self.seconds = seconds
        self.top, body = dialogs.begin(root, _("Several runs in a row"))
        body.columnconfigure(1, weight=1)
        text = _(
            "Trains once with each combination of these values; all else is as in the form. Put "
            "spaces between the values. Runs that the folder already holds go on where they ended."
        )
        label = ttk.Label(body, text=text, style="Vae.TLabel", wraplength="360p", justify="left")
        label.grid(row=0, column=0, columnspan=3, sticky="w", pady=(0, "9p"))
        self.names: list[ttk.Combobox] = []
        self.entries: list[ttk.Entry] = []
        self.values: list[tk.StringVar] = []
        chosen = [*last.axes, "", ""]
        for row in range(AXES):
            self._axis(body, row + 1, chosen[row], last.axes.get(chosen[row], []))
        ttk.Label(body, text=_("Folder"), style="Muted.Vae.TLabel").grid(
            row=AXES + 1, column=0, sticky="w", pady="4.5p"
        )
        self.field = FolderField(body, last.folder, self._check)
        self.field.grid(row=AXES + 1, column=1, columnspan=2, sticky="ew", padx=("6p", 0))
        self.count = ttk.Label(body, style="Bold.Vae.TLabel")
        self.count.grid(row=AXES + 2, column=0, columnspan=2, sticky="w", pady=("12p", 0))
        row_frame = ttk.Frame(body, style="Vae.TFrame")
        row_frame.grid(row=AXES + 3, column=0, columnspan=3, sticky="e", pady=("6p", 0))
        self.start = kit.button(row_frame, _("Train"), self._accept, "Primary")
        self.start.pack(side="left")
        cancel = kit.button(row_frame, _("Cancel"), self.top.destroy, "Plain")
        cancel.pack(side="left", padx=("6p", 0))
        self.top.bind("<Escape>", lambda event: self.top.destroy())
        for entry in (*self.entries, self.field.entry):  # elsewhere Return presses a button
            entry.bind("<Return>", lambda event: self.start.invoke())
        self.entries[0].focus_set()
        self._check()

    def _axis(self, body: ttk.Frame, row: int, name: str, values: list[str]) -> None:
        labels = [_("(none)"), *(_(PARAMETERS[n].label) for n in VARIABLE)]
        box = ttk.Combobox(body, values=labels, state="readonly", width=24, style="Vae.TCombobox")
        box.current(VARIABLE.index(name) + 1 if name in VARIABLE else 0)
        box.grid(row=row, column=0, sticky="w", pady="3p")
        box.bind("<<ComboboxSelected>>", lambda event: self._check())
        text = tk.StringVar(self.top, " ".join(values))
        entry = ttk.Entry(body, textvariable=text, style="Vae.TEntry")
        kit.on_write(entry, text, self._check)
        entry.grid(row=row, column=1, columnspan=2, sticky="ew", padx=("6p", 0))
        self.entries.append(entry)
        self.names.append(box)
        self.values.append(text)

    def _axes(self) -> dict[str, list[str]]:
        axes = {}
        for box, text in zip(self.names, self.values, strict=True):
            if box.current() > 0:
                axes[VARIABLE[box.current() - 1]] = split_values(text.get())
        return axes

    def _check(self) -> None:
        axes = self._axes()
        count = math.prod(map(len, axes.values())) if axes else 0
        problem = next((wrong for item in axes.items() if (wrong := _problem(*item))), "")
        text = ngettext("{count} run", "{count} runs", count).format(count=count)
        # With other sizes of images or of the network a run takes another time.
        if self.seconds and count and axes.keys().isdisjoint((*FIELDS, "num_epochs")):
            time = _("about {time} on this computer")
            text = f"{text}, {time.format(time=duration(count * self.seconds))}"
        style = "Error.Vae.TLabel" if problem else "Bold.Vae.TLabel"
        self.count.configure(text=problem or text, style=style)
        possible = count > 0 and not problem and bool(self.field.folder)
        self.start.configure(state="normal" if possible else "disabled")

    def _accept(self) -> None:
        if folder := self.field.folder:
            self.answer = Sweep(self._axes(), folder)
            self.top.destroy()
