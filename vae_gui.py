"""Open the window: python vae_gui.py [--demo] [--start] [--any_parameter value]"""

from __future__ import annotations

import argparse
import os
import sys

from vae.allocator import keep_freed_memory
from vae.cli import add_parameters, given_parameters

NO_TK = (
    "This Python has no Tk, which draws the window. Install python3-tk (apt), python3-tkinter "
    "(dnf) or python-tk (brew), or train without a window: python -m vae train --help"
)
NO_SCREEN = "No window can be opened ({}). Train without one: python -m vae train --help"


def main() -> None:
    """Read the flags, open the window, run until it is closed."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--demo",
        action="store_true",
        help="make and take a demo data set if no folder is named",
    )
    parser.add_argument("--start", action="store_true", help="click Train")
    add_parameters(parser)
    options = parser.parse_args()
    try:
        from tkinter import TclError

        from vae.gui.app import App
    except ModuleNotFoundError as error:
        if error.name not in ("tkinter", "_tkinter"):
            raise
        sys.exit(NO_TK)
    try:
        app = App(given_parameters(options), demo=options.demo, start=options.start)
    except TclError as error:
        if "display" not in str(error):
            raise
        sys.exit(NO_SCREEN.format(error))
    failure = app.run()
    if app.worker.busy:
        # Left without saving: a thread inside PyTorch would crash an ordinary end of the process.
        # Every file is whole or not there, whenever the end comes.
        os._exit(0)
    sys.exit(failure or 0)


if __name__ == "__main__":
    main()
