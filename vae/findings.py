"""What is wrong with a training, in plain words, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vae.config import Value
from vae.events import EpochRecord


class Finding(NamedTuple):
    """One thing that is wrong: what it is called, a sentence with the number behind it, and values.

    `remedy` holds the parameters to change, by name; none where no parameter mends it.
    """

    kind: str
    title: str
    message: str
    remedy: Mapping[str, Value]


def findings(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> tuple[Finding, ...]:
    """What the epochs so far show to be wrong with a run of these parameters, worst first."""
    return ()
