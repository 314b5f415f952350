"""The form: one row for each hyperparameter, made from TrainConfig's table."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk
from typing import Literal

from vae.config import DEFAULTS, PARAMETERS, PATHS, check, parse, text_of
from vae.gui import kit
from vae.gui.info import Info
from vae.gui.labels import labelled
from vae.gui.scrolled import Scrolling
from vae.gui.theme import pixels
from vae.language import _

ADVANCED = "Advanced"
# In points, as all sizes in the window: 3p are 4 pixels at 96 dpi, 8 at 192.
WIDTH, TEXT_WIDTH = "300p", "264p"
# Of the form above its explanation, at least, and of both beside each other; logical pixels.
ROWS_HEIGHT, BOTH_WIDTH = 260, 640
ARRANGE_MS = 700
NEEDS_ATTENTION = "<<NeedsAttention>>"  # the form's event, when it marks fields


class Form(Scrolling):
    """The scrolled form pane. `left` is called with a field's name after it was left."""

    def __init__(self, master: tk.Misc, left: Callable[[str], None]) -> None:
        super().__init__(master, style="Pane.Vae.TFrame")
        self.left = left
        self.variables: dict[str, tk.StringVar] = {}
        self.fields: dict[str, ttk.Entry] = {}
        self.errors: dict[str, ttk.Label] = {}
        self.browsers: list[ttk.Button | ttk.Menubutton] = []
        # Marks that came from elsewhere, and what the field said then: only an edit clears them.
        self.refused: dict[str, str] = {}
        self.messages: dict[str, str] = {}
        self.arranging = ""
        self.advanced: list[tk.Widget] = []
        self.folded = True
        self.canvas = tk.Canvas(self, highlightthickness=0, width=WIDTH)
        self.bar = ttk.Scrollbar(self, command=self.canvas.yview, style="Vae.Vertical.TScrollbar")
        self.canvas.configure(yscrollcommand=self.bar.set)
        self.explanation = Info(self)
        self.explanation.pack(side="bottom", fill="x")
        self.bar.pack(side="right", fill="y")
        self.canvas.pack(side="left", fill="both", expand=True)
        self.body = ttk.Frame(self.canvas, style="Pane.Vae.TFrame", padding="18p 6p 9p 18p")
        self.body.columnconfigure(1, weight=1)
        window = self.canvas.create_window(0, 0, anchor="nw", window=self.body)
        self.body.bind("<Configure>", lambda event: self._fit())
        self.canvas.bind(
            "<Configure>", lambda event: self.canvas.itemconfigure(window, width=event.width)
        )
        self.wants_explanation = True
        self.bind("<Configure>", lambda event: self._fit_explanation())
        self.bind("<Destroy>", lambda event: self._arrange_no_more())
        self._build()
        self._step_in_valid_sizes()

    def _build(self) -> None:
        group, row = "", 1
        for name, facts in PARAMETERS.items():
            if facts.group != group:
                group = facts.group
                self._heading(group, row)
                row += 1
            self._row(name, row)
            row += 2
        for widget in self.advanced:
            widget.grid_remove()

    def _heading(self, group: str, row: int) -> None:
        if group == ADVANCED:
            self.fold = kit.button(
                self.body, _(group), self.toggle_advanced, "Fold", "chevron-right"
            )
            self.fold.grid(row=row, column=0, columnspan=2, sticky="w", pady=("9p", 0))
        else:
            label = ttk.Label(self.body, text=_(group), style="Bold.Pane.Vae.TLabel")
            label.grid(row=row, column=0, columnspan=2, sticky="w", pady=("12p", "4.5p"))

    def _row(self, name: str, row: int) -> None:
        facts = PARAMETERS[name]
        variable = tk.StringVar(self, text_of(DEFAULTS[name]))
        label = ttk.Label(self.body, text=_(facts.label), style="Pane.Vae.TLabel")
        cell = ttk.Frame(self.body, style="Pane.Vae.TFrame")
        field = self._field(cell, name, variable)
        field.pack(side="left", fill="x", expand=bool(facts.kind))
        if facts.kind:
            browse = kit.button(cell, "", lambda: self._browse(name), "Browse", "folder2")
            browse.pack(side="left", padx=("4.5p", 0))
            kit.tooltip(browse, _("Choose: {label}").format(label=_(facts.label)))
            self.browsers.append(browse)
        elif facts.unit:
            unit = ttk.Label(cell, text=_(facts.unit), style="Muted.Pane.Vae.TLabel")
            unit.pack(side="left", padx=("6p", 0))
        error = ttk.Label(self.body, style="Error.Pane.Vae.TLabel", wraplength=TEXT_WIDTH)
        label.grid(row=row, column=0, sticky="w", pady="2.25p", padx=(0, "9p"))
        cell.grid(row=row, column=1, sticky="ew", pady="2.25p")
        error.grid(row=row + 1, column=0, columnspan=2, sticky="w")
        error.grid_remove()
        self.variables[name], self.fields[name], self.errors[name] = variable, field, error
        kit.on_write(field, variable, lambda: self._edited(name))
        if facts.group == ADVANCED:
            self.advanced += [label, cell]
        kit.tooltip(field, f"{name}: {_(facts.help)}", focus=False)
        field.bind("<FocusIn>", lambda event: self.explanation.explain(name), add="+")
        if facts.kind:
            field.bind("<Configure>", lambda event: self._show_end(name), add="+")
        field.bind("<FocusOut>", lambda event: self._left(name), add="+")

    def _field(self, cell: ttk.Frame, name: str, variable: tk.StringVar) -> ttk.Entry:
        facts, default = PARAMETERS[name], DEFAULTS[name]
        if facts.choices:
            box = ttk.Combobox(
                cell, textvariable=variable, values=[str(c) for c in facts.choices],
                state="readonly", width=10, style="Vae.TCombobox",
            )  # fmt: skip
            box.bind("<<ComboboxSelected>>", lambda event: self._left(name))
            return box
        if isinstance(default, int):
            return ttk.Spinbox(
                cell, textvariable=variable, from_=facts.low or 0, to=facts.high or 2**31,
                width=10, style="Vae.TSpinbox", command=lambda: self._left(name),
            )  # fmt: skip
        return ttk.Entry(cell, textvariable=variable, width=12, style="Vae.TEntry")

    def _browse(self, name: str) -> None:
        now = self.texts()[name]
        if PARAMETERS[name].kind == "file":
            chosen = kit.choose_csv(self, *os.path.split(now))
        else:
            chosen = kit.choose_folder(self, now)
        if chosen:
            self.fill({name: chosen})
            self._left(name)

    def _edited(self, name: str) -> None:
        """A marked field whose text changes is marked no more, unless it is still wrong."""
        if name in self.messages and name in self.fields:
            self.refused.pop(name, None)
            self.show_problem(name, self.problems().get(name, ""))
        # One folder may have been refused for what is in another, as images for a checkpoint.
        for other in [n for n in self.refused if name in PATHS and n in PATHS and n != name]:
            self.refused.pop(other)
            self.show_problem(other, self.problems().get(other, ""))

    def _left(self, name: str) -> None:
        """Check a field that was left, and those whose problems it may have mended."""
        problems = self.problems()
        texts = self.texts()
        self.refused = {n: text for n, text in self.refused.items() if texts[n] == text}
        for other in [name, *self.marked()]:
            if other not in self.refused and (other == name or other not in PATHS):
                self.show_problem(other, problems.get(other, ""))
        if name in ("img_size", "depth") and "img_size" in problems:
            self.show_problem("img_size", problems["img_size"])
        self._show_end(name)
        self._step_in_valid_sizes()
        self.left(name)

    def _show_end(self, name: str) -> None:
        """Of a long path its end says more than its beginning."""
        if name in PATHS:
            self.fields[name].xview_moveto(1)

    def _step_in_valid_sizes(self) -> None:
        """The arrows of img_size go from one possible size to the next."""
        depth = parse({"depth": self.variables["depth"].get()})[0].get("depth")
        if depth and "depth" not in check({"depth": depth}):
            self.fields["img_size"].configure(increment=2 ** int(depth))  # type: ignore[call-overload]

    def problems(self) -> dict[str, str]:
        """What is wrong with the fields as they stand, by field; looks at no file.

        An empty image folder is not a mistake yet: that is how the form begins.
        """
        values, problems = parse(self.texts())
        problems |= check(values)
        if not self.variables["file_path"].get():
            problems.pop("file_path", None)
        return problems

    def show_problem(self, name: str, message: str) -> None:
        """Mark a field, with one line below it, or clear the mark with an empty message.

        The line comes and goes a moment later: rows that move while the pointer is about to click
        would make it hit another field.
        """
        self.messages.pop(name, None)
        if message:
            self.messages[name] = labelled(message)
        field = self.fields[name]
        kind = str(field["style"]).rsplit(".", 1)[-1]
        field.configure(style=f"Bad.Vae.{kind}" if message else f"Vae.{kind}")
        self._arrange_no_more()
        self.arranging = self.after(ARRANGE_MS, self._arrange)

    def _arrange_no_more(self) -> None:
        if self.arranging:
            self.after_cancel(self.arranging)
            self.arranging = ""

    def _arrange(self) -> None:
        """Bring the lines below the fields in line with the marks."""
        self.arranging = ""
        for name, error in self.errors.items():
            message = self.messages.get(name, "")
            if error["text"] == message:
                continue
            error.configure(text=message)
            error.grid() if message else error.grid_remove()
            if message and PARAMETERS[name].group == ADVANCED and self.folded:
                self.toggle_advanced()

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Mark all fields with problems, clear the others, and go to the first.

        What only a run can find out stays marked until the field is edited.
        """
        texts, plain = self.texts(), self.problems()
        self.refused = {name: texts[name] for name in problems if name not in plain}
        for name in self.fields:
            self.show_problem(name, problems.get(name, ""))
        self._arrange_no_more()
        self._arrange()
        first = next((name for name in self.fields if name in problems), None)
        if first:
            self.event_generate(NEEDS_ATTENTION)
            self.update_idletasks()
            self.fields[first].focus_set()
            self.see(self.fields[first])

    def marked(self) -> list[str]:
        """The names of the fields that are marked."""
        return [name for name in self.fields if name in self.messages]

    def texts(self) -> dict[str, str]:
        """What the fields say, without blanks around it; in paths ~ is the person's own folder."""
        texts = {name: variable.get().strip() for name, variable in self.variables.items()}
        return texts | {name: os.path.expanduser(texts[name]) for name in PATHS}

    def fill(self, texts: Mapping[str, str]) -> None:
        """Put texts into the named fields."""
        for name, text in texts.items():
            self.variables[name].set(text)
            self._show_end(name)

    def take(self, texts: Mapping[str, str]) -> None:
        """Put texts into the named fields as if a person had written them and left the fields."""
        self.fill(texts)
        self._left("img_size")
        for name in [name for name in texts if name in PATHS][:1]:
            self.left(name)

    def show_field(self, name: str) -> None:
        """Bring a field in sight."""
        if PARAMETERS[name].group == ADVANCED and self.folded:
            self.toggle_advanced()
        self.update_idletasks()
        self.see(self.fields[name])

    def put_first(self, button: ttk.Menubutton) -> None:
        """Put a button of the body above its fields; it is locked with them."""
        button.grid(row=0, column=0, columnspan=2, sticky="w", pady=("6p", 0))
        button.lower()  # so that the Tab key comes to it first
        self.browsers.append(button)

    def take_over(self, other: Form) -> None:
        """Say what another says, and show as much of it."""
        if not other.wants_explanation:
            self.toggle_info()
        if not other.folded:
            self.toggle_advanced()
        self.fill(other.texts())

    def lock(self, locked: bool) -> None:
        """Lock all fields, readable, while a run goes on."""
        for name, field in self.fields.items():
            free = "readonly" if PARAMETERS[name].choices else "normal"
            field.configure(state="disabled" if locked else free)
        for button in self.browsers:
            button.configure(state="disabled" if locked else "normal")

    def paint(self) -> None:
        """Take the colours of the mode."""
        self.canvas.configure(background=kit.palette(self).pane)
        self.explanation.paint()

    def toggle_info(self) -> None:
        """Show or hide the explanation of the field in focus."""
        self.wants_explanation = not self.explanation.winfo_manager()
        self._fit_explanation(self.wants_explanation)

    def _fit_explanation(self, always: bool = False) -> None:
        """Show it beside or below the form where there is room for both, or where it is wanted."""
        rows_height, both_width = pixels(self, ROWS_HEIGHT, BOTH_WIDTH)
        beside = self.winfo_width() > both_width
        room = self.winfo_height() - self.explanation.winfo_reqheight()
        if self.wants_explanation and (always or beside or room > rows_height):
            side: Literal["right", "bottom"] = "right" if beside else "bottom"
            self.explanation.pack(side=side, fill="both", expand=beside, before=self.bar)
        else:
            self.explanation.pack_forget()

    def toggle_advanced(self) -> None:
        """Fold or unfold the advanced fields."""
        self.folded = not self.folded
        kit.set_icon(self.fold, "chevron-right" if self.folded else "chevron-down")
        for widget in self.advanced:
            widget.grid_remove() if self.folded else widget.grid()
        self.update_idletasks()
        self._fit()  # a body that has shrunk out of sight is not told its new height
        if not self.folded:
            self.see(self.advanced[-1])

    def _fit(self) -> None:
        self.canvas.configure(scrollregion=self.canvas.bbox("all"))
        self.canvas.yview_scroll(0, "units")  # no further than to the end

    def scroll(self, by: int) -> None:
        full = self.body.winfo_height()
        if full > self.canvas.winfo_height():
            self.canvas.yview_moveto((self.canvas.canvasy(0) + by) / full)

    def see(self, widget: tk.Misc) -> None:
        top, height = self.canvas.canvasy(0), self.canvas.winfo_height()
        y, full = widget.winfo_rooty() - self.body.winfo_rooty(), max(self.body.winfo_height(), 1)
        if y < top or y + 60 > top + height:
            self.canvas.yview_moveto(max(0, y - height // 3) / full)
