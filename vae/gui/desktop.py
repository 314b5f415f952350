"""The desktop around the window."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from vae.gui.answers import Told
from vae.language import _


def open_path(path: Path, emit: Callable[[object], None]) -> None:
    """Open a folder or a file with the system's program. Answers with Told if it cannot.

    Not for the window's thread, which a drive that does not answer would hold up. Raises OSError
    of a path that cannot be looked at.
    """
    try:
        path.stat()
    except FileNotFoundError:
        text = _("{path} is not there. Train makes the folders that it needs.")
        emit(Told(text.format(path=path)))
        return
    try:
        if sys.platform == "win32":
            import os

            os.startfile(path)
        else:
            opener = "open" if sys.platform == "darwin" else "xdg-open"
            subprocess.Popen([opener, str(path)], stderr=subprocess.DEVNULL)
    except OSError:
        text = _("No program to open it was found. It is {path}")
        emit(Told(text.format(path=path)))
