"""The question which figures to draw for a paper."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from pathlib import Path
from tkinter import ttk

from vae.gui import dialogs, kit
from vae.gui.loss_jobs import Export
from vae.language import _


def ask_export(
    root: tk.Tk, titles: Mapping[str, str], formats: tuple[str, ...], last: Export
) -> Export | None:
    """Ask which figures, in which format, into which folder. None if cancelled."""
    dialog = ExportDialog(root, titles, formats, last)
    dialogs.wait(root, dialog.top)
    return dialog.answer


class ExportDialog:
    """The dialog; begins with what was chosen last."""

    def __init__(
        self, root: tk.Tk, titles: Mapping[str, str], formats: tuple[str, ...], last: Export
    ) -> None:
        self.answer: Export | None = None
        self.top, body = dialogs.begin(root, _("Export figures"))
        body.columnconfigure(1, weight=1)
        self.wanted = {name: tk.BooleanVar(self.top, name in last.names) for name in titles}
        self.caption = tk.BooleanVar(self.top, last.with_caption)
        self.folder = tk.StringVar(self.top, str(last.folder))
        self._label(body, 0, _("Figures"))
        cell = self._cell(body, 0)
        for name, title in titles.items():
            kit.switch(cell, title, self.wanted[name], self._check).pack(anchor="w", pady="1.5p")
        self._label(body, 1, _("Format"))
        self.form = ttk.Combobox(
            self._cell(body, 1), values=[form.upper() for form in formats], state="readonly",
            width=6, style="Vae.TCombobox",
        )  # fmt: skip
        self.form.current(formats.index(last.form))
        self.form.pack(side="left")
        self._label(body, 2, _("Folder"))
        cell = self._cell(body, 2)
        self.entry = ttk.Entry(cell, textvariable=self.folder, width=40, style="Vae.TEntry")
        self.entry.pack(side="left", fill="x", expand=True)
        self.entry.xview_moveto(1)  # of a long path its end says more than its beginning
        browse = kit.button(cell, "", self._browse, "Tool", "folder2-open")
        browse.pack(side="left", padx=("3p", 0))
        kit.tooltip(browse, _("Choose a folder"))
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
        self.folder.trace_add("write", lambda *event: self._check())
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
        possible = bool(self._names() and self.folder.get().strip())
        self.export.configure(state="normal" if possible else "disabled")

    def _browse(self) -> None:
        now = Path(self.folder.get())
        start = next((path for path in (now, *now.parents) if path.is_dir()), Path.home())
        if chosen := kit.choose_folder(self.top, str(start)):
            self.folder.set(chosen)
            self.entry.xview_moveto(1)

    def _accept(self) -> None:
        folder = Path(self.folder.get().strip()).expanduser().absolute()
        self.answer = Export(self._names(), self.form.get().lower(), folder, self.caption.get())
        self.top.destroy()
