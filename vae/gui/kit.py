"""The one module that names the theme toolkit: the window, its modes, buttons, tips, choosers."""

from __future__ import annotations

import os
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tkinter import ttk
from typing import Any

import ttkbootstrap as tb
from ttkbootstrap.dialogs import Querybox
from ttkbootstrap.dialogs.filedialog import FileDialog
from ttkbootstrap.localization import MessageCatalog

from vae import language
from vae.gui import scrolled
from vae.gui.theme import DARK, LIGHT, Palette, apply_styles, make_fonts, pixels
from vae.language import _, marked

NAME = "vae-studio"
MIN_SIZE = (1024, 660)
TIP_MS = 6000
# What the toolkit's own dialogs say, as it asks its catalogue.
DIALOG_TEXTS = (
    marked("Directory:"), marked("Name"), marked("Size"), marked("Modified"),
    marked("Selection:"), marked("File name:"), marked("Files of type:"), marked("OK"),
    marked("Cancel"), marked("Show hidden files"), marked("File already exists. Overwrite?"),
    marked("Yes"), marked("No"),
)  # fmt: skip


def create_window(title: str, mode: str) -> tk.Tk:
    """The root window in "light" or "dark"; DPI awareness is set before Tk exists."""
    tb.Theme(
        NAME,
        primary=LIGHT.primary, info=LIGHT.primary, neutral=LIGHT.muted,
        success=LIGHT.success, warning=LIGHT.warning, danger=LIGHT.danger,
        light={"background": LIGHT.background, "foreground": LIGHT.text},
        dark={"background": DARK.background, "foreground": DARK.text},
    ).register()  # type: ignore[no-untyped-call]  # fmt: skip
    root: tk.Tk = tb.App(
        title, theme=f"{NAME}-{mode}", light_theme=f"{NAME}-light", dark_theme=f"{NAME}-dark"
    )
    root.vae_fonts = make_fonts(root)  # type: ignore[attr-defined]
    # Off at first: on X11 Tk prepares them for each widget that it draws, a fifth of the start.
    root.vae_input = root.tk.call("tk", "useinputmethods")  # type: ignore[attr-defined]
    root.tk.call("tk", "useinputmethods", False)
    on_mode_change(root, lambda: apply_styles(root, root.style, palette(root)))  # type: ignore[attr-defined]
    screen = root.winfo_screenwidth(), root.winfo_screenheight()
    root.minsize(*(min(s, m) for s, m in zip(pixels(root, *MIN_SIZE), screen, strict=True)))
    # On the window's own events, which all its parts send too: hundreds of calls at each change of
    # size, for an opacity and a place that the window does not ask for.
    for sequence in ("<Visibility>", "<Map>", "<Configure>"):
        root.unbind(sequence)
    # Some builds of Tk leave buttons deaf to the space bar.
    root.event_add("<<Invoke>>", "<space>")
    # Scrolling over a field must not change it, as every theme has it.
    for kind in ("TSpinbox", "TCombobox"):
        for event in (*scrolled.WHEEL, *scrolled.TOUCHPAD):
            root.unbind_class(kind, event)
    scrolled.listen(root)
    _follow_focus(root)
    return root


def allow_input_methods(root: tk.Tk) -> None:
    """Let dead keys and the like be typed, which waits until the window has been drawn."""
    root.tk.call("tk", "useinputmethods", root.vae_input)  # type: ignore[attr-defined]


def scale(root: tk.Tk, factor: float) -> None:
    """Make the text, and all that is measured in points, so many times as large.

    What is on the window then has to be made again.
    """
    root.vae_points = getattr(root, "vae_points", root.tk.call("tk", "scaling"))  # type: ignore[attr-defined]
    root.tk.call("tk", "scaling", float(root.vae_points) * factor)  # type: ignore[attr-defined]
    for name in tkfont.names(root):
        font = tkfont.nametofont(name, root)
        font.configure(size=font["size"])  # takes the new measure
    apply_styles(root, root.style, palette(root))  # type: ignore[attr-defined]


def hold(root: tk.Tk, dialog: tk.Toplevel) -> None:
    """Show a dialog, and keep clicks and keys of the program for it until it is closed."""
    _dialogs(root).append(dialog)
    root.vae_opening = dialog  # type: ignore[attr-defined]
    dialog.wait_visibility()
    root.vae_opening = None  # type: ignore[attr-defined]
    dialog.grab_set()
    _let_go(root, dialog)


