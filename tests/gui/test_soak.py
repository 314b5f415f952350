"""A long run in the window with stops, resumes and changes of theme: nothing piles up."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import SOAK
from vae.config import TrainConfig

EPOCHS = 2000 if SOAK else 60
WARM = EPOCHS // 10  # epochs after which memory is measured for the first time
KEPT_OPEN = 4  # what a library opens once and keeps, such as a font
MOST_BETWEEN = 40 if SOAK else 8  # epochs between two of the person's deeds


def measure(app: Any) -> tuple[int, int, int]:
    """Bytes of memory, open files and threads of this process, while no run goes on."""
    deadline = time.monotonic() + 10
    while threading.active_count() > 3 and time.monotonic() < deadline:
        app.root.update()  # look-ups end by themselves
        time.sleep(0.01)
    gc.collect()
    process = psutil.Process()
    files = process.num_handles() if psutil.WINDOWS else process.num_fds()
    return process.memory_info().rss, files, threading.active_count()


@pytest.mark.timeout(7200 if SOAK else 120)
def test_a_long_run_with_stops_and_changes_of_theme_leaves_nothing_behind(
    open_window: Callable[..., Any], tiny: Callable[..., TrainConfig]
) -> None:
    config = tiny(num_epochs=5, batch_size=12)
    window = open_window(config)
    app, draw = window.app, random.Random(3)
    stops = changes = 0
    first: tuple[int, int, int] | None = None
    app.control.train()
    window.pump_to("finished")
    panes = list(app.panes.values())
    for number in range(2 * len(panes)):  # what is loaded once, such as fonts, is no leak
        if number == len(panes):
            app.toggle_mode()
        app.show_tab(panes[number % len(panes)])
        due = time.monotonic() + 1
        window.pump(lambda: time.monotonic() > due)  # noqa: B023
    app.form.fill({"num_epochs": str(EPOCHS)})
    app.control.train()
    while app.state != "finished":
        due = len(app.view.history) + draw.randint(1, MOST_BETWEEN)
        window.pump(lambda: len(app.view.history) >= due or app.state == "finished")  # noqa: B023
        if draw.random() < 0.5 and app.state == "running":
            app.control.stop()
            window.pump_to("idle", "finished")
            stops += 1
            if first is None and len(app.view.history) >= WARM:
                first = measure(app)
            if app.state == "idle":
                app.control.train()
        else:
            app.toggle_mode()
            app.show_tab(panes[changes % len(panes)])
            changes += 1
    assert first is not None and stops and changes
    last = measure(app)
    growth = last[0] / first[0] - 1
    print(
        f"{EPOCHS} epochs, {stops} stops, {changes} changes: memory {growth:+.1%}, {first}, {last}"
    )
    assert last[1] <= first[1] + KEPT_OPEN, "files are left open"
    assert last[2] <= first[2], "threads are left"
    if SOAK:
        assert growth < 0.05
    assert len(Path(config.log_file).read_text().splitlines()) == EPOCHS + 1
