"""A field for a folder, with a button that chooses one."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk

from vae.gui import kit
from vae.language import _


class FolderField(ttk.Frame):
    """Of a long path its end is shown, which says more than its beginning."""

    def __init__(self, master: tk.Misc, folder: Path, changed: Callable[[], object]) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.text = tk.StringVar(self, str(folder))
        self.entry = ttk.Entry(self, textvariable=self.text, width=40, style="Vae.TEntry")
        self.entry.pack(side="left", fill="x", expand=True)
        self.entry.xview_moveto(1)
        browse = kit.button(self, "", self._browse, "Tool", "folder2-open")
        browse.pack(side="left", padx=("3p", 0))
        kit.tooltip(browse, _("Choose a folder"))
        kit.on_write(self.entry, self.text, changed)

    @property
    def folder(self) -> Path | None:
        """The absolute path, or None while the field is empty."""
        text = self.text.get().strip()
        return Path(os.path.expanduser(text)).absolute() if text else None

    def _browse(self) -> None:
        if chosen := kit.choose_folder(self, self.text.get().strip()):
            self.text.set(chosen)
            self.entry.xview_moveto(1)
