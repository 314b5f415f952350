"""The look: the one module that names the theme toolkit."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk
from typing import Any, Literal

import ttkbootstrap as tb

NAME = "vae-studio"
MIN_SIZE = (1024, 660)


@dataclass(frozen=True)
class Palette:
    """Colours of one mode; each text colour has at least 4.5:1 on its background."""

    background: str
    pane: str
    text: str
    muted: str
    rule: str
    primary: str
    success: str
    warning: str
    danger: str
    on_primary: str = "#ffffff"


LIGHT = Palette(
    "#ffffff", "#f6f8fa", "#1a1f26", "#5b6570", "#e1e5ea",
    "#1a62d6", "#1a7f4b", "#8a5b00", "#c62f3b",
)  # fmt: skip
DARK = Palette(
    "#16191d", "#1b1f24", "#e8ebef", "#9aa4b0", "#2b3037",
    "#5b9bff", "#4cc38a", "#e0aa3e", "#ff7b85", "#0b1220",
)  # fmt: skip


def create_window(title: str, mode: str) -> tk.Tk:
    """The root window in "light" or "dark"; DPI awareness is set before Tk exists."""
    accents = dict(
        primary="#1f6feb", success="#1a7f4b", info="#1f6feb", warning="#9a6700", danger="#c62f3b"
    )
    tb.Theme(
        NAME,
        neutral="#6b7480",
        light={"background": LIGHT.background, "foreground": LIGHT.text},
        dark={"background": DARK.background, "foreground": DARK.text},
        **accents,
    ).register()  # type: ignore[no-untyped-call]
    root: tk.Tk = tb.App(
        title, theme=f"{NAME}-{mode}", light_theme=f"{NAME}-light", dark_theme=f"{NAME}-dark"
    )
    root.vae_fonts = _fonts(root)  # type: ignore[attr-defined]
    root.style.on_theme_change(lambda style: _styles(root, style))  # type: ignore[attr-defined]
    root.minsize(*(min(s, m) for s, m in zip(pixels(root, *MIN_SIZE), _screen(root), strict=True)))
    return root


def _screen(root: tk.Tk) -> tuple[int, int]:
    return root.winfo_screenwidth(), root.winfo_screenheight()


def pixels(widget: tk.Misc, *sizes: float) -> tuple[int, ...]:
    """Logical sizes (at 96 dpi) in this screen's pixels."""
    factor = widget.winfo_fpixels("1i") / 96
    return tuple(round(size * factor) for size in sizes)


def mode(root: tk.Misc) -> str:
    """ "light" or "dark"."""
    return str(root.style.theme_mode)  # type: ignore[attr-defined]


def palette(root: tk.Misc) -> Palette:
    """The colours now in use."""
    return DARK if mode(root.winfo_toplevel()) == "dark" else LIGHT


def toggle_mode(root: tk.Tk) -> None:
    """Switch between light and dark."""
    root.style.toggle_theme()  # type: ignore[attr-defined]


def on_mode_change(root: tk.Tk, callback: Callable[[], None]) -> None:
    """Call back now and after each switch between light and dark."""
    root.style.on_theme_change(lambda style: callback())  # type: ignore[attr-defined]


_FONTS: tuple[tuple[str, int, Literal["normal", "bold"]], ...] = (
    ("VaeSmall", 9, "normal"),
    ("VaeBold", 10, "bold"),
    ("VaeNumber", 13, "bold"),
    ("VaeTitle", 16, "bold"),
)


def _fonts(root: tk.Tk) -> list[tkfont.Font]:
    """Our named fonts: one family in four sizes. A font lives as long as its object."""
    family = tkfont.nametofont("TkDefaultFont", root).actual("family")
    for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont"):
        tkfont.nametofont(name, root).configure(size=10)
    return [
        tkfont.Font(root, name=name, family=family, size=size, weight=weight)
        for name, size, weight in _FONTS
    ]


