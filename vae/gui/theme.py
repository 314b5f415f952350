"""The look: colours of both modes, fonts, and the styles of all widgets."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageTk

from vae.curve import COLOURS


@dataclass(frozen=True)
class Palette:
    """Colours of one mode; each text colour has at least 4.5:1 on its background."""

    background: str
    pane: str
    field: str
    text: str
    muted: str
    rule: str
    groove: str  # that a meter fills and a slider moves in
    edge: str
    primary: str
    on_primary: str
    success: str
    warning: str
    danger: str
    lines: tuple[str, ...]  # of a plot, the first one being the run's own


LIGHT = Palette(
    background="#ffffff", pane="#f6f8fa", field="#ffffff", text="#1a1f26", muted="#5b6570",
    rule="#e1e5ea", groove="#d3d7dc", edge="#8a939c", primary="#1a62d6", on_primary="#ffffff",
    success="#1a7f4b", warning="#8a5b00", danger="#c62f3b", lines=COLOURS,
)  # fmt: skip
DARK = Palette(
    background="#16191d", pane="#1b1f24", field="#22272e", text="#e8ebef", muted="#9aa4b0",
    rule="#2b3037", groove="#3b4047", edge="#6b7480", primary="#5b9bff", on_primary="#0b1220",
    success="#4cc38a", warning="#e0aa3e", danger="#ff7b85",
    lines=(
        "#5b9bff",
        "#f0a04b", "#3fc79a", "#e58ac4", "#c3ccd6", "#d9c44a", "#57c7e3", "#ff9d8a",
    ),
)  # fmt: skip

# Room beside a tab's title, in logical pixels: as it is meant, and where room is short.
TAB_ROOM, LEAST_TAB_ROOM = 8, 2
TAB_EDGES = 4  # and what the theme adds to a tab's width
# Heights of a table's rows, in logical pixels.
ROW, PICTURE_ROW = 25, 50
# What the images of a tab, a meter and a slider can fill at once, in logical pixels. Tk lays many
# small ones side by side, each with requests to the screen: thousands in a drawing of the window.
WIDE, HIGH = 512, 64
METER, SLIDER = 8, 6  # how high they are, in logical pixels

# The colour of the word for a state, and of its meter.
TONES = {
    "idle": "text", "checking": "primary", "running": "primary", "evaluating": "primary",
    "paused": "warning", "stopping": "warning", "blocked": "danger",
    "finished": "success", "failed": "danger",
}  # fmt: skip

FONTS: tuple[tuple[str, int, Literal["normal", "bold"]], ...] = (
    ("VaeSmall", 9, "normal"),
    ("VaeBold", 10, "bold"),
    ("VaeNumber", 13, "bold"),
    ("VaeTitle", 16, "bold"),
)


def make_fonts(root: tk.Tk) -> list[tkfont.Font]:
    """Our named fonts: one family in four sizes. A font lives as long as its object."""
    family = tkfont.nametofont("TkDefaultFont", root).actual("family")
    for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont", "TkFixedFont"):
        tkfont.nametofont(name, root).configure(size=10)
    return [
        tkfont.Font(root, name=name, family=family, size=size, weight=weight)
        for name, size, weight in FONTS
    ]


def pixels(widget: tk.Misc, *sizes: float) -> Any:
    """Logical sizes (at 96 dpi) in this screen's pixels, a tuple."""
    factor = widget.winfo_fpixels("1i") / 96
    return tuple(round(size * factor) for size in sizes)


def apply_styles(root: tk.Tk, style: Any, c: Palette) -> None:
    """Configure our styles in the theme now in use: a style's map belongs to one theme."""
    # The toolkit leaves it empty, which is no colour. Its own way would set that of each style too.
    root.tk.call("ttk::style", "configure", ".", "-focuscolor", c.background)
    _labels(style, c)
    _fields(style, c)
    _buttons(style, c)
    _menu_buttons(style, c)
    _tabs(root, style, c)
    _bars(root, style, c)
    _tables(root, style, c)
    style.configure(
        "Vae.Vertical.TScrollbar", background=c.edge, troughcolor=c.pane, bordercolor=c.pane,
        lightcolor=c.edge, darkcolor=c.edge, arrowcolor=c.text,
    )  # fmt: skip
    root.configure(background=c.background)
    _lists(root, c)


