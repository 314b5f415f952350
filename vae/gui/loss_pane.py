"""The tab with the loss curve."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk

from vae.events import EpochRecord
from vae.gui import kit
from vae.gui.pane import Pane


class LossPane(Pane):
    """Numbers of the last epoch above the loss curve."""

    NUMBERS = ("Loss", "Reconstruction", "KL divergence", "Blur", "Best epoch")

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, "The loss curve appears here once training has begun.")
        row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x")
        self.values: dict[str, ttk.Label] = {}
        for name in self.NUMBERS:
            cell = ttk.Frame(row, style="Vae.TFrame")
            cell.pack(side="left", padx=(0, "12p"))
            ttk.Label(cell, text=name, style="Muted.Vae.TLabel").pack(anchor="w")
            style = "Accent.Vae.TLabel" if name == "Loss" else "Number.Vae.TLabel"
            self.values[name] = ttk.Label(cell, text="–", style=style)
            self.values[name].pack(anchor="w")
        self.log_scale = tk.BooleanVar(self, False)
        switch = kit.switch(self, "Log scale", self.log_scale, self._scale)
        switch.pack(side="bottom", anchor="e", pady=("6p", 0))
        self.empty.pack(fill="both", expand=True)
        self.shown: tuple[Sequence[EpochRecord], Sequence[tuple[float, float]]] = ((), ())
        self.stale = False

    def create(self) -> None:
        from vae.gui.loss_plot import LossPlot

        self.plot = LossPlot(self)

    def show(self, history: Sequence[EpochRecord], points: Sequence[tuple[float, float]]) -> None:
        """Take the epochs done and the points within epochs; drawn at the next refresh."""
        self.shown, self.stale = (tuple(history), tuple(points)), True
        texts = ["–"] * len(self.NUMBERS)
        if history:
            last, best = history[-1], min(history, key=lambda r: r.loss)
            losses = (last.loss, last.reconstruction_loss, last.kl_loss, last.blur_loss)
            texts = [f"{value:.4g}" for value in losses] + [str(best.epoch)]
        for name, text in zip(self.NUMBERS, texts, strict=True):
            self.values[name].configure(text=text)

    def compare(self, others: Sequence[tuple[str, Sequence[EpochRecord]]]) -> None:
        """Draw the loss of other runs too, each with its name; none takes them away."""
        self.others = others

    def refresh(self) -> None:
        if self.plot is None or not self.winfo_viewable():
            return
        if self.stale:
            self.stale = False
            self.plot.update(*self.shown)
            self.swap(any(map(len, self.shown)))
        self.plot.refresh()

    def _scale(self) -> None:
        if self.plot:
            self.plot.set_log_scale(self.log_scale.get())
            self.plot.refresh()
