"""Presets and recent folders as their user sees them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_images
from tests.gui.test_window import answer
from vae import presets
from vae.config import TrainConfig
from vae.gui import dialogs, jobs
from vae.presets import Preset, load_presets, save_preset

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

only_x11 = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")


def press(*keys: str) -> None:
    subprocess.run(["xdotool", "key", *keys], check=True)


def opened(menu: Any) -> list[str]:
    """What a menu offers when it is opened."""
    menu.tk.call(*menu.tk.splitlist(menu["postcommand"]))
    labels = range(menu.index("end") + 1)
    return [menu.entrycget(i, "label") for i in labels if menu.type(i) != "separator"]


@only_x11
def test_a_preset_fills_the_form_and_the_bar_says_what_changed(
    open_window: Open, tiny: Make
) -> None:
    config = tiny(seed=7, num_epochs=10)
    window = open_window(config)
    form = window.app.form
    window.click(window.app.presets.button)
    menu = window.app.root.nametowidget(window.app.presets.button["menu"])
    window.pump(menu.winfo_ismapped)
    press("Down", "Down", "Down", "Return")
    window.pump(lambda: form.texts()["img_size"] == "64")
    assert window.bar().startswith("Note Quick look: Image size 64, ")
    assert "Epochs" not in window.bar()  # it was the preset's already
    assert window.bar().count(",") == 4 and "more (see Log)." in window.bar()
    window.pump(lambda: "Quick look: Image size 64, " in window.app.log.text.get("1.0", "end"))
    told = window.app.log.text.get("1.0", "end")
    assert "more" not in told and "Base channels" in told
    assert form.texts()["model_save_dir"] == config.model_save_dir
    assert (form.texts()["seed"], form.texts()["threads"]) == ("7", "1")
    window.app.presets.choose(presets.built_in()[2])
    assert "the form has these values" in window.bar()


def test_a_preset_mends_marked_fields(open_window: Open, images: Path) -> None:
    window = open_window(file_path=str(images), img_size="99", lr="x")
    window.app.bar.train.invoke()
    window.pump(lambda: len(window.app.form.marked()) == 2)
    window.app.presets.choose(presets.built_in()[0])
    assert not window.app.form.marked()


def test_the_persons_own_are_saved_chosen_and_deleted(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(beta=0.25))
    menu = window.app.presets
    monkeypatch.setattr(dialogs, "ask_text", lambda *_: "Brain MRI")
    menu.save()
    window.pump(lambda: "The preset Brain MRI was saved." in window.bar())
    assert load_presets()[0][0].values["beta"] == 0.25
    assert opened(window.app.root.nametowidget(menu.button["menu"]))[5:] == [
        "Brain MRI",
        "Save as preset...",
        "Delete preset...",
    ]
    window.app.form.fill({"beta": "1"})
    menu.choose(window.app.view.presets[0])
    assert "Brain MRI: KL weight β 0.25" in window.bar()
    asked = answer(monkeypatch, "Cancel", "Cancel", "Delete")
    menu.save()  # it is there already
    menu.delete("Brain MRI")
    assert load_presets()[0]
    menu.delete("Brain MRI")
    window.pump(lambda: not window.app.view.presets)
    assert asked == ["Save as preset", "Delete preset", "Delete preset"]


@only_x11
def test_a_name_is_asked_for(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny())
    window.app.root.after(0, window.app.presets.save)
    typing = threading.Timer(1, subprocess.run, [["xdotool", "type", "--delay", "20", "Lungs\r"]])
    typing.start()
    window.pump(lambda: [p.name for p in window.app.view.presets] == ["Lungs"])
    typing.join()


def test_a_form_with_mistakes_is_not_saved(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(), lr="x")
    window.app.presets.save()
    assert "lr" in window.app.form.marked()
    assert load_presets() == ([], [])


def test_presets_are_locked_while_a_run_goes_on(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=3000, sample_every=3000))
    app = window.app
    app.bar.train.invoke()
    window.pump_to("running")
    assert str(app.presets.button["state"]) == "disabled"
    before = app.form.texts()
    app.presets.choose(presets.built_in()[1])
    assert app.form.texts() == before


def test_a_foreign_file_is_named_in_the_log(open_window: Open) -> None:
    save_preset(Preset("good", {}))
    (presets.presets_folder() / "bad.json").write_text("{")
    window = open_window()
    window.pump(lambda: len(window.app.view.presets) == 1)
    window.app.show_tab(window.app.log)
    window.pump(lambda: "bad.json" in window.app.log.text.get("1.0", "end"))


def test_a_folder_that_was_used_is_offered_again(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    gone = make_images(tmp_path / "gone", 1)
    jobs.remember_folder(str(gone), lambda event: None)
    (gone / "image_000.png").unlink()
    gone.rmdir()
    config = tiny(num_epochs=1)
    window = open_window(config)
    app = window.app
    app.bar.train.invoke()
    window.pump_to("finished")
    window.pump(lambda: len(app.view.recent) == 2)
    assert app.view.recent == ((config.file_path, True), (str(gone), False))
    bar = app.root.nametowidget(app.root["menu"])
    file = bar.nametowidget(bar.entrycget(0, "menu"))
    recent = file.nametowidget(file.entrycget(1, "menu"))
    assert file.entrycget(1, "label") == "Recent folders"
    assert opened(recent) == [config.file_path, f"{gone} (not there)", "Clear list"]
    assert recent.entrycget(1, "state") == "disabled"
    app.form.fill({"file_path": ""})
    recent.invoke(0)
    assert app.form.texts()["file_path"] == config.file_path
    recent.invoke("end")
    window.pump(lambda: not app.view.recent)
    assert opened(recent) == ["No folder was used yet"]
    app.toggle_language()
    bar = app.root.nametowidget(app.root["menu"])
    file = bar.nametowidget(bar.entrycget(0, "menu"))
    assert file.entrycget(1, "label") == "Posledné priečinky"


def test_the_last_eight_folders_are_kept(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    for number in [*range(9), 3]:
        jobs.remember_folder(str(tmp_path / str(number)), lambda event: None)
    window.app.worker.do(jobs.list_recent)
    window.pump(lambda: len(window.app.view.recent) == 8)
    assert [Path(folder).name for folder, _ in window.app.view.recent] == list("38765421")


def test_a_folder_that_cannot_be_looked_at_hides_no_other(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window()
    refused = tmp_path / ("x" * 300)  # a longer name than file systems take
    for folder in (tmp_path, refused):
        jobs.remember_folder(str(folder), window.app.worker.events.put)
    window.pump(lambda: window.app.view.recent == ((str(refused), False), (str(tmp_path), True)))


@pytest.mark.parametrize("text", ["", "{", "1", "null", '[1, null, ""]', "[" * 99_999])
def test_a_damaged_list_of_folders_counts_as_none(open_window: Open, text: str) -> None:
    window = open_window()
    jobs.recent_path().parent.mkdir(parents=True, exist_ok=True)
    jobs.recent_path().write_text(text)
    answers: list[Any] = []
    jobs.list_recent(answers.append)
    assert answers[0].folders == ()
    assert window.app.view.recent == ()
