"""The form's words for parameters, in messages that name them as the terminal does."""

from __future__ import annotations

import re
from dataclasses import replace

from vae.comparison import Comparison
from vae.config import PARAMETERS
from vae.language import _, retold

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
    return retold(lambda: ", ".join(map(_value_labelled, text.split(", "))))


def _value_labelled(part: str) -> str:
    name, _blank, value = part.partition(" ")
    return f"{_(PARAMETERS[name].label)} {value}" if value and name in PARAMETERS else part


def labelled_names(comparison: Comparison) -> Comparison:
    """The same, with the values that runs are called by in the form's words."""
    runs = (replace(run, name=values_labelled(run.name)) for run in comparison.runs)
    return replace(comparison, runs=tuple(runs))


def shortened(name: str, letters: int) -> str:
    """A run's name with about so many letters: of values in it the words give way, not numbers."""
    if len(name) <= letters:
        return name
    pairs = [part.rpartition(" ")[::2] for part in name.split(", ")]
    if not {words for words, _value in pairs} <= {_(facts.label) for facts in PARAMETERS.values()}:
        return f"{name[: letters // 2 - 1]}…{name[-(letters // 2) :]}"
    for room in range(max(len(words) for words, _value in pairs), 2, -1):
        short = ", ".join(f"{_cut(words, room)} {value}" for words, value in pairs)
        if len(short) <= letters:
            return short
    return ", ".join(value for _words, value in pairs)


def _cut(words: str, room: int) -> str:
    return words if len(words) <= room else f"{words[: room - 1].rstrip()}…"


def labelled(text: str) -> str:
    """A message with each parameter called what the form calls it; the parts of a path stay."""
    return retold(lambda: _NAMES.sub(lambda found: _(PARAMETERS[found[0]].label), str(text)))
