"""make screens: the window in all its states, both modes and languages, into docs/screens."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tkinter import Tk, Toplevel
from unittest import mock

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from PIL import ImageGrab  # noqa: E402

from tests.gui.conftest import Window, xvfb  # noqa: E402
from vae import language, training  # noqa: E402
from vae.checkpoint import Draft  # noqa: E402
from vae.demo import make_demo_data  # noqa: E402
from vae.gui import kit, run_view  # noqa: E402
from vae.gui.evaluation_dialog import show_evaluation  # noqa: E402
from vae.language import _  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
SMALL = {
    "img_size": "64", "latent_dim": "64", "num_epochs": "40", "val_fraction": "0.1",
    "kl_balance": "auto", "gamma": "0", "sampler": "gmm",
}  # fmt: skip
DRAW_MS = 1500  # after which a dialog is drawn


# How a state is shown: it is given what takes its picture.
Show = Callable[[Callable[[], None]], None]


def main() -> None:
    """Take all pictures, on a virtual screen."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    with xvfb() as display, tempfile.TemporaryDirectory() as place:
        os.environ["DISPLAY"] = display
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(place) / name.lower())
        manager = subprocess.Popen(["openbox"], stderr=subprocess.DEVNULL)
        os.chdir(place)
        images = Path(place) / "phantoms"
        make_demo_data(images, 120)
        window = Window({**SMALL, "file_path": str(images)})
        for state, show in states(window):
            pictures(window, state, show)
        window.end()
        manager.terminate()
        manager.wait(10)


def states(window: Window) -> Iterator[tuple[str, Show]]:
    """Bring the window from state to state; name each, and say how it is shown."""
    app = window.app
    app.show_tab(app.data)
    window.pump(lambda: app.data_view.complete, 120)
    yield "idle", as_it_is
    yield "menu", partial(with_menu, window)
    app.form.fill({"img_size": "100", "lr": "1e-1O"})
    app.bar.train.invoke()
    window.pump(lambda: len(app.form.marked()) == 2)
    yield "errors", as_it_is
    app.form.fill({"img_size": "64", "lr": "0.0005"})
    app.form.show_problems({})
    yield from held(window, "checking", "Checking", "Checking the form and the data set...")
    app.bar.train.invoke()
    app.show_tab(app.loss)
    window.pump(lambda: len(app.view.history) >= 3)
    yield "running", as_it_is
    # The rest while it waits, so that it does not come to its end meanwhile.
    app.bar.pause.invoke()
    window.pump_to("paused")
    yield "question", partial(with_dialog, window, app.control.ask_stop)
    app.show_tab(app.reconstructions)
    yield "paused", as_it_is
    yield from held(window, "stopping", "Stopping", "after this batch; a checkpoint will be saved")
    app.bar.pause.invoke()
    window.pump_to("running")
    window.pump(lambda: app.state == "finished", 300)
    app.show_tab(app.samples)
    yield "finished", as_it_is
    app.show_tab(app.quality)
    yield "evaluation", partial(evaluated, window)
    yield "several", partial(with_dialog, window, app.control.train_several)
    app.show_tab(app.log)
    yield "blocked", partial(blocked, window)
    app.show_tab(app.loss)
    yield "failed", partial(failed, window)
    folder = Path(app.form.texts()["output_dir"]).absolute().parent / "several_runs"
    app.form.fill({"num_epochs": "8"})
    app.worker.sweep(app.form.texts(), {"kl_balance": ["auto", "fixed"]}, folder)
    app.set_state("checking", "", "")
    window.pump(lambda: app.state == "finished", 300)
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 3)
    yield "history", as_it_is
    app.show_tab(app.quality)
    yield "quality", as_it_is
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 3)
    app.runs.table.tree.selection_set(app.runs.table.tree.get_children()[:2])
    window.pump(lambda: len(app.runs.table.chosen()) == 2)
    app.runs.compare()
    yield "comparing", as_it_is
    app.show_tab(app.loss)
    yield "curves", as_it_is


