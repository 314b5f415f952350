"""A line above the bar that keeps a note of the run in sight until it is dismissed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from vae.gui import kit
from vae.gui.labels import labelled
from vae.language import _, ngettext


class Banner(ttk.Frame):
    """The newest note and how many there are; not there while there is none."""

    def __init__(self, master: tk.Misc, beside: tk.Widget, show_log: Callable[[], object]) -> None:
        super().__init__(master, style="Vae.TFrame", padding="18p 6p 18p 6p")
        self.beside, self.show_log, self.count = beside, show_log, 0
        self.about: tk.Widget | None = None
        self.word = ttk.Label(self, text=_("Note"), style="Bold.Vae.TLabel")
        self.text = ttk.Label(self, style="Vae.TLabel", justify="left")
        self.more = kit.button(self, "", show_log, "Link")
        self.word.grid(row=0, column=0, sticky="nw", padx=(0, "6p"))
        self.text.grid(row=0, column=1, sticky="new")
        self.more.grid(row=0, column=2, sticky="ne", padx=("6p", 0))
        dismiss = kit.button(self, _("Dismiss"), self.clear, "Link")
        dismiss.grid(row=0, column=3, sticky="ne", padx=("6p", 0))
        self.columnconfigure(1, weight=1)
        self.text.bind(
            "<Configure>", lambda e: self.text.configure(wraplength=max(e.width - 8, 80))
        )

    def say(
        self,
        text: str,
        offer: str = "",
        command: Callable[[], object] | None = None,
        about: tk.Widget | None = None,
    ) -> None:
        """Show a note, with a link that does something; earlier notes are in the log.

        One that is `about` a tab goes once that is seen.
        """
        self.count, self.about = self.count + 1, about
        self.text.configure(text=labelled(text))
        many = ngettext("{count} note in the Log", "{count} notes in the Log", self.count)
        link = offer or many.format(count=self.count)
        self.more.configure(text=link, command=command or self.show_log)
        # At the bottom, where it does not move what is about to be clicked.
        self.pack(side="bottom", fill="x", before=self.beside)

    def refresh(self) -> None:
        """Take the line away if what it is about is seen."""
        if self.about and self.about.winfo_viewable():
            self.clear()

    def clear(self) -> None:
        """Take the line away."""
        self.count, self.about = 0, None
        self.pack_forget()

    def paint(self) -> None:
        """Take the colours of the mode."""
        self.word.configure(foreground=kit.palette(self).warning)
