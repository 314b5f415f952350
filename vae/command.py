"""The terminal command that equals a form."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from vae.config import DEFAULTS, PARAMETERS, Value, text_of

FOLDER = Path(__file__).resolve().parent.parent


def train_command(texts: Mapping[str, str], windows: bool = sys.platform == "win32") -> str:
    """`python -m vae train`, with this very Python and a flag for each value but the defaults.

    To be run in the program's folder. Paths are absolute, so that they mean the same there. Values
    are quoted as the system's shell needs it.
    """
    python = Path(sys.executable)
    if windows and python.is_relative_to(FOLDER):
        python = python.relative_to(FOLDER)  # PowerShell takes a quoted path for a mere text
    words = [str(python), "-m", "vae", "train"]
    for name, text in texts.items():
        text = text.strip()
        path = bool(PARAMETERS[name].kind and text)
        if path or text != text_of(DEFAULTS[name]):
            words += [f"--{name}", str(Path(text).absolute()) if path else text]
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def remedy_flags(remedy: Mapping[str, Value], fresh: bool) -> str:
    """The flags to add to a command, --fresh too where it takes a new run."""
    flags = [f"--{name} {text_of(value)}" for name, value in remedy.items()]
    return " ".join(flags + ["--fresh"] * fresh)
