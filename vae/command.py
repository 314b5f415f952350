"""The terminal command that equals a form."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vae.config import DEFAULTS, PARAMETERS, Value, text_of

FOLDER = Path(__file__).resolve().parent.parent
PLAIN = re.compile(r"[\w.:\\/=+-]+")  # what no shell of Windows reads as anything but itself


def train_command(texts: Mapping[str, str], windows: bool = sys.platform == "win32") -> str:
    """`python -m vae train`, with this very Python and a flag for each value but the defaults.

    To be run in the program's folder. Paths are absolute, so that they mean the same there. Words
    are quoted for the shell: on Windows for PowerShell, elsewhere for one of POSIX.
    """
    python = Path(sys.executable)
    if windows and python.is_relative_to(FOLDER):
        python = python.relative_to(FOLDER)  # seldom needs quotes, so that cmd runs it too
    words = [str(python), "-m", "vae", "train"]
    for name, text in texts.items():
        text = text.strip()
        path = bool(PARAMETERS[name].kind and text)
        if path or text != text_of(DEFAULTS[name]):
            # One word, since a value may be empty or begin with a hyphen.
            words.append(f"--{name}={Path(text).absolute() if path else text}")
    return _for_powershell(words) if windows else shlex.join(words)


def _for_powershell(words: Sequence[str]) -> str:
    """The words as a command for PowerShell; cmd reads most of them the same way.

    Windows PowerShell hands a double quote, and the backslashes before it, to the program as they
    stand, so that they are escaped for the program first and then for the shell itself.
    """
    quoted = []
    for word in words:
        if not PLAIN.fullmatch(word):
            word = re.sub(r'(\\+)(?="|\Z)', r"\1\1", word).replace('"', '\\"')
            word = '"' + re.sub(r'([`$"“”„])', r"`\1", word) + '"'
        quoted.append(word)
    # A quoted path alone would be a mere text; & runs it.
    return ("& " if quoted[0].startswith('"') else "") + " ".join(quoted)


def remedy_flags(remedy: Mapping[str, Value], fresh: bool) -> str:
    """The flags to add to a command, --fresh too where it takes a new run."""
    flags = [f"--{name} {text_of(value)}" for name, value in remedy.items()]
    return " ".join(flags + ["--fresh"] * fresh)
