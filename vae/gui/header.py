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
        icons = ttk.Frame(self, style="Vae.TFrame")
        icons.pack(side="right")

        def add(text: str, tip: str, command: Callable[[], object], icon: str) -> ttk.Button:
            button = kit.button(icons, text, command, "Tool", icon)
            button.pack(side="left", padx=("3p", 0))
            kit.tooltip(button, tip)
            return button

        self.sides = add("", _("Show or hide the form"), toggle_form, "layout-sidebar")
        add(language.current().upper(), _("Language"), toggle_language, "globe")
        add("", _("Open output folder"), open_output, "folder2-open")
        add("", _("Help"), help, "question-circle")
        self.mode = add("", _("Light or dark"), toggle_mode, "moon-stars")
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