def _dialogs(root: tk.Tk) -> list[tk.Toplevel]:
    """Those that are there, the newest last."""
    known: list[tk.Toplevel] = getattr(root, "vae_dialogs", [])
    root.vae_dialogs = there = [one for one in known if one.winfo_exists()]  # type: ignore[attr-defined]
    return there


def _follow_focus(root: tk.Tk) -> None:
    """Let dialogs, those of the toolkit too, have the focus while they are there.

    Tk drops the news of a focus that comes to what is outside of a grab. No key would do anything
    then, in the dialog or in the window, even once the dialog is closed.
    """
    for kind in (root.winfo_class(), "Toplevel"):
        for event in ("<FocusIn>", "<Map>"):
            root.bind_class(kind, event, lambda event: _hand_over(root), add="+")
    root.bind_class("Toplevel", "<FocusOut>", lambda event: _let_go(root, event.widget), add="+")


def _let_go(root: tk.Tk, dialog: object) -> None:
    """Release the grab of a dialog while another window has the focus, or is about to get it."""
    elsewhere = not root.tk.call("focus")
    if elsewhere and isinstance(dialog, tk.Toplevel) and dialog.grab_status():
        dialog.grab_release()
        if dialog not in (known := _dialogs(root)):  # one of the toolkit
            known.append(dialog)


def _hand_over(root: tk.Tk) -> None:
    """Give a focus that came to the program to its newest dialog, and the grab with it."""
    focus, grabbed = (str(root.tk.call(*words)) for words in (("focus",), ("grab", "current", ".")))
    for dialog in _dialogs(root)[-1:]:
        if dialog is getattr(root, "vae_opening", None):
            return  # Tk is about to focus the part that asked for it; to be forced would end that
        if focus and grabbed in ("", str(dialog)) and dialog.winfo_viewable():
            dialog.grab_set()
            if not f"{focus}.".startswith(f"{dialog}."):
                root.tk.call("focus", "-force", root.tk.call("focus", "-lastfor", dialog))


def mode(root: tk.Misc) -> str:
    """ "light" or "dark"."""
    return str(root.style.theme_mode)  # type: ignore[attr-defined]


def palette(widget: tk.Misc) -> Palette:
    """The colours now in use."""
    return DARK if mode(widget.winfo_toplevel()) == "dark" else LIGHT


def toggle_mode(root: tk.Tk) -> None:
    """Switch between light and dark."""
    root.style.toggle_theme()  # type: ignore[attr-defined]


def on_mode_change(root: tk.Tk, callback: Callable[[], None]) -> None:
    """Call back now and after each switch between light and dark."""
    root.style.on_theme_change(lambda style: callback())  # type: ignore[attr-defined]


def button(
    master: tk.Misc, text: str, command: Callable[[], object], kind: str, icon: str = ""
) -> ttk.Button:
    """A button of a kind that theme.py styles. With an icon and no text it is only the icon.

    Icons follow the text's colour in every state and mode. The toolkit lets Return press it too.
    """
    made = ttk.Button(master, text=text, command=command, style=f"{kind}.Vae.TButton")
    if icon:
        set_icon(made, icon)
    return made


def set_icon(widget: ttk.Button, icon: str) -> None:
    """Show another icon."""
    tb.apply_icon(widget, icon, size=16)  # type: ignore[no-untyped-call]


def menu(master: tk.Misc, fill: Callable[[tk.Menu], None] | None = None) -> tk.Menu:
    """A menu in the colours of the mode; `fill` adds its entries each time it is opened."""
    made = tk.Menu(master, tearoff=False)
    made.configure(postcommand=partial(_prepare_menu, made, fill))
    _paint_menu(made)
    return made


def _prepare_menu(made: tk.Menu, fill: Callable[[tk.Menu], None] | None) -> None:
    _paint_menu(made)
    if fill:
        made.delete(0, "end")
        for inner in made.winfo_children():
            inner.destroy()
        fill(made)


def _paint_menu(made: tk.Menu) -> None:
    """Plain where Tk draws menus itself; the system's own take no colours."""
    c = palette(made.nametowidget("."))  # a menu is its own top level
    made.configure(
        background=c.field, foreground=c.text, activebackground=c.primary, relief="raised",
        activeforeground=c.on_primary, disabledforeground=c.muted, borderwidth=1,
        activeborderwidth=1,
    )  # fmt: skip


def meter(master: tk.Misc) -> ttk.Progressbar:
    """A horizontal meter from 0 to 1."""
    return ttk.Progressbar(master, maximum=1.0, style="primary.Vae.Horizontal.TProgressbar")


