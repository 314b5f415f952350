"""The window as its user sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vae.config import PARAMETERS, TrainConfig
from vae.gui import kit

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


def test_importing_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys, vae.gui.app; "
        "print([m for m in ('torch', 'torchvision', 'matplotlib', 'pandas', 'cv2') "
        "if m in sys.modules])"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
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
    window.pump(lambda: len(app.history) >= 3)
    window.pump(lambda: len(app.loss.plot.line.get_xdata()) >= 3)  # the curve moved
    assert str(app.form.fields["lr"]["state"]) == "disabled"
    app.bar.stop.invoke()
    assert app.state == "stopping"
    window.pump(lambda: app.state == "idle")
    done = len(app.history)
    assert 3 <= done < 300
    window.end()

    again = open_window()  # the form comes back by itself
    app = again.app
    assert app.form.texts()["model_save_dir"] == config.model_save_dir
    again.pump(lambda: "epochs done: Resume" in again.bar())
    assert f"{done} of 300" in again.bar()
    assert app.bar.train["text"] == "Resume"
    again.pump(lambda: len(app.loss.plot.line.get_xdata()) == done)
    app.form.fill({"num_epochs": str(done + 2)})
    app.bar.train.invoke()
    again.pump(lambda: app.state == "finished")
    assert [record.epoch for record in app.history] == list(range(1, done + 3))
    app.tabs.select(1)
    again.pump(lambda: app.samples.plot.image is not None)
    assert f"epoch {done + 2}" in app.samples.caption["text"]


def test_a_bad_form_is_marked_beside_its_fields_and_nothing_starts(
    open_window: Open, tiny: Make
) -> None:
    config = tiny()
    window = open_window(config, lr="1e-1O", img_size="18", seed="x")
    app = window.app
    app.bar.train.invoke()
    window.pump(lambda: app.state == "failed")
    assert "3 fields need attention" in window.bar()
    assert "take 16 or 20" in app.form.errors["img_size"]["text"]
    assert app.form.errors["seed"].winfo_viewable()  # the advanced fields unfolded
    assert not Path(config.model_save_dir).exists()
    app.form.fill({"lr": "0,001", "img_size": "16", "seed": "0"})
    app.bar.train.invoke()
    window.pump(lambda: app.state == "finished")
    assert not any(error["text"] for error in app.form.errors.values())


def test_a_field_is_checked_when_it_is_left(open_window: Open) -> None:
    window = open_window()
    form = window.app.form
    form.fill({"img_size": "100"})
    form.fields["img_size"].event_generate("<FocusOut>")
    assert "depth 2" in form.errors["img_size"]["text"]
    form.fill({"depth": "2"})
    form.fields["depth"].event_generate("<FocusOut>")
    assert not form.errors["img_size"]["text"]


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


def test_a_failure_says_why_and_offers_details(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=1)
    window = open_window(config)
    app = window.app
    app.train()
    window.pump(lambda: app.state == "finished")
    app.form.fill({"latent_dim": "9"})
    app.train()
    window.pump(lambda: app.state == "failed")
    assert "belongs to another run" in window.bar()
    assert "made with 4" in app.form.errors["latent_dim"]["text"]
    app.root.update()
    assert app.bar.details.winfo_ismapped()
    app.bar.details.invoke()
    window.pump(lambda: "MismatchError" in app.log.text.get("1.0", "end"))


def test_start_fresh_asks_and_keeps_the_earlier_run(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    window = open_window(config)
    app = window.app
    app.train()
    window.pump(lambda: app.state == "finished" and str(app.bar.fresh["state"]) == "normal")
    answers = iter(["Cancel", "Start fresh"])
    monkeypatch.setattr(kit, "ask", lambda *arguments: next(answers))
    app.bar.fresh.invoke()
    assert app.state == "finished"
    app.bar.fresh.invoke()
    window.pump(lambda: app.state == "finished")
    kept = Path(config.model_save_dir) / "earlier_run_0001"
    assert len(list(kept.iterdir())) == 1


def test_closing_while_running_asks(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=5000, sample_every=5000)
    window = open_window(config)
    app = window.app
    app.train()
    window.pump(lambda: app.state == "running")
    answers = iter(["Keep training", "Save and exit"])
    monkeypatch.setattr(kit, "ask", lambda *arguments: next(answers))
    app.close()
    assert app.state == "running"
    app.close()
    closed: list[bool] = []
    destroy = app.destroy
    monkeypatch.setattr(app, "destroy", lambda: (destroy(), closed.append(True)))
    window.pump(lambda: bool(closed))
    assert list(Path(config.model_save_dir).iterdir())


def test_an_error_in_a_callback_is_shown_and_training_goes_on(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=30, sample_every=30))
    app = window.app
    app.train()
    window.pump(lambda: app.state == "running")
    app.root.after(1, lambda: 1 / 0)
    app.root.after(60, lambda: None)
    for _ in range(40):
        app.root.update()
        if window.errors:
            break
    while not window.errors:
        app.root.update()
    assert "ZeroDivisionError" in window.errors.pop()
    window.pump(lambda: app.state == "finished")


def test_light_and_dark_paint_the_window(open_window: Open) -> None:
    from PIL import ImageGrab

    window = open_window()
    app = window.app
    seen = []
    for _ in range(2):
        for _ in range(20):
            app.root.update()
        x, y = app.log.winfo_rootx() + 40, app.header.winfo_rooty() + 4
        with ImageGrab.grab(xdisplay=os.environ["DISPLAY"]) as picture:
            seen.append(picture.getpixel((x, y)))
        app.toggle_mode()
    assert seen == [(0xFF, 0xFF, 0xFF), (0x16, 0x19, 0x1D)]


@pytest.mark.skipif(not shutil.which("xdotool"), reason="xdotool drives X11 only")
def test_real_clicks_train_and_stop(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = window.app

    def click(widget: Any) -> None:
        app.root.update()
        x = widget.winfo_rootx() + widget.winfo_width() // 2
        y = widget.winfo_rooty() + widget.winfo_height() // 2
        subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], check=True)

    click(app.bar.train)
    window.pump(lambda: app.state == "running" and len(app.history) >= 2)
    click(app.bar.stop)
    window.pump(lambda: app.state == "idle")
    assert "Stopped" in window.bar()
