"""Numbers along the axes of plots. Imports matplotlib, so that it is imported late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from matplotlib.ticker import Formatter

from vae.language import number

MOST_DIGITS = 5  # behind a point; numbers that need as many are written with an exponent


class Ticks(Formatter):
    """As many digits as the numbers of an axis have, as the language in use writes them."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        digits = next((d for d in range(MOST_DIGITS) if all(map(partial(_has, d), values))), None)
        return [number(v, ".3g" if digits is None else f",.{digits}f") for v in values]

    def __call__(self, value: float, place: int | None = None) -> str:
        return self.format_ticks([value])[0]


def _has(digits: int, value: float) -> bool:
    """Whether a number has no more digits behind its point than so many."""
    return math.isclose(round(value, digits), value, rel_tol=1e-9, abs_tol=1e-12)
