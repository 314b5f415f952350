"""Loss curves: the lines of a history, and the picture of them that a run leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vae.comparison import (
    NO_OTHERS,
    Compared,
    Drawn,
    held_back,
    on_validation,
    same_images,
    same_losses,
)
from vae.config import Value
from vae.events import EpochRecord
from vae.files import RUN_KEY, atomic_write
from vae.history import run_mark
from vae.language import _, in_english, number
from vae.schedule import best_epoch, measured_loss, same_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the run itself, then of other lines in turn. A line is told by its dashes too, (drawn, left
# out, ...) in widths of the line: not all people see all colours, and not all papers print them.
# Seven and four have no common factor, so that 28 other lines differ.
COLOURS = (
    "#1a62d6",
    "#b04a00", "#00705a", "#a2357f", "#3f4a56", "#786000", "#007089", "#8c3b2a",
)  # fmt: skip
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 1.6), (1.4, 1.4), (6, 1.6, 1.4, 1.6), (10, 2.5),
)  # fmt: skip
# The looks of validation and of the first part of the loss, which stay when other lines come or go.
VALIDATION, PARTS = 1, 2
# Of other runs in turn: none has the colour of validation, and the first three not its dashes.
OTHERS = (6, 7, 12, 9, 10, 11, 13, 14, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28)
T = TypeVar("T")

# How much of the mean before an epoch keeps in a smoothed line.
SMOOTHING = (0.0, 0.6, 0.9)


class Weights(NamedTuple):
    """What the parts of the loss are multiplied by, and what each latent is charged at least."""

    alpha: float
    beta: float
    gamma: float
    free_bits: float = 0.0


class Mark(NamedTuple):
    """An epoch that is marked, on the line at a place among those drawn, and whether in words."""

    line: int
    epoch: int
    told: bool = True


@dataclass(frozen=True)
class Line:
    """A line of a loss curve, one value for each epoch. Its style is 0 for the run itself."""

    label: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    style: int = 0

    @property
    def dashes(self) -> tuple[float, ...]:
        """Drawn and left out, in turn; empty for a line without gaps."""
        return _in_turn(DASHES, self.style)

    def colour(self, colours: Sequence[str]) -> str:
        """One of a palette's, of which the first is the run's own."""
        return _in_turn(colours, self.style)


def _in_turn(looks: Sequence[T], style: int) -> T:
    return looks[(style - 1) % (len(looks) - 1) + 1] if style else looks[0]


def run_lines(drawn: Sequence[Drawn], column: str = "loss") -> list[Line]:
    """A column of the epochs of runs, each a line.

    The one that is shown has lines of training and of validation, unless it has a name among those
    compared. They are on validation images if all of them have some, or else on those of
    training: like is laid over like.
    """
    of = f"val_{column}" if on_validation([run for run, _place in drawn]) else column
    lines = []
    for run, place in drawn:
        if run.name:
            style = OTHERS[(place - 1) % len(OTHERS)] if place else 0
            lines.append(_line(run.name, run.history, of, style))
            continue
        training, validation = _("Training"), _("Validation")
        if len(drawn) > 1:
            training, validation = _("This run, training"), _("This run, validation")
        lines.append(_line(training, run.history, column, 0))
        if held_back(run.history):
            lines.append(_line(validation, run.history, f"val_{column}", VALIDATION))
    return lines


def measured_words(drawn: Sequence[Drawn]) -> str:
    """What the losses of runs that are laid over one another were measured on, in words."""
    named = all(run.name for run, _place in drawn)
    if on_validation([run for run, _place in drawn]):
        return _("on validation images") if named else _("others: on validation images")
    return _("on training images") if named else _("others: on training images")


def caution(runs: Sequence[Compared], column: str = "loss") -> str:
    """What of a column must not be compared between these runs, in a sentence, or nothing."""
    if not same_images(runs):
        return _("They are measured on different images: nothing ranks them.")
    if column == "loss" and not same_losses(runs):
        mixed = any(run.mixed or not run.values for run in runs)
        if not mixed and all(same_weights(run.values, runs[0].values) for run in runs):
            return _(
                "With KL balance auto each run weighs its loss by its own error: compare the "
                "reconstruction error, or PSNR."
            )
        return _(
            "The runs weigh the parts of the loss differently: compare the reconstruction error, "
            "or PSNR."
        )
    return ""


def part_lines(history: Sequence[EpochRecord], weights: Weights) -> list[Line]:
    """The loss of each epoch and its parts, each times its weight, which add up to it.

    The weight of the KL divergence is the one that it had in each epoch, where that is known. With
    free bits more is charged than it is: what the total has beside the other parts.
    """
    alpha, beta, gamma, free_bits = weights
    betas = [beta if record.beta is None else record.beta for record in history]
    epochs = tuple(record.epoch for record in history)
    errors = [alpha * record.reconstruction_loss for record in history]
    blurs = [gamma * record.blur_loss for record in history]
    kls = [b * record.kl_loss for b, record in zip(betas, history, strict=True)]
    if free_bits:
        totals = [record.loss for record in history]
        kls = [t - e - b for t, e, b in zip(totals, errors, blurs, strict=True)]
    parts = ((_("α · reconstruction"), errors), (_("β · KL"), kls), (_("γ · blur"), blurs))
    lines = [
        Line(label, epochs, tuple(values), style)
        for style, (label, values) in enumerate(parts, start=PARTS)
    ]
    return [_line(_("Total"), history, "loss", 0), *lines]


def _line(label: str, history: Sequence[EpochRecord], column: str, style: int) -> Line:
    """A column of the epochs that have a value of it."""
    found = [(record.epoch, getattr(record, column)) for record in history]
    found = [(epoch, value) for epoch, value in found if value is not None]
    return Line(label, tuple(e for e, _v in found), tuple(v for _e, v in found), style)


def smoothed(values: Sequence[float], keep: float) -> list[float]:
    """Exponential moving average: each value keeps the share `keep` of the mean before it.

    Divided by the sum of the weights so far, so that the first values are not drawn to zero.
    """
    result, mean, weight = [], 0.0, 0.0
    for value in values:
        mean = keep * mean + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        result.append(mean / weight)
    return result


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, in the order of the wanted ones and as near to them as can be.

    Between low and high, as far as there is room: beyond high if there is not. By isotonic
    regression, which pools neighbours that are too near into a block around their mean.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    blocks: list[list[float]] = []  # of the wanted places, less the gaps before them
    for rank, i in enumerate(order):
        blocks.append([wanted[i] - rank * gap])
        while len(blocks) > 1 and fmean(blocks[-2]) > fmean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = blocks[-1] + last
    flat = [fmean(block) for block in blocks for _place in block]
    highest = max(high - (len(wanted) - 1) * gap, low)
    places = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        places[i] = min(max(flat[rank], low), highest) + rank * gap
    return places


def _marker(line: Line) -> str:
    """Of the run itself, and wherever a single epoch would leave no line to be seen."""
    return "" if line.style and len(line.epochs) > 1 else "."


def draw_loss(
    axes: Axes, drawn: Sequence[Drawn], best: EpochRecord | None, column: str = "loss"
) -> None:
    """Draw total loss, or another column, of runs against epoch into light axes.

    The `best` epoch, of the run that is shown, is marked.
    """
    from matplotlib.ticker import MaxNLocator

    from vae.ticks import Ticks

    lines = run_lines(drawn, column)
    for line in lines:
        axes.plot(
            line.epochs, line.values, color=line.colour(COLOURS), linestyle=(0, line.dashes),
            linewidth=2, label=line.label, marker=_marker(line),
        )  # fmt: skip
    alone = len(drawn) == 1 and not drawn[0].run.name
    if not alone or len(lines) > 1:
        axes.legend(frameon=False)
    if best and best.epoch in (line := lines[best_line(lines, best)]).epochs:
        axes.plot(
            best.epoch, line.values[line.epochs.index(best.epoch)], "o", mfc="white",
            mec=line.colour(COLOURS), markersize=8,
        )  # fmt: skip
    # Of one of several runs it would stand over all.
    if best and alone and column == "loss":
        title = _("Best loss {loss} at epoch {epoch}")
        if best.val_loss is not None:
            title = _("Best validation loss {loss} at epoch {epoch}")
        loss = number(measured_loss(best), ".5g")
        axes.set_title(title.format(loss=loss, epoch=best.epoch), fontsize=11)
    label = _("Loss") if column == "loss" else _("Reconstruction error (mean squared)")
    axes.set(xlabel=_("Epoch"), ylabel=label)
    if not alone:
        axes.set_title(f"{label}, {measured_words(drawn)}", fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(Ticks())
    axes.grid(axis="y", color="#e1e5ea")
    axes.spines[["top", "right"]].set_visible(False)


def best_line(lines: Sequence[Line], best: EpochRecord) -> int:
    """The place of the line with what a run's best epoch was chosen by, on which it is marked."""
    styles = [line.style for line in lines]
    chosen = VALIDATION if best.val_loss is not None and VALIDATION in styles else 0
    return styles.index(chosen)


def write_loss_curve(
    path: Path, history: Sequence[EpochRecord], values: Mapping[str, Value]
) -> None:
    """Draw the loss as `draw_loss` does into a PNG. Raises OSError.

    In English, so that window and terminal leave the same files.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    with in_english():
        shown = Compared("", history, values)
        draw_loss(figure.add_subplot(), NO_OTHERS.drawn(shown), best_epoch(history, values))
        with atomic_write(path, private=False) as file:
            figure.savefig(file, format="png", metadata={RUN_KEY: run_mark(history)})
