"""Questions that the window asks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from vae.gui import kit
from vae.gui.theme import pixels

TITLE = 40  # of a window, at most, in logical pixels
LOOK_MS = 200  # from one look to the next, whether a question still stands


def ask(
    root: tk.Tk,
    title: str,
    text: str,
    choices: tuple[str, ...],
    safe: str | None = None,
    still: Callable[[], bool] = lambda: True,
) -> str:
    """A dialog with one button for each choice. Returns the choice.

    Escape takes the `safe` one, by default the last. So does the window if it goes itself. When
    what is asked about is not `still` the case, the dialog goes, and "" is returned.

    The window lives on while it waits.
    """
    safe = safe or choices[-1]
    answers = [safe]
    top, body = begin(root, title)

    def choose(choice: str) -> None:
        answers.append(choice)
        top.destroy()

    ttk.Label(body, text=text, style="Vae.TLabel", wraplength="315p").pack(
        anchor="w", pady=(0, "12p")
    )
    row = ttk.Frame(body, style="Vae.TFrame")
    row.pack(anchor="e")
    for choice in choices:
        kind = "Primary" if choice == choices[0] else "Plain"
        button = kit.button(row, choice, lambda choice=choice: choose(choice), kind)  # type: ignore[misc]
        button.pack(side="left", padx=("6p", 0))
        if choice == choices[0]:
            button.focus_set()
    top.bind("<Escape>", lambda event: choose(safe))

    def look() -> None:
        if not top.winfo_exists():
            return
        if still():
            root.after(LOOK_MS, look)
        else:
            choose("")

    root.after(LOOK_MS, look)
    wait(root, top)
    return answers[-1]


def ask_text(root: tk.Tk, title: str, text: str, agree: str, cancel: str) -> str:
    """A dialog with one field. Returns what was written, or nothing if it was cancelled."""
    answers = [""]
    top, body = begin(root, title)
    ttk.Label(body, text=text, style="Vae.TLabel", wraplength="315p").pack(anchor="w")
    field = ttk.Entry(body, style="Vae.TEntry", width=40)
    field.pack(fill="x", pady="9p")
    row = ttk.Frame(body, style="Vae.TFrame")
    row.pack(anchor="e")

    def take() -> None:
        answers.append(field.get().strip())
        if answers[-1]:
            top.destroy()
        else:
            field.focus_set()
            field.bell()

    kit.button(row, agree, take, "Primary").pack(side="left", padx=("6p", 0))
    kit.button(row, cancel, top.destroy, "Plain").pack(side="left", padx=("6p", 0))
    field.bind("<Return>", lambda event: take())
    top.bind("<Escape>", lambda event: top.destroy())
    field.focus_set()
    wait(root, top)
    return answers[-1]


def begin(root: tk.Tk, title: str) -> tuple[tk.Toplevel, ttk.Frame]:
    """A dialog's window and the frame for what is in it."""
    # A dialog of a minimised window would never be seen.
    root.deiconify()
    top = tk.Toplevel(root, background=kit.palette(root).background)
    top.title(title)
    top.transient(root)
    body = ttk.Frame(top, style="Vae.TFrame", padding="18p")
    body.pack(fill="both", expand=True)
    return top, body


def wait(root: tk.Tk, top: tk.Toplevel) -> None:
    """Show a dialog over the window until it is closed."""
    top.update_idletasks()
    width, height = top.winfo_reqwidth(), top.winfo_reqheight()
    x = root.winfo_rootx() + (root.winfo_width() - width) // 2
    y = root.winfo_rooty() + (root.winfo_height() - height) // 3
    # Its buttons are at the end: larger text must not bring them below the screen.
    x = min(x, root.winfo_screenwidth() - width)
    y = min(y, root.winfo_screenheight() - height - pixels(root, TITLE)[0])
    top.geometry(f"+{max(x, 0)}+{max(y, 0)}")
    top.resizable(False, False)
    kit.hold(root, top)
    top.wait_window()
