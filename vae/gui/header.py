"""The top of the window: its name, what is trained and where, and its icons."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from tkinter import ttk

from vae import language
from vae.gui import kit
from vae.language import _


class Header(ttk.Frame):
    """Title, subject, and icons: form, language, output folder, help, light or dark."""

    def __init__(
        self,
        master: tk.Misc,
        open_output: Callable[[], object],
        help: Callable[[], object],
        toggle_mode: Callable[[], object],
        toggle_language: Callable[[], object],
        toggle_form: Callable[[], object],
    ) -> None:
        super().__init__(master, style="Vae.TFrame", padding="18p 9p")
        ttk.Label(self, text="VAE Studio", style="Title.Vae.TLabel").pack(side="left")
        code = language.current().upper()
        self.mode = kit.button(self, "", toggle_mode, "Tool", "moon-stars")
        buttons = [
            (self.mode, _("Light or dark")),
            (kit.button(self, "", help, "Tool", "question-circle"), _("Help")),
            (kit.button(self, "", open_output, "Tool", "folder2-open"), _("Open output folder")),
            (kit.button(self, code, toggle_language, "Tool", "globe"), _("Language")),
        ]
        self.sides = kit.button(self, "", toggle_form, "Tool", "layout-sidebar")
        for button, tip in (*buttons, (self.sides, _("Show or hide the form"))):
            button.pack(side="right", padx=("3p", 0))
            kit.tooltip(button, tip)
        self.words = ""
        self.subject = ttk.Label(self, style="Muted.Vae.TLabel")
        self.subject.pack(side="left", padx="12p", fill="x", expand=True)
        self.subject.bind("<Configure>", lambda event: self._fit(event.width))

    def show(self, *parts: str) -> None:
        """Say what is trained and where; empty parts are left out."""
        self.words = "  ·  ".join(part for part in parts if part)
        self._fit(self.subject.winfo_width())

    def _fit(self, room: int) -> None:
        """Leave out the end of what is said where there is no room for it."""
        measure, text = tkfont.nametofont("TkDefaultFont", self).measure, self.words
        kept = len(text)
        while kept and measure(text) > room > 1:  # which it is before the window is drawn
            kept -= 1
            text = f"{self.words[:kept].rstrip(' ·')}…" if kept else ""
        self.subject.configure(text=text)

    def tell_sides(self, narrow: bool, form_shown: bool) -> None:
        """Where form and tabs take turns, name the one that the button brings."""
        other = _("Results") if form_shown else _("Form")
        self.sides.configure(text=other if narrow else "")
        kit.set_icon(self.sides, "layout-sidebar")  # beside the text, or in its place

    def paint(self) -> None:
        """Take the colours of the mode."""
        kit.set_icon(
            self.mode, "sun" if kit.mode(self.winfo_toplevel()) == "dark" else "moon-stars"
        )
