"""The tab with the loss curve."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from tkinter import ttk
from typing import TYPE_CHECKING

from vae.comparison import (
    NO_OTHERS,
    Compared,
    Comparison,
    Drawn,
)
from vae.config import Value
from vae.curve import (
    SMOOTHING,
    Line,
    Mark,
    Weights,
    best_line,
    caution,
    measured_words,
    part_lines,
    run_lines,
)
from vae.events import EpochRecord
from vae.gui import kit
from vae.gui.labels import labelled_names, shortened
from vae.gui.pane import Pane
from vae.language import _, number
from vae.schedule import best_epoch

if TYPE_CHECKING:
    from vae.gui.loss_actions import LossActions


TOTAL, RECONSTRUCTION, PARTS = range(3)  # what the lines are of
LABEL_LETTERS = 36  # of a run's name, beside its line
# While a run goes on the plot rests between two drawings, for longer the longer it takes to lay it
# out: to draw takes three times as long, up to a tenth of a second, which training lacks.
REST_SECONDS, REST_FACTOR = (1.0, 3.0), 240


@dataclass
class LossChoices:
    """What a person chose to see. Plain data, so that the tab can be made anew."""

    lines: int = TOTAL
    smoothing: int = 0  # a place in SMOOTHING
    log_scale: bool = False
    comparison: Comparison = NO_OTHERS
    before: int | None = None  # what lines were of, where a comparison chose others

    @property
    def column(self) -> str:
        """What of the epochs is laid over one another."""
        return "reconstruction_loss" if self.lines == RECONSTRUCTION else "loss"


class LossPane(Pane):
    """Numbers of the last epoch above the loss curve, with what changes how it is shown."""

    def __init__(self, master: tk.Misc, actions: LossActions) -> None:
        super().__init__(master, _("The loss curve appears here once training has begun."))
        self.actions, self.choices = actions, actions.choices
        self.history: Sequence[EpochRecord] = ()
        self.points: Sequence[tuple[float, float]] = ()
        self.values_of_run: Mapping[str, Value] = {}
        self.best: EpochRecord | None = None
        self.running = self.stale = False
        self.due = 0.0  # before when a running run is not drawn again
        self._make_numbers()
        self._make_choices()
        self._make_tools()
        self.empty.pack(fill="both", expand=True)
        self._show_buttons()

    # ---- its parts

    def _make_numbers(self) -> None:
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x")
        self.names: list[ttk.Label] = []
        self.values: list[ttk.Label] = []
        names = (_("Loss"), _("Reconstruction"), _("KL divergence"), _("Blur"), _("Best epoch"))
        for name in names:
            cell = ttk.Frame(row, style="Vae.TFrame")
            cell.pack(side="left", padx=(0, "12p"))
            self.names.append(ttk.Label(cell, text=name, style="Muted.Vae.TLabel"))
            self.names[-1].pack(anchor="w")
            style = "Number.Vae.TLabel" if self.values else "Accent.Vae.TLabel"
            self.values.append(ttk.Label(cell, text="–", style=style))
            self.values[-1].pack(anchor="w")

    def _make_choices(self) -> None:
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x", pady=("9p", 0))
        self.lines = kit.choice(
            row, _("Lines"), (_("Total"), _("Reconstruction"), _("Weighted parts")),
            self.choices.lines, lambda index: self._choose(lines=index),
        )  # fmt: skip
        self.all_lines = self.lines["values"]
        self._offer_lines()
        self.smoothing = kit.choice(
            row, _("Smoothing"), (_("None"), _("Light"), _("Strong")), self.choices.smoothing,
            lambda index: self._choose(smoothing=index),
        )  # fmt: skip
        self.log_scale = tk.BooleanVar(self, self.choices.log_scale)
        self.log_switch = kit.switch(
            row, _("Log scale"), self.log_scale,
            lambda: self._choose(log_scale=self.log_scale.get()),
        )  # fmt: skip
        self.log_switch.pack(side="right")

    def _make_tools(self) -> None:
        row = self.below = ttk.Frame(self, style="Vae.TFrame")
        row.pack(side="bottom", fill="x", pady=("6p", 0))
        self.tools: dict[str, ttk.Button] = {}
        tools: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            ("home", "house", _("Show all (Home)"), self._home),
            ("pan", "arrows-move", _("Move by dragging (left, right)"), lambda: self._tool("pan")),
            (
                "zoom",
                "zoom-in",
                _("Zoom by dragging a rectangle (+, -)"),
                lambda: self._tool("zoom"),
            ),
            ("save", "download", _("Save this plot as a picture"), self.actions.save_plot),
            ("copy", "clipboard", _("Copy the data as CSV text"), self.actions.copy_data),
        )
        for name, icon, tip, command in tools:
            self.tools[name] = kit.button(row, "", command, "Tool", icon)
            self.tools[name].pack(side="left", padx=(0, "3p"))
            kit.tooltip(self.tools[name], tip)
        right = ttk.Frame(row, style="Vae.TFrame")
        right.pack(side="right")
        self.add = kit.button(right, _("Compare..."), self.actions.compare_with_log, "Slim")
        self.clear = kit.button(right, _("Clear"), lambda: self.compare(NO_OTHERS), "Slim")
        self.export = kit.button(right, _("Export figures..."), self.actions.export, "Slim")
        for button in (self.add, self.clear, self.export):
            button.pack(side="left", padx=("6p", 0))
        kit.tooltip(self.add, _("Compare with the log of another run"))
        kit.tooltip(self.clear, _("Take away the lines of other runs"))

    def create(self) -> None:
        from vae.gui.loss_plot import LossPlot

        self.plot = LossPlot(self)
        self.below.lift()  # so that the Tab key comes to the plot before
        self.plot.set_log_scale(self.choices.log_scale)
        self.stale = True
        self._show_buttons()

    def take_over(self, other: LossPane) -> None:
        self.show(other.history, other.points, other.values_of_run)

    # ---- what it shows

    def show(
        self,
        history: Sequence[EpochRecord],
        points: Sequence[tuple[float, float]],
        values: Mapping[str, Value] = {},
    ) -> None:
        """Take the epochs done, the points within epochs and the run's parameters, if known.

        Drawn at the next refresh.
        """
        self.history, self.values_of_run = tuple(history), values
        self.best = self._best()
        self.choices.comparison = self.choices.comparison.brought_up_to(self.shown)
        self.show_points(points)
        self._show_numbers()
        self._show_buttons()

    def show_points(self, points: Sequence[tuple[float, float]]) -> None:
        """Take the points within the running epoch. Drawn at a refresh, too."""
        self.points, self.stale = tuple(points), True

    def _show_numbers(self) -> None:
        texts = ["–"] * len(self.values)
        if self.history and not self.left_out:
            last = self.history[-1]
            # There is room for four: with validation images, their loss tells more than the blur.
            fourth, name = last.val_loss, _("Validation")
            if fourth is None:
                fourth, name = last.blur_loss, _("Blur")
            self.names[3].configure(text=name)
            losses = (last.loss, last.reconstruction_loss, last.kl_loss, fourth)
            texts = [number(value) for value in losses]
            texts += [str(self.best.epoch) if self.best else "–"]
        for label, text in zip(self.values, texts, strict=True):
            label.configure(text=text)

    def _best(self) -> EpochRecord | None:
        """The epoch that is marked as the best."""
        if self.values_of_run:
            return best_epoch(self.history, self.values_of_run)
        return min(self.history, key=lambda record: record.loss, default=None)

    @property
    def weights(self) -> Weights | None:
        """What the parts of the loss are multiplied by, if it is known."""
        values = [self.values_of_run.get(name) for name in Weights._fields]
        return None if None in values else Weights(*map(float, values))  # type: ignore[arg-type]

    def compare(self, comparison: Comparison) -> None:
        """Lay the losses of other runs over this one's, or show it alone."""
        self.choices.comparison = comparison
        if not comparison.runs and self.choices.before is not None:
            self.choices.lines, self.choices.before = self.choices.before, None
            self.lines.current(self.choices.lines)
        if comparison.runs and self.choices.lines == PARTS:  # which are of this run alone
            self.choices.lines = TOTAL
            self.lines.current(TOTAL)
        self._changed()
        self._offer_lines()

    def show_reconstruction(self) -> None:
        """Draw the reconstruction error, which compares where losses do not, until Clear."""
        if self.choices.before is None:
            self.choices.before = self.choices.lines
        self.choices.lines = RECONSTRUCTION
        self.lines.current(RECONSTRUCTION)
        self._changed()

    def show_own(self) -> None:
        """Show this run's lines too, beside those of any others."""
        self.compare(replace(self.choices.comparison, alone=False))

    def follow(self, running: bool) -> None:
        """Whether a run goes on, whose lines are always shown."""
        if running != self.running:
            self.running = running
            self._changed()

    def _offer_lines(self) -> None:
        """The parts are those of this run, and cannot be compared."""
        self.lines.configure(
            values=self.all_lines[: PARTS if self.choices.comparison.runs else None]
        )

    def _changed(self) -> None:
        self.stale, self.due = True, 0.0
        self._show_numbers()
        self._show_buttons()
        self.refresh()

    @property
    def shown(self) -> Compared:
        """The run that is shown, as those are that it is compared with."""
        return Compared("", self.history, self.values_of_run)

    @property
    def comparison(self) -> Comparison:
        """What is compared, in the words of the form."""
        comparison = labelled_names(self.choices.comparison)
        alone = comparison.alone or not self.history
        return replace(comparison, alone=alone and not self.running)

    @property
    def left_out(self) -> bool:
        """Whether the lines are of other runs alone."""
        return all(drawn.place for drawn in self.comparison.drawn(self.shown))

    @property
    def _parts(self) -> Weights | None:
        """The weights of the parts, if these are drawn."""
        return self.weights if self.choices.lines == PARTS else None

    def shown_lines(self) -> list[Line]:
        """The lines to draw: this run and those beside it, or the parts of this one's loss."""
        if parts := self._parts:
            alone = run_lines([Drawn(self.shown, 0)])
            return part_lines(self.history, parts) + [line for line in alone if line.style]
        lines = run_lines(self.comparison.drawn(self.shown), self.choices.column)
        return [replace(line, label=shortened(line.label, LABEL_LETTERS)) for line in lines]

    def _title(self, drawn: Sequence[Drawn]) -> str:
        """What the lines are of, and what is wrong with comparing them."""
        compares = bool(self.choices.comparison.runs) and not self._parts
        text = _("Loss: α · reconstruction + β · KL + γ · blur")
        if self.values_of_run.get("kl_balance") == "auto":
            text = _("Loss: α · reconstruction + β · KL + γ · blur, with a β that is balanced")
        if self.choices.lines == RECONSTRUCTION:
            text = _("Reconstruction error (mean squared)")
        elif compares:
            text = _("Loss")
        if not compares:
            return text
        runs = [run for run, _place in drawn]
        words = f"{text}, {measured_words(drawn)}. {caution(runs, self.choices.column)}".rstrip()
        if self.history and self.left_out:
            words += " " + _("The form's run is not among them: Clear brings it back.")
        return words

    def refresh(self) -> None:
        if self.plot is None or not self.winfo_viewable():
            return
        now = time.monotonic()
        if self.stale and (now > self.due or not self.running):
            self.stale, began = False, time.thread_time()
            drawn, lines = self.comparison.drawn(self.shown), self.shown_lines()
            keep, points = SMOOTHING[self.choices.smoothing], self._points(drawn)
            self.plot.update(lines, points, keep, self._title(drawn), self._mark(lines))
            least, most = REST_SECONDS
            self.due = now + min(max(REST_FACTOR * (time.thread_time() - began), least), most)
            self.swap(bool(points) or any(line.epochs for line in lines))
        self.plot.refresh()

    def _points(self, drawn: Sequence[Drawn]) -> Sequence[tuple[float, float]]:
        """Of the running epoch, if the first line is what they are of: its loss in training."""
        whole = self.choices.lines != RECONSTRUCTION and drawn and not drawn[0].run.name
        return self.points if whole or self._parts else ()

    def _mark(self, lines: Sequence[Line]) -> Mark | None:
        """Where the best epoch is marked: on the line of what it was chosen by."""
        if self.best is None or (self.left_out and not self._parts):
            return None
        place = best_line(lines, self.best)
        if self.best.epoch not in lines[place].epochs:
            return None
        # Beside other runs it would read as if it were the best of them.
        return Mark(place, self.best.epoch, told=not self.choices.comparison.runs)

    # ---- what its buttons do

    def _choose(self, **choice: bool | int) -> None:
        if "lines" in choice:
            self.choices.before = None  # the person has chosen since
        for name, value in choice.items():
            setattr(self.choices, name, value)
        self.stale, self.due = True, 0.0
        if self.plot and "smoothing" not in choice:  # another range of values
            self.plot.set_log_scale(self.choices.log_scale)
        self.refresh()

    def _home(self) -> None:
        self.plot.home()
        self.plot.refresh()

    def _tool(self, name: str) -> None:
        getattr(self.plot.navigation, name)()
        for tool in ("pan", "zoom"):
            pressed = self.plot.navigation.tool == tool
            self.tools[tool].state(["selected" if pressed else "!selected"])

    def _show_buttons(self) -> None:
        """Only what has something to work on can be clicked."""
        anything = bool(self.history)
        lines = anything or bool(self.choices.comparison.runs)
        wanted = {button: lines and self.plot is not None for button in self.tools.values()}
        wanted |= {self.tools["copy"]: anything and not self.left_out, self.export: lines}
        wanted[self.clear] = bool(self.choices.comparison.runs)
        for button, enabled in wanted.items():
            # To set it again would take the highlight from a button under the pointer.
            if button.instate(["disabled"]) == enabled:
                button.configure(state="normal" if enabled else "disabled")
