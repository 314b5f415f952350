"""Advice on each parameter."""

from vae.config import PARAMETERS
from vae.guide import ADVICE


def test_each_parameter_has_advice_and_says_what_is_usual() -> None:
    assert ADVICE.keys() == PARAMETERS.keys()
    assert all(advice.usual for advice in ADVICE.values())
    assert all(bool(a.higher) == bool(a.lower) for a in ADVICE.values())
