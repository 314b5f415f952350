"""Loss curves: the lines of a history, and the picture of them that a run leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vae.config import Value
from vae.events import EpochRecord
from vae.files import atomic_write
from vae.language import _, in_english, number
from vae.schedule import best_epoch, losses_compare, measured_loss

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
# The looks of validation, of the first part of the loss and of the first other run, so that none
# changes when another line comes or goes.
VALIDATION, PARTS, OTHERS = 1, 2, 5
T = TypeVar("T")
# Runs that are compared with one: their names and epochs.
Runs = Sequence[tuple[str, Sequence[EpochRecord]]]

# How much of the mean before an epoch keeps in a smoothed line.
SMOOTHING = (0.0, 0.6, 0.9)


class Weights(NamedTuple):
    """What the parts of the loss are multiplied by."""

    alpha: float
    beta: float
    gamma: float


class Mark(NamedTuple):
    """An epoch that is marked, on the line at a place among those drawn."""

    line: int
    epoch: int


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


@dataclass(frozen=True)
class Comparison:
    """Runs whose losses are laid over those of the run that is shown.

    `own` is what that one is called beside them, where it is one of those compared; None where it
    is not and its lines are left out. `common` are the parameters that all share, if it is known.
    """

    others: Runs = ()
    own: str | None = ""
    common: Mapping[str, Value] | None = None

    @property
    def ranked(self) -> bool:
        """Whether the losses mean the same, as far as it is known."""
        return self.common is None or losses_compare(self.common)

    def beside(
        self, name: str, history: Sequence[EpochRecord], values: Mapping[str, Value] | None = None
    ) -> Comparison:
        """The same with one run more, of these parameters, if they are known."""
        common = self.common if self.others else values
        if common is not None:
            common = {n: v for n, v in common.items() if values is not None and values.get(n) == v}
        known = common if values is not None else None
        return replace(self, others=(*self.others, (name, history)), common=known)


ALONE = Comparison()


def _in_turn(looks: Sequence[T], style: int) -> T:
    return looks[(style - 1) % (len(looks) - 1) + 1] if style else looks[0]


def run_lines(
    history: Sequence[EpochRecord],
    comparison: Comparison = ALONE,
    column: str = "loss",
) -> list[Line]:
    """A column of a run's epochs, on training and validation images, and of those beside it.

    Of runs that are compared each has one line, on validation images if all of them have some, or
    else on those of training: like is laid over like.
    """
    own, lines = comparison.own, []
    if own == "":
        lines.append(_line(_("Training"), history, column, 0))
        if held_back(history):
            lines.append(_line(_("Validation"), history, f"val_{column}", VALIDATION))
    of = f"val_{column}" if on_validation(history, comparison) else column
    if own:
        lines.append(_line(own, history, of, 0))
    for style, (name, other) in enumerate(comparison.others, start=OTHERS):
        lines.append(_line(name, other, of, style))
    return lines


def held_back(history: Sequence[EpochRecord]) -> bool:
    """Whether a run was measured on images that were held back."""
    return any(record.val_loss is not None for record in history)


def on_validation(history: Sequence[EpochRecord], comparison: Comparison) -> bool:
    """Whether the runs that are laid over one another are compared on validation images."""
    compared = [other for _name, other in comparison.others]
    if comparison.own is not None and history:
        compared.append(history)
    return all(map(held_back, compared))


def compared_words(history: Sequence[EpochRecord], comparison: Comparison) -> str:
    """What the losses of runs that are laid over one another were measured on, in words."""
    if on_validation(history, comparison):
        return _("on validation images")
    return _("on training images") if comparison.own != "" else _("others: on training images")


def part_lines(history: Sequence[EpochRecord], weights: Weights) -> list[Line]:
    """The loss of each epoch and its parts, each times its weight, which add up to it.

    The weight of the KL divergence is the one that it had in each epoch, where that is known.
    """
    alpha, beta, gamma = weights
    betas = [beta if record.beta is None else record.beta for record in history]
    epochs = tuple(record.epoch for record in history)
    parts = (
        (_("α · reconstruction"), [alpha * record.reconstruction_loss for record in history]),
        (_("β · KL"), [b * record.kl_loss for b, record in zip(betas, history, strict=True)]),
        (_("γ · blur"), [gamma * record.blur_loss for record in history]),
    )
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


def draw_loss(
    axes: Axes,
    history: Sequence[EpochRecord],
    values: Mapping[str, Value],
    comparison: Comparison = ALONE,
    column: str = "loss",
) -> None:
    """Draw total loss, or another column, against epoch into light axes, the best epoch marked.

    `values` are the parameters of the run. On images that were held back, too, if any were. Over
    it the losses of the runs that it is compared with (see `run_lines`).
    """
    from matplotlib.ticker import MaxNLocator

    from vae.ticks import Ticks

    lines = run_lines(history, comparison, column)
    for line in lines:
        axes.plot(
            line.epochs, line.values, color=line.colour(COLOURS), linestyle=(0, line.dashes),
            linewidth=2, label=line.label, marker="" if line.style else ".",
        )  # fmt: skip
    if len(lines) > 1 or comparison.others:
        axes.legend(frameon=False)
    best = None if comparison.own is None else best_epoch(history, values)
    # Of one of several runs it would stand over all.
    if best and comparison.own == "" and column == "loss":
        title = _("Best loss {loss} at epoch {epoch}")
        if best.val_loss is not None:
            title = _("Best validation loss {loss} at epoch {epoch}")
        loss = number(measured_loss(best), ".5g")
        axes.set_title(title.format(loss=loss, epoch=best.epoch), fontsize=11)
    if best:
        line = lines[best_line(lines, best)]
        axes.plot(
            best.epoch, line.values[line.epochs.index(best.epoch)], "o", mfc="white",
            mec=line.colour(COLOURS), markersize=8,
        )  # fmt: skip
    label = _("Loss") if column == "loss" else _("Reconstruction error (mean squared)")
    if comparison.others:
        label = f"{label} ({compared_words(history, comparison)})"
    axes.set(xlabel=_("Epoch"), ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(Ticks())
    axes.grid(axis="y", color="#e1e5ea")
    axes.spines[["top", "right"]].set_visible(False)


def best_line(lines: Sequence[Line], best: EpochRecord) -> int:
    """The place of the line with what a run's best epoch was chosen by, on which it is marked."""
    chosen = VALIDATION if best.val_loss is not None else 0
    return next((place for place, line in enumerate(lines) if line.style == chosen), 0)


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
        draw_loss(figure.add_subplot(), history, values)
        with atomic_write(path, private=False) as file:
            figure.savefig(file, format="png")
