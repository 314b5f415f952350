"""The form's words for parameters, in messages that name them as the terminal does."""

from __future__ import annotations

import re
from dataclasses import replace

from vae.config import PARAMETERS
from vae.curve import Comparison
from vae.language import _

# A name of two words is never one of the language. A shorter one counts only where a message or a
# sentence begins, where an ordinary word would have a capital.
_LONG = "|".join(name for name in PARAMETERS if "_" in name)
_ALL = "|".join(PARAMETERS)
_NAMES = re.compile(
    rf"(?<![\w/\\.-])(?:{_LONG})(?![\w/\\-]|\.\w)|(?:^|(?<=\. ))(?:{_ALL})(?=[ :])", re.MULTILINE
)


def values_labelled(text: str) -> str:
    """ "beta 0.3, depth 2", with each parameter called what the form calls it.

    Any other text stays as it is.
    """
    return ", ".join(map(_value_labelled, text.split(", ")))


def _value_labelled(part: str) -> str:
    name, _blank, value = part.partition(" ")
    return f"{_(PARAMETERS[name].label)} {value}" if value and name in PARAMETERS else part


def labelled_names(comparison: Comparison) -> Comparison:
    """The same, with the values that runs are called by in the form's words."""
    others = [(values_labelled(name), history) for name, history in comparison.others]
    own = comparison.own and values_labelled(comparison.own)
    return replace(comparison, others=others, own=own)


def shortened(name: str, letters: int) -> str:
    """A run's name with about so many letters: of a value its end stays, as of any other name."""
    parts = name.split(", ")
    room = letters // len(parts) - 2 * (len(parts) > 1)
    return ", ".join(_without_middle(part, room) for part in parts)


def _without_middle(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    value = len(text) - text.rfind(" ")  # its blank too
    end = value if value < room else room // 2
    return f"{text[: max(room - end - 1, 1)].rstrip()}…{text[-end:]}"


def labelled(text: str) -> str:
    """A message with each parameter called what the form calls it; the parts of a path stay."""
    return _NAMES.sub(lambda found: _(PARAMETERS[found[0]].label), text)
