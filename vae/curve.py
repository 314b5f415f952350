"""The loss curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vae.events import EpochRecord
from vae.files import atomic_write


def write_loss_curve(path: Path, history: Sequence[EpochRecord]) -> None:
    """Draw total loss against epoch, the best epoch marked, into a PNG. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = [record.epoch for record in history]
    axes.plot(epochs, [record.loss for record in history], color="#1f6feb", marker=".", linewidth=2)
    if history:
        best = min(history, key=lambda record: record.loss)
        axes.plot(best.epoch, best.loss, "o", mfc="white", mec="#1f6feb", markersize=8)
        axes.set_title(f"Best loss {best.loss:.5g} at epoch {best.epoch}", fontsize=11)
    axes.set(xlabel="Epoch", ylabel="Loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e1e5ea")
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(path, private=False) as file:
        figure.savefig(file, format="png")
