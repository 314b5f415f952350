"""The form's words for parameters, in messages that name them as the terminal does."""

from __future__ import annotations

import re

from vae.config import PARAMETERS
from vae.language import _

# A name of two words is never one of the language; a shorter one is a name where a message begins,
# or a sentence, which no word of the language does in lower case.
_LONG = "|".join(name for name in PARAMETERS if "_" in name)
_ALL = "|".join(PARAMETERS)
_NAMES = re.compile(
    rf"(?<![\w/\\.-])(?:{_LONG})(?![\w/\\-]|\.\w)|(?:^|(?<=\. ))(?:{_ALL})(?=[ :])", re.MULTILINE
)


def labelled(text: str) -> str:
    """A message with each parameter called what the form calls it; the parts of a path stay."""
    return _NAMES.sub(lambda found: _(PARAMETERS[found[0]].label), text)