def paint_meter(made: ttk.Progressbar, tone: str) -> None:
    """Colour a meter as the word for a state is."""
    made.configure(style=f"{tone}.Vae.Horizontal.TProgressbar")


def switch(
    master: tk.Misc, text: str, variable: tk.BooleanVar, command: Callable[[], object]
) -> ttk.Checkbutton:
    """A two-state switch with a text."""
    made: ttk.Checkbutton = tb.Checkbutton(
        master, text=text, variable=variable, command=command, bootstyle="round-toggle"
    )
    return made


def choice(
    master: tk.Misc,
    text: str,
    values: tuple[str, ...],
    index: int,
    command: Callable[[int], object],
) -> ttk.Combobox:
    """A label and a list to choose from, packed from the left; the command gets the place."""
    label = ttk.Label(master, text=text, style="Muted.Vae.TLabel")
    label.pack(side="left", padx=(0, "6p"))
    box = ttk.Combobox(
        master, values=values, state="readonly", width=max(map(len, values)) + 1,
        style="Vae.TCombobox",
    )  # fmt: skip
    box.current(index)
    box.pack(side="left", padx=(0, "12p"))

    def chosen(event: tk.Event) -> None:
        box.selection_clear()
        command(box.current())

    box.bind("<<ComboboxSelected>>", chosen)
    return box


def slider(master: tk.Misc, variable: tk.DoubleVar, command: Callable[[str], object]) -> ttk.Scale:
    """A horizontal slider from 0; arrow keys move it by 1."""
    made: ttk.Scale = tb.Scale(
        master, from_=0, to=1, variable=variable, command=command, style="Vae.Horizontal.TScale"
    )

    def pressed(event: tk.Event) -> str:
        made.focus_set()
        if "slider" in str(made.identify(event.x, event.y)):
            return ""
        made.set(float(made.get(event.x, event.y)))  # there at once, not a step towards it
        return "break"

    made.bind("<Button-1>", pressed)
    return made


def menu_button(
    master: tk.Misc, text: str, fill: Callable[[tk.Menu], None], style: str = "Vae.TMenubutton"
) -> ttk.Menubutton:
    """A button that opens a menu below it, or above where there is no room.

    `fill` adds its entries. Return opens it, as it presses a button.
    """
    # The theme leaves no room between the text and the arrow.
    made = ttk.Menubutton(master, text=f"{text}  ", style=style)
    opened = menu(made, fill)
    made.configure(menu=opened)

    def choose_side(event: tk.Event) -> None:
        # Tk would measure the menu before it is filled, and would then let it cover the button.
        _prepare_menu(opened, fill)
        opened.update_idletasks()
        bottom = made.winfo_rooty() + made.winfo_height() + opened.winfo_reqheight()
        made.configure(direction="above" if bottom > made.winfo_screenheight() else "below")

    for opens in ("<Button-1>", "<<Invoke>>"):
        made.bind(opens, choose_side)
    made.bind("<Return>", lambda event: made.event_generate("<<Invoke>>"))
    return made


def tooltip(widget: tk.Widget, text: str, focus: bool = True) -> None:
    """Explain a widget on hover, and on keyboard `focus`, in the theme's colours."""
    size = pixels(widget, 320)[0]
    tip = tb.ToolTip(widget, text=text, wraplength=size, position="right")

    if focus:  # that Tab brought: one that a click or a new tab gave asks for no explanation
        widget.bind("<<TraverseIn>>", lambda event: tip.schedule(), add="+")
    # The pointer may have left unnoticed, as when a dialog opened under it. A timer of the widget's
    # own would fail if that is gone by then.
    window = widget.nametowidget(".")
    for shown in ("<Enter>", "<<TraverseIn>>"):
        widget.bind(shown, lambda event: window.after(TIP_MS, tip.leave), add="+")
    for done in ("<FocusOut>", "<Key>"):
        widget.bind(done, lambda event: tip.leave(), add="+")


def bind_beyond(
    part: tk.Misc, other: tk.Misc, sequence: str, action: Callable[[tk.Event], object]
) -> None:
    """Bind an action at another widget for as long as a part is there.

    That widget would keep the action, and all that this holds, even once another is bound there.
    """
    bound = other.bind(sequence, action)
    part.bind("<Destroy>", lambda event: other.unbind(sequence, bound), add="+")


def on_write(part: tk.Misc, variable: tk.Variable, action: Callable[[], object]) -> None:
    """Call back at each change of a variable for as long as a part is there.

    Tcl would keep the action, and all that this holds, the variable among it.
    """
    trace = variable.trace_add("write", lambda *names: action())
    part.bind("<Destroy>", lambda event: variable.trace_remove("write", trace), add="+")


