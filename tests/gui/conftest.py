"""A screen of their own for the window's tests: Xvfb and a window manager."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import time
import tkinter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageGrab

from vae.config import TrainConfig, text_of

# Of a test that starts tests of its own, on a screen of 192 dpi.
DENSE = os.environ.get("VAE_TEST_DENSE") == "1"

if sys.platform == "linux":

    @pytest.fixture(scope="session", autouse=True)
    def screen() -> Iterator[str]:
        with xvfb() as display, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", display)
            manager = subprocess.Popen(["openbox"], stderr=subprocess.DEVNULL)
            yield display
            manager.terminate()
            manager.wait(10)


@contextlib.contextmanager
def xvfb() -> Iterator[str]:
    """A virtual screen of its own; gives its display name once it takes connections."""
    assert shutil.which("Xvfb"), "make test installs Xvfb"
    screen, dpi = ("2880x1800x24", "192") if DENSE else ("1440x900x24", "96")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp",
         "-noreset", "-dpi", dpi],
        pass_fds=[write], stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    # Xvfb writes the number and its newline apart, and dies if the pipe is closed in between.
    with open(read) as pipe:
        number = pipe.readline().strip()
        assert number, f"Xvfb did not start: {server.communicate()[1].decode()}"
        yield f":{number}"
        server.terminate()
        server.communicate(timeout=10)


class Window:
    """An App with its callback errors, driven without mainloop."""

    def __init__(self, texts: dict[str, str], **options: bool) -> None:
        from vae.gui.app import App

        self.errors: list[str] = []
        self.app = App(texts, **options)
        real = self.app.callback_failed

        def failed(*error: Any) -> None:
            self.errors.append(repr(error[1]))
            real(*error)

        def script_failed(message: str, options: str) -> None:
            self.errors.append(message)
            self.app.script_failed(message, options)

        self.app.callback_failed = failed  # type: ignore[method-assign]
        root = self.app.root
        root.report_callback_exception = failed  # type: ignore[assignment]
        root.tk.call("interp", "bgerror", "", root.register(script_failed))
        self.pump(lambda: self.app.loss.plot is not None)

    def pump(self, until: Callable[[], bool], timeout: float = 60) -> None:
        """Let the window live until something is true."""
        deadline = time.monotonic() + timeout
        while not until():
            assert time.monotonic() < deadline, f"waited in vain; {self.bar()}; {self.errors}"
            self.app.root.update()
            time.sleep(0.005)
        assert not self.errors

    def pump_to(self, *states: str) -> None:
        """Let the window live until it is in one of some states."""
        self.pump(lambda: self.app.state in states)

    def larger(self, steps: int) -> None:
        """Make the text larger by so many steps, and wait until it is."""
        self.app.larger(steps)
        self.pump(lambda: not self.app.resizing)

    def bar(self) -> str:
        """What the bar says."""
        return f"{self.app.bar.word['text']} {self.app.bar.text['text']}"

    def click(self, widget: Any) -> None:
        """Click in a widget's middle with the real pointer."""
        self.app.root.update()
        self.click_at(widget, widget.winfo_width() // 2, widget.winfo_height() // 2)

    def click_at(self, widget: Any, x: int, y: int) -> None:
        """Click at a place in a widget with the real pointer."""
        self.app.root.update()
        x, y = x + widget.winfo_rootx(), y + widget.winfo_rooty()
        subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], check=True)

    def key(self, name: str) -> None:
        """Press a key of the real keyboard."""
        self.app.root.update()
        subprocess.run(["xdotool", "key", name], check=True)

    def pixel(self, widget: Any, x: int, y: int) -> tuple[int, ...]:
        """The colour on the screen at a place in a widget."""
        for _ in range(10):
            self.app.root.update()
        with ImageGrab.grab(xdisplay=os.environ["DISPLAY"]) as picture:
            found = picture.getpixel((widget.winfo_rootx() + x, widget.winfo_rooty() + y))
        assert isinstance(found, tuple)
        return found

    def end(self) -> None:
        """Stop what runs and close."""
        self.app.worker.stop()
        if self.app.state == "blocked":
            self.app.worker.answer(None)
        self.pump_to("idle", "finished", "failed")
        self.app.destroy()
        assert not self.errors


@pytest.fixture
def open_window(
    tmp_path: Path, surroundings: pytest.MonkeyPatch
) -> Iterator[Callable[..., Window]]:
    """Opens windows, and closes those that the test left open."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        surroundings.setenv(name, str(tmp_path / name))
    surroundings.chdir(tmp_path)
    windows: list[Window] = []

    def open_one(
        config: TrainConfig | None = None, demo: bool = False, start: bool = False, **texts: str
    ) -> Window:
        form = {n: text_of(v) for n, v in config.to_dict().items()} if config else {}
        windows.append(Window({**form, **texts}, demo=demo, start=start))
        return windows[-1]

    yield open_one
    for window in windows:
        try:
            alive = bool(window.app.root.winfo_exists())
        except tkinter.TclError:
            alive = False  # Tk says so of a window that is gone by raising
        if alive:
            if window.app.scale != 1:
                window.larger(-99)  # Tk keeps its scaling for the next window of a process
            window.end()
    gc.collect()
    gc.enable()  # the window held it for its own thread