def _lists(root: tk.Tk, c: Palette) -> None:
    """The lists that drop down from fields, which no style reaches."""
    looks = {
        "background": c.field, "foreground": c.text,
        "selectBackground": c.primary, "selectForeground": c.on_primary,
    }  # fmt: skip
    for name, colour in looks.items():
        root.option_add(f"*TCombobox*Listbox.{name}", colour)
    for box in _below(root):
        if box.winfo_class() == "TCombobox":
            popdown = root.tk.call("ttk::combobox::PopdownWindow", box)
            options = [
                part for name, colour in looks.items() for part in (f"-{name.lower()}", colour)
            ]
            root.tk.call(f"{popdown}.f.l", "configure", *options)


def _below(widget: tk.Misc) -> Iterator[tk.Misc]:
    for child in widget.winfo_children():
        yield child
        yield from _below(child)


def _labels(style: Any, c: Palette) -> None:
    for name, back in (("", c.background), ("Pane.", c.pane)):
        style.configure(f"{name}Vae.TFrame", background=back)
        for kind, font, colour in (
            ("", "TkDefaultFont", c.text), ("Muted.", "TkDefaultFont", c.muted),
            ("Bold.", "VaeBold", c.text), ("Title.", "VaeTitle", c.text),
            ("Number.", "VaeNumber", c.text), ("Accent.", "VaeNumber", c.primary),
            ("Error.", "VaeSmall", c.danger),
        ):  # fmt: skip
            style.configure(
                f"{kind}{name}Vae.TLabel", background=back, foreground=colour, font=font
            )
    style.configure("Rule.Vae.TFrame", background=c.rule)
    style.configure("tooltip.TLabel", background=c.text, foreground=c.background)


def _fields(style: Any, c: Palette) -> None:
    for kind in ("TEntry", "TSpinbox", "TCombobox"):
        for name, border in (("Vae.", c.edge), ("Bad.Vae.", c.danger)):
            style.configure(
                f"{name}{kind}", fieldbackground=c.field, foreground=c.text, bordercolor=border,
                lightcolor=c.field, darkcolor=c.field, insertcolor=c.text, arrowcolor=c.text,
                padding="3.75p",
            )  # fmt: skip
            style.map(
                f"{name}{kind}",
                foreground=[("disabled", c.muted)],
                fieldbackground=[("disabled", c.pane), ("readonly", c.field)],
                lightcolor=[("disabled", c.pane)],
                darkcolor=[("disabled", c.pane)],
                bordercolor=[("disabled", c.rule), ("focus", c.primary)] if name == "Vae." else [],
                arrowcolor=[("disabled", c.muted)],
            )
    style.configure("Vae.Horizontal.TScale", background=c.background, focuscolor=c.background)
    style.map("Vae.Horizontal.TScale", focuscolor=[("focus", c.primary)])


