"""Numbers along the axes of plots. Imports matplotlib, so that it is imported late."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial

from matplotlib.ticker import Formatter

from vae.language import number

MOST_DIGITS = 5  # behind a point; numbers that need as many are written with significant digits
FEWEST_SIGNIFICANT = 3


class Ticks(Formatter):
    """As many digits as the numbers of an axis have, as the language in use writes them."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        digits = next((d for d in range(MOST_DIGITS) if all(map(partial(_has, d), values))), None)
        form = _significant(values) if digits is None else f",.{digits}f"
        return [number(value, form) for value in values]

    def __call__(self, value: float, place: int | None = None) -> str:
        return self.format_ticks([value])[0]


def _significant(values: Sequence[float]) -> str:
    """A format with as many significant digits as tell the numbers apart."""
    distinct, digits = sorted(set(values)), FEWEST_SIGNIFICANT
    if len(distinct) > 1:
        gap = min(b - a for a, b in itertools.pairwise(distinct))
        largest = max(abs(distinct[0]), abs(distinct[-1]))
        digits = max(digits, math.ceil(math.log10(largest / gap)) + 1)
    return f".{digits}g"


def _has(digits: int, value: float) -> bool:
    """Whether a number has no more digits behind its point than so many."""
    return math.isclose(round(value, digits), value, rel_tol=1e-9, abs_tol=1e-12)
