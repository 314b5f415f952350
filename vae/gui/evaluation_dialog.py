"""All that was measured of a checkpoint, in a table."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Sequence
from tkinter import ttk
from typing import Literal

from vae.gui import dialogs, kit
from vae.gui.theme import ROW, pixels
from vae.language import _

MOST_ROWS = 16  # seen at once
AROUND = 220  # logical pixels above and below them, the dialog's title included
GAP = 18  # logical pixels beside each column's text


def show_evaluation(root: tk.Tk, headline: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Show what was measured: measure, value, and what is good. Lives until it is closed."""
    top, body = dialogs.begin(root, _("Evaluation"))
    ttk.Label(body, text=headline, style="Muted.Vae.TLabel", wraplength="480p").pack(anchor="w")
    frame = ttk.Frame(body, style="Vae.TFrame")
    frame.pack(fill="both", expand=True, pady="9p")
    line, around = pixels(root, ROW, AROUND)
    room = max(1, (root.winfo_screenheight() - around) // line)
    titles = (_("Measure"), _("Value"), _("What is good"))
    table = ttk.Treeview(
        frame, columns=("1", "2", "3"), show="headings", height=min(len(rows), MOST_ROWS, room),
        style="Vae.Treeview", selectmode="browse",
    )  # fmt: skip
    measure, (gap,) = tkfont.nametofont("TkDefaultFont", root).measure, pixels(root, GAP)
    for place, (column, title) in enumerate(zip(table["columns"], titles, strict=True)):
        anchor: Literal["e", "w"] = "e" if column == "2" else "w"
        table.heading(column, text=title, anchor=anchor)
        width = gap + max(map(measure, [title, *(row[place] for row in rows)]))
        table.column(column, width=width, anchor=anchor, stretch=column == "3")
    for row in rows:
        table.insert("", "end", values=row)
    bar = ttk.Scrollbar(frame, command=table.yview, style="Vae.Vertical.TScrollbar")
    table.configure(yscrollcommand=bar.set)
    bar.pack(side="right", fill="y")
    table.pack(side="left", fill="both", expand=True)
    close = kit.button(body, _("Close"), top.destroy, "Primary")
    close.pack(anchor="e")
    close.focus_set()
    top.bind("<Escape>", lambda event: top.destroy())
    dialogs.wait(root, top)