def _buttons(style: Any, c: Palette) -> None:
    padding, slim, tight = "10p 5p", "7p 4p", "5p 4.5p"
    for kind, back, fore, border, inset in (
        ("Primary", c.primary, c.on_primary, c.primary, padding),
        ("Danger", c.background, c.danger, c.danger, padding),
        ("Plain", c.background, c.text, c.rule, padding),
        ("Slim", c.background, c.text, c.rule, slim),
        ("Link", c.background, c.primary, c.background, "3p 0"),
        ("Tool", c.background, c.text, c.background, tight),
        ("Browse", c.pane, c.text, c.rule, tight),
        ("Fold", c.pane, c.text, c.pane, "0 4.5p"),
    ):
        name = f"{kind}.Vae.TButton"
        flat = back in (c.background, c.pane)
        off = c.rule if kind == "Primary" else back
        hover = c.rule if flat else back
        style.configure(
            name, background=back, foreground=fore, bordercolor=border, darkcolor=back,
            lightcolor=back, padding=inset, focuscolor=back, relief="raised", borderwidth=1,
            anchor="w" if kind == "Fold" else "center",
            font="VaeBold" if kind == "Fold" else "TkDefaultFont",
        )  # fmt: skip
        # A tool that is on stays pressed: filled, and with a border.
        fills = [("disabled", off), ("active", hover), ("selected", hover)]
        style.map(
            name,
            background=fills,
            darkcolor=fills,
            lightcolor=fills,
            foreground=[("disabled", c.muted)],
            bordercolor=[
                ("disabled", c.rule if border != back else off),
                ("focus", c.text),
                ("selected", c.primary),
            ],
            focuscolor=[("focus", c.text if kind != "Primary" else c.on_primary)],
        )


def _tables(root: tk.Tk, style: Any, c: Palette) -> None:
    """Tables: with pictures in their rows, and with text alone."""
    for name, height in (("Pictures.Vae.Treeview", PICTURE_ROW), ("Vae.Treeview", ROW)):
        style.configure(
            name, background=c.background, fieldbackground=c.background, foreground=c.text,
            bordercolor=c.rule, lightcolor=c.background, darkcolor=c.background,
            rowheight=pixels(root, height)[0], font="TkDefaultFont", padding=0,
        )  # fmt: skip
        style.map(
            name,
            background=[("selected", c.primary)],
            foreground=[("selected", c.on_primary)],
            bordercolor=[("focus", c.primary)],
        )
        style.configure(
            f"{name}.Heading", background=c.pane, foreground=c.muted, font="TkDefaultFont",
            bordercolor=c.rule, lightcolor=c.pane, darkcolor=c.pane, padding="4.5p", relief="flat",
        )  # fmt: skip
        style.map(f"{name}.Heading", background=[("active", c.rule)], foreground=[])


def _menu_buttons(style: Any, c: Palette) -> None:
    for name, back in (("Vae.TMenubutton", c.background), ("Pane.Vae.TMenubutton", c.pane)):
        style.configure(
            name, background=back, foreground=c.text, bordercolor=c.edge, lightcolor=back,
            darkcolor=back, arrowcolor=c.text, arrowpadding="6p", padding="7.5p 3.75p",
            focuscolor=back, relief="raised", borderwidth=1, font="TkDefaultFont",
        )  # fmt: skip
        fills = [("disabled", back), ("active", c.rule)]
        style.map(
            name,
            background=fills,
            lightcolor=fills,
            darkcolor=fills,
            foreground=[("disabled", c.muted)],
            arrowcolor=[("disabled", c.muted)],
            bordercolor=[("disabled", c.rule), ("focus", c.primary)],
            focuscolor=[("focus", c.text)],
        )


def _tabs(root: tk.Tk, style: Any, c: Palette) -> None:
    """Tabs without a frame; the selected one is underlined."""
    style.configure(
        "Vae.TNotebook", background=c.background, bordercolor=c.background, borderwidth=0,
        lightcolor=c.background, darkcolor=c.background, tabmargins=0, padding=0,
    )  # fmt: skip
    style.configure(
        "Vae.TNotebook.Tab", background=c.background, foreground=c.muted, font="VaeBold",
        focuscolor=c.background,
    )  # fmt: skip
    style.map(
        "Vae.TNotebook.Tab",
        background=[("active", c.background)],
        foreground=[("selected", c.text), ("active", c.text)],
        focuscolor=[("focus", c.primary)],
        padding=[],
        expand=[],
    )
    element = f"Vae.{'dark' if c is DARK else 'light'}.tab"
    if element not in style.element_names():
        line = pixels(root, 3)[0]
        rest = _underlined(root, c.background, c.background, line)
        chosen = _underlined(root, c.background, c.primary, line)
        style.element_create(
            element, "image", rest, ("selected", chosen), border=(0, 0, 0, line),
            padding=(1, 1, 1, line), width=0, height=0, sticky="nsew",
        )  # fmt: skip
    label: list[Any] = [("Notebook.label", {})]
    for part in ("Notebook.focus", "Notebook.padding", element):
        label = [(part, {"sticky": "nswe", "children": label})]
    style.layout("Vae.TNotebook.Tab", label)


