"""The history of runs as its user sees it."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gui.test_window import answer
from tests.test_recorder import train
from vae import language
from vae.checkpoint import checkpoint_files
from vae.comparison import NO_OTHERS, Compared, Comparison
from vae.config import DEFAULTS, TrainConfig
from vae.curve import caution
from vae.events import EpochRecord
from vae.gui import jobs
from vae.gui.answers import RunsListed
from vae.gui.compare_view import comparison, named
from vae.gui.runs_table import value_words
from vae.runs import Change, Run, load_runs, run_path, telling, write_run

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

only_x11 = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")


@pytest.fixture
def three(tiny: Make) -> list[TrainConfig]:
    """Three runs; the first was stopped after an epoch."""
    configs = [tiny("a"), tiny("b", num_epochs=1), tiny("c", num_epochs=1, beta=0.5)]
    train(configs[0], stop_after=1)
    for config in configs[1:]:
        train(config)
    return configs


def show(window: Any, count: int) -> Any:
    """The tab, once it lists so many runs, and the pictures that there are."""
    app = window.app
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == count and not app.runs.loading)
    return app.runs


def click_row(window: Any, place: int, *modifier: str, button: str = "1") -> None:
    """Click on a row with the real pointer."""
    tree = window.app.runs.table.tree
    window.app.root.update()
    x, y, width, height = tree.bbox(tree.get_children()[place], "state")
    at = [str(tree.winfo_rootx() + x + width // 2), str(tree.winfo_rooty() + y + height // 2)]
    keys = [["keydown", modifier[0]], ["keyup", modifier[0]]] if modifier else [[], []]
    command = ["xdotool", "mousemove", *at, *keys[0], "click", button, *keys[1]]
    subprocess.run(command, check=True)


def press(*keys: str) -> None:
    subprocess.run(["xdotool", "key", *keys], check=True)


@only_x11
def test_reopen_fills_the_form_and_offers_to_resume(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[1])
    pane = show(window, 3)
    assert [str(button["state"]) for button in pane.buttons.values()] == ["disabled"] * 5
    click_row(window, 2)  # the oldest is the last
    window.pump(lambda: len(pane.table.chosen()) == 1)
    window.click(pane.buttons["reopen"])
    window.pump(lambda: "Found 1 of 3 epochs done: Resume" in window.bar())
    assert window.app.bar.train["text"] == "Resume"
    assert window.app.form.texts()["model_save_dir"] == three[0].model_save_dir
    window.click(window.app.bar.train)
    window.pump_to("finished")
    window.pump(lambda: len(load_runs()[0][2].history) == 3)
    assert len(load_runs()[0]) == 3


@only_x11
def test_a_run_is_chosen_with_keys_alone(open_window: Open, three: list[TrainConfig]) -> None:
    window = open_window()
    pane = show(window, 3)
    window.app.root.focus_force()
    pane.table.tree.focus_set()
    window.pump(lambda: len(pane.table.chosen()) == 1)
    window.key("Down")
    rows = pane.table.tree.get_children()
    window.pump(lambda: pane.table.tree.selection() == (rows[1],))


def test_psnr_stays_in_view_where_room_is_short(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window()
    pane, app = show(window, 3), window.app
    tree = pane.table.tree
    told = [run.history[-1].psnr for run in pane.table.runs.values()]
    pane.table.sort("psnr")
    cells = [tree.set(row, "psnr") for row in tree.get_children()]
    assert cells == [f"{psnr:.1f} dB" for psnr in sorted(told)]
    window.pump(lambda: "seconds" in tree["displaycolumns"])
    app.fit(1024, 660)
    window.pump(lambda: "seconds" not in tree["displaycolumns"])
    assert "psnr" in tree["displaycolumns"]
    assert tree.column("changed", "width") > 60
    assert sum(tree.column(n, "width") for n in ("#0", *tree["displaycolumns"])) <= (
        tree.winfo_width()
    )


def test_a_comparison_follows_a_run_that_goes_on(
    open_window: Open, three: list[TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(three[2])
    pane, app = show(window, 3), window.app
    window.pump(lambda: app.bar.train["text"] == "Resume")
    pane.table.tree.selection_set(pane.table.tree.get_children()[:2])
    window.pump(lambda: len(pane.table.chosen()) == 2)
    pane.compare()
    view = pane.comparison

    def told(label: str) -> str:
        rows = {view.table.item(row)["text"]: view.table.item(row)["values"]
                for row in view.table.get_children()}  # fmt: skip
        return str(rows[label][1])

    assert told("State") == "Finished" and told("Epochs") == "1 of 1"
    assert "The numbers are of each run's best epoch." in view.notes["text"]
    app.form.fill({"num_epochs": "3"})
    app.bar.train.invoke()
    window.pump_to("finished")
    window.pump(lambda: told("Epochs") == "3 of 3" and told("State") == "Finished")
    window.pump(lambda: "epoch 3" in view.captions[1]["text"])
    assert "different numbers of epochs" in view.notes["text"]
    assert pane.comparison is view


def compare_those(window: Any, *places: int) -> Any:
    """The comparison of the runs in these rows."""
    tree = window.app.runs.table.tree
    tree.selection_set([tree.get_children()[place] for place in places])
    window.pump(lambda: len(window.app.runs.table.chosen()) == len(places))
    window.app.runs.compare()
    return window.app.runs.comparison


def go_elsewhere(window: Any) -> None:
    """Show another tab for a moment."""
    window.app.show_tab(window.app.loss)
    window.pump(lambda: window.app.runs.stale)


def test_a_comparison_is_up_to_date_when_it_is_shown_again(
    open_window: Open, three: list[TrainConfig], tiny: Make
) -> None:
    window = open_window(tiny("elsewhere"))
    show(window, 3)
    app = window.app
    view = compare_those(window, 0, 2)
    assert "begun since" not in view.notes["text"]
    go_elsewhere(window)
    train(three[0])  # from another window, as it were
    train(tiny("d", num_epochs=1))
    app.show_tab(app.runs)
    window.pump(lambda: [len(run.history) for run in view.runs] == [3, 1])
    assert [len(line.epochs) for line in app.loss.shown_lines()] == [3, 1]
    window.pump(lambda: "1 run has begun since" in view.notes["text"])
    app.toggle_language()
    app.toggle_language()
    assert "1 run has begun since" in app.runs.comparison.notes["text"]


def test_a_run_that_is_deleted_leaves_the_comparison_with_a_word(
    open_window: Open, three: list[TrainConfig], tiny: Make
) -> None:
    window = open_window(tiny("elsewhere"))
    pane, app = show(window, 3), window.app
    before = NO_OTHERS.beside(Compared("a log", ()))
    app.loss.compare(before)
    compare_those(window, 0, 1, 2)
    newest, _second, oldest = load_runs()[0]
    run_path(newest.id).unlink()
    go_elsewhere(window)
    app.show_tab(app.runs)
    window.pump(lambda: len(pane.comparison.runs) == 2)
    gone = "No longer in the list of runs, and so no longer compared: KL weight β 0.5"
    assert gone in pane.comparison.notes["text"]
    assert len(app.loss.shown_lines()) == 2
    window.pump(lambda: len(pane.comparison.pictures) == 2)
    app.toggle_language()
    app.toggle_language()
    pane = app.runs
    assert gone in pane.comparison.notes["text"]
    run_path(oldest.id).unlink()
    go_elsewhere(window)
    app.show_tab(app.runs)
    window.pump(lambda: pane.comparison is None)
    assert "The comparison has ended" in window.bar()
    assert pane.table.winfo_manager() and app.loss.choices.comparison == before


@pytest.mark.usefixtures("three")
def test_an_answer_takes_no_focus(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny("elsewhere"))
    pane, app = show(window, 3), window.app
    compare_those(window, 0, 1)
    run_path(load_runs()[0][0].id).unlink()
    app.form.fields["img_size"].focus_force()
    pane.reload()
    window.pump(lambda: pane.comparison is None)
    assert app.root.focus_get() == app.form.fields["img_size"]


@pytest.mark.usefixtures("three")
def test_what_cannot_be_listed_is_said_once(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny("elsewhere"))
    pane = show(window, 3)
    said: list[str] = []
    pane.app.say = lambda word, text, *rest, **more: said.append(text)
    for problem in ("gone", "gone", "", "gone", "away"):
        pane.answer(RunsListed(tuple(load_runs()[0]), (), problem))
    assert said == ["gone", "gone", "away"]


def test_runs_that_cannot_be_listed_stay_in_sight(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[0])
    pane = show(window, 3)
    compare_those(window, 0, 1)
    pane.answer(RunsListed((), (), "The disk does not answer."))
    assert "The disk does not answer." in window.bar()
    assert pane.comparison is not None and len(pane.table.runs) == 3


@only_x11
def test_escape_leads_back_from_the_tab_too(open_window: Open, three: list[TrainConfig]) -> None:
    window = open_window(three[0])
    pane, app = show(window, 3), window.app
    compare_those(window, 0, 1)
    app.show_tab(app.loss)
    app.root.focus_force()
    app.show_tab(app.runs)
    app.tabs.focus_force()
    window.pump(lambda: app.root.focus_get() is app.tabs)
    window.key("Escape")
    window.pump(lambda: pane.comparison is None)
    assert pane.table.winfo_manager()


def test_curves_that_were_taken_away_come_back_with_their_button(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[0])
    show(window, 3)
    view = compare_those(window, 0, 1)
    window.app.loss.compare(NO_OTHERS)
    view.curves.invoke()
    assert len(window.app.loss.choices.comparison.runs) == 2


def test_what_was_deleted_leaves_the_plot_and_its_trash_can_be_opened(
    open_window: Open, three: list[TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("vae.gui.actions.open_path", lambda path, emit: opened.append(path))
    window = open_window(three[0])
    answer(monkeypatch, "Delete")
    pane, app = show(window, 3), window.app
    runs = load_runs()[0]
    app.loss.compare(Comparison(tuple(named(runs[:2])), alone=True))  # as several runs left them
    pane.table.tree.selection_set(runs[0].id)
    window.pump(lambda: len(pane.table.chosen()) == 1)
    pane.delete()
    window.pump(lambda: "1 run was moved to the trash." in window.bar())
    assert [run.name for run in app.loss.choices.comparison.runs] == [named(runs[:2])[1].name]
    assert app.bar.link["text"] == "Open trash folder"
    app.toggle_language()
    app.bar.link.invoke()
    window.pump(lambda: len(opened) == 1)
    assert opened[0].parent.name == "vae_trash"
    app.toggle_language()


@only_x11
def test_duplicate_fills_the_form_with_free_places(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window()
    pane = show(window, 3)
    click_row(window, 0)
    window.pump(lambda: len(pane.table.chosen()) == 1)
    window.click(pane.buttons["duplicate"])
    window.pump(lambda: window.bar().startswith("Duplicated"))
    texts = window.app.form.texts()
    assert texts["beta"] == "0.5"
    assert texts["model_save_dir"] == f"{three[2].model_save_dir}_2"
    window.click(window.app.bar.train)
    window.pump_to("finished")
    window.pump(lambda: len(pane.table.runs) == 4)


@only_x11
def test_compare_shows_what_differs_and_goes_back(
    open_window: Open, three: list[TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(three[0])
    shown: list[Any] = []
    before = NO_OTHERS.beside(Compared("a log", ()))  # whose curve lay beside the run's own
    window.app.loss.choices.comparison = before
    compare = window.app.loss.compare
    monkeypatch.setattr(
        window.app.loss, "compare", lambda runs: (shown.append(runs), compare(runs))
    )
    pane = show(window, 3)
    click_row(window, 0)
    click_row(window, 1, "ctrl")
    window.pump(lambda: len(pane.table.chosen()) == 2)
    assert "weigh the parts of the loss differently" in pane.details["text"]
    window.click(pane.buttons["compare"])
    window.pump(lambda: pane.comparison is not None and len(pane.comparison.pictures) == 2)
    table = pane.comparison.table
    rows = {table.item(row)["text"]: table.item(row)["values"] for row in table.get_children()}
    assert list(rows)[:2] == ["KL weight β", "State"]
    assert [str(value) for value in rows["KL weight β"]] == ["1.0", "0.5"]  # as trained
    # With another beta the loss is another measure.
    assert "(lowest)" not in str(rows["Best loss"])
    alike = dict(comparison(load_runs()[0][1:]))
    assert "(lowest)" not in str(alike["Best loss"])  # nothing is marked of what is alike
    assert not pane.table.winfo_viewable()
    pane.comparison.curves.invoke()  # of what compares
    assert window.app.loss_actions.choices.column == "reconstruction_loss"
    window.app.show_tab(pane)
    assert [run.name for run in shown[0].runs] == ["beta 1.0", "beta 0.5"]
    assert [len(run.history) for run in shown[0].runs] == [1, 1]
    assert shown[0].alone and window.app.loss.left_out  # the run of the form is a third one
    assert [label["text"] for label in window.app.loss.values] == ["–"] * 5
    press("Escape")
    window.pump(lambda: pane.comparison is None and pane.table.winfo_viewable())
    assert shown[1] == before


def test_a_run_that_is_opened_or_trained_is_seen_beside_those_compared(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[0])
    app, pane = window.app, show(window, 3)
    log = NO_OTHERS.beside(Compared("a log", ()))
    app.loss.compare(log)
    newest = pane.table.tree.get_children()
    pane.table.tree.selection_set(newest[:2])
    pane.compare()
    assert app.loss.left_out
    app.bar.train.invoke()
    window.pump_to("running")
    assert app.loss.shown_lines()[0].label == "This run, training"
    window.pump_to("finished")
    assert app.loss.shown_lines()[0].label == "This run, training"
    pane.end_comparison()
    assert app.loss.choices.comparison == log  # as before
    pane.table.tree.selection_set(newest[:2])
    pane.compare()
    pane.table.tree.selection_set(newest[2:])
    pane.reopen()
    assert app.loss.shown_lines()[0].label == "This run, training"


def test_of_few_reconstructions_none_is_cut(tmp_path: Path) -> None:
    for columns, shown in ((8, 4), (3, 3)):
        path = tmp_path / f"{columns}.png"
        Image.new("RGB", (100 * columns, 350)).save(path)
        with Image.open(io.BytesIO(jobs._png(path, 0, 400, jobs.FEWER))) as picture:
            assert picture.width / picture.height == pytest.approx(shown / 3.5, rel=0.02)


def test_what_is_changed_while_runs_are_compared_stays_changed(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[0])
    loss, pane = window.app.loss, show(window, 3)
    log = Compared("a log", ())
    loss.compare(Comparison((log,), alone=True))
    pane.table.tree.selection_set(pane.table.tree.get_children()[:2])
    pane.compare()
    loss.show_own()  # as when it is trained
    pane.end_comparison()
    assert loss.choices.comparison == Comparison((log,))
    pane.compare()
    loss.compare(NO_OTHERS)
    loss.compare(NO_OTHERS.beside(Compared("newer", ())))
    pane.end_comparison()
    assert [run.name for run in loss.choices.comparison.runs] == ["newer"]


def test_pictures_of_a_comparison_take_the_place_of_the_table(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[0])
    pane = show(window, 3)
    pane.table.tree.selection_set(pane.table.tree.get_children()[:2])
    pane.compare()
    window.pump(lambda: len(pane.comparison.pictures) == 2)
    small = pane.comparison.pictures[0].height()
    assert pane.comparison.captions[0]["text"] == "KL weight β 1.0, epoch 1"
    window.click(pane.comparison.cells[0])
    window.pump(lambda: pane.comparison.pictures[0].height() > 1.5 * small)
    assert not pane.comparison.table.winfo_viewable()
    pane.comparison.kinds.current(1)
    pane.comparison.kinds.event_generate("<<ComboboxSelected>>")
    window.pump(lambda: pane.comparison.pictures[0].width() != pane.comparison.pictures[0].height())
    columns = pane.comparison.pictures[0].width() / pane.comparison.pictures[0].height()
    assert columns < 1.5  # four of eight, larger
    pane.comparison.kinds.current(0)
    pane.comparison.kinds.event_generate("<<ComboboxSelected>>")
    window.app.toggle_language()
    pane = window.app.runs
    window.pump(lambda: len(pane.comparison.pictures) == 2)
    assert pane.comparison.large.get() and not pane.comparison.table.winfo_viewable()
    assert pane.comparison.captions[0]["text"].startswith("Váha KL β 1.0")
    assert window.app.loss.shown_lines()[-1].label.startswith("Váha KL β ")
    window.click(pane.comparison.cells[0])
    window.pump(lambda: bool(pane.comparison.table.winfo_viewable()))
    window.app.loss.compare(window.app.loss.choices.comparison.beside(Compared("a log", ())))
    pane.end_comparison()
    (left,) = window.app.loss.choices.comparison.runs
    assert left.name == "a log"  # it came meanwhile
    pane.compare()
    window.app.loss.compare(NO_OTHERS)
    pane.end_comparison()
    assert not window.app.loss.choices.comparison.runs  # all were taken away
    window.app.toggle_language()


@only_x11
def test_delete_asks_and_moves_to_the_trash(
    open_window: Open, three: list[TrainConfig], monkeypatch: pytest.MonkeyPatch, images: Path
) -> None:
    window = open_window(three[2])
    asked = answer(monkeypatch, "Cancel", "Delete")
    pane = show(window, 3)
    before = sorted(images.iterdir())
    click_row(window, 0)
    window.pump(lambda: len(pane.table.chosen()) == 1)
    window.click(pane.buttons["delete"])
    window.pump(lambda: len(asked) == 1)
    assert len(load_runs()[0]) == 3
    click_row(window, 0)
    press("Delete")  # the key does the same
    window.pump(lambda: len(asked) == 2, 5)
    window.pump(lambda: len(pane.table.runs) == 2)
    assert "1 run was moved to the trash." in window.bar()
    assert not checkpoint_files(Path(three[2].model_save_dir))
    assert len(list(Path(three[2].model_save_dir, "vae_trash").rglob("*.safetensors"))) == 1
    assert sorted(images.iterdir()) == before
    window.pump(lambda: window.app.bar.train["text"] == "Train")


@only_x11
def test_a_click_on_a_heading_sorts(open_window: Open, three: list[TrainConfig]) -> None:
    window = open_window()
    pane = show(window, 3)
    tree = pane.table.tree

    def click_heading() -> None:
        x, _, width, _ = tree.bbox(tree.get_children()[0], "loss")
        at = [str(tree.winfo_rootx() + x + width // 2), str(tree.winfo_rooty() + 12)]
        subprocess.run(["xdotool", "mousemove", *at, "click", "1"], check=True)

    click_heading()
    window.pump(lambda: tree.heading("loss")["text"].endswith("▲"))
    losses = [pane.table.runs[name].best.loss for name in tree.get_children()]
    assert losses == sorted(losses)
    click_heading()
    window.pump(lambda: tree.heading("loss")["text"].endswith("▼"))
    losses = [pane.table.runs[name].best.loss for name in tree.get_children()]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_cell_is_cut_off_at_the_smallest_size(open_window: Open, tiny: Make, code: str) -> None:
    balanced = {"num_epochs": 1, "kl_balance": "auto", "val_fraction": 0.5, "free_bits": 0.125}
    for config in (tiny("a", num_epochs=1), tiny("b", **balanced)):
        train(config)
    window = open_window()
    if code != language.current():
        window.app.toggle_language()
    window.app.fit(1024, 660)
    table = show(window, 2).table
    window.app.root.update()
    tree = table.tree
    shown = ("#0", *tree["displaycolumns"])
    assert sum(tree.column(name, "width") for name in shown) <= tree.winfo_width()
    values = [tree.set(row, "changed") for row in tree.get_children()]
    assert any("…" in text for text in values)
    assert any("auto" in text for text in values)  # the name is cut, not the value
    for name in shown:
        width, texts = tree.column(name, "width"), []
        for row in tree.get_children():
            text = tree.item(row, "text") if name == "#0" else tree.set(row, name)
            assert text.strip()
            texts += text.splitlines()
        room = width - 8 - (table.side() + 20 if name == "#0" else 0)
        assert max(map(table.font.measure, texts)) <= room, texts
        assert table.font.measure(tree.heading(name, "text")) <= width - 16


@only_x11
def test_the_table_is_used_with_keys_alone(open_window: Open, three: list[TrainConfig]) -> None:
    window = open_window()
    pane = show(window, 3)
    tree = pane.table.tree
    tree.focus_force()
    tree.focus(tree.get_children()[0])
    press("Down")
    window.pump(lambda: tree.selection() == (tree.get_children()[1],))
    press("shift+Down")
    window.pump(lambda: len(pane.table.chosen()) == 2)
    press("shift+F10")
    window.pump(lambda: pane.table.menu.winfo_ismapped())
    press("Escape")
    window.pump(lambda: not pane.table.menu.winfo_ismapped())
    press("Up")
    window.pump(lambda: len(pane.table.chosen()) == 1)
    press("Return")
    window.pump(lambda: window.app.form.texts()["model_save_dir"] == three[1].model_save_dir)


def test_the_running_run_is_listed_and_cannot_be_deleted(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=3000, sample_every=3000))
    app = window.app
    app.show_tab(app.runs)
    app.bar.train.invoke()
    window.pump(lambda: len(app.view.history) >= 1)
    app.runs.reload()
    window.pump(lambda: len(app.runs.table.runs) == 1)
    app.runs.table.tree.selection_set(app.runs.table.tree.get_children())
    window.pump(lambda: str(app.runs.buttons["reveal"]["state"]) == "normal")
    assert str(app.runs.buttons["delete"]["state"]) == "disabled"
    assert str(app.runs.buttons["reopen"]["state"]) == "disabled"
    app.bar.stop.invoke()
    window.pump_to("idle")
    window.pump(lambda: [run.state for run in app.runs.table.runs.values()] == ["stopped"])
    window.pump(lambda: str(app.runs.buttons["delete"]["state"]) == "normal")


def test_reveal_shows_the_output_folder(
    open_window: Open, three: list[TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr("vae.gui.actions.open_path", lambda path, emit: shown.append(path))
    window = open_window()
    pane = show(window, 3)
    pane.table.tree.selection_set(pane.table.tree.get_children()[0])
    pane.reveal()
    window.pump(lambda: shown == [Path(three[2].output_dir)])


def test_a_failed_run_says_why_below_the_table(open_window: Open, three: list[TrainConfig]) -> None:
    newest, *others = load_runs()[0]
    write_run(dataclasses.replace(newest, state="failed", message="The disk is full."))
    for run in others:
        run_path(run.id).unlink()
    window = open_window()
    app = window.app
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 1)
    app.runs.table.tree.selection_set(app.runs.table.tree.get_children())
    window.pump(lambda: "The disk is full." in app.runs.details["text"])


def test_a_file_that_is_no_run_is_named_in_the_log_once(
    open_window: Open, three: list[TrainConfig]
) -> None:
    run_path("foreign").write_text("{")
    window = open_window()
    pane = show(window, 3)
    pane.reload()
    window.pump(lambda: not pane.stale and not pane.loading)
    window.app.show_tab(window.app.log)
    window.pump(lambda: "foreign.json" in window.app.log.text.get("1.0", "end"))
    assert window.app.log.text.get("1.0", "end").count("foreign.json") == 1


def test_damaged_samples_leave_the_run_without_a_picture(
    open_window: Open, three: list[TrainConfig]
) -> None:
    Path(three[1].output_dir, "samples_epoch_0001.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    pane = show(open_window(), 3)
    newest, _damaged, oldest = (run.id for run in load_runs()[0])
    assert set(pane.table.pictures) == {newest, oldest}


def test_a_run_is_not_shown_with_the_samples_of_another(
    open_window: Open, three: list[TrainConfig]
) -> None:
    foreign, place = (Path(c.output_dir, "samples_epoch_0001.png") for c in (three[2], three[1]))
    place.write_bytes(foreign.read_bytes())
    pane = show(open_window(), 3)
    newest, _mixed, oldest = (run.id for run in load_runs()[0])
    assert set(pane.table.pictures) == {newest, oldest}


def a_run(name: str, began: float, **facts: Any) -> Run:
    """A run of one epoch; facts of the epoch, and parameters."""
    parts = {field.name for field in dataclasses.fields(EpochRecord)}
    row = EpochRecord(1, 0.5, 0.1, 1.5, 0.0, 0.001, 20, 1.0, 20.0)
    row = dataclasses.replace(row, **{n: v for n, v in facts.items() if n in parts})
    config = {**DEFAULTS, "file_path": "/images", **{n: facts[n] for n in facts.keys() - parts}}
    return Run(name, config, began, trained=True, history=(row,))


def test_a_run_is_told_by_what_was_changed_last_in_the_order_of_the_form(
    open_window: Open,
) -> None:
    runs = [
        a_run("one", 1.0, gamma=10.0), a_run("two", 2.0, gamma=0.0),
        a_run("three", 3.0, gamma=0.0, latent_dim=16), a_run("else", 2.5, file_path="/others"),
    ]  # fmt: skip
    assert telling(runs)["two"][0] == "gamma"
    assert telling(runs)["three"] == ["latent_dim", "gamma"]
    words = {run.id: value_words(run, telling(runs)[run.id]) for run in runs}
    assert words["two"] == ["Latent dimension 750", "Blur weight γ 0.0"]
    assert words["three"] == ["Latent dimension 16", "Blur weight γ 0.0"]
    assert telling(runs[:1]) == {"one": []}
    table = open_window().app.runs.table
    table.show([
        a_run("one", 1.0), a_run("two", 2.0, kl_balance="auto", depth=3),
        a_run("three", 3.0, kl_balance="auto", depth=3, gamma=0.0),
    ])  # fmt: skip
    # What tells most of each, but never the blur before the balance.
    assert table.first["two"] == ["Depth 3", "KL balance auto"]
    assert table.first["three"] == ["KL balance auto", "Blur weight γ 0.0"]
    assert table.changed("three") == ["Depth 3", *table.first["three"]]


def test_only_numbers_that_mean_the_same_are_called_the_best() -> None:
    def marks(*runs: Run) -> set[str]:
        return {label for label, values in comparison(runs) if "est)" in "".join(values)}

    good = a_run("a", 1.0, loss=0.4, psnr=25.0, swd=7.0, lr=0.01)
    bad = a_run("b", 2.0, loss=0.5, psnr=20.0, swd=9.0)
    assert marks(good, bad) == {"Best loss", "PSNR", "Sample distance"}
    rows = dict(comparison((good, bad)))
    assert rows["PSNR"] == ("25.0 dB (highest)", "20.0 dB")
    assert rows["Sample distance"] == ("7.0 (lowest)", "9.0")
    close = a_run("c", 3.0, loss=0.403, psnr=24.9, swd=8.0)
    assert marks(good, close) == {"Sample distance"}  # what another seed may turn
    # Balanced weights follow each run's own error; other images are other numbers.
    balanced = [
        dataclasses.replace(run, config={**run.config, "kl_balance": "auto"}) for run in (good, bad)
    ]
    assert marks(*balanced) == {"PSNR", "Sample distance"}
    warmed = a_run("d", 1.0, loss=0.4, kl_warmup=3, swd=None)
    assert marks(warmed, bad) == set()
    fewer = tuple(dataclasses.replace(row, images=9) for row in good.history)
    assert marks(dataclasses.replace(good, history=fewer), bad) == set()
    partly = a_run("e", 1.0, loss=0.2, val_loss=0.6)
    assert "Best loss" not in marks(partly, bad)
    assert dict(comparison((partly, bad)))["Reconstruction"] == ("0.1", "0.1")
    alike = a_run("f", 1.0, loss=0.5, psnr=20.04)
    assert dict(comparison((alike, bad)))["PSNR"] == ("20.0 dB", "20.0 dB")
    mixed = dataclasses.replace(good, changes=(Change(1, "beta", 0.1),))
    assert "Best loss" not in marks(mixed, bad)  # of which epoch it is, with which weights?
    assert "weigh the parts of the loss differently" in caution(named([mixed, bad]))
    both = [a_run(name, 1.0, val_loss=0.6, val_reconstruction_loss=0.2) for name in "gh"]
    assert dict(comparison(both))["Best loss (validation)"] == ("0.6", "0.6")
    assert dict(comparison(both))["Reconstruction (validation)"] == ("0.2", "0.2")
    held_back = a_run("c", 3.0, val_fraction=0.1, psnr=30.0, swd=7.0, val_loss=0.3)
    assert marks(good, held_back) == set()
    assert dict(comparison((good, held_back)))["Best loss"] == ("0.4", "0.3 (validation)")


def test_runs_of_the_same_values_have_names_of_their_own(open_window: Open) -> None:
    def called(*runs: Run) -> list[str]:
        return [run.name for run in named(runs)]

    first, moment = a_run("a", 60.0), datetime.fromtimestamp(60.0)
    assert called(first, a_run("b", 150.0)) == [
        f"images  {moment:%Y-%m-%d %H:%M}",
        f"images  {moment + timedelta(seconds=90):%Y-%m-%d %H:%M}",
    ]
    soon = a_run("b", 65.0, model_save_dir="/b/checkpoints")
    assert called(first, soon) == [
        f"images  {moment:%Y-%m-%d %H:%M:00}",
        f"images  {moment:%Y-%m-%d %H:%M:05}",
    ]
    assert called(first, a_run("b", 60.0, model_save_dir="/b/two"))[1].endswith("  two")
    paths = ["/b/checkpoints", "/c/checkpoints"]
    same = [a_run(path, 60.0, model_save_dir=path) for path in paths]
    assert [name.split("  ")[-1] for name in called(*same)] == paths
    # In the table's headings, and below the pictures.
    app = open_window().app
    app.runs.table.show([first, soon])
    app.runs.table.tree.selection_set("a", "b")
    app.runs.compare()
    view = app.runs.comparison
    assert view.names == called(first, soon) == list(view.titles.values())
    assert [caption["text"] for caption in view.captions] == view.names
    assert [line.label for line in app.loss.shown_lines()] == view.names


def test_the_selection_and_the_run_in_sight_stay_with_another_language(
    open_window: Open, three: list[TrainConfig]
) -> None:
    window = open_window(three[1])
    pane = show(window, 3)
    tree = pane.table.tree
    window.pump(lambda: pane.table.shown != "")
    place = tree.get_children().index(pane.table.shown)
    texts = [tree.item(row)["text"] for row in tree.get_children()]
    assert [i for i, text in enumerate(texts) if "▸" in text] == [place] == [1]
    other = tree.get_children()[0]
    tree.selection_set(other)
    pane.reopen()  # the mark goes with it
    window.pump(lambda: "▸" in tree.item(other)["text"])
    assert "▸" not in tree.item(tree.get_children()[1])["text"]
    window.pump(lambda: "Shown in the other tabs." in pane.details["text"])
    pane.table.sort("state")
    window.app.toggle_language()
    table = window.app.runs.table
    assert [run.id for run in table.chosen()] == [other] and table.column == "state"
    assert not window.app.runs.empty.winfo_ismapped()
    window.app.toggle_language()


def test_the_row_of_the_running_run_follows_it(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=3000, sample_every=3000, checkpoint_every=3000))
    app = window.app
    app.control.train()
    window.pump_to("running")
    pane = show(window, 1)
    table = pane.table
    pane.loaded = time.monotonic() + 1000  # not by looking at the files again
    before = len(app.view.history)
    (row,) = table.tree.get_children()
    window.pump(lambda: len(table.runs[row].history) > before + 3)
    assert f"{len(table.runs[row].history)} of 3000" in table.tree.set(row, "state")
