"""The desktop around the window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vae.language import _


def open_folder(folder: Path) -> str:
    """Show a folder in the system's file manager. Returns why it cannot, or an empty string."""
    if not folder.is_dir():
        return _("{folder} does not exist yet; Train makes it.").format(folder=folder)
    try:
        if sys.platform == "win32":
            import os

            os.startfile(folder)
        else:
            opener = "open" if sys.platform == "darwin" else "xdg-open"
            subprocess.Popen([opener, str(folder)], stderr=subprocess.DEVNULL)
    except OSError:
        return _("No file manager was found. The folder is {folder}").format(folder=folder)
    return ""
