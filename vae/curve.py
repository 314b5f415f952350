"""Loss curves: the lines of a history, and the picture of them that a run leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vae.config import Value
from vae.events import EpochRecord
from vae.files import atomic_write
from vae.language import _, in_english, number
from vae.schedule import best_epoch

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


def _in_turn(looks: Sequence[T], style: int) -> T:
    return looks[(style - 1) % (len(looks) - 1) + 1] if style else looks[0]


def total_line(label: str, history: Sequence[EpochRecord], style: int = 0) -> Line:
    """The loss of each epoch."""
    return _line(label, history, [record.loss for record in history], style)


def validation_line(label: str, history: Sequence[EpochRecord], style: int = 1) -> Line | None:
    """The loss on images that were held back, or None without any."""
    measured = [record for record in history if record.val_loss is not None]
    values = [record.val_loss or 0.0 for record in measured]
    return _line(label, measured, values, style) if measured else None


def part_lines(history: Sequence[EpochRecord], weights: Weights) -> tuple[Line, ...]:
    """The parts of the loss, each times its weight, which add up to the total.

    The weight of the KL divergence is the one that it had in each epoch, where that is known.
    """
    alpha, beta, gamma = weights
    betas = [beta if record.beta is None else record.beta for record in history]
    kl = [weight * record.kl_loss for weight, record in zip(betas, history, strict=True)]
    parts = (
        (_("α · reconstruction"), [alpha * record.reconstruction_loss for record in history]),
        (_("β · KL"), kl),
        (_("γ · blur"), [gamma * record.blur_loss for record in history]),
    )
    return tuple(
        _line(label, history, values, style) for style, (label, values) in enumerate(parts, start=1)
    )


def _line(label: str, history: Sequence[EpochRecord], values: list[float], style: int) -> Line:
    return Line(label, tuple(record.epoch for record in history), tuple(values), style)


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
    others: Runs = (),
) -> None:
    """Draw total loss against epoch into light axes, the best epoch marked.

    `values` are the parameters of the run. On images that were held back, too, if any were. Over
    it the training losses of `others`.
    """
    from matplotlib.ticker import MaxNLocator

    from vae.ticks import Ticks

    line = total_line(_("Training"), history)
    axes.plot(line.epochs, line.values, color=COLOURS[0], marker=".", linewidth=2, label=line.label)
    more = [validation] if (validation := validation_line(_("Validation"), history)) else []
    label = _("{run}: training") if more else "{run}"  # of two kinds of loss it is that one
    for name, other in others:
        more.append(total_line(label.format(run=name), other, style=1 + len(more)))
    for one in more:
        axes.plot(
            one.epochs, one.values, color=one.colour(COLOURS), linestyle=(0, one.dashes),
            linewidth=2, label=one.label,
        )  # fmt: skip
    if more:
        axes.legend(frameon=False)
    if best := best_epoch(history, values):
        loss, of = best.loss, COLOURS[0]
        title = _("Best loss {loss} at epoch {epoch}")
        if validation and best.val_loss is not None:
            loss, of = best.val_loss, validation.colour(COLOURS)
            title = _("Best validation loss {loss} at epoch {epoch}")
        axes.plot(best.epoch, loss, "o", mfc="white", mec=of, markersize=8)
        axes.set_title(title.format(loss=number(loss, ".5g"), epoch=best.epoch), fontsize=11)
    axes.set(xlabel=_("Epoch"), ylabel=_("Loss"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(Ticks())
    axes.grid(axis="y", color="#e1e5ea")
    axes.spines[["top", "right"]].set_visible(False)


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
