"""The form's words for parameters, in messages that name them as the terminal does."""

from __future__ import annotations

import re

from vae.config import PARAMETERS
from vae.language import _

# A name of two words is never one of the language. A shorter one counts only where a message or a
# sentence begins, where an ordinary word would have a capital.
_LONG = "|".join(name for name in PARAMETERS if "_" in name)
_ALL = "|".join(PARAMETERS)
_NAMES = re.compile(
    rf"(?<![\w/\\.-])(?:{_LONG})(?![\w/\\-]|\.\w)|(?:^|(?<=\. ))(?:{_ALL})(?=[ :])", re.MULTILINE
)


def values_labelled(text: str) -> str:
    """ "beta 0.3, depth 2", with each parameter called what the form calls it."""
    return ", ".join(map(labelled, text.split(", ")))


def labelled(text: str) -> str:
    """A message with each parameter called what the form calls it; the parts of a path stay."""
    return _NAMES.sub(lambda found: _(PARAMETERS[found[0]].label), text)
