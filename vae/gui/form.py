"""The form: one row for each hyperparameter, made from TrainConfig's table."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, ttk

from vae.config import DEFAULTS, PARAMETERS, check, parse, text_of
from vae.gui import kit

ADVANCED = "Advanced"


class Form(ttk.Frame):
    """The scrolled form pane. `changed` is called after a field that was edited is left."""

    def __init__(self, master: tk.Misc, changed: Callable[[str], None]) -> None:
        super().__init__(master, style="Pane.Vae.TFrame")
        self.changed = changed
        self.variables: dict[str, tk.StringVar] = {}
        self.fields: dict[str, ttk.Entry] = {}
        self.errors: dict[str, ttk.Label] = {}
        self.buttons: list[kit.Button] = []
        self.canvas = tk.Canvas(self, highlightthickness=0, width=kit.pixels(self, 388)[0])
        bar = ttk.Scrollbar(self, command=self.canvas.yview, style="Vae.Vertical.TScrollbar")
        self.canvas.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.canvas.pack(side="left", fill="both", expand=True)
        self.body = ttk.Frame(self.canvas, style="Pane.Vae.TFrame", padding=(24, 8, 12, 24))
        window = self.canvas.create_window(0, 0, anchor="nw", window=self.body)
        self.body.bind("<Configure>", lambda event: self._fit())
        self.canvas.bind(
            "<Configure>", lambda event: self.canvas.itemconfigure(window, width=event.width)
        )
        self.body.columnconfigure(1, weight=1)
        self.advanced: list[tk.Widget] = []
        self.folded = True
        self._build()
        self._bind_wheel(self)

    def _build(self) -> None:
        group, row = "", 0
        for name, facts in PARAMETERS.items():
            if facts.group != group:
                group = facts.group
                row = self._heading(group, row)
            row = self._row(name, row)
        for widget in self.advanced:
            widget.grid_remove()

    def _heading(self, group: str, row: int) -> int:
        if group == ADVANCED:
            self.fold = kit.Button(self.body, "▸ Advanced", self.toggle_advanced, "plain")
            self.buttons.append(self.fold)
            self.fold.grid(row=row, column=0, columnspan=3, sticky="w", pady=(12, 4))
        else:
            label = ttk.Label(self.body, text=group, style="Bold.Pane.Vae.TLabel")
            label.grid(row=row, column=0, columnspan=3, sticky="w", pady=(16, 6))
        return row + 1

    def _row(self, name: str, row: int) -> int:
        facts = PARAMETERS[name]
        variable = tk.StringVar(self, text_of(DEFAULTS[name]))
        text = facts.label.split(" (")[0]
        label = ttk.Label(self.body, text=text, style="Pane.Vae.TLabel")
        field = self._field(name, variable)
        error = ttk.Label(
            self.body, style="Error.Pane.Vae.TLabel", wraplength=kit.pixels(self, 340)[0]
        )
        label.grid(row=row, column=0, sticky="w", pady=3, padx=(0, 12))
        wide = bool(facts.kind)
        field.grid(row=row, column=1, sticky="ew" if wide else "w", pady=3)
        widgets: list[tk.Widget] = [label, field]
        if facts.kind:
            browse = kit.Button(self.body, "…", lambda: self._browse(name), "plain")
            browse.configure(padx=6, pady=3)
            kit.tooltip(browse, f"Choose: {text}")
            self.buttons.append(browse)
            browse.grid(row=row, column=2, padx=(6, 0))
            widgets.append(browse)
        error.grid(row=row + 1, column=0, columnspan=3, sticky="w")
        error.grid_remove()
        if facts.group == ADVANCED:
            self.advanced += widgets
        kit.tooltip(field, f"{name}: {facts.help}")
        field.bind("<FocusOut>", lambda event: self._left(name), add="+")
        field.bind("<FocusIn>", lambda event: self._see(field), add="+")
        self.variables[name], self.fields[name], self.errors[name] = variable, field, error
        return row + 2

    def _field(self, name: str, variable: tk.StringVar) -> ttk.Entry:
        facts, default = PARAMETERS[name], DEFAULTS[name]
        if facts.choices:
            box = ttk.Combobox(
                self.body, textvariable=variable, values=[str(c) for c in facts.choices],
                state="readonly", width=10, style="Vae.TCombobox",
            )  # fmt: skip
            box.bind("<<ComboboxSelected>>", lambda event: self._left(name))
            return box
        if isinstance(default, int):
            return ttk.Spinbox(
                self.body, textvariable=variable, from_=facts.low or 0, to=facts.high or 2**31,
                width=10, style="Vae.TSpinbox", command=lambda: self._left(name),
            )  # fmt: skip
        width = 12 if isinstance(default, float) else 16
        return ttk.Entry(self.body, textvariable=variable, width=width, style="Vae.TEntry")

    def _browse(self, name: str) -> None:
        now = self.variables[name].get()
        if PARAMETERS[name].kind == "file":
            chosen = filedialog.asksaveasfilename(
                parent=self, initialfile=Path(now).name, defaultextension=".csv",
                filetypes=[("CSV", "*.csv")], confirmoverwrite=False,
            )  # fmt: skip
        else:
            start = now if Path(now).is_dir() else str(Path.home())
            chosen = filedialog.askdirectory(parent=self, initialdir=start)
        if chosen:
            self.variables[name].set(chosen)
            self._left(name)

    def _left(self, name: str) -> None:
        """Check a field that was left, and those whose problems it may have mended."""
        values, problems = parse(self.texts())
        problems |= check(values)
        if name == "file_path" and not self.variables[name].get():
            problems.pop(name, None)  # an untouched empty folder is no mistake yet
        for other in self.fields:
            shown = bool(self.errors[other]["text"])
            if other == name or (shown and other not in problems):
                self.show_problem(other, problems.get(other, ""))
        if name in ("img_size", "depth") and "img_size" in problems:
            self.show_problem("img_size", problems["img_size"])
        self.changed(name)

    def show_problem(self, name: str, message: str) -> None:
        """Mark a field with one line below it, or clear the mark with an empty message."""
        field, error = self.fields[name], self.errors[name]
        kind = str(field["style"]).rsplit(".", 1)[-1]
        field.configure(style=f"Bad.Vae.{kind}" if message else f"Vae.{kind}")
        error.configure(text=message)
        error.grid() if message else error.grid_remove()
        if message and PARAMETERS[name].group == ADVANCED and self.folded:
            self.toggle_advanced()

    def show_problems(self, problems: dict[str, str]) -> None:
        """Mark all fields with problems, clear the others, and go to the first."""
        for name in self.fields:
            self.show_problem(name, problems.get(name, ""))
        first = next((name for name in self.fields if name in problems), None)
        if first:
            self.fields[first].focus_set()
            self.update_idletasks()
            self._see(self.fields[first])

    def texts(self) -> dict[str, str]:
        """What the fields say."""
        return {name: variable.get() for name, variable in self.variables.items()}

    def fill(self, texts: dict[str, str]) -> None:
        """Put texts into the named fields."""
        for name, text in texts.items():
            self.variables[name].set(text)

    def lock(self, locked: bool) -> None:
        """Lock all fields, readable, while a run goes on."""
        for name, field in self.fields.items():
            free = "readonly" if PARAMETERS[name].choices else "normal"
            field.configure(state="disabled" if locked else free)
        for button in self.buttons[:]:
            if button is not self.fold:
                button.configure(state="disabled" if locked else "normal")

    def paint(self) -> None:
        """Take the colours of the mode."""
        c = kit.palette(self)
        self.canvas.configure(background=c.pane)
        for button in self.buttons:
            button.paint(c, pane=True)

    def toggle_advanced(self) -> None:
        """Fold or unfold the advanced fields."""
        self.folded = not self.folded
        self.fold.configure(text=("▸ " if self.folded else "▾ ") + ADVANCED)
        for widget in self.advanced:
            widget.grid_remove() if self.folded else widget.grid()

    def _fit(self) -> None:
        self.canvas.configure(scrollregion=self.canvas.bbox("all"))

    def _see(self, widget: tk.Widget) -> None:
        """Scroll so that a widget which got the focus can be seen."""
        top, height = self.canvas.canvasy(0), self.canvas.winfo_height()
        y, full = widget.winfo_y(), max(self.body.winfo_height(), 1)
        if y < top or y + 60 > top + height:
            self.canvas.yview_moveto(max(0, y - height // 3) / full)

    def _bind_wheel(self, widget: tk.Misc) -> None:
        def scroll(event: tk.Event) -> str:
            up = event.num == 4 or event.delta > 0
            if self.body.winfo_height() > self.canvas.winfo_height():
                self.canvas.yview_scroll(-2 if up else 2, "units")
            return "break"

        for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
            widget.bind(sequence, scroll)
        for child in widget.winfo_children():
            self._bind_wheel(child)
