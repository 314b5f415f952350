"""Closing the window while a file is being written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.gui.test_window import answer
from vae.config import TrainConfig
from vae.gui import kit, picture_jobs
from vae.gui.loss_jobs import Export, write_picture
from vae.gui.viewer import Viewer
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


def watched(app: Any) -> list[bool]:
    """Grows once the window is gone."""
    closed, destroy = list[bool](), app.destroy
    app.destroy = lambda: (destroy(), closed.append(True))
    return closed


class Slow:
    """Writes a file once it may, or fails."""

    def __init__(self, path: Path, fails: bool = False) -> None:
        self.path, self.fails, self.may = path, fails, threading.Event()

    def __call__(self) -> str:
        assert self.may.wait(60)
        if self.fails:
            raise OSError(28, "No space left on device")
        return write_picture(self.path, b"whole")

    def begin(self, app: Any) -> None:
        """As an export does."""
        app.worker.write(picture_jobs.write, self, self.path)


def test_the_window_stays_until_what_is_being_written_is_whole(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window()
    slow, closed = Slow(tmp_path / "run.gif"), watched(window.app)
    slow.begin(window.app)
    window.app.close()
    window.pump(lambda: window.bar().startswith("Closing as soon as a file is written"))
    assert not closed
    slow.may.set()
    window.pump(lambda: bool(closed))
    assert slow.path.read_bytes() == b"whole"


def test_a_second_click_leaves_at_once(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    slow, closed = Slow(tmp_path / "run.gif"), watched(window.app)
    slow.begin(window.app)
    window.app.close()
    window.app.close()
    assert closed
    slow.may.set()


def test_the_window_stays_to_say_what_could_not_be_written(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window()
    slow = Slow(tmp_path / "run.gif", fails=True)
    slow.begin(window.app)
    window.app.close()
    slow.may.set()
    window.pump(lambda: "run.gif was not written (No space left on device)" in window.bar())
    due = time.monotonic() + 0.2  # after a few looks at what has come
    window.pump(lambda: time.monotonic() > due)
    assert not window.app.quit_after_stop and window.app.root.winfo_exists()


def test_a_run_that_is_saved_to_close_lets_what_is_written_be_whole_too(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    slow, closed = Slow(tmp_path / "run.gif"), watched(app)
    app.control.train()
    window.pump(lambda: len(app.view.history) >= 2)
    slow.begin(app)
    answer(monkeypatch, "Save and exit")
    app.close()
    window.pump(lambda: window.bar().startswith("Closing"))
    assert not app.worker.busy and not closed
    slow.may.set()
    window.pump(lambda: bool(closed))


def test_whoever_goes_on_working_keeps_the_window(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    window = open_window(tiny(num_epochs=1))
    slow = Slow(tmp_path / "run.gif")
    window.pump(lambda: window.app.checkpoints.is_known())
    slow.begin(window.app)
    window.app.close()
    window.app.bar.train.invoke()
    slow.may.set()
    window.pump_to("finished")
    due = time.monotonic() + 0.2  # after a few looks at what has come
    window.pump(lambda: time.monotonic() > due)
    assert window.app.root.winfo_exists()


@pytest.mark.parametrize("way", ["export", "draw", "one image", "plot", "figures"])
def test_each_file_that_a_person_asks_for_is_waited_for(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    run_vae_training(config := tiny(num_epochs=1))
    window = open_window(config)
    app = window.app
    app.show_tab(app.loss)
    window.pump(lambda: app.samples.pixels is not None and bool(app.loss.plot.lines))
    wanted = Export(("loss_curve",), "png", tmp_path / "paper", False)
    monkeypatch.setattr(kit, "choose_file", lambda *_: str(tmp_path / "file.gif"))
    monkeypatch.setattr(kit, "choose_picture", lambda *_: str(tmp_path / "plot.png"))
    monkeypatch.setattr("vae.gui.loss_actions.ask_export", lambda *_: wanted)
    may = threading.Event()
    for job in ("write", "draw"):
        monkeypatch.setattr(picture_jobs, job, lambda *_: may.wait(60))

    def save_one() -> None:
        app.samples.view()
        viewer = next(w for w in app.samples.winfo_children() if isinstance(w, Viewer))
        viewer.save()
        viewer.destroy()

    ways: dict[str, Callable[[], object]] = {
        "export": partial(app.samples.export, ".gif"), "draw": app.samples.drawer.invoke,
        "one image": save_one, "plot": app.loss_actions.save_plot,
        "figures": app.loss_actions.export,
    }  # fmt: skip
    assert not app.worker.writing
    ways[way]()
    assert app.worker.writing
    may.set()
    window.pump(lambda: not app.worker.writing)