def accept_drops(root: tk.Tk, dropped: Callable[[str], None]) -> None:
    """Call back with the path of what is dropped on the window, if tkinterdnd2 is installed."""
    try:
        from tkinterdnd2 import TkinterDnD

        TkinterDnD._require(root)
    except (ImportError, RuntimeError, tk.TclError):
        return  # the folder can be chosen and pasted all the same

    def drop(paths: str) -> str:
        if names := root.tk.splitlist(paths):
            dropped(str(names[0]))
        return "copy"

    root.tk.call("tkdnd::drop_target", "register", root, "DND_Files")
    root.tk.call("bind", root, "<<Drop>>", f"{root.register(drop)} %D")


def _speak() -> None:
    """Let the toolkit's own dialogs, which X11 needs, speak the language in use."""
    for text in DIALOG_TEXTS:
        MessageCatalog.set(language.current(), text, _(text))
    MessageCatalog.locale(language.current())


def choose_folder(parent: tk.Misc, start: str) -> str:
    """Let the person choose a folder. "" if cancelled.

    Begins in the nearest folder of a path that is there; without a path, in the person's own.
    """
    path = Path(os.path.expanduser(start or "~")).absolute()
    there = next((str(folder) for folder in (path, *path.parents) if os.path.isdir(folder)), "")
    return _choose(parent, "directory", title=_("Choose a folder"), initialdir=there)


def choose_file(parent: tk.Misc, title: str, folder: Path, name: str) -> str:
    """Let the person name a file to write; asks before one is replaced. "" if cancelled."""
    suffix = Path(name).suffix
    return _choose(
        parent, "save", title=title, initialdir=str(folder), initialfile=name,
        defaultextension=suffix, filetypes=[(suffix[1:].upper(), f"*{suffix}")],
    )  # fmt: skip


def choose_csv(parent: tk.Misc, start: str, name: str) -> str:
    """Let the person name a CSV file; it may exist. "" if cancelled."""
    return _choose(
        parent, "save", title=_("Choose the log file"), initialdir=start, initialfile=name,
        defaultextension=".csv", filetypes=[("CSV", "*.csv")], confirmoverwrite=False,
    )  # fmt: skip


def choose_log(parent: tk.Misc, start: str) -> str:
    """Let the person choose the CSV log of a run. "" if cancelled."""
    return _choose(
        parent, "open", title=_("Choose the log of another run"), initialdir=start,
        filetypes=[("CSV", "*.csv")],
    )  # fmt: skip


def choose_picture(parent: tk.Misc, start: str, name: str, formats: tuple[str, ...]) -> str:
    """Let the person name a picture to write, in one of some formats. "" if cancelled."""
    return _choose(
        parent, "save", title=_("Save this plot as a picture"), initialdir=start,
        initialfile=name, defaultextension=f".{formats[0]}",
        filetypes=[(form.upper(), f"*.{form}") for form in formats],
    )  # fmt: skip


def _choose(parent: tk.Misc, mode: str, **options: Any) -> str:
    """Ask for a path in the system's dialog, on X11 in a themed one. "" if cancelled."""
    _speak()
    if parent.tk.call("tk", "windowingsystem") == "x11":
        return str(_FileDialog(parent, mode=mode, **options).show() or "")
    ask: dict[str, Callable[..., str | None]] = {
        "directory": Querybox.get_directory, "open": Querybox.get_open_filename,
        "save": Querybox.get_save_filename,
    }  # fmt: skip
    return ask[mode](parent, **options) or ""


class _FileDialog(FileDialog):
    """The toolkit's own always asks before a file is replaced.

    For a folder it takes what is selected in its list, and not what was typed.
    """

    def __init__(self, parent: tk.Misc, confirmoverwrite: bool = True, **options: Any) -> None:
        super().__init__(parent, **options)
        self.confirms = confirmoverwrite

    def _build_topbar(self, master: tk.Misc) -> None:
        super()._build_topbar(master)
        self._dir_mb.lower()  # the Tab key comes to it before the button on its right

    def _confirm_overwrite(self, path: str) -> bool:
        return not self.confirms or bool(super()._confirm_overwrite(path))

    def _on_ok(self) -> None:
        if self._mode != "directory":
            super()._on_ok()
            return
        typed = os.path.join(self._cwd, os.path.expanduser(self._name_var.get().strip()))
        if os.path.isdir(typed):
            self._accept(typed)
        else:
            self._name_entry.bell()  # the dialog stays, with what was typed
