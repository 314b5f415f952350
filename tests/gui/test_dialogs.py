"""The focus while a dialog is there, and when it goes: by the real pointer and keyboard."""

from __future__ import annotations

import subprocess
import sys
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import ttk
from typing import Any

import pytest

from tests.gui.test_access import assert_reading_order, tab_order, widgets
from vae.config import TrainConfig
from vae.gui import dialogs, kit
from vae.gui.evaluation_dialog import show_evaluation
from vae.gui.export_dialog import ExportDialog, ask_export
from vae.gui.loss_jobs import Export
from vae.gui.sweep_dialog import Sweep, SweepDialog, ask_sweep

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]
Script = Iterator[Callable[[], bool]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")

PATIENCE = 15.0  # seconds
OTHER = "import tkinter; w = tkinter.Tk(); w.geometry('100x80+1320+700'); w.mainloop()"
# From the inner edge of the window, in pixels.
PLACES = {"menu": (55, -12), "title": (400, -38), "tab": (700, 150), "field": (250, 190)}


def play(window: Any, script: Script) -> None:
    """Do what a script does, each step once what it has yielded is true, while a dialog waits."""
    deadline = time.monotonic() + PATIENCE
    root = window.app.root

    def go(until: Callable[[], bool]) -> None:
        if until():
            if step := next(script, None):
                root.after(20, go, step)
        elif time.monotonic() < deadline:
            root.after(20, go, until)

    root.after(20, go, lambda: True)


def ask(window: Any, script: Script) -> str:
    """The answer to a question, "" if none came."""
    end = time.monotonic() + PATIENCE
    play(window, script)
    choices = ("Yes", "No")
    return dialogs.ask(
        window.app.root, "Question", "Well?", choices, still=lambda: time.monotonic() < end
    )


def newest(window: Any) -> Any:
    """The dialog that was opened last."""
    tops = [w for w in window.app.root.winfo_children() if isinstance(w, tk.Toplevel)]
    return tops[-1] if tops else None


def focused(window: Any, inside: Any) -> bool:
    """Whether a widget, or what is in it, has the focus."""
    return inside is not None and f"{window.app.root.tk.call('focus')}.".startswith(f"{inside}.")


def click(window: Any, place: str) -> None:
    window.click_at(window.app.root, *PLACES[place])


def later(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


@pytest.fixture(autouse=True)
def _away() -> Iterator[None]:
    """Leaves the pointer where it explains nothing to the next test."""
    yield
    subprocess.run(["xdotool", "mousemove", "1439", "899"], check=True)


@pytest.fixture
def other(open_window: Open) -> Iterator[Callable[[], None]]:
    """Another program on the screen; gives what clicks on it."""

    def click_it() -> None:
        subprocess.run(["xdotool", "mousemove", "1370", "745", "click", "1"], check=True)

    with subprocess.Popen([sys.executable, "-c", OTHER]) as process:
        yield click_it
        process.terminate()


@pytest.mark.parametrize("place", PLACES)
def test_a_dialog_takes_the_focus_back_whatever_is_clicked(open_window: Open, place: str) -> None:
    window = open_window()
    tab, texts = window.app.tabs.index("current"), window.app.form.texts()

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        click(window, place)
        yield later(0.5)
        window.key("Tab")  # to the second button
        window.key("Return")

    assert ask(window, script()) == "No"
    assert (window.app.tabs.index("current"), window.app.form.texts()) == (tab, texts)


def test_a_dialog_that_the_pointer_chose_from_a_menu_has_the_keyboard(open_window: Open) -> None:
    window = open_window()
    app = window.app

    def script() -> Script:
        yield lambda: newest(window) is not None and newest(window).winfo_viewable()
        yield later(0.5)
        window.key("Return")  # does nothing yet, and keeps the dialog
        for key in ("m", "y", "Return"):
            window.key(key)
        yield later(2)
        if left := newest(window):
            left.destroy()  # else the test would never end

    window.click(app.presets.button)
    menu = app.root.nametowidget(app.presets.button["menu"])
    window.pump(menu.winfo_ismapped)
    play(window, script())
    window.click_at(menu, 20, menu.yposition(menu.index("Save as preset...")) + 5)
    window.pump(lambda: "The preset my was saved." in window.bar(), PATIENCE)


@pytest.mark.parametrize("place", PLACES)
def test_keys_are_heard_once_a_dialog_has_gone_by_itself(
    open_window: Open, tiny: Make, place: str
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    app.bar.train.invoke()
    window.pump(lambda: app.state == "running" and len(app.view.history) >= 2)
    app.root.focus_force()
    asked: list[tk.Toplevel] = []

    def script() -> Script:
        window.key("Escape")
        yield lambda: focused(window, newest(window))
        asked.append(newest(window))
        click(window, place)
        yield later(0.5)
        app.worker.stop()

    play(window, script())
    window.pump(lambda: bool(asked) and app.state == "idle" and newest(window) is None)
    window.key("ctrl+2")
    window.pump(lambda: app.tabs.index("current") == 1, PATIENCE)
    field = app.form.fields["img_size"]
    window.click(field)
    before = field.get()
    window.key("7")
    window.pump(lambda: field.get() != before, PATIENCE)


@pytest.mark.parametrize("place", PLACES)
def test_a_dialog_takes_the_focus_when_the_person_comes_back(
    open_window: Open, other: Callable[[], None], place: str
) -> None:
    window = open_window()

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        other()
        yield lambda: not window.app.root.tk.call("focus")
        click(window, place)
        yield later(0.5)
        window.key("Escape")

    assert ask(window, script()) == "No"


def test_a_dialog_that_goes_takes_no_focus_from_another_program(
    open_window: Open, other: Callable[[], None]
) -> None:
    window = open_window()
    gone = False

    def script() -> Script:
        nonlocal gone
        yield lambda: focused(window, newest(window))
        other()
        yield lambda: not window.app.root.tk.call("focus")
        gone = True

    play(window, script())
    dialogs.ask(window.app.root, "Question", "Well?", ("Yes", "No"), still=lambda: not gone)
    window.pump(later(0.5))
    assert not window.app.root.tk.call("focus")
    click(window, "title")
    window.pump(lambda: focused(window, window.app.root), PATIENCE)
    window.key("ctrl+2")
    window.pump(lambda: window.app.tabs.index("current") == 1, PATIENCE)


def test_a_minimised_window_comes_back_with_its_dialog(open_window: Open) -> None:
    window = open_window()
    root = window.app.root

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        root.iconify()
        yield lambda: root.state() == "iconic"
        yield later(0.3)
        root.deiconify()
        yield lambda: focused(window, newest(window))
        yield later(0.5)
        click(window, "title")
        yield later(0.5)
        window.key("Escape")

    assert ask(window, script()) == "No"


def test_a_question_over_another_leaves_it_the_focus(open_window: Open) -> None:
    window = open_window()
    answers: list[str] = []

    def inner(outer: tk.Toplevel) -> Script:
        yield lambda: newest(window) is not outer and focused(window, newest(window))
        click(window, "menu")
        yield later(0.5)
        window.key("Escape")

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        answers.append(ask(window, inner(newest(window))))
        yield later(0.5)
        click(window, "tab")
        yield later(0.5)
        window.key("Escape")

    assert ask(window, script()) == "No" and answers == ["No"]
    assert not newest(window)


def test_the_tab_key_goes_through_each_dialog_as_one_reads(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window()
    root = window.app.root
    titles = {"loss_curve": "Loss curve", "samples": "Samples"}
    export = Export(("samples",), "png", tmp_path, True)
    asks: list[Callable[[], object]] = [
        lambda: dialogs.ask(root, "Question", "Well?", ("Yes", "No", "Later")),
        lambda: dialogs.ask_text(root, "Question", "Well?", "Yes", "No"),
        lambda: ask_sweep(root, Sweep({}, tmp_path), 0),
        lambda: ask_export(root, titles, ("png", "pdf"), export),
        lambda: show_evaluation(root, "Headline", [("PSNR", "20", "high")]),
        lambda: kit.choose_folder(root, str(tmp_path)),
        lambda: kit.choose_file(root, "Title", tmp_path, "x.gif"),
    ]
    for ask, least in zip(asks, (3, 3, 7, 8, 2, 4, 4), strict=True):
        checked: list[int] = []

        def script(checked: list[int] = checked) -> Script:
            yield lambda: focused(window, newest(window))
            yield later(0.2)
            dialog = newest(window)
            for button in widgets(dialog):
                if isinstance(button, ttk.Button):
                    button.state(["!disabled"])
            order = tab_order(dialog)
            try:
                assert dialog not in order
                assert_reading_order(order)
                checked.append(len(order))
            finally:
                dialog.destroy()

        play(window, script())
        ask()
        window.pump(lambda checked=checked: bool(checked), 5)
        assert checked[0] >= least, ask


@pytest.mark.parametrize("steps", [0, 99])
def test_no_dialog_reaches_beyond_the_screen_with_larger_text(
    open_window: Open, steps: int
) -> None:
    window = open_window()
    window.larger(steps)
    root = window.app.root
    rows = [(f"Measure {number}", "0.5", "what is good of it") for number in range(40)]
    bottoms: list[int] = []

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        yield later(0.2)
        dialog = newest(window)
        bottoms.append(dialog.winfo_rooty() + dialog.winfo_height())
        dialog.destroy()

    for ask in (lambda: show_evaluation(root, "Headline", rows), window.app.actions.help):
        play(window, script())
        ask()
    assert len(bottoms) == 2 and max(bottoms) <= root.winfo_screenheight()


def test_return_on_the_button_of_a_folder_chooses_one_and_starts_nothing(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    monkeypatch.setattr(kit, "choose_folder", lambda *_: str(tmp_path / "other"))
    sweep = SweepDialog(window.app.root, Sweep({"beta": ["0.1", "1"]}, tmp_path))
    export = ExportDialog(
        window.app.root, {"a": "A"}, ("png",), Export(("a",), "png", tmp_path, True)
    )
    for dialog in (sweep, export):
        window.pump(dialog.top.winfo_viewable)
        browse = next(w for w in widgets(dialog.field) if w.winfo_class() == "TButton")
        browse.focus_force()
        window.key("Return")
        window.pump(lambda dialog=dialog: dialog.field.folder == tmp_path / "other")
        window.pump(later(0.2))
        assert dialog.answer is None and dialog.top.winfo_exists()
        dialog.field.entry.focus_force()
        window.key("Return")
        window.pump(lambda dialog=dialog: dialog.answer is not None)


def test_a_folder_is_chosen_from_where_the_field_points_to(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_window().app
    begun: list[str] = []

    def choose(parent: object, mode: str, **options: str) -> str:
        begun.append(options["initialdir"])
        return ""

    monkeypatch.setattr(kit, "_choose", choose)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "runs").mkdir()
    dialog = SweepDialog(app.root, Sweep({}, tmp_path))
    for text, start in (
        ("~/runs", tmp_path / "runs"), (f"{tmp_path}/runs/new", tmp_path / "runs"),
        ("", tmp_path), (f"{tmp_path}/{'x' * 300}/y", tmp_path), ("~no-such-person/x", Path.cwd()),
    ):  # fmt: skip
        dialog.field.text.set(text)
        dialog.field._browse()
        app.form.fill({"output_dir": text})
        app.form._browse("output_dir")
        assert begun == [str(start)] * 2, text
        begun.clear()
        assert bool(dialog.field.folder) == bool(text)
    dialog.top.destroy()


def test_a_folder_that_is_none_stays_typed(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    left: list[bool] = []

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        yield later(0.2)
        dialog = newest(window)
        field = next(w for w in widgets(dialog) if w.winfo_class() == "TEntry")
        for text in ("x" * 300, "~no-such-person/x"):
            field.delete(0, "end")
            field.insert(0, text)
            field.focus_force()
            window.key("Return")
            yield later(0.3)
            left.append(bool(dialog.winfo_exists()))
        dialog.destroy()

    play(window, script())
    assert kit.choose_folder(window.app.root, str(tmp_path)) == ""
    assert left == [True, True]


def test_a_log_that_is_there_is_taken_without_a_question(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    (tmp_path / "log.csv").touch()

    def script() -> Script:
        yield lambda: focused(window, newest(window))
        yield later(0.2)
        window.key("Return")
        yield later(0.5)
        while top := newest(window):  # a question: no answer is one too
            top.destroy()

    play(window, script())
    chosen = kit.choose_csv(window.app.root, str(tmp_path), "log.csv")
    assert chosen == str(tmp_path / "log.csv")


def test_lists_and_folders_are_chosen_in_a_dialog(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    root = window.app.root
    dialog = SweepDialog(root, Sweep({}, tmp_path))
    box, entry = dialog.names[0], dialog.field.entry
    done: list[str] = []

    def script() -> Script:
        yield lambda: focused(window, dialog.entries[0])
        window.click(box)
        yield lambda: focused(window, f"{box}.popdown")
        window.key("Down")
        window.key("Return")
        yield lambda: box.current() == 1 and focused(window, dialog.top)
        window.click_at(entry, entry.winfo_width() + 15, entry.winfo_height() // 2)
        yield lambda: newest(window) is not dialog.top and focused(window, newest(window))
        click(window, "title")
        yield later(0.5)
        assert focused(window, newest(window))
        window.key("Escape")
        yield lambda: newest(window) is dialog.top and focused(window, dialog.top)
        done.append("")
        click(window, "menu")
        yield later(0.5)
        window.key("Escape")
        yield lambda: not dialog.top.winfo_exists()
        done.append("Escape")

    def end() -> None:
        while top := newest(window):
            top.destroy()

    play(window, script())
    root.after(int(PATIENCE * 1000), end)
    dialogs.wait(root, dialog.top)
    window.pump(lambda: "Escape" in done, 1)
