"""A line above the bar that keeps a note of the run in sight until it is dismissed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import NamedTuple

from vae.gui import kit
from vae.gui.labels import labelled
from vae.language import _, ngettext


class Note(NamedTuple):
    """A note and its link, as they came, and what lets it go by itself."""

    text: str
    offer: str
    command: Callable[[], object] | None
    until: Callable[[], object]


class Banner(ttk.Frame):
    """The newest note and how many there are; not there while there is none."""

    def __init__(self, master: tk.Misc, beside: tk.Widget, show_log: Callable[[], object]) -> None:
        super().__init__(master, style="Vae.TFrame", padding="18p 6p 18p 6p")
        self.beside, self.show_log = beside, show_log
        self.notes: list[Note] = []
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
        until: Callable[[], object] = lambda: False,
    ) -> None:
        """Show a note, with a link that does something; earlier notes are in the log.

        It stays until it is dismissed, or until what it is about is seen or is no more.
        """
        self.notes.append(Note(text, offer, command, until))
        self._show()

    def _show(self) -> None:
        if not self.notes:
            self.pack_forget()
            return
        newest, count = self.notes[-1], len(self.notes)
        self.text.configure(text=labelled(newest.text))
        many = ngettext("{count} note in the Log", "{count} notes in the Log", count)
        link = str(newest.offer) or many.format(count=count)
        self.more.configure(text=link, command=newest.command or self.show_log)
        # At the bottom, where it does not move what is about to be clicked.
        self.pack(side="bottom", fill="x", before=self.beside)

    def refresh(self) -> None:
        """Let the notes go whose time is over; those that are left are shown again."""
        left = [note for note in self.notes if not note.until()]
        if len(left) < len(self.notes):
            self.notes = left
            self._show()

    def take_over(self, other: Banner) -> None:
        """Show the notes of another, in the language in use."""
        self.notes = other.notes
        self._show()

    def clear(self) -> None:
        """Take the line away."""
        self.notes = []
        self._show()

    def paint(self) -> None:
        """Take the colours of the mode."""
        self.word.configure(foreground=kit.palette(self).warning)
