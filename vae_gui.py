"""Open the window: python vae_gui.py [--demo] [--start] [--any_parameter value]"""

from __future__ import annotations

import argparse

from vae.cli import add_parameters, given_parameters


def main() -> None:
    """Read the flags, open the window, run until it is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--demo", action="store_true", help="make and fill in the demo data set if no folder is"
    )
    parser.add_argument("--start", action="store_true", help="click Train")
    add_parameters(parser)
    options = parser.parse_args()
    from vae.gui.app import App

    App(given_parameters(options), demo=options.demo, start=options.start).run()


if __name__ == "__main__":
    main()
