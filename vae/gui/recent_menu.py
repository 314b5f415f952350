"""The menu of the image folders that were used last."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from typing import TYPE_CHECKING, Literal

from vae.gui import jobs, kit
from vae.language import _

if TYPE_CHECKING:
    from vae.gui.app import App

MAX_LABEL = 70


def add_recent_menu(app: App, menu: tk.Menu) -> None:
    """Add it to a menu, below the first entry. The folders are those that RunView keeps."""
    inner = kit.menu(menu, partial(_fill, app))
    menu.insert_cascade(1, label=_("Recent folders"), menu=inner)


def _fill(app: App, menu: tk.Menu) -> None:
    """List the folders; one that is gone, or any while a run goes on, cannot be chosen."""
    for folder, there in app.view.recent:
        label = folder if len(folder) <= MAX_LABEL else f"...{folder[-MAX_LABEL:]}"
        if not there:
            label = _("{folder} (not there)").format(folder=label)
        state: Literal["normal", "disabled"] = "normal" if there and not app.busy else "disabled"
        menu.add_command(label=label, command=partial(_choose, app, folder), state=state)
    if not app.view.recent:
        menu.add_command(label=_("No folder was used yet"), state="disabled")
    else:
        menu.add_separator()
        menu.add_command(label=_("Clear list"), command=lambda: app.worker.do(jobs.clear_recent))
    app.worker.do(jobs.list_recent)  # for the next time: a drive may have come or gone


def _choose(app: App, folder: str) -> None:
    if not app.busy:
        app.form.take({"file_path": folder})
