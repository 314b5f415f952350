"""Several runs in a row, from the window."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import fail_saving, make_images
from tests.gui.test_window import answer
from vae.config import DEFAULTS, OWNED, TrainConfig
from vae.events import BatchDone, TrialBegun
from vae.gui import control
from vae.gui.settings import load_settings
from vae.gui.sweep_dialog import SweepDialog
from vae.lock import only_run
from vae.sweep import TABLE_NAME, Sweep

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


def test_the_dialog_counts_the_runs_and_gives_what_was_asked_for(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window()
    dialog = SweepDialog(window.app.root, Sweep({"beta": ["0.5", "1"]}, tmp_path / "all"), 90.0)
    assert dialog.count["text"] == "2 runs, about 3 min 0 s on this computer"
    dialog.names[1].current(2)
    dialog.values[1].set("1 3 3")
    name = list(dialog._axes())[1]
    assert dialog.count["text"] == "4 runs"  # of which some take another time
    dialog.values[0].set("1 abc")
    assert dialog.count["text"].startswith("KL weight β: 'abc' is not a number")
    assert str(dialog.start["state"]) == "disabled"
    dialog.values[0].set("")
    assert str(dialog.start["state"]) == "disabled"
    dialog.values[0].set("0,5")
    dialog.start.invoke()
    assert dialog.answer == Sweep({"beta": ["0,5"], name: ["1", "3"]}, tmp_path / "all")


def wanted(monkeypatch: pytest.MonkeyPatch, sweep: Sweep) -> list[Sweep]:
    """What the person will ask for in the dialog; gives what it was filled with."""
    filled: list[Sweep] = []

    def ask(root: Any, last: Sweep, seconds: float) -> Sweep:
        filled.append(last)
        return sweep

    monkeypatch.setattr(control, "ask_sweep", ask)
    return filled


def test_runs_follow_each_other_and_are_compared(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)
    window = open_window(config)
    app = window.app
    folder = tmp_path / "all"
    wanted(monkeypatch, Sweep({"beta": ["0.5", "2"]}, folder))
    said, told = [], list[str]()
    trial_begun = app.view._trial_begun
    monkeypatch.setattr(
        app.view, "_trial_begun",
        lambda event: (trial_begun(event), said.append(app.form.texts()),
                       told.append(app.header.words), app.banner.say("of this one")),
    )  # fmt: skip
    app.control.train_several()
    assert app.busy
    before = app.form.texts()
    window.pump_to("finished")
    # The form has what is trained, folders too, and then what it had before.
    assert [texts["beta"] for texts in said] == ["0.5", "2.0"]
    assert all(folder in Path(texts["model_save_dir"]).parents for texts in said)
    assert told == ["Run 1 of 2: KL weight β 0.5", "Run 2 of 2: KL weight β 2.0"]
    assert "Run" not in app.header.words
    assert not app.banner.winfo_manager()
    assert app.form.texts() == before
    assert "2 of 2 runs are done" in window.bar()
    assert (folder / TABLE_NAME).exists()
    assert [run.name for run in app.loss_actions.choices.comparison.runs] == [
        "beta 0.5",
        "beta 2.0",
    ]
    assert app.form.texts()["model_save_dir"] == config.model_save_dir  # the form stays
    assert app.loss_actions.choices.comparison.alone  # the form's run is none of them
    offered: list[list[str]] = []
    monkeypatch.setattr(
        "vae.gui.loss_actions.ask_export",
        lambda root, titles, *rest: offered.append([*titles, rest[-1][:8]]),
    )
    app.loss_actions.export()
    assert offered == [["loss_curve", "Pictures"]]  # no pictures of another run beside these curves
    assert str(Path("all") / TABLE_NAME) in window.bar()
    app.toggle_language()
    app.toggle_language()
    app.bar.link.invoke()  # Compare
    window.pump(lambda: app.runs.comparison is not None)
    assert app.runs.comparison.names == ["KL weight β 0.5", "KL weight β 2.0"]
    app.runs.end_comparison()
    assert len(app.runs.table.chosen()) == 2


def test_one_value_with_validation_images_ends_in_sight_of_its_curve(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=2, val_fraction=0.3))
    app = window.app
    wanted(monkeypatch, Sweep({"beta": ["3"]}, tmp_path / "all"))
    window.pump(lambda: app.loss.plot is not None)
    app.control.train_several()
    app.show_tab(app.loss)
    window.pump_to("finished")
    window.pump(lambda: len(app.loss.plot.lines) == 1)
    assert app.loss.plot.lines[0].label == "KL weight β 3.0"
    assert str(app.bar.train["state"]) == "normal"


def test_of_runs_that_are_stopped_those_done_are_compared(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=3))
    app = window.app
    wanted(monkeypatch, Sweep({"num_epochs": ["2", "5000"]}, tmp_path / "all"))
    app.control.train_several()
    window.pump(
        lambda: app.view.several.running is not None and app.view.several.running.number == 2
    )
    window.pump(lambda: len(app.view.history) > 2)
    assert [line.label for line in app.loss.shown_lines()] == ["This run, training", "Epochs 2"]
    app.control.stop()
    window.pump_to("idle")
    saved = r"1 of 2 runs are done\. The next one is saved, after [2-9] of 5000 epochs\."
    assert re.search(saved, window.bar())
    assert [line.label for line in app.loss.shown_lines()] == ["Epochs 2"]
    app.toggle_language()  # before anybody has looked at the runs
    app = window.app
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.chosen()) == 2)
    app.toggle_language()


def test_runs_of_which_none_was_done_leave_nothing_behind(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=5000))
    app = window.app
    wanted(monkeypatch, Sweep({"beta": ["1", "2"]}, tmp_path / "all"))
    window.pump(lambda: app.loss.plot is not None)
    app.show_tab(app.loss)
    app.control.train_several()
    window.pump(lambda: len(app.view.history) > 1)
    app.control.stop()
    window.pump_to("idle")
    assert not app.view.history  # the form's folder holds no run
    app.form.fill({"num_epochs": "2"})
    app.control.train()
    window.pump_to("finished")
    assert [line.label for line in app.loss.shown_lines()] == ["Training"]
    assert [record.epoch for record in app.loss.history] == [1, 2]
    assert app.loss.values[0]["text"] != "–"


def test_what_was_asked_for_outlives_the_window_and_goes_on(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep({"num_epochs": ["2", "4000"], "beta": ["0,5"]}, tmp_path / "all")
    wanted(monkeypatch, sweep)
    window = open_window(tiny())
    app = window.app
    app.control.train_several()
    window.pump(lambda: len(app.view.history) > 2)
    assert load_settings()["sweep"] == sweep._replace(unfinished=True)  # if the power fails now
    app.control.stop()
    window.pump_to("idle")
    assert "1 of 2 runs are done" in window.bar()
    window.pump(lambda: app.checkpoints.is_known())
    assert app.bar.link["text"] == "Go on with the other runs..." and app.bar.link.winfo_manager()
    app.toggle_language()
    window.pump(lambda: app.checkpoints.is_known())
    assert app.bar.link["text"] == "Pokračovať ostatnými behmi..." and app.bar.link.winfo_manager()
    assert window.bar().startswith("Zastavené") and "1 z 2" in window.bar()
    app.toggle_language()
    assert "1 of 2 runs are done" in window.bar()
    window.end()

    window = open_window()
    app = window.app
    for more in ("Pokračovať ostatnými behmi...", "Go on with the other runs..."):
        app.toggle_language()
        assert str(sweep.folder) in app.banner.text["text"] and app.banner.winfo_manager()
        assert app.banner.more["text"] == more
    dialog = SweepDialog(app.root, app.view.several.asked)
    dialog.start.invoke()
    assert dialog.answer == sweep
    less = sweep._replace(axes={"num_epochs": ["2"], "beta": ["0,5"]})
    wanted(monkeypatch, less)
    app.banner.more.invoke()
    window.pump_to("finished")
    assert "1 of 1 run is done" in window.bar() and app.bar.link["text"] == "Open folder"
    assert load_settings()["sweep"] == less
    window.end()
    window = open_window()
    assert not window.app.banner.winfo_manager()
    assert window.app.view.several.asked == less


def test_runs_that_failed_can_be_tried_again(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep({"beta": ["0.5", "2"]}, tmp_path / "all")
    filled = wanted(monkeypatch, sweep)
    checkpoints = tmp_path / "all" / "beta_0.5" / "checkpoints"
    checkpoints.mkdir(parents=True)
    window = open_window(tiny(num_epochs=1))
    app = window.app
    with only_run(checkpoints):
        app.control.train_several()
        window.pump_to("finished")
    assert "1 of 2 runs are done" in window.bar()
    assert load_settings()["sweep"].unfinished
    assert app.bar.link["text"] == "Go on with the other runs..."
    app.bar.link.invoke()
    assert filled[1].axes == sweep.axes and filled[1].folder == sweep.folder
    window.pump_to("finished")
    assert "2 of 2 runs are done" in window.bar() and app.bar.link["text"] == "Compare"
    assert not load_settings()["sweep"].unfinished


def test_a_bad_value_is_told_at_its_field_and_nothing_starts(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny())
    wanted(monkeypatch, Sweep({"img_size": ["16", "18"]}, tmp_path / "all"))
    window.app.control.train_several()
    window.pump(lambda: "1 field needs attention" in window.bar())
    assert "Image size 18" in window.app.form.messages["img_size"]
    assert not (tmp_path / "all").exists()
    assert not window.app.view.several.asked.unfinished  # they have not begun


def test_the_meter_covers_all_runs_and_the_time_one(open_window: Open) -> None:
    app = open_window().app
    app.view.show(TrialBegun(2, 4, "beta 0.5", dict(DEFAULTS)))
    app.state = "running"
    app.view.eta.left = lambda event: "3 s left"  # type: ignore[method-assign]
    app.view.show(BatchDone(epoch=1, epochs=2, batch=5, batches=5, loss=0.5, images_per_s=9.0))
    assert app.bar.meter["value"] == pytest.approx((1 + 0.5) / 4)
    assert app.bar.right["text"].startswith("3 s left of this run")
    app.state = "idle"


def test_curves_on_other_images_go_when_a_run_begins(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny(num_epochs=1))
    app = window.app
    wanted(monkeypatch, Sweep({"beta": ["0.5", "2"]}, tmp_path / "all"))
    app.control.train_several()
    window.pump_to("finished")
    window.pump(lambda: app.checkpoints.is_known())
    app.bar.train.invoke()  # on the same images
    window.pump_to("running")
    window.pump_to("finished")
    assert len(app.loss.choices.comparison.runs) == 2
    places = {name: str(getattr(tiny("second"), name)) for name in OWNED}
    app.form.take({"file_path": str(make_images(tmp_path / "others", 8)), **places})
    assert len(app.loss.choices.comparison.runs) == 2  # the plot is of what was trained
    window.pump(lambda: app.checkpoints.is_known())
    app.bar.train.invoke()
    window.pump_to("running")
    window.pump(lambda: not app.loss.choices.comparison.runs)
    told = "since they are on other images: KL weight β 0.5; KL weight β 2.0."
    assert told in app.banner.text["text"]
    window.pump_to("finished")


def test_to_end_a_run_that_waits_ends_them_all(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_saving(monkeypatch, until=2)
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    wanted(monkeypatch, Sweep({"beta": ["0.5", "2"]}, tmp_path / "all"))
    window.app.control.train_several()
    window.pump_to("blocked")
    answer(monkeypatch, "End without saving")
    window.app.bar.stop.invoke()
    window.pump_to("idle")
    assert window.bar().startswith("Stopped 0 of 2 runs are done.")
