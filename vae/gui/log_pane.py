"""The tab that tells what happened."""

from __future__ import annotations

import time
import tkinter as tk
from collections import deque
from functools import partial
from tkinter import ttk

from vae.gui import kit
from vae.gui.pane import Pane
from vae.language import _

LOG_LINES = 2000
# What a key scrolls by; the cursor, which Tk moves instead, cannot be seen in a text to be read.
KEYS = {
    "Up": ("scroll", -1, "units"), "Down": ("scroll", 1, "units"),
    "Prior": ("scroll", -1, "pages"), "Next": ("scroll", 1, "pages"),
    "Home": ("moveto", 0), "End": ("moveto", 1),
}  # fmt: skip
SHIFT = 1  # of the state of a key's event


class LogPane(Pane):
    """What happened, line by line; lines are inserted in batches."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.text = tk.Text(
            self, state="disabled", wrap="word", font="TkFixedFont", relief="flat",
            borderwidth=0, takefocus=True, spacing1="1.5p",
        )  # fmt: skip
        self.bar = ttk.Scrollbar(self, command=self.text.yview, style="Vae.Vertical.TScrollbar")
        self.text.configure(yscrollcommand=self._scrolled)
        # A disabled text takes no focus by itself on macOS, and without it nothing can be copied.
        self.text.bind("<Button-1>", lambda event: self.text.focus_set())
        for key, where in KEYS.items():
            self.text.bind(f"<{key}>", partial(self._scroll, where))
        text = _("Nothing has happened yet. Each run tells here what it does, line by line.")
        self.empty = ttk.Label(self, text=text, style="Muted.Vae.TLabel")
        self.bar.pack(side="right", fill="y")
        self.text.pack(fill="both", expand=True)
        self.empty.place(x="3p", y="3p")
        self.lines: deque[tuple[str, str, str]] = deque(maxlen=LOG_LINES)
        self.waiting: list[tuple[str, str, str]] = []
        self.following = True
        for sequence in ("<Map>", "<Configure>"):
            self.text.bind(sequence, lambda event: self._follow())

    def take_over(self, other: LogPane) -> None:
        self.lines = other.lines
        self.waiting = list(other.lines)

    def write(self, text: str, kind: str = "") -> None:
        """Add a line; kind is "", "warning" or "error"."""
        line = (f"{time.strftime('%H:%M:%S')}  ", f"{text}\n", kind)
        self.lines.append(line)
        self.waiting.append(line)

    def refresh(self) -> None:
        """Insert what waits."""
        if not self.waiting:
            return
        lines, self.waiting = self.waiting[-LOG_LINES:], []
        self.empty.place_forget()
        self.text.configure(state="normal")
        for when, line, kind in lines:
            self.text.insert("end", when, "time", line, kind)
        extra = int(self.text.index("end-1c").split(".")[0]) - LOG_LINES
        if extra > 0:
            self.text.delete("1.0", f"{extra + 1}.0")
        self.text.configure(state="disabled")
        self._follow()

    def _scrolled(self, first: float, last: float) -> None:
        """Whoever has scrolled up to read is left there."""
        self.bar.set(first, last)
        if self.text.winfo_viewable():
            self.following = self.text.dlineinfo("end-1c") is not None

    def _scroll(self, where: tuple[str | int, ...], event: tk.Event) -> str:
        """Scroll; with Shift a key selects."""
        if int(event.state) & SHIFT:
            return ""
        self.text.yview(*where)
        return "break"

    def _follow(self) -> None:
        if self.following:
            self.text.see("end")

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        self.text.configure(
            background=c.background, foreground=c.text, selectbackground=c.primary,
            selectforeground=c.on_primary, inactiveselectbackground=c.rule, borderwidth=0,
            highlightthickness="0.75p", highlightbackground=c.background,
            highlightcolor=c.primary, padx="3p",
        )  # fmt: skip
        for tag in ("time", "warning", "error"):
            colour = {"time": c.muted, "warning": c.warning, "error": c.danger}[tag]
            self.text.tag_configure(tag, foreground=colour)
        self.text.tag_raise("sel")
