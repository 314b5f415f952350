"""The top of the window: its name, what is trained and where, and three icons."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from vae import language
from vae.gui import kit
from vae.language import _


class Header(ttk.Frame):
    """Title, subject, and the icons for the output folder, help, and light or dark."""

    def __init__(
        self,
        master: tk.Misc,
        open_output: Callable[[], object],
        help: Callable[[], object],
        toggle_mode: Callable[[], object],
        toggle_language: Callable[[], object],
    ) -> None:
        super().__init__(master, style="Vae.TFrame", padding="18p 9p")
        ttk.Label(self, text="VAE Studio", style="Title.Vae.TLabel").pack(side="left")
        code = language.current().upper()
        self.mode = kit.button(self, "", toggle_mode, "Tool", "moon-stars")
        for button, tip in (
            (self.mode, _("Light or dark")),
            (kit.button(self, "", help, "Tool", "question-circle"), _("Help")),
            (kit.button(self, "", open_output, "Tool", "folder2-open"), _("Open output folder")),
            (kit.button(self, code, toggle_language, "Tool", "globe"), _("Language")),
        ):
            button.pack(side="right", padx=("3p", 0))
            kit.tooltip(button, tip)
        self.subject = ttk.Label(self, style="Muted.Vae.TLabel")
        self.subject.pack(side="left", padx="12p")

    def show(self, *parts: str) -> None:
        """Say what is trained and where; empty parts are left out."""
        self.subject.configure(text="  ·  ".join(part for part in parts if part))

    def paint(self) -> None:
        """Take the colours of the mode."""
        kit.set_icon(
            self.mode, "sun" if kit.mode(self.winfo_toplevel()) == "dark" else "moon-stars"
        )
