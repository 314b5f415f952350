"""What the field in focus means, and what to expect of it: below the form."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from vae.config import DEFAULTS, PARAMETERS, text_of
from vae.gui import kit
from vae.guide import ADVICE
from vae.language import _

LINES = 9  # always the same height, so that the form above does not jump
INSET = "1.5p"  # of a label's text from its edge


class Info(ttk.Frame):
    """A few lines on one parameter."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, style="Pane.Vae.TFrame", padding="18p 6p 9p 6p")
        rule = ttk.Frame(self, style="Rule.Vae.TFrame", height=1)
        rule.pack(fill="x", pady=(0, "6p"))
        # It asks for no width of its own, which would change with each field.
        self.title = ttk.Label(self, style="Bold.Pane.Vae.TLabel", width=1)
        self.title.pack(fill="x", pady=(0, "1.5p"))
        self.title.bind("<Configure>", lambda e: self.title.configure(wraplength=e.width))
        self.text = tk.Text(
            self, height=LINES, width=1, wrap="word", relief="flat", font="VaeSmall",
            takefocus=False, cursor="arrow", state="disabled", spacing3="1.5p",
        )  # fmt: skip
        self.text.pack(fill="both", expand=True)
        self.explain(next(iter(PARAMETERS)))

    def explain(self, name: str) -> None:
        """Tell of a parameter."""
        facts, advice = PARAMETERS[name], ADVICE[name]
        self.title.configure(text=f"{_(facts.label)}  ({name})")
        parts = [
            (_("Higher"), advice.higher),
            (_("Lower"), advice.lower),
            (_("Usual"), advice.usual),
        ]
        lines = [f"{word}: {_(text)}" for word, text in parts if text]
        if default := text_of(DEFAULTS[name]):
            lines.append(_("Default: {value}").format(value=default))
        self.text.configure(state="normal")
        self.text.replace("1.0", "end", _(facts.help))
        for line in lines:
            word, colon, rest = line.partition(":")
            self.text.insert("end", f"\n{word}{colon}", "word", rest)
        self.text.configure(state="disabled")

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        self.text.configure(
            background=c.pane, foreground=c.muted, highlightthickness=0, borderwidth=0,
            padx=self.title.winfo_fpixels(INSET), pady=0,
        )  # fmt: skip
        self.text.tag_configure("word", foreground=c.text)
