"""The question which figures to draw for a paper."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from tkinter import ttk

from vae.gui import dialogs, kit
from vae.gui.folder_field import FolderField
from vae.gui.loss_jobs import Export
from vae.language import _


def ask_export(
    root: tk.Tk, titles: Mapping[str, str], formats: tuple[str, ...], last: Export, hint: str = ""
) -> Export | None:
    """Ask which figures, in which format, into which folder. None if cancelled.

    `hint` stands below the figures.
    """
    dialog = ExportDialog(root, titles, formats, last, hint)
    dialogs.wait(root, dialog.top)
    return dialog.answer


class ExportDialog:
    """The dialog; begins with what was chosen last."""

    def __init__(
        self,
        root: tk.Tk,
        titles: Mapping[str, str],
        formats: tuple[str, ...],
        last: Export,
        hint: str = "",
    ) -> None:
        self.answer: Export | None = None
        self.top, body = dialogs.begin(root, _("Export figures"))
        body.columnconfigure(1, weight=1)
        self.wanted = {name: tk.BooleanVar(self.top, name in last.names) for name in titles}
        self.caption = tk.BooleanVar(self.top, last.with_caption)
        self._label(body, 0, _("Figures"))
        cell = self._cell(body, 0)
        for name, title in titles.items():
            kit.switch(cell, title, self.wanted[name], self._check).pack(anchor="w", pady="1.5p")
        if hint:
            label = ttk.Label(cell, text=hint, style="Muted.Vae.TLabel", wraplength="300p")
            label.pack(anchor="w")
        self._label(body, 1, _("Format"))
        self.form = ttk.Combobox(
            self._cell(body, 1), values=[form.upper() for form in formats], state="readonly",
            width=6, style="Vae.TCombobox",
        )  # fmt: skip
        self.form.current(formats.index(last.form))
        self.form.pack(side="left")
        self._label(body, 2, _("Folder"))
        self.field = FolderField(self._cell(body, 2), last.folder, self._check)
        self.field.pack(fill="x", expand=True)
        self._label(body, 3, _("Caption"))
        kit.switch(
            self._cell(body, 3), _("The run's parameters below each figure"), self.caption,
            self._check,
        ).pack(anchor="w")  # fmt: skip
        row = ttk.Frame(body, style="Vae.TFrame")
        row.grid(row=4, column=0, columnspan=2, sticky="e", pady=("12p", 0))
        self.export = kit.button(row, _("Export"), self._accept, "Primary")
        self.export.pack(side="left")
        cancel = kit.button(row, _("Cancel"), self.top.destroy, "Plain")
        cancel.pack(side="left", padx=("6p", 0))
        self.field.entry.bind("<Return>", lambda event: self.export.invoke())
        self.top.bind("<Escape>", lambda event: self.top.destroy())
        self.export.focus_set()

    def _label(self, body: ttk.Frame, row: int, text: str) -> None:
        label = ttk.Label(body, text=text, style="Muted.Vae.TLabel")
        label.grid(row=row, column=0, sticky="nw", padx=(0, "12p"), pady="6p")

    def _cell(self, body: ttk.Frame, row: int) -> ttk.Frame:
        cell = ttk.Frame(body, style="Vae.TFrame")
        cell.grid(row=row, column=1, sticky="ew", pady="4.5p")
        return cell

    def _names(self) -> tuple[str, ...]:
        return tuple(name for name, wanted in self.wanted.items() if wanted.get())

    def _check(self) -> None:
        """Only with a figure and a folder is there anything to do."""
        possible = bool(self._names() and self.field.folder)
        self.export.configure(state="normal" if possible else "disabled")

    def _accept(self) -> None:
        if folder := self.field.folder:
            form = self.form.get().lower()
            self.answer = Export(self._names(), form, folder, self.caption.get())
            self.top.destroy()
