"""Runs that are laid over the one that is shown: which of them are drawn, and what compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vae.config import Value
from vae.events import EpochRecord
from vae.schedule import same_loss

# What decides on which images a run is measured; of the last, only on those of training.
MEASURED_ON = ("file_path", "img_size", "in_channels", "val_fraction", "group_pattern", "augment")


@dataclass(frozen=True)
class Compared:
    """A run: its name, its epochs, and its parameters, of which a log knows none.

    The one that is shown has no name unless it is compared.
    """

    name: str
    history: Sequence[EpochRecord]
    values: Mapping[str, Value] = field(default_factory=dict)
    mixed: bool = False  # whether the weights of its loss were changed on the way

    def is_of(self, shown: Compared) -> bool:
        """Whether this is the run that is shown: its first epochs are, as many as both know."""
        both = min(len(self.history), len(shown.history))
        mine, its = (run.values.get("model_save_dir") for run in (self, shown))
        return bool(mine and both) and (mine, tuple(self.history[:both])) == (
            its, tuple(shown.history[:both]),
        )  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Runs beside the one that is shown, or `alone` without it, unless it is one of them."""

    runs: tuple[Compared, ...] = ()
    alone: bool = False

    def beside(self, run: Compared) -> Comparison:
        """The same with one run more."""
        return replace(self, runs=(*self.runs, run))

    def without(self, runs: Sequence[Compared]) -> Comparison:
        """Without these runs, whatever they are called here."""
        left = (run for run in self.runs if not any(run.is_of(other) for other in runs))
        return replace(self, runs=tuple(left))

    def on_images_in(self, folder: str) -> Comparison:
        """Without the runs that are known to be on images of another folder."""
        left = (run for run in self.runs if run.values.get("file_path", folder) == folder)
        return replace(self, runs=tuple(left))

    def brought_up_to(self, shown: Compared) -> Comparison:
        """With the epochs that the run that is shown has done since it was compared."""
        runs = (
            replace(run, history=shown.history)
            if len(run.history) < len(shown.history) and run.is_of(shown)
            else run
            for run in self.runs
        )
        return replace(self, runs=tuple(runs))

    def drawn(self, shown: Compared) -> list[Drawn]:
        """The runs to draw: of the one that is shown all epochs, under its name if it has one."""
        found = []
        for place, run in enumerate(self.runs, start=1):
            if run.is_of(shown):
                history = max(run.history, shown.history, key=len)
                found.append(Drawn(Compared(run.name, history, shown.values), 0))
            else:
                found.append(Drawn(run, place))
        if self.runs and (self.alone or any(drawn.place == 0 for drawn in found)):
            return found
        return [Drawn(shown, 0), *found]


class Drawn(NamedTuple):
    """A run that is drawn, and its place among those compared, 0 for the one that is shown."""

    run: Compared
    place: int


NO_OTHERS = Comparison()


def held_back(history: Sequence[EpochRecord]) -> bool:
    """Whether a run was measured on images that were held back."""
    return any(record.val_loss is not None for record in history)


def on_validation(runs: Sequence[Compared]) -> bool:
    """Whether runs can be compared on validation images: all that have epochs were measured so."""
    return all(held_back(run.history) for run in runs if run.history)


def common(runs: Sequence[Compared]) -> dict[str, Value]:
    """The parameters that are the same in all; none where those of one are not known."""
    first = runs[0].values if runs else {}
    return {n: v for n, v in first.items() if all(run.values.get(n) == v for run in runs)}


def same_images(runs: Sequence[Compared]) -> bool:
    """Whether runs are measured on the same images, as far as it is known."""
    known = [run.values for run in runs if run.values]
    names = MEASURED_ON[:-1] if on_validation(runs) else MEASURED_ON
    counts = {run.history[-1].images for run in runs if run.history}
    return len(counts) < 2 and all(len({values[name] for values in known}) < 2 for name in names)


def same_losses(runs: Sequence[Compared]) -> bool:
    """Whether the losses of runs on the same images mean the same, as far as it is known."""
    if len(runs) > 1 and any(run.mixed for run in runs):
        return False
    return same_loss([run.values for run in runs if run.values])
