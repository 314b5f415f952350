"""The window as its user sees it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import fail_saving, make_images, stall_saving, wait_for_rows
from vae import cache, decoding, training
from vae.checkpoint import checkpoint_files
from vae.config import PARAMETERS, TrainConfig
from vae.dataset import MedicalImageDataset
from vae.events import BatchDone
from vae.gui import dialogs, kit, worker
from vae.gui.answers import DemoReady, Told
from vae.gui.bar import Eta
from vae.gui.gallery_pane import Shown
from vae.gui.theme import WIDE, pixels
from vae.requests import Request
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent

only_x11 = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")


def answer(monkeypatch: pytest.MonkeyPatch, *choices: str) -> list[str]:
    """Answer the window's questions; returns the titles of those that were asked."""
    asked: list[str] = []
    answers = iter(choices)

    def ask(root: Any, title: str, text: str, offered: tuple[str, ...], *_: Any, **__: Any) -> str:
        asked.append(title)
        choice = next(answers)
        assert choice in offered
        return choice

    monkeypatch.setattr(dialogs, "ask", ask)
    return asked


def test_importing_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys, vae.gui.app; "
        "print([m for m in ('numpy', 'torch', 'torchvision', 'matplotlib', 'pandas', 'cv2') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_parameter_has_a_field(open_window: Open) -> None:
    window = open_window()
    assert set(window.app.form.texts()) == set(PARAMETERS)


def test_train_stop_relaunch_resume(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=300, sample_every=300)
    window = open_window(config)
    app = window.app
    app.bar.train.invoke()
    assert str(app.bar.train["state"]) == "disabled"
    window.pump(lambda: len(app.view.history) >= 3)
    app.show_tab(app.loss)
    window.pump(lambda: len(app.loss.plot.line.get_xdata()) >= 3)  # the curve moved
    assert str(app.form.fields["lr"]["state"]) == "disabled"
    app.bar.stop.invoke()
    assert app.state == "stopping"
    window.pump_to("idle")
    done = len(app.view.history)
    assert 3 <= done < 300
    window.end()

    again = open_window()  # the form comes back by itself
    app = again.app
    assert app.form.texts()["model_save_dir"] == config.model_save_dir
    again.pump(lambda: f"Found {done} of 300 epochs done" in again.bar())
    assert again.bar().endswith(": Resume")
    assert app.bar.train["text"] == "Resume"
    app.show_tab(app.loss)
    again.pump(lambda: len(app.loss.plot.line.get_xdata()) == done)
    app.form.fill({"num_epochs": str(done + 2)})
    app.bar.train.invoke()
    again.pump_to("finished")
    assert [record.epoch for record in app.view.history] == list(range(1, done + 3))
    app.show_tab(app.samples)
    again.pump(lambda: bool(app.samples.plot.figure.images))
    assert f"epoch {done + 2}" in app.samples.caption["text"]


@pytest.mark.parametrize("changes", [{"beta": "0.5"}, {"lr": "0.002"}, {"augment": "light"}])
def test_going_on_with_other_values_is_asked_first(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config, num_epochs="2", **changes)
    asked = answer(monkeypatch, "Cancel", "Go on with it")
    window.pump(lambda: "Found" in window.bar())
    window.app.bar.train.invoke()
    assert asked == ["Go on with this run"] and window.app.state == "idle"
    window.app.bar.train.invoke()
    window.pump_to("finished")
    assert len(window.app.view.history) == 2


def test_the_values_of_the_run_can_be_taken_instead(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config, num_epochs="2", beta="0.5", lr="0.002")
    answer(monkeypatch, "Take its values")
    window.pump(lambda: "Found" in window.bar())
    window.app.bar.train.invoke()
    texts = window.app.form.texts()
    assert (texts["beta"], texts["lr"], texts["num_epochs"]) == ("1.0", "0.001", "2")
    assert window.app.state == "idle"


