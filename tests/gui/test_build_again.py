"""Another language, or larger text, while the window lives."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gui.test_access import widgets
from vae import language
from vae.config import TrainConfig
from vae.gui import kit
from vae.gui.form import ARRANGE_MS
from vae.gui.gallery_pane import PLAY_MS
from vae.gui.theme import pixels
from vae.language import _
from vae.recorder import recorded
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


def test_another_language_loses_nothing_of_a_running_training(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=1, lr=0.002))
    app = window.app
    app.form.toggle_advanced()
    app.bar.train.invoke()
    window.pump(lambda: len(app.samples.epochs) >= 3)
    app.show_tab(app.samples)
    app.root.focus_force()
    app.root.event_generate("<Control-j>")
    window.pump(lambda: language.current() == "sk")
    assert app.state == "running" and str(app.bar.stop["state"]) == "normal"
    assert app.form.texts()["lr"] == "0.002"
    assert str(app.form.fields["lr"]["state"]) == "disabled"
    assert not app.form.folded
    assert app.tabs.index("current") == list(app.panes.values()).index(app.samples)
    assert app.samples.pixels is not None and len(app.samples.epochs) >= 3
    done = len(app.view.history)
    window.pump(lambda: len(app.view.history) > done)  # and events find the parts made anew
    app.log.refresh()
    assert "Device: CPU" in app.log.text.get("1.0", "end")  # what was told before stays
    app.bar.stop.invoke()
    window.pump_to("idle")
    window.end()
    again = open_window()
    assert language.current() == "sk"  # remembered
    again.end()


def test_the_parts_that_another_language_replaces_are_gone(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "TIP_MS", 50)  # where the pointer happens to be
    run_vae_training(config := tiny(num_epochs=2))
    app = (window := open_window(config)).app
    window.pump(lambda: app.samples.pixels is not None)
    for pane in app.panes.values():
        app.show_tab(pane)
        window.pump(pane.winfo_viewable)
    parts = [*app.panes.values(), *(pane.plot for pane in app.panes.values() if pane.plot)]
    parts += [app.form, app.results, app.sides, app.presets, app.bar, app.banner, app.header]
    old = {str(part): weakref.ref(part) for part in parts}
    del parts, pane
    for _turn in range(2):
        app.toggle_language()
        end = time.monotonic() + 0.3
        window.pump(lambda end=end: time.monotonic() > end)
    gc.collect()
    assert not [name for name, part in old.items() if part() is not None]


def test_no_timer_comes_to_a_part_that_is_gone(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "TIP_MS", 50)
    app = (window := open_window()).app
    app.form.browsers[0].event_generate("<Enter>")
    app.form.show_problem("lr", "too fast")
    app.samples.take_found(Path("nowhere"), [(1, 0), (2, 0)])
    app.samples.toggle_play()
    assert app.form.arranging and app.samples.playing
    app.toggle_language()
    end = time.monotonic() + (ARRANGE_MS + PLAY_MS) / 1000
    window.pump(lambda: time.monotonic() > end)  # which fails at an error of any timer


def test_an_error_in_a_script_of_tk_is_logged_and_alarms_nobody(open_window: Open) -> None:
    app = (window := open_window()).app
    said = window.bar()
    app.root.tk.call("after", 1, "no_such_command")
    end = time.monotonic() + 10
    while not window.errors and time.monotonic() < end:
        app.root.update()
    assert window.errors == ['invalid command name "no_such_command"']
    window.errors.clear()
    app.log.refresh()
    assert "while executing" in app.log.text.get("1.0", "end")
    assert window.bar() == said


def test_what_was_hidden_stays_hidden_and_what_was_asked_for_comes(
    open_window: Open, tiny: Make
) -> None:
    run_vae_training(config := tiny(num_epochs=2))
    app = (window := open_window(config)).app
    window.pump(lambda: app.samples.pixels is not None)
    app.form.toggle_info()
    app.form.toggle_advanced()
    app.form.fill({"free_bits": "much"})
    app.bar.train.invoke()
    window.pump(lambda: app.form.marked() == ["free_bits"])
    draws: list[int] = []
    app.samples.draw = lambda seed, *rest: draws.append(seed)
    app.samples.drawer.invoke()
    app.samples.index.set(0)
    app.samples._slid()
    app.toggle_language()
    assert not app.form.explanation.winfo_manager() and not app.form.folded
    assert str(app.samples.drawer["state"]) == "disabled"  # the draw goes on
    window.pump(lambda: app.samples.shown.epoch == 1)
    app.form.toggle_info()
    window.pump(lambda: bool(app.form.explanation.winfo_manager()))


def test_the_focus_stays_where_it_was(open_window: Open) -> None:
    app = (window := open_window()).app
    app.show_tab(app.samples)
    app.banner.say("a note")
    for find in (
        lambda: app.header.mode, lambda: app.form.fields["alpha"], lambda: app.samples.seed_entry,
        lambda: app.bar.train, lambda: app.tabs,
    ):  # fmt: skip
        find().focus_force()
        app.root.update()
        app.toggle_language()
        window.pump(lambda find=find: app.root.focus_get() is find(), 10)
        window.larger(1)
        window.pump(lambda find=find: app.root.focus_get() is find(), 10)
        window.larger(-1)


def test_a_comparison_stays_in_another_language(open_window: Open, tiny: Make) -> None:
    for beta in (0.5, 1.0):
        config = tiny(f"run_{beta}", beta=beta, num_epochs=1)
        with recorded(config, lambda event: None) as recorder:
            recorder.ended(run_vae_training(config, recorder))
    app = (window := open_window()).app
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 2)
    app.runs.table.tree.selection_set(app.runs.table.tree.get_children())
    app.runs.compare()
    app.toggle_language()
    assert app.runs.comparison is not None
    assert [run.name for run in app.loss_actions.choices.comparison.runs] == [
        "beta 0.5",
        "beta 1.0",
    ]
    labels = [line.label for line in app.loss.shown_lines()]
    assert labels[-2:] == ["Váha KL β 0.5", "Váha KL β 1.0"]
    window.pump(lambda: len(app.runs.comparison.pictures) == 2)
    app.runs.end_comparison()
    assert app.runs.table.winfo_manager() and not app.loss_actions.choices.comparison.runs


def test_a_path_that_cannot_be_used_is_told_in_the_language_in_use(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    window = open_window(tiny(), file_path=str(tmp_path / "nowhere"))
    app = window.app
    for marked in ("left", "refused"):  # by leaving the field, and by a click on Train
        if marked == "left":
            app.field_left("file_path")
        else:
            app.bar.train.invoke()
        window.pump(lambda: app.form.marked() == ["file_path"])
        window.pump(lambda: app.state == "idle")
        assert "does not exist" in app.form.messages["file_path"]
        assert bool(app.form.refused) == (marked == "refused")
        app.toggle_language()
        window.pump(lambda: "neexistuje" in app.form.messages.get("file_path", ""))
        app.toggle_language()
        window.pump(lambda: "does not exist" in app.form.messages.get("file_path", ""))


def test_how_a_run_failed_is_told_in_the_language_in_use(
    open_window: Open, tiny: Make, images: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config, lambda event: None)
    next(images.iterdir()).unlink()
    window = open_window(config, num_epochs="2")
    app = window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    app.bar.train.invoke()
    window.pump_to("failed")
    english = window.bar()
    assert "cannot go on with these images" in english and "is gone or changed" in english
    app.toggle_language()
    assert "nemôže pokračovať s týmito snímkami" in window.bar()
    assert "gone" not in window.bar() and "now" not in app.form.messages["file_path"]
    assert app.bar.link["text"] == "V nových priečinkoch" and app.bar.link.winfo_manager()
    app.toggle_language()
    assert window.bar() == english and app.bar.link["text"] == "In new folders"


def test_a_note_and_its_button_stay_in_another_language(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("vae.gui.actions.open_path", lambda path, emit: opened.append(path))
    app = (window := open_window()).app
    app.tell(_("{path} was written.").format(path="loss.png"), tmp_path)
    app.banner.say(_("The form could not be remembered: {problem}").format(problem="no room"))
    app.banner.say(_("There are no epochs to copy yet."))
    app.toggle_language()
    assert (
        app.bar.text["text"] == "loss.png je zapísaný."
        and app.bar.link["text"] == "Otvoriť priečinok"
    )
    assert app.banner.text["text"] == _("There are no epochs to copy yet.")
    assert app.banner.more["text"].startswith("2 ") and app.banner.winfo_manager()
    app.bar.link.invoke()
    window.pump(lambda: opened == [tmp_path])
    app.banner.clear()
    app.toggle_language()
    assert app.bar.text["text"] == "loss.png was written." and not app.banner.winfo_manager()


def test_larger_text_makes_all_larger_and_comes_back(open_window: Open) -> None:
    window = open_window()
    app = window.app
    before = app.bar.train.winfo_reqheight()
    for _turn in range(10):
        app.larger()
    window.pump(lambda: app.bar.train.winfo_reqheight() > 1.7 * before)
    assert app.scale == 2.0
    for _turn in range(10):
        app.larger(-1)
    window.pump(lambda: app.bar.train.winfo_reqheight() == before)
    assert app.scale == 1.0
    app.larger(3)
    window.pump(lambda: app.bar.train.winfo_reqheight() > 1.5 * before)
    app.root.focus_force()
    app.root.event_generate("<Control-Key-0>")
    window.pump(lambda: app.bar.train.winfo_reqheight() == before)


def test_larger_text_keeps_the_size_of_the_window_as_far_as_it_can(open_window: Open) -> None:
    window = open_window()
    root = window.app.root

    def take(width: int, height: int) -> None:
        root.geometry(f"{width}x{height}")  # as a person who drags its edge
        window.pump(lambda: size() == (width, height))

    def size() -> tuple[int, int]:
        for _turn in range(5):
            root.update()
        return root.winfo_width(), root.winfo_height()

    take(1024, 660)
    window.larger(1)
    assert size()[0] == pixels(root, *kit.MIN_SIZE)[0]  # what this text needs
    window.larger(99)
    room = size()
    assert room[0] > 1300 and room[1] > 750  # all that the screen has
    window.larger(-99)
    assert window.app.scale == 1 and size() == (1024, 660)
    take(1300, 700)
    root.geometry("+60+20")
    window.pump(lambda: root.winfo_rootx() > 50)
    window.larger(1)
    assert size()[0] == 1300 and root.winfo_rootx() > 50  # where it was
    window.larger(99)
    take(1100, 720)  # it is chosen anew while the text is large
    window.larger(-99)
    assert size() == (1100, 720)


@pytest.mark.skipif(sys.platform != "linux", reason="only some window managers can be asked so")
def test_larger_text_leaves_a_maximised_window_as_it_is(open_window: Open) -> None:
    window = open_window()
    root = window.app.root
    usual = root.winfo_width()
    root.attributes("-zoomed", True)
    window.pump(lambda: root.winfo_width() > usual)
    whole = root.winfo_width()
    for steps in (2, 99, -99):
        window.larger(steps)
        for _turn in range(5):
            root.update()
        assert root.attributes("-zoomed") and root.winfo_width() == whole


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own dialogs are used")
def test_the_dialogs_of_files_speak_the_language_of_the_window(
    open_window: Open, tmp_path: Path
) -> None:
    root = (window := open_window()).app.root

    def texts(ask: Callable[[], str]) -> set[str]:
        """What a dialog says, which is then closed."""
        said: set[str] = set()

        def look() -> None:
            for top in (w for w in root.winfo_children() if w.winfo_class() == "Toplevel"):
                inner = [top, *widgets(top)]
                said.update(str(w["text"]) for w in inner if "text" in (w.keys() or ()))
                top.destroy()

        root.after(300, look)
        assert ask() == ""
        return said

    choosers = (
        lambda: kit.choose_folder(root, str(tmp_path)),
        lambda: kit.choose_file(root, "x", tmp_path, "x.gif"),
    )
    for choose in choosers:
        assert {"Directory:", "Cancel", "Show hidden files"} <= texts(choose)
    window.app.toggle_language()
    for choose in choosers:
        assert {"Priečinok:", "Zrušiť", "Zobraziť skryté súbory"} <= texts(choose)
    window.app.toggle_language()
    assert "Directory:" in texts(choosers[0])
