"""The desktop around the window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vae.language import _


def open_path(path: Path) -> str:
    """Open a folder or a file with the system's program. Returns why it cannot, or nothing."""
    if not path.exists():
        return _("{path} is not there. Train makes the folders that it needs.").format(path=path)
    try:
        if sys.platform == "win32":
            import os

            os.startfile(path)
        else:
            opener = "open" if sys.platform == "darwin" else "xdg-open"
            subprocess.Popen([opener, str(path)], stderr=subprocess.DEVNULL)
    except OSError:
        return _("No program to open it was found. It is {path}").format(path=path)
    return ""