def as_it_is(shoot: Callable[[], None]) -> None:
    """Show the state that the window is in."""
    shoot()


def held(window: Window, state: str, word: str, text: str) -> Iterator[tuple[str, Show]]:
    """A state that lasts too short a time to be caught."""
    app, before = window.app, window.app.state

    def show(shoot: Callable[[], None]) -> None:
        app.set_state(state, _(word), _(text))
        settle(window)
        shoot()

    yield state, show
    app.set_state(before, "", "")


def with_menu(window: Window, shoot: Callable[[], None]) -> None:
    """Show the Run menu."""
    window.app.root.focus_force()
    for key in ("F10", "Right", "Down"):
        window.key(key)
        settle(window)
    shoot()
    window.key("Escape")
    window.key("Escape")
    settle(window)


def with_dialog(window: Window, ask: Callable[[], object], shoot: Callable[[], None]) -> None:
    """Show the dialog that `ask` waits for, and close it."""
    root = window.app.root

    def take() -> None:
        shoot()
        for top in root.winfo_children():
            if isinstance(top, Toplevel):
                top.destroy()

    root.after(DRAW_MS, take)
    ask()


def evaluated(window: Window, shoot: Callable[[], None]) -> None:
    """Show what Evaluate measures."""
    shown: list[str] = []

    def show(root: Tk, headline: str, rows: Sequence[tuple[str, str, str]]) -> None:
        with_dialog(window, lambda: show_evaluation(root, headline, rows), shoot)
        shown.append(headline)

    with mock.patch.object(run_view, "show_evaluation", show):
        window.app.actions.evaluate()
        window.pump(lambda: bool(shown), 120)


def anew(window: Window) -> None:
    """Let the finished run go on, with an empty log."""
    app = window.app
    app.log.lines.clear()
    app.build_again()
    app.form.fill({"num_epochs": str(len(app.view.history) + 20)})
    app.bar.train.invoke()


def blocked(window: Window, shoot: Callable[[], None]) -> None:
    """Show a run whose checkpoint finds no room on the disk."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(Draft, "finish", side_effect=full):
        anew(window)
        window.pump_to("blocked")
        settle(window)
        shoot()
        window.app.worker.answer(None)
        window.pump_to("failed")


def failed(window: Window, shoot: Callable[[], None]) -> None:
    """Show a run that met the end of the memory."""
    with mock.patch.object(training, "vae_loss", side_effect=MemoryError):
        anew(window)
        window.pump_to("failed")
    settle(window)
    shoot()


def pictures(window: Window, state: str, show: Show) -> None:
    """One state in both modes and languages."""
    for _language in range(2):
        for _mode in range(2):
            settle(window)
            name = f"{state}-{kit.mode(window.app.root)}-{language.current()}.png"
            show(partial(grab, window, SCREENS / name))
            window.app.toggle_mode()
        window.app.toggle_language()


def settle(window: Window, until: Callable[[], bool] = lambda: True) -> None:
    """Let the window draw what it has to."""
    end = time.monotonic() + 1.2
    window.pump(lambda: until() and time.monotonic() > end)


def grab(window: Window, path: Path) -> None:
    """Save the window without its frame, in few colours: the pictures stay small."""
    root = window.app.root
    left, top = root.winfo_rootx(), root.winfo_rooty()
    menus = root.tk.call("winfo", "height", "." + str(root["menu"]).replace(".", "#"))
    box = (left, top - menus, left + root.winfo_width(), top + root.winfo_height())
    with ImageGrab.grab(box, xdisplay=os.environ["DISPLAY"]) as picture:
        # Without kmeans the plain colours of the window change their tint.
        picture.quantize(256, kmeans=1).save(path, optimize=True)
    print(path.name, flush=True)


if __name__ == "__main__":
    main()
