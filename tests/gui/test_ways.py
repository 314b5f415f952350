"""The ways that are used most, with the real pointer and the real keyboard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vae import language
from vae.config import TrainConfig
from vae.gui import kit

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")


def write(window: Any, field: Any, text: str) -> None:
    """Click into a field and type over what is there."""
    window.click(field)
    window.pump(lambda: window.app.root.focus_get() is field)
    window.key("ctrl+a")
    window.app.root.update()
    subprocess.run(["xdotool", "type", "--delay", "5", text], check=True)
    window.pump(lambda: field.get() == text)


@pytest.fixture
def window(open_window: Open, tiny: Make) -> Any:
    window = open_window(tiny(num_epochs=3000, sample_every=3000))
    window.app.root.focus_force()
    window.pump(lambda: window.app.data_view.complete)
    return window


@pytest.fixture
def running(window: Any) -> Any:
    window.click(window.app.bar.train)
    window.pump(lambda: len(window.app.view.history) >= 2)
    return window


def test_a_folder_is_typed_and_looked_at(open_window: Open, images: Path) -> None:
    window = open_window(img_size="16", depth="2")
    form = window.app.form
    write(window, form.fields["file_path"], str(images))
    window.key("Tab")
    window.pump(lambda: window.app.data_view.survey is not None)
    assert window.app.data.values["images"]["text"].startswith("12")
    window.pump(lambda: "Click Train." in window.bar())


def test_a_slip_is_marked_beside_its_field_and_mended(window: Any) -> None:
    form = window.app.form
    write(window, form.fields["img_size"], "18")
    window.key("Tab")
    window.pump(lambda: form.errors["img_size"].winfo_viewable())
    assert "take 16 or 20" in form.errors["img_size"]["text"]
    window.click(window.app.bar.train)
    window.pump(lambda: "1 field needs attention" in window.bar())
    write(window, form.fields["img_size"], "16")
    window.key("Tab")
    window.pump(lambda: not form.marked())


def test_train_stop_and_resume_with_the_pointer(running: Any) -> None:
    app = running.app
    running.click(app.bar.stop)
    running.pump_to("idle")
    done = len(app.view.history)
    running.pump(lambda: app.bar.train["text"] == "Resume")
    running.click(app.bar.train)
    running.pump(lambda: len(app.view.history) > done)


def test_pause_with_a_key_and_go_on_with_the_pointer(running: Any) -> None:
    running.key("ctrl+b")
    running.pump_to("paused")
    running.click(running.app.bar.pause)
    running.pump_to("running")


def test_a_checkpoint_and_samples_at_once_with_keys(running: Any) -> None:
    app = running.app
    running.key("ctrl+g")
    running.pump(lambda: app.samples.pixels is not None)
    before = {path.name for path in Path(app.form.texts()["model_save_dir"]).iterdir()}
    running.key("ctrl+s")
    running.pump(
        lambda: {p.name for p in Path(app.form.texts()["model_save_dir"]).iterdir()} != before
    )


def test_escape_asks_and_return_stops(running: Any) -> None:
    running.key("Escape")
    running.app.root.after(600, lambda: subprocess.run(["xdotool", "key", "Return"], check=True))
    running.pump_to("idle")


def test_the_tabs_by_number(window: Any) -> None:
    app = window.app
    for number, pane in enumerate(app.panes.values(), start=1):
        window.key(f"ctrl+{number}")
        window.pump(lambda pane=pane: app.tabs.select() == str(pane))  # type: ignore[misc]


@pytest.fixture
def slovak(window: Any) -> Iterator[None]:
    """A keyboard on which digits take Shift, and plus does not."""
    subprocess.run(["setxkbmap", "sk"], check=True)
    yield
    subprocess.run(["setxkbmap", "us"], check=True)


@pytest.mark.usefixtures("slovak")
def test_letters_can_be_composed_in_a_field(window: Any) -> None:
    field = window.app.form.fields["file_path"]
    window.click(field)
    window.pump(lambda: window.app.root.focus_get() is field)
    field.delete(0, "end")
    for key in ("dead_caron", "c", "dead_acute", "y"):
        window.key(key)
    window.pump(lambda: field.get() == "čý")


@pytest.mark.usefixtures("slovak")
def test_digits_are_those_of_the_menus_on_a_keyboard_where_they_take_shift(window: Any) -> None:
    app = window.app
    for number, pane in enumerate(app.panes.values(), start=1):
        for key in (f"ctrl+{number + 9}", f"ctrl+shift+{number + 9}"):  # by its code
            app.show_tab(app.log if pane is app.data else app.data)
            window.key(key)
            window.pump(lambda pane=pane: app.tabs.select() == str(pane))  # type: ignore[misc]
    assert app.scale == 1
    for key in ("ctrl+KP_Add", "ctrl+equal"):
        window.key(key)
        window.pump(lambda: app.scale > 1 and not app.resizing)
        window.key("ctrl+19")
        window.pump(lambda: app.scale == 1 and not app.resizing)


@pytest.fixture
def caps_lock(window: Any) -> Iterator[None]:
    """With Caps Lock on, until a test is over."""
    window.key("Caps_Lock")
    yield
    window.key("Caps_Lock")


@pytest.mark.usefixtures("caps_lock")
def test_keys_do_the_same_with_caps_lock(window: Any) -> None:
    window.key("ctrl+j")
    window.pump(lambda: language.current() == "sk")


def test_keys_do_nothing_with_alt_or_shift(window: Any) -> None:
    before = language.current()
    for key in ("ctrl+shift+j", "ctrl+alt+j", "ctrl+alt+2"):
        window.key(key)
    window.key("ctrl+3")
    window.pump(lambda: window.app.tabs.index("current") == 2)
    assert language.current() == before


def test_a_preset_with_pointer_and_keys(window: Any) -> None:
    app = window.app
    before = app.form.texts()
    app.root.after(500, lambda: subprocess.run(["xdotool", "key", *["Down"] * 3, "Return"]))
    window.click(app.presets.button)
    window.pump(lambda: app.form.texts() != before)
    texts = app.form.texts()
    assert texts["img_size"] == "64"  # the third one: Quick look
    assert texts["file_path"] == before["file_path"]


def test_language_mode_and_size_with_keys(window: Any) -> None:
    root = window.app.root
    window.key("ctrl+j")
    window.pump(lambda: language.current() == "sk")
    window.key("ctrl+j")
    window.pump(lambda: language.current() == "en")
    window.key("ctrl+l")
    window.pump(lambda: kit.mode(root) == "dark")
    window.key("ctrl+plus")
    window.pump(lambda: window.app.scale > 1)
    window.key("ctrl+minus")
    window.pump(lambda: window.app.scale == 1)


def test_the_command_is_copied_with_a_key(window: Any) -> None:
    window.key("ctrl+k")
    window.pump(lambda: "The command was copied" in window.bar())
    command = window.app.root.clipboard_get()
    assert "-m vae train --file_path=" in command and " --depth=2 " in command