def _styles(root: tk.Tk, style: Any) -> None:
    """Our styles, made anew for each theme since a style's map belongs to one theme."""
    c = DARK if style.theme_mode == "dark" else LIGHT
    for name, back in (("", c.background), ("Pane.", c.pane)):
        style.configure(f"{name}Vae.TFrame", background=back)
        for kind, font, colour in (
            ("", "TkDefaultFont", c.text), ("Muted.", "TkDefaultFont", c.muted),
            ("Bold.", "VaeBold", c.text), ("Title.", "VaeTitle", c.text),
            ("Number.", "VaeNumber", c.text), ("Error.", "VaeSmall", c.danger),
            ("Accent.", "VaeNumber", c.primary),
        ):  # fmt: skip
            style.configure(
                f"{kind}{name}Vae.TLabel", background=back, foreground=colour, font=font
            )
    field = "#ffffff" if c is LIGHT else "#22272e"
    for kind in ("TEntry", "TSpinbox", "TCombobox"):
        for name, border in (("Vae.", c.muted), ("Bad.Vae.", c.danger)):
            style.configure(
                f"{name}{kind}", fieldbackground=field, foreground=c.text, bordercolor=border,
                lightcolor=field, darkcolor=field, insertcolor=c.text, arrowcolor=c.text,
                padding=5,
            )  # fmt: skip
            style.map(
                f"{name}{kind}",
                foreground=[("disabled", c.muted)],
                fieldbackground=[("disabled", c.pane), ("readonly", field)],
                bordercolor=[("focus", c.primary)] if name == "Vae." else [],
            )
    style.configure("Rule.Vae.TFrame", background=c.rule)
    style.configure("Vae.TCheckbutton", background=c.background, foreground=c.text)
    style.map("Vae.TCheckbutton", background=[("active", c.background)])
    style.configure(
        "Vae.TNotebook", background=c.background, bordercolor=c.background, borderwidth=0,
        lightcolor=c.background, darkcolor=c.background, tabmargins=0,
    )  # fmt: skip
    style.configure(
        "Vae.TNotebook.Tab", background=c.background, foreground=c.muted, padding=(14, 8),
        bordercolor=c.background, lightcolor=c.background, darkcolor=c.background,
        borderwidth=1, font="VaeBold",
    )  # fmt: skip
    style.map(
        "Vae.TNotebook.Tab",
        background=[("selected", c.pane), ("active", c.rule)],
        foreground=[("selected", c.primary), ("active", c.text)],
        bordercolor=[("selected", c.rule)],
        padding=[("selected", (14, 8))],
        expand=[("selected", (0, 0, 0, 0))],
    )
    style.configure(
        "Vae.Horizontal.TProgressbar", background=c.primary, troughcolor=c.rule,
        bordercolor=c.rule, lightcolor=c.primary, darkcolor=c.primary,
        thickness=pixels(root, 8)[0], borderwidth=0,
    )  # fmt: skip
    style.configure(
        "Vae.Vertical.TScrollbar", background=c.muted, troughcolor=c.pane, bordercolor=c.pane,
        lightcolor=c.muted, darkcolor=c.muted, arrowcolor=c.text,
    )  # fmt: skip
    root.configure(background=c.background)


class Button(tk.Button):
    """A flat button: "primary" is filled, "danger" outlined, "plain" quiet. Themed by `paint`."""

    def __init__(
        self, master: tk.Misc, text: str, command: Callable[[], object], kind: str
    ) -> None:
        super().__init__(
            master, text=text, command=command, relief="flat", borderwidth=0, padx=14, pady=7,
            highlightthickness=2, cursor="hand2", font="TkDefaultFont", takefocus=True,
        )  # fmt: skip
        self.kind = kind
        self.bind("<Return>", lambda event: self.invoke())

    def paint(self, c: Palette, pane: bool = False) -> None:
        """Take the colours of a palette."""
        back = c.pane if pane else c.background
        fore = {"primary": c.on_primary, "danger": c.danger}.get(self.kind, c.text)
        filled = self.kind == "primary" and self["state"] == "normal"
        self.configure(
            background=c.primary if filled else c.rule if self["state"] == "disabled" else back,
            activebackground=c.primary if filled else c.rule,
            foreground=fore, activeforeground=fore, disabledforeground=c.muted,
            highlightbackground=c.primary if filled else c.rule,
            highlightcolor=c.text,
        )  # fmt: skip


def tooltip(widget: tk.Widget, text: str) -> None:
    """Explain a widget on hover and on keyboard focus, in the theme's colours."""
    size = pixels(widget, 320)[0]
    tip = tb.ToolTip(widget, text=text, bootstyle="@secondary", wraplength=size, position="top")
    widget.bind("<FocusIn>", lambda event: tip.schedule(), add="+")
    widget.bind("<FocusOut>", lambda event: tip.leave(), add="+")


def wheel_never_changes_values(root: tk.Tk) -> None:
    """Scrolling over a field must not change it, as every theme has it."""
    for kind in ("TSpinbox", "TCombobox"):
        for event in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
            root.unbind_class(kind, event)


def ask(root: tk.Tk, title: str, text: str, choices: tuple[str, ...]) -> str:
    """A dialog with one button for each choice; Escape takes the last. Returns the choice."""
    top = tk.Toplevel(root)
    top.title(title)
    top.transient(root)
    c = palette(root)
    top.configure(background=c.background)
    body = ttk.Frame(top, style="Vae.TFrame", padding=24)
    body.pack(fill="both", expand=True)
    wide = pixels(root, 420)[0]
    ttk.Label(body, text=text, style="Vae.TLabel", wraplength=wide).pack(anchor="w", pady=(0, 16))
    answer = tk.StringVar(top, "")
    row = ttk.Frame(body, style="Vae.TFrame")
    row.pack(anchor="e")
    for i, choice in enumerate(choices):
        kind = "primary" if i == 0 else "plain"
        button = Button(row, choice, lambda choice=choice: answer.set(choice), kind)  # type: ignore[misc]
        button.paint(c)
        button.pack(side="left", padx=(8, 0))
        if i == 0:
            button.focus_set()
    top.bind("<Escape>", lambda event: answer.set(choices[-1]))
    top.protocol("WM_DELETE_WINDOW", lambda: answer.set(choices[-1]))
    top.update_idletasks()
    x = root.winfo_rootx() + (root.winfo_width() - top.winfo_reqwidth()) // 2
    y = root.winfo_rooty() + (root.winfo_height() - top.winfo_reqheight()) // 3
    top.geometry(f"+{max(x, 0)}+{max(y, 0)}")
    top.wait_visibility()
    top.grab_set()
    top.wait_variable(answer)
    top.destroy()
    return answer.get()
