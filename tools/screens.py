"""make screens: the window in all its states, both modes and languages, into docs/screens."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from PIL import ImageGrab  # noqa: E402

from tests.gui.conftest import Window, xvfb  # noqa: E402
from vae import language  # noqa: E402
from vae.demo import make_demo_data  # noqa: E402
from vae.files import checkpoint_name  # noqa: E402
from vae.gui import kit  # noqa: E402
from vae.gui.answers import Failed  # noqa: E402
from vae.language import _  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
SMALL = {
    "img_size": "64", "latent_dim": "64", "num_epochs": "40", "val_fraction": "0.1",
    "kl_balance": "auto", "gamma": "0", "sampler": "gmm",
}  # fmt: skip


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
        for state in states(window):
            pictures(window, state)
        window.end()
        manager.terminate()
        manager.wait(10)


def states(window: Window) -> Iterator[str]:
    """Bring the window from state to state, and name each."""
    app = window.app
    app.show_tab(app.data)
    window.pump(lambda: app.data_view.complete, 120)
    yield "idle"
    app.form.fill({"img_size": "100", "lr": "1e-1O"})
    app.bar.train.invoke()
    window.pump(lambda: len(app.form.marked()) == 2)
    yield "errors"
    app.form.fill({"img_size": "64", "lr": "0.0005"})
    app.form.show_problems({})
    yield from held(window, "checking", "Checking", "Checking the form and the data set...")
    app.bar.train.invoke()
    app.show_tab(app.loss)
    window.pump(lambda: len(app.view.history) >= 3)
    yield "running"
    app.bar.pause.invoke()
    window.pump_to("paused")
    app.show_tab(app.reconstructions)
    yield "paused"
    app.bar.pause.invoke()
    window.pump_to("running")
    yield from held(window, "stopping", "Stopping", "after this batch; a checkpoint will be saved")
    window.pump(lambda: app.state == "finished", 300)
    app.show_tab(app.samples)
    yield "finished"
    app.show_tab(app.log)
    app.view.show(failure())

    def fail_again() -> None:
        app.view.endings.last = failure()
        app.view.endings.say()

    yield from told(window, "failed", fail_again)
    folder = Path(app.form.texts()["output_dir"]).absolute().parent / "several_runs"
    app.form.fill({"num_epochs": "8"})
    app.worker.sweep(app.form.texts(), {"kl_balance": ["auto", "fixed"]}, folder)
    app.set_state("checking", "", "")
    window.pump(lambda: app.state == "finished", 300)
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 3)
    yield "history"
    app.show_tab(app.quality)
    yield "quality"
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 3)
    app.runs.table.tree.selection_set(app.runs.table.tree.get_children()[:2])
    window.pump(lambda: len(app.runs.table.chosen()) == 2)
    app.runs.compare()
    yield "comparing"
    app.show_tab(app.loss)
    yield "curves"


def held(window: Window, state: str, word: str, text: str) -> Iterator[str]:
    """A state that lasts too short a time to be caught."""
    app, before = window.app, window.app.state
    yield from told(window, state, lambda: app.set_state(state, _(word), _(text)))
    app.set_state(before, "", "")


def told(window: Window, state: str, tell: Callable[[], None]) -> Iterator[str]:
    """A state that is told in the language in use, as if it had come about in it."""
    view = window.app.view
    say = view.say_again

    def say_and_tell() -> None:
        say()
        tell()

    view.say_again = say_and_tell  # type: ignore[method-assign]
    tell()
    yield state
    view.say_again = say  # type: ignore[method-assign]


def failure() -> Failed:
    """A run that met the end of the memory."""
    safe = _("The checkpoint {name} is safe.").format(name=checkpoint_name(12, 12))
    text = _("Out of memory at batch_size {size}. {safe} Try {remedy}.")
    return Failed(text.format(size=64, safe=safe, remedy="batch_size 32"), {}, "")


def pictures(window: Window, state: str) -> None:
    """One state in both modes and languages."""
    for _language in range(2):
        for _mode in range(2):
            settle(window)
            name = f"{state}-{kit.mode(window.app.root)}-{language.current()}.png"
            grab(window, SCREENS / name)
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
    box = (left, top, left + root.winfo_width(), top + root.winfo_height())
    with ImageGrab.grab(box, xdisplay=os.environ["DISPLAY"]) as picture:
        # Without kmeans the plain colours of the window change their tint.
        picture.quantize(256, kmeans=1).save(path, optimize=True)
    print(path.name, flush=True)


if __name__ == "__main__":
    main()
