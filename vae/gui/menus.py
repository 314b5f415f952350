"""The menus: every action, with its key where it has one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from vae.gui import kit
from vae.gui.recent_menu import add_recent_menu

if TYPE_CHECKING:
    from vae.gui.app import App

Entry = tuple[str, str, Callable[[], object]]  # label, key or "", action


def make_menus(app: App) -> None:
    """Give the window its menu bar and bind the keys."""
    menus: dict[str, list[Entry]] = {
        "File": [
            ("Open output folder", "Mod+O", app.open_output),
            ("Clear image cache...", "", app.clear_cache),
            ("Quit", "Mod+Q", app.close),
        ],
        "Run": [
            ("Train or resume", "Mod+Enter", app.train),
            ("Stop...", "Esc", app.ask_stop),
            ("Start fresh...", "Mod+N", app.start_fresh),
        ],
        "View": [
            *(
                (title, f"Mod+{number}", partial(app.show_tab, pane))
                for number, (title, pane) in enumerate(app.panes.items(), start=1)
            ),
            ("Light or dark", "Mod+L", app.toggle_mode),
            ("Advanced parameters", "Mod+P", app.form.toggle_advanced),
        ],
        "Help": [
            ("Copy report", "Mod+R", app.copy_report),
            ("Open log folder", "", app.open_log_folder),
            ("About VAE Studio", "F1", app.about),
        ],
    }
    bar = kit.menu(app.root)
    for title, entries in menus.items():
        menu = kit.menu(bar)
        bar.add_cascade(label=title, menu=menu, underline=0)
        for label, key, action in entries:
            shown = key.replace("Mod", "Cmd" if sys.platform == "darwin" else "Ctrl")
            menu.add_command(label=label, accelerator=shown, command=action)
            if key:
                app.root.bind(_sequence(key), partial(_without_event, action))
        if title == "File":
            add_recent_menu(app, menu)
    app.root.configure(menu=bar)
    if sys.platform == "darwin":
        # The system's own Quit goes past WM_DELETE_WINDOW.
        app.root.createcommand("::tk::mac::Quit", app.close)


def _sequence(key: str) -> str:
    """Tk's name for "Mod+Enter", "Mod+1", "Esc", "F1"."""
    *modifiers, last = key.split("+")
    last = {"Enter": "Return", "Esc": "Escape"}.get(last, last)
    if last.isdigit():
        last = f"Key-{last}"
    if modifiers:
        last = ("Command-" if sys.platform == "darwin" else "Control-") + (
            last.lower() if len(last) == 1 else last
        )
    return f"<{last}>"


def _without_event(action: Callable[[], object], event: object) -> None:
    action()