def fit_tabs(tabs: Any) -> None:
    """Set the tabs closer where they would not all fit, before any title is cut off."""
    usual, least, edges = pixels(tabs, TAB_ROOM, LEAST_TAB_ROOM, TAB_EDGES)
    font = tkfont.nametofont("VaeBold", tabs)
    titles = [font.measure(tabs.tab(tab, "text")) + edges for tab in tabs.tabs()]
    room = (tabs.winfo_width() - sum(titles)) // (2 * len(titles))
    padding = [str(min(max(room, least), usual)), str(usual)]
    style = tabs.winfo_toplevel().style
    before = tabs.tk.splitlist(style.lookup("Vae.TNotebook.Tab", "padding"))
    if [str(part) for part in before] != padding:
        style.configure("Vae.TNotebook.Tab", padding=padding)


def _bars(root: tk.Tk, style: Any, c: Palette) -> None:
    """Meters in each tone, and the groove of sliders.

    Those of the toolkit let shine through what is below, which Tk has to ask the screen for.
    """
    mode = "dark" if c is DARK else "light"
    known = style.element_names()
    high, slim = pixels(root, METER, SLIDER)

    def element(name: str, height: int, *colours: str) -> str:
        name = f"Vae.{mode}.{name}"
        if name not in known:
            image = _rounded(root, height, *colours)
            half = height // 2
            style.element_create(
                name, "image", image, border=(half, 0), padding=0, width=2 * half, sticky="ew"
            )
        return name

    trough = element("Progressbar.trough", high, c.groove, c.background, c.background)
    for tone in set(TONES.values()):
        colour = c.primary if tone == "text" else getattr(c, tone)  # of a run that stands still
        bar = element(f"{tone}.Progressbar.pbar", high, colour, c.background, c.groove)
        filled = {"children": [(bar, {"side": "left", "sticky": "ns"})], "sticky": "ew"}
        style.layout(f"{tone}.Vae.Horizontal.TProgressbar", [(trough, filled)])
    groove = element("Scale.track", slim, c.groove, c.background, c.background)
    parts = [(groove, {"sticky": "ew"}), ("Horizontal.Scale.slider", {"side": "left"})]
    within = {"expand": True, "sticky": "nsew", "children": parts}
    style.layout("Vae.Horizontal.TScale", [("Horizontal.Scale.focus", within)])


def _rounded(root: tk.Tk, height: int, colour: str, left: str, right: str) -> ImageTk.PhotoImage:
    """A bar with round ends, and the colours behind them. Nothing shines through."""
    width, fine = pixels(root, WIDE)[0], 4
    shape = Image.new("L", (fine * width, fine * height))
    whole = (0, 0, fine * width - 1, fine * height - 1)
    ImageDraw.Draw(shape).rounded_rectangle(whole, fine * height / 2, fill=255)
    bar = Image.new("RGB", (width, height), left)
    bar.paste(right, (width // 2, 0, width, height))
    bar.paste(colour, mask=shape.reduce(fine))
    image = ImageTk.PhotoImage(bar, master=root)
    _keep(root, image)
    return image


def _underlined(root: tk.Tk, back: str, colour: str, line: int) -> tk.PhotoImage:
    wide, high = pixels(root, WIDE, HIGH)
    image = tk.PhotoImage(master=root, width=wide, height=high + line)
    image.put(back, to=(0, 0, wide, high))
    image.put(colour, to=(0, high, wide, high + line))
    _keep(root, image)
    return image


def _keep(root: tk.Tk, image: object) -> None:
    """Tk forgets an image when Python does."""
    root.vae_images = [*getattr(root, "vae_images", []), image]  # type: ignore[attr-defined]
