"""A run in the window, which must stay live: how late its loop is, how long it takes to redraw.

    python -m benchmarks.window FOLDER '{"img_size": "128", ...}'

In the second half of the epochs the tabs are switched and the window is resized every 1.5 s. Prints
one JSON line: milliseconds, and images per second of the epochs after the first, by halves.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vae import cache, runs
from vae.allocator import keep_freed_memory
from vae.config import DEFAULTS
from vae.gui import jobs, settings
from vae.gui.app import App

FEWEST = 4  # epochs, so that each half has one after its first
TICK_MS = 10
QUIET_MS = 250  # before it acts: to look often would slow the training
ACT_MS = 1500


class Probe:
    """Watches a window's loop and acts as a user does."""

    def __init__(self, app: App) -> None:
        self.app, self.root = app, app.root
        self.late: list[float] = []
        self.took: dict[str, list[float]] = {"tab": [], "resize": []}
        self.due = time.perf_counter()
        self.acts = False
        self.watched = int(app.form.texts()["num_epochs"]) // 2  # epochs before it acts
        self.over = False
        self.actions: Iterator[int | str] = itertools.cycle(
            [0, 1, 2, "small", 3, 4, 5, 6, 1, "large"]
        )

    def start(self) -> None:
        """Begin to watch."""
        self.root.after(TICK_MS, self.tick)
        self.root.after(ACT_MS, self.act)

    def tick(self) -> None:
        """Note how late this is; ends the program when the run has ended."""
        now = time.perf_counter()
        if self.acts:
            self.late.append(1000 * (now - self.due))
        if self.app.state in ("finished", "failed"):
            self.over = True
            self.app.destroy()
            return
        self.acts = len(self.app.view.history) >= self.watched
        pause = TICK_MS if self.acts else QUIET_MS
        self.due = now + pause / 1000
        self.root.after(pause, self.tick)

    def act(self) -> None:
        """Switch to the next tab, or resize, in the second half of the epochs."""
        if self.acts:
            action = next(self.actions)
            if isinstance(action, int):
                pane = list(self.app.panes.values())[action]
                self.time("tab", lambda: self.app.show_tab(pane))
            else:
                size = {"small": "1040x680", "large": "1280x820"}[action]
                self.time("resize", lambda: self.root.geometry(size))
        if not self.over:
            self.root.after(ACT_MS, self.act)

    def time(self, kind: str, act: Callable[[], object]) -> None:
        """How long it takes until the change is drawn."""
        began = time.perf_counter()
        act()
        self.root.update()
        self.took[kind].append(1000 * (time.perf_counter() - began))


def main() -> None:
    """Train once in a window and print what was seen."""
    folder, values = sys.argv[1:]
    if int(json.loads(values).get("num_epochs", DEFAULTS["num_epochs"])) < FEWEST:
        sys.exit(f"num_epochs must be {FEWEST} at least")
    keep_freed_memory()  # as the program does when it starts
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        # Nothing of the user's is read or written.
        settings.settings_path = lambda: Path(place) / "settings.json"
        jobs.recent_path = lambda: Path(place) / "recent_folders.json"
        runs.runs_folder = lambda: Path(place) / "runs"
        cache.cache_folder = lambda: Path(place) / "cache"
        texts = {
            "file_path": folder,
            "log_file": f"{place}/log.csv",
            "model_save_dir": f"{place}/checkpoints",
            "output_dir": f"{place}/output",
            **json.loads(values),
        }
        app = App(texts, start=True)
        probe = Probe(app)
        probe.start()
        app.run()
    late = sorted(probe.late)
    result: dict[str, Any] = {
        "ticks": len(late),
        "late_p50": late[len(late) // 2],
        "late_p99": late[int(0.99 * len(late))],
        "late_worst": late[-1],
        **{f"{kind}_worst": max(took) for kind, took in probe.took.items() if took},
        **{f"{kind}_p50": statistics.median(took) for kind, took in probe.took.items() if took},
        "rate": statistics.median(r.images_per_s for r in app.view.history[1 : probe.watched]),
        "acting": statistics.median(r.images_per_s for r in app.view.history[probe.watched + 1 :]),
    }
    print(json.dumps({name: round(value, 1) for name, value in result.items()}))


if __name__ == "__main__":
    main()