@pytest.mark.parametrize("by_command", [True, False])
def test_a_key_that_comes_before_the_look_is_asked_too(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, by_command: bool
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    asked = answer(monkeypatch, "Cancel")
    elsewhere = {} if by_command else {"model_save_dir": "elsewhere"}
    window = open_window(config, start=by_command, beta="0.5", **elsewhere)
    if not by_command:  # and the edited field still has the focus
        window.app.form.fill({"model_save_dir": config.model_save_dir})
        window.app.control.train()
        assert not asked and "Looking into the checkpoint folder" in window.bar()
    window.pump(lambda: bool(asked))
    assert asked == ["Go on with this run"] and window.app.state == "idle"
    assert "Found 1 of 1 epochs done" in window.bar()


@pytest.mark.parametrize("asked_by", ["the look", "the demo"])
def test_what_is_reported_while_a_question_of_a_run_stands_is_heard(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, asked_by: str
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    elsewhere = {"model_save_dir": "elsewhere"} if asked_by == "the look" else {}
    window = open_window(config, beta="0.5", **elsewhere)
    app = window.app
    window.pump(lambda: app.checkpoints.is_known())
    asked: list[str] = []

    def ask(root: Any, title: str, *_: Any, **__: Any) -> str:
        app.worker.events.put(Told("Reported meanwhile."))
        window.pump(lambda: "Reported meanwhile." in window.bar(), 5)
        asked.append(title)
        return "Cancel"

    monkeypatch.setattr(dialogs, "ask", ask)
    if asked_by == "the look":
        app.form.fill({"model_save_dir": config.model_save_dir})
        app.control.train()
    else:
        app.start_wanted = True
        app.worker.events.put(DemoReady(Path(config.file_path), True))
    window.pump(lambda: asked == ["Go on with this run"])


def test_what_waits_for_the_look_is_dropped_where_the_form_is_edited(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    asked = answer(monkeypatch)
    window = open_window(config, model_save_dir="elsewhere")
    app = window.app
    app.form.fill({"model_save_dir": config.model_save_dir})
    app.control.train()
    app.form.fill({"num_epochs": "7"})
    window.pump(lambda: "Found 1 of 7 epochs done" in window.bar())
    assert not asked and app.state == "idle" and not app.control.waiting


def test_what_waits_for_the_look_is_dropped_where_something_else_begins(
    open_window: Open, tiny: Make
) -> None:
    config = tiny(num_epochs=1)
    window = open_window(config, model_save_dir="elsewhere")
    app = window.app
    app.form.fill({"model_save_dir": config.model_save_dir})
    app.control.train()
    assert app.control.waiting
    app.set_state("checking", "Measuring", "")  # as a report does
    app.set_state("idle", "", "")
    app.checkpoints.look(force=True)
    window.pump(lambda: app.checkpoints.is_known())
    assert app.state == "idle" and not app.control.waiting


def test_a_tilde_in_a_path_is_looked_at_too(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    below = Path(config.model_save_dir).relative_to(tmp_path)
    window.app.form.take({"model_save_dir": f"~/{below.as_posix()}"})
    assert Path(window.app.form.texts()["model_save_dir"]) == Path(config.model_save_dir)
    window.pump(lambda: "Found 1 of 1 epochs done" in window.bar())


def test_a_run_that_ended_early_is_trained_on_without_early_stopping(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=50, val_fraction=0.3, early_stopping=1, lr=0.02, sample_every=100)
    done = run_vae_training(config).epoch
    assert done < 50
    window = open_window(config, num_epochs=str(done + 1))
    app = window.app
    asked = answer(monkeypatch, "Train on")
    window.pump(lambda: "Resume asks whether to train on" in window.bar())
    app.bar.train.invoke()
    window.pump_to("finished")
    assert asked == ["Go on with this run"] and app.form.texts()["early_stopping"] == "0"
    assert len(app.view.history) == done + 1


def test_all_that_is_to_be_asked_before_a_run_goes_on_is_asked_at_once(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    moved = shutil.copytree(config.file_path, tmp_path / "moved")
    window = open_window(config, file_path=str(moved), lr="0.002")
    questions: list[str] = []

    def ask(root: object, title: str, text: str, choices: tuple[str, ...]) -> str:
        questions.append(text)
        return choices[1]

    monkeypatch.setattr(dialogs, "ask", ask)
    window.pump(lambda: "other images" in window.bar())
    window.app.bar.train.invoke()
    window.pump_to("finished")
    (text,) = questions
    assert str(moved) in text and "Learning rate from 0.001 to 0.002" in text
    assert "Train on until epoch 2?" in text
    assert len(window.app.view.history) == 2


def test_a_run_whose_epochs_are_all_done_can_be_trained_on(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=2))
    app = window.app
    app.bar.train.invoke()
    window.pump_to("finished")
    window.pump(lambda: app.bar.train["text"] == "Resume")
    asked = answer(monkeypatch, "Cancel", "Train on")
    app.bar.train.invoke()
    assert app.state == "finished" and app.form.texts()["num_epochs"] == "2"
    app.bar.train.invoke()
    window.pump_to("running")
    window.pump_to("finished")
    assert asked == ["Go on with this run"] * 2
    assert app.form.texts()["num_epochs"] == "4" and len(app.view.history) == 4


def test_a_folder_without_images_is_marked(open_window: Open, tiny: Make, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    window = open_window(tiny(), file_path=str(tmp_path / "nothing"))
    window.app.bar.train.invoke()
    window.pump_to("failed")
    assert "No images in" in window.app.form.messages["file_path"]


def test_the_list_of_a_field_is_dark_in_dark_mode(open_window: Open) -> None:
    app = (window := open_window()).app
    for _ in range(2):
        app.toggle_mode()
        window.pump(lambda: True)
        box = app.form.fields["in_channels"]
        popdown = app.root.tk.call("ttk::combobox::PopdownWindow", box)
        shown = str(app.root.tk.call(f"{popdown}.f.l", "cget", "-background"))
        assert shown == kit.palette(app.root).field


def test_the_folder_dialog_takes_a_typed_folder(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = open_window().app.root
    typed = tmp_path / "typed"
    typed.mkdir()
    taken: list[str] = []
    dialog = kit._FileDialog(root, mode="directory", initialdir=str(tmp_path))
    dialog._build()
    monkeypatch.setattr(dialog, "_accept", taken.append)
    dialog._name_var.set(str(tmp_path / "gone"))
    dialog._on_ok()
    assert not taken  # it stays open
    dialog._name_var.set("typed")
    dialog._on_ok()
    assert taken == [str(typed)]
    dialog._toplevel.destroy()


def test_a_bad_form_is_marked_beside_its_fields_and_nothing_starts(
    open_window: Open, tiny: Make
) -> None:
    config = tiny()
    window = open_window(config, lr="1e-1O", img_size="18", seed="x")
    app = window.app
    app.bar.train.invoke()
    window.pump(lambda: "3 fields need attention" in window.bar())
    assert app.state == "idle"
    assert "take 16 or 20" in app.form.messages.get("img_size", "")
    app.root.update()
    assert app.form.errors["seed"].winfo_viewable()  # the advanced fields unfolded
    assert not Path(config.model_save_dir).exists()
    app.form.fill({"lr": "0,001", "img_size": "16", "seed": "0"})
    app.bar.train.invoke()
    window.pump_to("finished")
    assert not app.form.marked()


def test_a_field_is_checked_when_it_is_left(open_window: Open, images: Path) -> None:
    window = open_window(file_path=str(images))
    form = window.app.form
    form.fill({"img_size": "100"})
    form.fields["img_size"].event_generate("<FocusOut>")
    assert "depth 2" in form.messages.get("img_size", "")
    assert "1 field needs attention" in window.bar()
    form.fill({"depth": "2"})
    form.fields["depth"].event_generate("<FocusOut>")
    assert not form.messages.get("img_size", "")
    assert "Ready Click Train." in window.bar()


def test_a_path_is_looked_at_when_its_field_is_left(open_window: Open, images: Path) -> None:
    window = open_window(file_path=str(images))
    form = window.app.form
    form.fill({"file_path": str(images / "gone")})
    form.fields["file_path"].event_generate("<FocusOut>")
    window.pump(lambda: "does not exist" in form.messages.get("file_path", ""))
    form.fill({"file_path": f"{images} "})  # as a path may be pasted
    form.fields["file_path"].event_generate("<FocusOut>")
    window.pump(lambda: not form.marked())
    assert form.texts()["file_path"] == str(images)


def test_the_arrows_of_the_image_size_go_to_possible_sizes(open_window: Open) -> None:
    form = open_window().app.form
    for depth, start, size in (("3", "128", "136"), ("8", "256", "512")):
        form.fill({"depth": depth, "img_size": start})
        form.fields["depth"].event_generate("<FocusOut>")
        form.fields["img_size"].event_generate("<<Increment>>")
        assert form.texts()["img_size"] == size


def test_the_wheel_changes_no_value(open_window: Open) -> None:
    window = open_window()
    form = window.app.form
    before = form.texts()
    window.app.root.update()
    for name in ("batch_size", "in_channels"):
        for button in ("<Button-4>", "<Button-5>"):
            form.fields[name].event_generate(button)
    window.app.root.update()
    assert form.texts() == before


def test_a_refusal_says_why_beside_its_field(open_window: Open, tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))
    window = open_window(tiny(num_epochs=2, latent_dim=9))
    app = window.app
    app.checkpoints.other_values = list  # the window has not seen it: the run itself refuses
    app.control.train()
    window.pump_to("failed")
    assert "belongs to another run" in window.bar()
    assert "made with 4" in app.form.errors["latent_dim"]["text"]
    window.pump(lambda: "belongs to another run" in app.log.text.get("1.0", "end"))
    assert "Traceback" not in app.log.text.get("1.0", "end")


def test_a_failure_that_nobody_foresaw_offers_its_traceback(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "vae_loss", lambda *arguments: 1 / 0)
    window = open_window(tiny())
    app = window.app
    app.control.train()
    window.pump_to("failed")
    assert "division by zero" in window.bar()
    app.root.update()
    assert app.bar.link.winfo_ismapped()
    app.bar.link.invoke()
    window.pump(lambda: "ZeroDivisionError" in app.log.text.get("1.0", "end"))
    assert app.log.winfo_viewable()


def test_resume_never_begins_a_new_run(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    app.form.fill({"num_epochs": "3"})
    folder = Path(config.model_save_dir)
    folder.rename(folder.with_name("moved away"))
    app.bar.train.invoke()
    window.pump_to("failed")
    assert "are gone" in window.bar() and "Nothing was changed" in window.bar()
    assert (Path(config.output_dir) / "samples_epoch_0001.png").exists()
    window.pump(lambda: app.bar.train["text"] == "Train")
    app.bar.train.invoke()  # as it says now
    window.pump_to("finished")


def test_the_menu_allows_what_the_buttons_allow(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app

    def allowed(*labels: str) -> list[bool]:
        bar = app.root.nametowidget(app.root["menu"])
        run = bar.nametowidget(bar.entrycget("Run", "menu"))
        return [run.entrycget(label, "state") == "normal" for label in labels]

    several, stops = "Several runs in a row...", ("Pause or go on", "Stop...")
    assert allowed("Train or resume", several, *stops) == [True, True, False, False]
    app.bar.train.invoke()
    window.pump_to("running")
    app.toggle_mode()
    assert allowed("Train or resume", several, *stops) == [False, False, True, True]
    assert allowed("Copy as command") == [True]


def test_start_fresh_asks_and_keeps_the_earlier_run(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    window = open_window(config)
    app = window.app
    app.control.train()
    window.pump(lambda: app.state == "finished" and str(app.bar.fresh["state"]) == "normal")
    answer(monkeypatch, "Cancel", "Start fresh")
    app.bar.fresh.invoke()
    assert app.state == "finished"
    app.bar.fresh.invoke()
    window.pump_to("running")
    window.pump_to("finished")
    kept = Path(config.model_save_dir) / "earlier_run_0001"
    assert len(list(kept.glob("[!.]*"))) == 1


@pytest.mark.parametrize(
    "question, changes",
    [
        ("Start fresh", {}),
        ("Go on with this run", {"beta": "0.5"}),
        ("Another run", {"latent_dim": "9"}),
        ("Go on with this run", {"file_path": "other images"}),
    ],
)
def test_a_new_run_can_begin_in_folders_beside_the_other(
    open_window: Open,
    tiny: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    question: str,
    changes: dict[str, str],
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    folders = [Path(config.model_save_dir), Path(config.output_dir)]
    before = [sorted(folder.iterdir()) for folder in folders]
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    if "file_path" in changes:
        shutil.copytree(config.file_path, tmp_path / "other images")
        changes = {"file_path": str(tmp_path / "other images")}
    app.form.take(changes)
    asked = answer(monkeypatch, "Cancel", "In new folders")
    for _click in range(2):
        app.control.start_fresh() if question == "Start fresh" else app.bar.train.invoke()
    assert asked == [question] * 2
    window.pump_to("finished")
    assert [sorted(folder.iterdir()) for folder in folders] == before
    texts = app.form.texts()
    assert texts["model_save_dir"] == f"{config.model_save_dir}_2"
    assert texts.items() >= changes.items()
    assert len(app.view.history) == 1 and Path(texts["log_file"]).name == "log_2.csv"


@pytest.mark.parametrize(
    "error, told",
    [
        (OSError(5, "Input/output error", "share"), "share could not be used (Input/output error)"),
        (ValueError("no name"), "The program could not do this (no name). Copy report"),
    ],
)
def test_a_job_that_fails_says_so(
    open_window: Open, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("vae.run_files.free_places", fail)
    window = open_window()
    window.app.control.find_places()
    window.pump(lambda: told in window.bar())


def test_nothing_is_asked_of_a_form_that_cannot_be_used(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_vae_training(tiny(num_epochs=1))
    window = open_window(tiny(num_epochs=2, latent_dim=9), log_file="")
    app = window.app
    window.pump(lambda: bool(app.checkpoints.other_values()))
    asked = answer(monkeypatch, "In new folders")
    app.bar.train.invoke()
    assert not asked and app.form.marked() == ["log_file"]
    app.form.take({"log_file": "log.csv"})
    app.bar.train.invoke()
    window.pump_to("finished")
    assert asked == ["Another run"] and app.form.texts()["log_file"] == "log_2.csv"


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_asked_of_images_that_cannot_be_used(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    if there:
        (tmp_path / "nothing").mkdir()
    window = open_window(config, file_path=str(tmp_path / "nothing"))
    app = window.app
    window.pump(lambda: bool(app.data_view.problem or app.form.marked()))
    asked = answer(monkeypatch, "Cancel")
    app.bar.train.invoke()  # all epochs are done, which is no question here
    window.pump_to("failed", "idle")
    assert not asked and app.form.marked() == ["file_path"]
    assert app.form.texts()["num_epochs"] == "1"


def test_a_failure_stays_when_the_folder_of_images_is_left_as_it_was(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    others = str(make_images(tmp_path / "others", 9))
    window = open_window(config, file_path=others, num_epochs="2")
    app = window.app
    window.pump(lambda: "of a run on other images" in window.bar())
    answer(monkeypatch, "Go on with it")
    app.bar.train.invoke()
    window.pump_to("failed")
    failed = window.bar()
    app.field_left("file_path")
    assert window.bar() == failed and "cannot go on with these images" in failed
    app.form.take({"file_path": config.file_path})
    assert app.state == "idle" and app.bar.train["text"] == "Resume"
    app.form.take({"file_path": others})
    assert app.bar.train["text"] == "Train" and "of a run on other images" in window.bar()


def test_a_run_goes_on_with_images_that_have_moved(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    Path(config.file_path).rename(tmp_path / "moved")
    window = open_window(config, file_path=str(tmp_path / "moved"), num_epochs="2")
    window.pump(lambda: "of a run on other images" in window.bar())
    answer(monkeypatch, "Go on with it")
    assert window.app.bar.train["text"] == "Train"
    window.app.bar.train.invoke()
    window.pump_to("finished")
    assert [record.epoch for record in window.app.view.history] == [1, 2]


def test_start_fresh_is_offered_when_every_checkpoint_is_damaged(
    open_window: Open, tiny: Make
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    (_, path), *_ = checkpoint_files(Path(config.model_save_dir))
    path.write_bytes(b"")
    window = open_window(config)
    app = window.app
    window.pump(lambda: "No checkpoint in the checkpoint folder can be read" in window.bar())
    assert app.bar.train["text"] == "Train"
    assert str(app.bar.fresh["state"]) == "normal"
    app.control.train()
    window.pump_to("failed")
    assert "All checkpoints" in window.bar()
    window.pump(lambda: not app.worker.busy)
    app.control.train(fresh=True)
    window.pump_to("finished")
    assert "Finished" in window.bar()


def test_a_run_started_from_an_edited_field_shows_that_run(open_window: Open, tiny: Make) -> None:
    first = tiny("first", num_epochs=4)
    run_vae_training(first)
    window = open_window(first)
    app = window.app
    window.pump(lambda: len(app.view.history) == 4)
    other = tiny("other", num_epochs=2)
    field = app.form.fields["model_save_dir"]
    field.focus_force()
    app.root.update()
    app.form.fill({n: str(v) for n, v in other.to_dict().items()})
    field.event_generate("<Control-Return>")
    window.pump_to("finished")
    assert [record.epoch for record in app.view.history] == [1, 2]


def test_a_refused_field_stays_marked_until_it_is_edited(open_window: Open, tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))
    window = open_window(tiny(num_epochs=2, latent_dim=9))
    form = window.app.form
    window.app.checkpoints.other_values = list
    window.app.control.train()
    window.pump_to("failed")
    for name in ("img_size", "latent_dim"):
        form.fields[name].event_generate("<FocusOut>")
        assert form.marked() == ["latent_dim"]
    form.fill({"latent_dim": "4"})
    form.fields["latent_dim"].event_generate("<FocusOut>")
    assert form.marked() == []


def test_another_checkpoint_folder_clears_what_was_refused_for_the_first(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_vae_training(tiny(num_epochs=1))
    images = make_images(tmp_path / "others", 9)
    window = open_window(tiny(num_epochs=2, file_path=str(images)))
    app = window.app
    window.pump(lambda: app.checkpoints.resumable)
    answer(monkeypatch, "Go on with it")  # but they are not the same images
    app.control.train()
    window.pump_to("failed")
    assert app.form.marked() == ["file_path"]
    app.form.fill({"model_save_dir": str(tmp_path / "new")})
    assert app.form.marked() == []


def test_a_minimised_window_asks_where_it_can_be_seen(open_window: Open) -> None:
    window = open_window()
    root = window.app.root
    root.iconify()
    window.pump(lambda: root.state() == "iconic")
    root.after(1000, lambda: [child.destroy() for child in root.winfo_children()[-1:]])
    assert dialogs.ask(root, "Question", "Well?", ("Yes", "No")) == "No"
    assert root.state() == "normal"


def test_escape_asks_before_it_stops(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    asked = answer(monkeypatch, "Keep training", "Stop")
    app.root.focus_force()
    app.root.event_generate("<Escape>")
    assert asked == []  # nothing runs
    app.control.train()
    window.pump_to("running")
    app.root.event_generate("<Escape>")
    assert app.state == "running"
    app.root.event_generate("<Escape>")
    window.pump_to("idle")
    assert len(asked) == 2


def test_the_demo_can_be_stopped_while_it_is_made(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vae.demo

    real = vae.demo.phantom

    def slow(*arguments: Any) -> Any:
        time.sleep(0.1)
        return real(*arguments)

    monkeypatch.setattr(vae.demo, "phantom", slow)
    window = open_window(demo=True)
    assert window.app.state == "checking"
    window.app.bar.stop.invoke()
    window.pump_to("idle")
    assert "not complete" in window.bar()
    assert window.app.form.texts()["file_path"] == ""


def test_demo_and_start_train_without_a_click(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vae.demo

    monkeypatch.setattr(vae.demo, "COUNT", 12)
    small = dict(img_size="16", depth="1", latent_dim="4", base_channels="2", num_epochs="1")
    window = open_window(demo=True, start=True, **small)
    window.pump_to("finished")
    assert Path("output_images/samples_epoch_0001.png").exists()


def test_the_demo_comes_from_the_menu_too_beside_an_earlier_run(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vae.demo

    monkeypatch.setattr(vae.demo, "COUNT", 12)
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    app.actions.make_demo()
    window.pump(lambda: "The demo data set is filled in." in window.bar())
    assert Path(app.form.texts()["file_path"]).name == "demo_images"
    window.pump(lambda: app.data_view.complete)
    assert app.data_view.survey is not None
    assert app.bar.train["text"] == "Train"  # the run is of other images


def test_closing_while_running_asks(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=5000, sample_every=5000, checkpoint_every=5000)
    window = open_window(config)
    app = window.app
    app.control.train()
    window.pump(lambda: len(app.view.history) >= 2)
    answer(monkeypatch, "Keep training", "Save and exit")
    app.close()
    assert app.state == "running"
    app.close()
    closed: list[bool] = []
    destroy = app.destroy
    monkeypatch.setattr(app, "destroy", lambda: (destroy(), closed.append(True)))
    window.pump(lambda: bool(closed))
    assert checkpoint_files(Path(config.model_save_dir))


def test_save_and_exit_stays_open_when_the_save_fails(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_saving(monkeypatch)
    window = open_window(tiny(num_epochs=5000, sample_every=5000, checkpoint_every=5000))
    app = window.app
    app.control.train()
    window.pump(lambda: len(app.view.history) >= 2)
    answer(monkeypatch, "Save and exit")
    app.close()
    window.pump_to("blocked")
    assert "No space left" in window.bar()
    assert app.root.winfo_exists()


def pause(open_window: Open, monkeypatch: pytest.MonkeyPatch, config: TrainConfig) -> Any:
    """A window whose run waits, since its second checkpoint cannot be saved."""
    fail_saving(monkeypatch, after=1)
    window = open_window(config)
    window.app.control.train()
    window.pump_to("blocked")
    assert window.bar().startswith("Paused The checkpoint could not be written")
    assert "checkpoint_000001_epoch_0001.safetensors is safe" in window.bar()
    assert window.app.bar.train["text"] == "Retry"
    assert str(window.app.bar.train["state"]) == str(window.app.bar.stop["state"]) == "normal"
    return window


@only_x11
def test_a_full_disk_pauses_and_retry_goes_on(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = pause(open_window, monkeypatch, tiny(num_epochs=3))
    first = window.app.view.trouble
    window.click(window.app.bar.train)
    window.pump(lambda: window.app.view.trouble is not first)  # it tried, and the disk is full
    window.pump_to("blocked")
    monkeypatch.undo()
    window.click(window.app.bar.train)
    window.pump_to("finished")


def test_a_paused_run_goes_on_by_itself_once_there_is_room(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = pause(open_window, monkeypatch, tiny(num_epochs=3))
    window.app.control.give_up = lambda: None
    monkeypatch.undo()
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.05)
    window.app.control.train()
    window.pump_to("finished")


def test_the_bell_rings_once_for_a_trouble_however_often_it_is_tried_again(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_saving(monkeypatch, after=1, until=4)
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.05)
    window = open_window(tiny(num_epochs=3))
    app, states, rung = window.app, list[str](), list[str]()
    monkeypatch.setattr(app.root, "bell", lambda: rung.append(app.state))
    real = app.set_state
    app.set_state = lambda state, *words: (states.append(state), real(state, *words))
    app.root.iconify()
    window.pump(lambda: not app.root.tk.call("focus"))
    app.bar.train.invoke()
    window.pump_to("finished")
    assert states.count("blocked") == 3
    assert rung == ["blocked", "finished"]


@pytest.mark.parametrize("by_signal", [False, True])
def test_a_run_that_went_on_by_itself_while_it_was_ended_is_stopped(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, by_signal: bool
) -> None:
    window = pause(open_window, monkeypatch, tiny(num_epochs=5000, sample_every=5000))
    monkeypatch.undo()
    app = window.app

    def end(*_: Any) -> str:
        app.worker.answer(app.view.trouble.folder)  # as the time that is over does
        while not app.worker.answers.empty():
            time.sleep(0.01)
        return "End without saving"

    closed: list[bool] = []
    monkeypatch.setattr(dialogs, "ask", end)
    monkeypatch.setattr(app, "destroy", lambda: closed.append(True))
    if by_signal:
        end()
        app.interrupted = True
        window.pump(lambda: bool(closed), 20)
    else:
        app.bar.stop.invoke()
        window.pump(lambda: app.state == "idle", 20)
        assert window.bar().startswith("Stopped")
    monkeypatch.undo()


def test_another_checkpoint_folder_is_taken_and_written_into_the_form(
    open_window: Open,
    tiny: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = pause(open_window, monkeypatch, tiny(num_epochs=3))
    monkeypatch.undo()
    other = tmp_path / "other disk"
    monkeypatch.setattr(kit, "choose_folder", lambda *_: str(other))
    assert window.app.bar.link["text"] == "Choose another folder..."
    window.app.bar.link.invoke()
    window.pump_to("finished")
    assert window.app.form.texts()["model_save_dir"] == str(other)
    assert [epoch for epoch, _ in checkpoint_files(other)] == [2, 1]


def test_a_lost_image_pauses_with_all_that_was_trained_saved(
    open_window: Open, tiny: Make, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_BYTES", 0)
    window = open_window(tiny(num_epochs=2000, sample_every=2000, cache_gb=0.0))
    app = window.app
    app.control.train()
    window.pump(lambda: len(app.view.history) >= 2)
    (images / "image_004.png").unlink()
    window.pump_to("blocked")
    assert "image_004.png can no longer be read" in window.bar()
    assert not app.bar.link.winfo_ismapped()  # another folder is no remedy
    asked = answer(monkeypatch, "End the run")
    app.control.stop()
    window.pump_to("failed")
    assert asked == ["End the run"]


def test_a_paused_run_is_ended_only_after_asking(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = pause(open_window, monkeypatch, tiny(num_epochs=3))
    asked = answer(monkeypatch, "Keep waiting", "End without saving")
    window.app.control.stop()
    assert window.app.state == "blocked"
    window.app.control.ask_stop()
    window.pump_to("failed")
    assert asked == ["End the run", "End the run"]
    assert "checkpoint_000001_epoch_0001.safetensors is safe" in window.bar()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_sigterm_saves_and_closes(tiny: Make, tmp_path: Path) -> None:
    config = tiny(num_epochs=100_000, sample_every=100_000, checkpoint_every=100_000)
    places = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    flags = [f"--{name}={value}" for name, value in config.to_dict().items()]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "vae_gui.py"), "--start", *flags],
        env={**os.environ, **places}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_rows(config, process)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=60)[1]
    assert (process.returncode, told) == (0, "")
    assert checkpoint_files(Path(config.model_save_dir))


def test_an_error_in_a_callback_is_shown_and_training_goes_on(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=30, sample_every=30))
    app = window.app
    app.control.train()
    window.pump_to("running")
    app.root.after(1, lambda: 1 / 0)
    while not window.errors:
        app.root.update()
    assert "ZeroDivisionError" in window.errors.pop()
    window.pump_to("finished")


def test_an_event_that_cannot_be_shown_loses_no_other(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=2))
    app = window.app
    monkeypatch.setattr(app.samples, "show", lambda *arguments: 1 / 0)
    app.control.train()
    while app.state != "finished":
        app.root.update()
    assert set(window.errors) == {repr(ZeroDivisionError("division by zero"))}
    window.errors.clear()


def test_light_and_dark_paint_the_window(open_window: Open) -> None:
    window = open_window()
    app = window.app
    seen = []
    for _ in range(2):
        seen.append(window.pixel(app.header, 4, 4))
        app.toggle_mode()
    assert seen == [(0xFF, 0xFF, 0xFF), (0x16, 0x19, 0x1D)]


def test_the_word_and_the_meter_have_the_states_colour(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=1))
    app = window.app
    app.control.train()
    window.pump_to("finished")
    meter = app.bar.meter
    wide, high = meter.winfo_width(), meter.winfo_height()
    green, groove = (0x1A, 0x7F, 0x4B), (0xD3, 0xD7, 0xDC)
    assert [window.pixel(meter, x, high // 2) for x in (1, wide - 2)] == [green, green]
    app.bar.progress(1, 2)
    places = (wide // 2 - 2, wide // 2 + 2, wide - 2)
    assert [window.pixel(meter, x, high // 2) for x in places] == [green, groove, groove]
    assert str(app.bar.word["foreground"]) == "#1a7f4b"


def test_tabs_meter_and_slider_ask_little_of_the_screen(open_window: Open, tmp_path: Path) -> None:
    """Tk copies an image piece by piece, and asks what is below one that lets it shine through."""
    app = open_window().app
    app.toggle_mode()
    for widget, part in ((app.bar.meter, "trough"), (app.bar.meter, "pbar"),
                         (app.samples.slider, "track"), (app.tabs, "tab")):  # fmt: skip
        layout = str(app.root.style.layout(f"{widget['style']}{'.Tab' * (part == 'tab')}"))
        assert re.search(rf"'Vae\.dark\.[\w.]*{part}'", layout), layout
    wide = pixels(app.root, WIDE)[0]
    assert app.bar.meter.winfo_reqwidth() < wide
    for image in app.root.vae_images:
        app.root.tk.call(str(image), "write", str(tmp_path / "image.png"), "-format", "png")
        with Image.open(tmp_path / "image.png") as picture:
            assert picture.width == wide
            assert picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def test_small_grids_are_enlarged_by_whole_factors(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.show_tab(app.samples)
    app.samples.show(Shown(np.zeros((142, 142, 3), np.uint8), Path("samples_epoch_0001.png"), 1))
    window.pump(lambda: bool(app.samples.plot.figure.images))
    (image,) = app.samples.plot.figure.images
    height, width = image.get_size()
    assert width == height >= 142
    assert width % 142 == 0


@only_x11
def test_rows_do_not_move_under_a_click(open_window: Open, images: Path) -> None:
    window = open_window(file_path=str(images), img_size="100")
    form = window.app.form
    window.pump(lambda: form.errors["img_size"].winfo_ismapped())
    form.fields["img_size"].focus_force()
    form.fill({"img_size": "96"})
    before = form.fields["batch_size"].winfo_rooty()
    window.click(form.fields["batch_size"])
    window.pump(lambda: form.focus_get() is form.fields["batch_size"])
    assert form.fields["batch_size"].winfo_rooty() == before
    window.pump(lambda: not form.errors["img_size"].winfo_ismapped())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_leaving_without_saving_is_no_crash(tiny: Make, tmp_path: Path) -> None:
    config = tiny(num_epochs=100_000, sample_every=100_000)
    code = (
        "import sys, vae_gui; from vae.gui import dialogs;"
        "dialogs.ask = lambda root, title, text, choices, **_: choices[1];"
        "from vae.gui.app import App; real = App.poll\n"
        "def poll(self):\n"
        "    real(self)\n"
        "    if len(self.view.history) >= 2: self.close()\n"
        "App.poll = poll; vae_gui.main()"
    )
    places = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    flags = [f"--{name}={value}" for name, value in config.to_dict().items()]
    done = subprocess.run(
        [sys.executable, "-c", code, "--start", *flags],
        env={**os.environ, **places}, capture_output=True, text=True, cwd=ROOT, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@only_x11
def test_real_clicks_train_and_stop(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    window.click(app.bar.train)
    window.pump(lambda: app.state == "running" and len(app.view.history) >= 2)
    window.click(app.bar.stop)
    window.pump_to("idle")
    assert "Stopped" in window.bar()


@only_x11
@pytest.mark.parametrize(("key", "choice"), [("Return", "Yes"), ("space", "Yes"), ("Escape", "No")])
def test_a_question_is_answered_from_the_keyboard(open_window: Open, key: str, choice: str) -> None:
    window = open_window()
    keys: list[subprocess.Popen[bytes]] = []

    def press() -> None:
        keys.append(subprocess.Popen(["xdotool", "key", key]))

    window.app.root.after(500, press)
    assert dialogs.ask(window.app.root, "Question", "Well?", ("Yes", "No")) == choice
    assert keys[0].wait(10) == 0


def test_the_image_cache_is_cleared_after_asking(
    open_window: Open, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MedicalImageDataset(images, 16, 3, 10**9)
    window = open_window({})
    asked = answer(monkeypatch, "Clear", "Close")
    window.app.actions.clear_cache()
    window.pump(lambda: "No decoded images" in window.app.log.text.get("1.0", "end"))
    assert cache.cache_files() == []
    window.app.actions.clear_cache()
    assert asked == ["Image cache", "Image cache"]


def test_a_question_ends_with_the_window(open_window: Open) -> None:
    window = open_window()
    window.app.root.after(300, window.app.destroy)
    assert dialogs.ask(window.app.root, "Question", "Well?", ("Yes", "No")) == "No"


def test_the_question_whether_to_stop_ends_with_the_run(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    app.bar.train.invoke()
    window.pump(lambda: app.state == "running" and len(app.view.history) >= 2)
    app.root.after(600, app.worker.stop)  # the run ends by itself while the question stands
    app.control.ask_stop()
    window.pump_to("idle")
    assert not [w for w in app.root.winfo_children() if w.winfo_class() == "Toplevel"]
    assert "Stopped" in window.bar()


def test_a_wish_to_close_is_kept_when_the_run_ends_meanwhile(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    app.bar.train.invoke()
    window.pump(lambda: app.state == "running" and len(app.view.history) >= 2)
    app.root.after(600, app.worker.stop)
    closed: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "destroy", lambda: closed.append(True))
        app.close()
        window.pump(lambda: bool(closed))


def test_a_paused_run_offers_one_way_to_go_on(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=5000, sample_every=5000)
    run_vae_training(tiny(num_epochs=1))
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    app.bar.train.invoke()
    window.pump_to("running")
    app.bar.pause.invoke()
    window.pump_to("paused")
    assert (app.bar.train["text"], app.bar.pause["text"]) == ("Train", "Go on")


def test_a_paused_run_is_saved_and_closes_without_a_question(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app, closed = window.app, list[bool]()
    app.control.train()
    window.pump_to("running")
    app.bar.pause.invoke()
    window.pump_to("paused")
    asked = answer(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(app, "destroy", lambda: closed.append(True))
        app.close()
        window.pump(lambda: bool(closed))
    assert not asked and checkpoint_files(Path(app.form.texts()["model_save_dir"]))


def test_the_form_is_in_sight_when_it_becomes_shorter(open_window: Open) -> None:
    window = open_window()
    form = window.app.form
    form.toggle_advanced()
    window.pump(lambda: form.advanced[0].winfo_ismapped())
    form.canvas.yview_moveto(1)
    form.toggle_advanced()
    window.pump(lambda: not form.advanced[0].winfo_ismapped())
    window.app.root.update()
    assert form.fold.winfo_rooty() > form.canvas.winfo_rooty()
    assert form.canvas.yview()[1] == 1


def test_each_control_answers_before_training_has_heard_of_it(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app
    window.pump(lambda: app.checkpoints.is_known())
    with monkeypatch.context() as patch:
        patch.setattr(app.worker, "train", lambda *_: None)
        app.bar.train.invoke()
        assert window.bar().startswith("Checking") and str(app.bar.train["state"]) == "disabled"
        app.set_state("idle", "", "")
    app.bar.train.invoke()
    window.pump(lambda: app.state == "running" and len(app.view.history) >= 2)
    heard: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(app.worker, "ask", heard.append)
        patch.setattr(app.worker, "stop", lambda: heard.append("stop"))
        for button, answer in (
            (app.bar.save, "Saving a checkpoint after this batch..."),
            (app.bar.sample, "Drawing samples after this batch..."),
            (app.bar.pause, "Pausing after this batch"),
            (app.bar.stop, "Stopping after this batch"),
        ):
            button.invoke()
            assert answer in window.bar()
    assert heard == [Request.SAVE, Request.SAMPLE, Request.PAUSE, "stop"]
    app.set_state("running", "", "")


@only_x11
def test_the_bell_rings_at_the_end_if_nobody_looks(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=1))
    app = window.app
    rung: list[bool] = []
    monkeypatch.setattr(app.root, "bell", lambda: rung.append(True))
    app.root.focus_force()
    window.pump(lambda: bool(app.root.tk.call("focus")))
    app.bar.train.invoke()
    window.pump_to("finished")
    assert not rung
    app.form.fill({"num_epochs": "2"})
    window.pump(lambda: app.bar.train["text"] == "Resume")
    app.root.iconify()
    window.pump(lambda: not app.root.tk.call("focus"))
    app.bar.train.invoke()
    window.pump_to("finished")
    assert rung == [True]


def test_the_log_goes_on_at_its_end_in_less_room_unless_somebody_reads(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.show_tab(app.log)

    def write() -> None:
        for number in range(60):
            app.log.write(f"line {number}")
        window.pump(lambda: not app.log.waiting)

    def at_the_end() -> bool:
        for _turn in range(20):
            app.root.update()
        return app.log.text.dlineinfo("end-1c") is not None

    write()
    assert at_the_end()
    for _note in range(2):
        app.banner.say("A note of several words, " * 20)
        assert at_the_end()
        write()
        assert at_the_end()
        app.banner.clear()
    app.log.text.yview_scroll(-20, "units")
    assert not at_the_end()
    app.banner.say("A note of several words, " * 20)
    write()
    assert not at_the_end()


def test_the_report_is_copied_without_a_name(
    open_window: Open, tiny: Make, images: Path, own_log: Path
) -> None:
    scans = images.rename(images.with_name("Jana Nováková"))
    window = open_window(tiny(num_epochs=1, file_path=str(scans)))
    app = window.app
    app.control.train()
    window.pump_to("finished")
    app.actions.copy_report()
    window.pump(lambda: "The report was copied" in window.bar())
    text = app.root.clipboard_get()
    for words in ("VAE Studio 0.1.0", "intact, after epoch 1", "window, Tk 8", "finished: epoch 1"):
        assert words in text, text
    assert "Jana" not in text and str(scans.parent) not in text


def test_a_disk_that_does_not_answer_is_told_and_stop_is_acknowledged(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.watch.SLOW_SECONDS", 0.05)
    answers = stall_saving(monkeypatch)
    window = open_window(tiny(num_epochs=3))
    app = window.app
    app.control.train()
    window.pump(lambda: window.bar() == "Training Waiting for the disk with the checkpoints")
    app.control.stop()
    assert app.state == "stopping"
    answers.set()
    window.pump_to("idle", "finished")


def test_a_note_stays_in_sight_until_it_is_dismissed(open_window: Open, tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=2))
    newest = checkpoint_files(Path(tiny().model_save_dir))[0][1]
    newest.write_bytes(newest.read_bytes()[:-1])
    window = open_window(tiny(num_epochs=3))
    app = window.app
    assert not app.banner.winfo_ismapped()
    app.control.train()
    window.pump_to("finished")
    assert app.banner.winfo_ismapped()
    assert "Continuing from the older checkpoint" in app.banner.text["text"]
    assert app.banner.more["text"] == "2 notes in the Log"
    app.banner.more.invoke()
    app.root.update()
    log = app.log.text.get("1.0", "end")
    assert newest.name in log and "set aside" in log
    app.banner.clear()
    app.root.update()
    assert not app.banner.winfo_ismapped()


def test_a_run_of_other_values_is_not_promised_to_go_on(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_vae_training(tiny(num_epochs=1))
    window = open_window(tiny(num_epochs=2, latent_dim=9, beta=0.5))
    app = window.app
    window.pump(lambda: "of a run with other values" in window.bar())
    assert app.bar.train["text"] == "Train"
    asked = answer(monkeypatch, "Cancel", "Take its values", "Go on with it")
    app.bar.train.invoke()
    assert asked == ["Another run"] and app.form.texts()["latent_dim"] == "9"
    app.bar.train.invoke()
    assert app.form.texts()["latent_dim"] == "4"
    assert app.bar.train["text"] == "Resume" and "Resume" in window.bar()
    app.bar.train.invoke()  # now only the weights of the loss differ
    window.pump_to("finished")
    assert asked == ["Another run", "Another run", "Go on with this run"]


def test_messages_call_parameters_what_the_form_calls_them(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.form.take({"img_size": "18"})
    assert app.form.messages["img_size"].startswith("Image size 18 is not divisible")
    app.form.fill({"latent_dim": "1e99"})
    app.form.fields["latent_dim"].event_generate("<FocusOut>")
    message = app.form.messages["latent_dim"]
    assert message == "Latent dimension 1.0e+99 is too large: take at most 65536."
    app.tell("All is done: raise num_epochs to go on with /data/img_size/a.png.")
    assert "raise Epochs to go on with /data/img_size/a.png." in window.bar()
    app.banner.say("lr 2 is too large; another alpha is not.")
    assert app.banner.text["text"] == "Learning rate 2 is too large; another alpha is not."


def test_a_long_message_moves_no_button(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.tell("Short.")
    for _ in range(5):
        app.root.update()
    before = [button.winfo_rooty() for button in (app.bar.train, app.bar.stop)]
    app.tell("A sentence of many words. " * 20)
    window.pump(lambda: app.bar.text.winfo_height() > 60)
    assert [button.winfo_rooty() for button in (app.bar.train, app.bar.stop)] == before


def test_a_failure_is_over_once_the_form_says_something_else(
    open_window: Open, tiny: Make, tmp_path: Path, images: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "scan.DCM").touch()
    window = open_window(tiny(), file_path=str(tmp_path / "nothing"))
    app = window.app
    app.bar.train.invoke()
    window.pump_to("failed")
    assert "DICOM files (.dcm) are not read" in app.form.messages["file_path"]
    assert app.bar.tone == "failed"
    app.toggle_language()
    assert app.form.marked() == ["file_path"]  # what the run found out stays marked
    app.toggle_language()
    app.say("Note", "Something else.")
    assert app.bar.tone == "idle"
    app.form.take({"file_path": str(images)})
    assert app.state == "idle" and "Click Train" in window.bar()


def test_what_is_left_counts_what_lies_between_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of 5 batches that take 0.1 s, with 1.9 s of saving and sampling after each."""
    now = 0.0
    monkeypatch.setattr("vae.gui.bar.time.monotonic", lambda: now)
    eta, said = Eta(), ""
    for epoch in range(1, 11):
        for batch in (2, 5):
            now = 2.0 * (epoch - 1) + 0.02 * batch
            said = eta.left(BatchDone(epoch, 20, batch, 5, 0.5, 100.0))
            assert epoch > 4 or not said
    # Fewer batches in the newest half minute than say something.
    large = Eta()
    for epoch in range(1, 6):
        for batch in range(1, 11):
            now = 2.0 * (10 * epoch + batch)
            still = large.left(BatchDone(epoch, 10, batch, 10, 0.5, 5.0))
    assert still == "1 min 40 s left"
    assert said == "19 s left"  # of ten epochs of 2 s, less what comes after the last batch


def test_batches_that_are_told_late_make_no_wrong_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that was held up hears of many batches at once."""
    now = 0.0
    monkeypatch.setattr("vae.gui.bar.time.monotonic", lambda: now)
    eta, said = Eta(), ""
    for batch in range(1, 101):
        now = (batch + 9) // 10 * 1.0  # ten at a time, a tenth of a second each
        said = eta.left(BatchDone(1, 1, batch, 200, 0.5, 100.0))
    assert said in ("10 s left", "9 s left", "11 s left")


def test_more_epochs_for_a_run_that_has_ended_move_the_meter_back(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=1))
    app = window.app
    app.bar.train.invoke()
    window.pump_to("finished")
    window.pump(lambda: app.checkpoints.resumable)
    assert app.bar.meter["value"] == 1
    app.form.fill({"num_epochs": "4"})
    app.field_left("num_epochs")
    assert window.bar() == "Found 1 of 4 epochs done: Resume"
    assert app.bar.meter["value"] == 0.25


def test_the_empty_log_says_what_it_is_for(open_window: Open) -> None:
    app = open_window().app
    log = app.log
    app.show_tab(log)
    app.root.update()
    assert log.empty.winfo_ismapped() and "Each run tells here" in log.empty["text"]
    log.write("A line.")
    log.refresh()
    app.root.update()
    assert not log.empty.winfo_ismapped()


def test_a_run_whose_images_changed_offers_one_of_its_own(
    open_window: Open, tiny: Make, images: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    (images / "new.png").write_bytes((images / "image_000.png").read_bytes())
    window = open_window(config, num_epochs="2")
    app = window.app
    window.pump(lambda: "Found" in window.bar())
    app.bar.train.invoke()
    window.pump_to("failed")
    assert "New or changed: new.png." in app.form.errors["file_path"]["text"]
    assert app.bar.link["text"] == "In new folders"
    app.bar.link.invoke()
    window.pump_to("finished")
    assert app.form.texts()["model_save_dir"] == f"{config.model_save_dir}_2"
    assert len(app.view.history) == 2


def test_the_head_names_no_run_beside_other_images(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: "12 images" in app.header.subject["text"])
    app.form.take({"file_path": str(make_images(tmp_path / "others", 9))})
    assert app.header.subject["text"] == ""
    app.form.take({"file_path": config.file_path})
    assert "12 images" in app.header.subject["text"]
