"""The window between its header and its bar: the form on the left, the tabs on the right."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from vae.gui.kit import MIN_SIZE
from vae.gui.theme import pixels

# Of both beside each other, in logical pixels; larger text needs as many times more.
LEAST_WIDTH = MIN_SIZE[0]


class Sides(ttk.Frame):
    """Form and tabs beside each other or, where there is no room for both, in turn.

    `told` is called with whether they take turns, and whether the form is in sight.
    """

    def __init__(self, master: tk.Misc, told: Callable[[bool, bool], None]) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.told, self.narrow = told, False
        # Beside the tabs until it is hidden; and in turn with them, what was asked for last.
        self.form_beside = self.form_in_turn = True
        self.bind("<Configure>", lambda event: self._arrange())

    def hold(self, form: ttk.Frame, tabs: ttk.Frame) -> None:
        """Take the two sides, which were made within this frame."""
        self.form, self.tabs = form, tabs
        self.edge = ttk.Frame(self, style="Rule.Vae.TFrame", width=1)
        self._pack()

    def take_over(self, other: Sides) -> None:
        """Show the same sides as another."""
        self.form_beside, self.form_in_turn = other.form_beside, other.form_in_turn
        self._pack()

    @property
    def form_shown(self) -> bool:
        """Whether the form is in sight."""
        return self.form_in_turn if self.narrow else self.form_beside

    def toggle(self) -> None:
        """Hide the form, which leaves the window to the tabs, or show it again."""
        if self.narrow:
            self.form_in_turn = not self.form_in_turn
        else:
            self.form_beside = not self.form_beside
        self._pack()

    def show_form(self) -> None:
        """Bring the form in sight."""
        shown = self.form_shown
        self.form_in_turn = True
        self.form_beside = self.form_beside or not self.narrow
        if not shown:
            self._pack()

    def show_tabs(self) -> None:
        """Bring the tabs in sight."""
        shown = self.form_shown
        self.form_in_turn = False
        if self.narrow and shown:
            self._pack()

    def _arrange(self) -> None:
        narrow = self.winfo_width() < pixels(self, LEAST_WIDTH)[0]
        if narrow != self.narrow:
            self.narrow = narrow
            self._pack()

    def _pack(self) -> None:
        for part in (self.form, self.edge, self.tabs):
            part.pack_forget()
        alone = self.narrow and self.form_shown
        if self.form_shown:
            self.form.pack(side="left", fill="both" if alone else "y", expand=alone)
        if self.form_shown and not alone:
            self.edge.pack(side="left", fill="y")
        if not alone:
            self.tabs.pack(side="left", fill="both", expand=True)
        focus = str(self.tk.call("focus"))
        for side in (self.form, self.tabs):
            if not side.winfo_manager() and focus.startswith(f"{side}."):
                self.focus_set()  # else keys would still change a field that is out of sight
        self.told(self.narrow, self.form_shown)
