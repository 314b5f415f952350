"""The menus: every action, with its key where it has one."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import TYPE_CHECKING

from vae.gui import kit
from vae.gui.recent_menu import add_recent_menu
from vae.language import LANGUAGES, _

if TYPE_CHECKING:
    from vae.gui.app import App

# What has the focus would act first on many keys, and for some as if no Ctrl were held: Ctrl+K
# empties a field, Ctrl+Enter presses a button or reopens a run. So its first tag is this one.
KEYS = ".keys"
MODIFIER = "Command" if sys.platform == "darwin" else "Control"
Action = Callable[[], object]
Entry = tuple[str, str, Action]  # label, key or "", action
SHIFT, LOCK = 1, 2  # of an event's state
# The keys of digits by their codes: of Windows, whose are ASCII, and of X11.
CODES = {"win32": tuple(b"1234567890"), "darwin": ()}.get(sys.platform, tuple(range(10, 20)))
DIGITS = dict(zip(CODES, "1234567890", strict=False))
# Keys that are as good as others: plus takes Shift on many keyboards.
ALIKE = {"Return": "Enter", "equal": "plus", "Add": "plus", "Subtract": "minus"}


def make_menus(app: App) -> Callable[[], None]:
    """Give the window its menu bar and bind the keys.

    What is returned allows of the menu's entries those whose buttons in the bar can be clicked.
    """
    control, actions = app.control, app.actions
    # Never shown. What is bound to it goes with it when the window is built anew.
    keys = ttk.Frame(app.root, name=KEYS.removeprefix("."))
    with_modifier: dict[str, Action] = {}
    menus: dict[str, list[Entry | None]] = {  # None is a line between groups
        _("File"): [
            (_("Open output folder"), "Mod+O", actions.open_output),
            (_("Open checkpoint folder"), "", actions.open_checkpoints),
            (_("Open folder of the log file"), "", actions.open_log),
            None,
            (_("Export figures..."), "Mod+E", app.loss_actions.export),
            (_("Save loss plot..."), "", app.loss_actions.save_plot),
            (_("Copy loss data"), "", app.loss_actions.copy_data),
            (_("Compare with a log..."), "", app.loss_actions.compare_with_log),
            None,
            (_("Clear image cache..."), "", actions.clear_cache),
            None,
            (_("Quit"), "Mod+Q", app.close),
        ],
        _("Run"): [
            (_("Train or resume"), "Mod+Enter", control.train),
            (_("Pause or go on"), "Mod+B", control.pause),
            (_("Stop..."), "Esc", control.ask_stop),
            None,
            (_("Save a checkpoint at once"), "Mod+S", control.save_now),
            (_("Draw samples at once"), "Mod+G", control.sample_now),
            None,
            (_("Start fresh..."), "Mod+N", control.start_fresh),
            (_("Several runs in a row..."), "Mod+D", control.train_several),
            None,
            (_("Evaluate..."), "Mod+U", actions.evaluate),
            (_("Write a report"), "Mod+Y", actions.write_report),
            (_("Copy as command"), "Mod+K", actions.copy_command),
        ],
        _("View"): [
            *(
                (title, f"Mod+{number}", partial(app.show_tab, pane))
                for number, (title, pane) in enumerate(app.panes.items(), start=1)
            ),
            None,
            (_("Advanced parameters"), "Mod+P", app.form.toggle_advanced),
            (_("Explanations"), "Mod+I", app.form.toggle_info),
            (_("Show or hide the form"), "F9", app.sides.toggle),
            None,
            (_("Light or dark"), "Mod+L", app.toggle_mode),
            (_("Larger text"), "Mod+plus", app.larger),
            (_("Smaller text"), "Mod+minus", partial(app.larger, -1)),
            (_("Usual text size"), "Mod+0", partial(app.use_scale, 1.0)),
            (LANGUAGES[app.next_language()], "Mod+J", app.toggle_language),
        ],
        _("Help"): [
            (_("First steps and measures"), "F1", actions.help),
            (_("Demo data set"), "", actions.make_demo),
            None,
            (_("Copy report"), "Mod+R", actions.copy_report),
            (_("Open log folder"), "", actions.open_log_folder),
            None,
            (_("About VAE Studio"), "", actions.about),
        ],
    }
    buttons = {
        control.train: app.bar.train, control.pause: app.bar.pause, control.ask_stop: app.bar.stop,
        control.save_now: app.bar.save, control.sample_now: app.bar.sample,
        control.start_fresh: app.bar.fresh, control.train_several: app.presets.button,
    }  # fmt: skip
    followed: list[tuple[tk.Menu, str, tk.Widget]] = []
    bar = kit.menu(app.root)
    for title, entries in menus.items():
        menu = kit.menu(bar)
        bar.add_cascade(label=title, menu=menu, underline=0)
        for entry in entries:
            if entry is None:
                menu.add_separator()
                continue
            label, key, action = entry
            shown = key.replace("Mod", "Cmd" if sys.platform == "darwin" else "Ctrl")
            shown = shown.replace("plus", "+").replace("minus", "-")
            menu.add_command(label=label, accelerator=shown, command=action)
            if action in buttons:
                followed.append((menu, label, buttons[action]))
            if key.startswith("Mod+"):
                with_modifier[key.removeprefix("Mod+")] = action
            elif key == "Esc":  # last, since it leaves a comparison before it stops a run
                kit.bind_beyond(app.bar, app.root, "<Escape>", partial(_act, action))
            elif key:
                keys.bind(f"<{key}>", partial(_act, action))
        if title == _("File"):
            add_recent_menu(app, menu)
    app.root.configure(menu=bar)
    keys.bind(f"<{MODIFIER}-Key>", partial(_press, with_modifier))
    keys.bind(f"<{MODIFIER}-Alt-Key>", lambda event: None)  # AltGr, of Windows: it writes signs
    kit.bind_beyond(app.bar, app.root, "<FocusIn>", _listen_first)
    if sys.platform == "darwin":
        # The system's own Quit goes past WM_DELETE_WINDOW.
        app.root.createcommand("::tk::mac::Quit", app.close)

    def follow() -> None:
        for menu, label, button in followed:
            menu.entryconfigure(label, state=str(button["state"]))

    return follow


def _press(actions: dict[str, Action], event: tk.Event) -> str:
    """Do what a key is for with Ctrl or Cmd, and nothing else."""
    action = actions.get(_name(event))
    return _act(action, event) if action else ""


def _name(event: tk.Event) -> str:
    """What the menus call a key that was pressed.

    A digit is known by its place: in Slovak and other layouts it takes Shift, and its key without
    Shift is plus, or a letter with an accent. These have longer names than a letter, whose place
    is that of a digit on keyboards of other systems.
    """
    state, digit = int(event.state), DIGITS.get(event.keycode)
    if digit and len(event.keysym) > 1 and not state & SHIFT:
        return digit
    key = event.keysym.removeprefix("KP_")
    if len(key) == 1:
        return key if state & LOCK else key.swapcase()
    return ALIKE.get(key, key)


def _act(action: Action, event: tk.Event) -> str:
    """Do what a key is for, and nothing else."""
    action()
    return "break"


def _listen_first(event: tk.Event) -> None:
    """Let the window's keys come before those of the part that gets the focus; in no dialog."""
    if isinstance(event.widget, tk.Misc) and KEYS not in (tags := event.widget.bindtags()):
        event.widget.bindtags((KEYS, *tags))
