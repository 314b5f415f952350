from __future__ import annotations

import csv
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk
from typing import Any

import pytest

from tests.gui.test_access import widgets
from tests.test_findings import SOUND, epochs
from vae import language
from vae.config import TrainConfig
from vae.events import EpochDone
from vae.files import EVALUATION_NAME, REPORT_NAME
from vae.gui import dialogs
from vae.measures import MEASURES
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]
ILL = {**SOUND, "kl_balance": "fixed", "sampler": "prior"}


def show(window: Any, *arguments: Any) -> Any:
    """Show epochs of a run, and wait until they are drawn."""
    pane = window.app.quality
    window.app.show_tab(pane)
    window.app.root.update()
    pane.show(*arguments)
    pane.refresh()
    window.app.root.update()
    return pane


def words(pane: Any) -> str:
    """All that its cards say."""
    labels = [w for card in pane.cards.winfo_children() for part in card.winfo_children()
              for w in part.winfo_children() if isinstance(w, ttk.Label)]  # fmt: skip
    return "\n".join(str(label["text"]) for label in [pane.headline, *labels])


def title(window: Any) -> str:
    return str(window.app.tabs.tab(window.app.quality, "text"))


def test_a_sound_run_is_told_so(open_window: Open) -> None:
    window = open_window()
    pane = show(window, epochs(2), SOUND)
    assert "too early" in words(pane)
    pane = show(window, epochs(7), SOUND)
    assert "No fault was found in the training after 7 epochs." in words(pane)
    assert title(window) == "Quality" and not pane.buttons
    titles = [cell.title.get_text() for cell in pane.plot.cells]
    assert titles[:4] == [
        "PSNR  24.0 dB", "SSIM  0.800", "Explained variance  0.80", "Active latents  32 of 32",
    ]  # fmt: skip


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_words_of_the_plots_meet_at_the_smallest_size(open_window: Open, code: str) -> None:
    window = open_window()
    if code != language.current():
        window.app.toggle_language()
    window.app.fit(1024, 660)
    pane = show(window, epochs(7, swd=lambda e: 1234.5 - e), SOUND)
    figure = pane.plot.figure
    window.pump(lambda: figure.get_size_inches()[0] < 8 and not pane.plot.resizing)
    pane.plot.canvas.draw()
    boxes = []
    for cell in pane.plot.cells:
        texts = [cell.title, cell.good]
        for axis in (cell.axes.xaxis, cell.axes.yaxis):
            low, high = axis.get_view_interval()
            ticks = axis.get_major_ticks()
            texts += [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
        boxes += [text.get_window_extent() for text in texts if text.get_text()]
    width = pane.plot.figure.bbox.width
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    seen = [box for box in boxes if box.width]
    assert not [pair for pair in itertools.combinations(seen, 2) if pair[0].overlaps(pair[1])]
    assert all(cell.title.get_text() and cell.good.get_text() for cell in pane.plot.cells)


def test_no_plot_is_cut_by_what_stands_above(open_window: Open) -> None:
    window = open_window()
    window.app.fit(1024, 660)
    ill = {"images": 30, "beta": 1.0, "kl_loss": 0.05, "swd": 20.0, "checkerboard": 60.0}
    pane = show(window, epochs(30, **ill), ILL)
    assert len(pane.found) > 1
    results = window.app.results
    window.pump(lambda: results.bar.winfo_viewable() and not pane.plot.resizing)
    window.pump(lambda: pane.plot.figure.get_size_inches()[1] * 96 >= pane.plot.least_height())
    heights = [cell.axes.get_window_extent().height / 96 for cell in pane.plot.cells]
    assert min(heights) >= 0.5
    lowest = pane.plot.widget.winfo_rooty() + pane.plot.widget.winfo_height()
    results.scroll(10_000)
    window.app.root.update()
    assert pane.plot.widget.winfo_rooty() + pane.plot.widget.winfo_height() < lowest
    assert lowest > results.view.winfo_rooty() + results.view.winfo_height()
    window.app.show_tab(window.app.loss)
    window.pump(lambda: not results.bar.winfo_viewable())


def test_the_numbers_of_an_axis_are_those_of_its_ticks() -> None:
    from vae.ticks import Ticks

    for gap in (1000.0, 5.0, 2.0, 1.5, 0.25, 0.15, 0.005, 1e-5):
        ticks = [gap * step for step in range(7, 10)]
        for tick, label in zip(ticks, Ticks().format_ticks(ticks), strict=True):
            assert abs(float(label.replace(",", "")) - tick) <= 0.01 * tick
            assert len(label) <= 7
    assert Ticks().format_ticks([10.92, 10.925, 10.93]) == ["10.920", "10.925", "10.930"]
    assert Ticks().format_ticks([1.5, 3.0]) == ["1.5", "3.0"]
    assert Ticks().format_ticks([1000.0, 2000.0]) == ["1,000", "2,000"]
    assert Ticks().format_ticks([0.5]) == ["0.5"]
    assert Ticks().format_ticks([0.500010, 0.500015, 0.50002]) == ["0.50001", "0.500015", "0.50002"]
    assert Ticks().format_ticks([1234.500001, 1234.500002]) == ["1234.500001", "1234.500002"]
    assert Ticks().format_ticks([0.0, 1e-6, 2e-6]) == ["0", "1e-06", "2e-06"]


def test_the_note_of_a_finding_goes_once_the_tab_is_seen(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.banner.say("note", until=app.quality.winfo_viewable)
    window.pump(lambda: app.banner.winfo_viewable())
    app.show_tab(app.loss)
    app.refresh()
    assert app.banner.winfo_manager()
    app.show_tab(app.quality)
    window.pump(lambda: not app.banner.winfo_manager())


def test_the_first_epochs_of_a_measure_do_not_flatten_the_others(open_window: Open) -> None:
    def told(*values: float) -> tuple[float, bool]:
        history = epochs(len(values), explained_variance=lambda epoch: values[epoch - 1])
        cells = show(window, history, SOUND).plot.cells
        (cell,) = [cell for cell in cells if cell.measure.name == "explained_variance"]
        return cell.axes.get_ylim()[0], cell.line.get_clip_on()

    window = open_window()
    low, cut = told(-7.0, -2.0, 0.5, 0.6, 0.62)
    assert -0.5 < low < 0 and cut
    low, cut = told(0.1, 0.5, 0.6)
    assert low > -0.2 and not cut
    low, cut = told(-7.0, -2.0, -0.5)  # where it stays there, it is seen
    assert low < -7.0 and not cut


def test_only_what_was_measured_has_a_plot(open_window: Open) -> None:
    window = open_window()
    bare: dict[str, Any] = dict.fromkeys(
        ("ssim", "explained_variance", "swd", "sharpness", "checkerboard")
    )
    pane = show(window, epochs(7, **bare), SOUND)
    assert [cell.measure.name for cell in pane.plot.cells] == [
        "psnr",
        "active_units",
        "beta",
        "dead_channels",
    ]
    pane = show(window, epochs(8), SOUND)
    assert len(pane.plot.cells) == 9


def test_a_finding_can_be_put_into_the_form(open_window: Open) -> None:
    window = open_window()
    app = window.app
    pane = show(window, epochs(beta=1.0, kl_loss=0.05, swd=20.0), ILL)
    assert "Latents carry too little" in words(pane) and "carries 0.05 nats" in words(pane)
    assert title(window) == "Quality (1)"
    app.form.fill({"kl_balance": "fixed", "sampler": "prior"})
    pane.buttons[0].invoke()
    texts = app.form.texts()
    assert (texts["kl_balance"], texts["sampler"]) == ("auto", "gmm")
    assert "KL balance auto, Sampler gmm. Resume goes on" in app.bar.text["text"]
    app.root.update()
    field, view = app.form.fields["kl_balance"], app.form.canvas
    assert 0 <= field.winfo_rooty() - view.winfo_rooty() < view.winfo_height()
    # The card stays while the same is found, and tells the newest number.
    button = pane.buttons[0]
    show(window, epochs(13, beta=1.0, kl_loss=0.04, swd=20.0), ILL)
    assert pane.buttons == [button] and "carries 0.04 nats" in words(pane)
    show(window, epochs(13), SOUND)
    assert title(window) == "Quality" and not pane.buttons


def test_a_remedy_of_a_run_that_is_at_its_end_says_what_else_it_takes(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.form.fill({"num_epochs": "12"})
    app.view.history = epochs(12, beta=1.0, kl_loss=0.05, swd=20.0)
    show(window, app.view.history, ILL).buttons[0].invoke()
    assert "Resume asks how far to train on" in app.bar.text["text"]
    app.form.fill({"num_epochs": "13"})
    app.quality.buttons[0].invoke()
    assert "Sampler gmm. Resume goes on with them." in app.bar.text["text"]
    app.form.fill({"num_epochs": "12"})
    show(window, epochs(12, swd=60.0), {**SOUND, "sampler": "prior"}).buttons[0].invoke()
    assert (
        app.bar.text["text"]
        == "In the form: Sampler gmm. The Samples tab can draw with it at once."
    )


def test_a_remedy_after_one_that_needs_a_new_run_does_so_too(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.checkpoints.resumable)
    app.form.take({"latent_dim": str(2 * config.latent_dim)})
    show(window, epochs(beta=1.0, kl_loss=0.05, swd=20.0), ILL).buttons[0].invoke()
    assert "KL balance auto, Sampler gmm. Only a new run takes them" in app.bar.text["text"]


def test_a_remedy_that_needs_a_new_run_says_so(open_window: Open) -> None:
    window = open_window()
    pane = show(window, epochs(checkerboard=60.0), SOUND)
    pane.buttons[0].invoke()
    assert "Decoder upsample. Only a new run takes them" in window.app.bar.text["text"]


def test_while_a_run_goes_on_nothing_can_be_put_into_the_form(open_window: Open) -> None:
    window = open_window()
    app = window.app
    pane = show(window, epochs(checkerboard=60.0), SOUND)
    app.set_state("running", "Training", "")
    assert str(pane.buttons[0]["state"]) == "disabled"
    # A new finding is told once, in the line above the tabs, to who does not see it.
    app.show_tab(app.log)
    app.root.update()
    app.view.values = ILL
    app.view.history = []
    for record in epochs(8, beta=1.0, kl_loss=0.05, swd=20.0):
        app.view.show(EpochDone(record))
    assert "Quality tab" in app.banner.text["text"] and len(app.banner.notes) == 1
    assert str(pane.buttons[0]["state"]) == "disabled"
    app.set_state("idle", "", "")
    assert str(pane.buttons[0]["state"]) == "normal"


def test_a_run_that_is_found_shows_its_measures(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=5, val_fraction=0.3)
    run_vae_training(config)
    window = open_window(config)
    pane = window.app.quality
    window.pump(lambda: len(pane.history) == 5)
    assert "few" in {finding.kind for finding in pane.found}
    window.app.toggle_language()
    assert "(" in title(window) and title(window) != "Quality (2)"
    assert len(window.app.quality.history) == 5
    window.app.toggle_language()


def test_a_report_is_written_from_the_menu(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.checkpoints.resumable)
    app.root.event_generate("<Control-y>")
    path = Path(config.output_dir) / REPORT_NAME
    window.pump(lambda: "report.html was written" in app.bar.text["text"])
    assert path.exists()


def test_a_report_can_be_stopped(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae import report
    from vae.errors import StopRequested

    def wait(*folders: Path, should_stop: Any, emit: Any) -> None:
        while not should_stop():
            time.sleep(0.01)
        raise StopRequested

    config = tiny(num_epochs=1)
    run_vae_training(config)
    monkeypatch.setattr(report, "write_report", wait)
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.checkpoints.resumable)
    app.actions.write_report()
    assert app.bar.word["text"] == "Evaluating" and str(app.bar.train["state"]) == "disabled"
    app.bar.stop.invoke()
    window.pump(lambda: "you stopped it" in app.bar.text["text"])
    assert app.state == "idle" and not (Path(config.output_dir) / REPORT_NAME).exists()
    assert str(app.bar.train["state"]) == "normal"


def test_a_window_that_measures_is_closed_at_the_second_click(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae import report

    goes_on = threading.Event()
    config = tiny(num_epochs=1)
    run_vae_training(config)
    monkeypatch.setattr(report, "write_report", lambda *_, **__: goes_on.wait(30))
    window = open_window(config)
    app = window.app
    window.pump(lambda: app.checkpoints.resumable)
    app.actions.write_report()
    closed: list[bool] = []
    destroy = app.destroy
    monkeypatch.setattr(app, "destroy", lambda: (destroy(), closed.append(True)))
    app.close()
    assert app.bar.word["text"] == "Stopping" and not closed
    app.close()  # asks nothing: there is no run to lose
    assert closed
    goes_on.set()


def test_there_is_no_report_without_a_run(open_window: Open) -> None:
    window = open_window()
    window.app.actions.write_report()
    assert "nothing to report yet" in window.app.bar.text["text"]


def test_a_run_with_validation_images_is_watched(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=5, val_fraction=0.3, kl_balance="auto", sampler="gmm")
    window = open_window(config)
    app = window.app
    app.bar.train.invoke()
    window.pump_to("finished")
    assert not window.errors
    assert "held back for validation" in app.log.text.get("1.0", "end")
    assert len(app.quality.history) == 5 and app.quality.history[-1].val_loss is not None
    app.show_tab(app.loss)
    app.loss.refresh()
    assert [line.label for line in app.loss.plot.lines] == ["Training", "Validation"]


@pytest.mark.parametrize("steps", [0, 1])
def test_the_plots_are_made_before_they_are_looked_at_and_drawn_once(
    open_window: Open, steps: int
) -> None:
    window = open_window()
    window.larger(steps)
    pane = window.app.quality
    window.pump(lambda: pane.plot is not None and len(pane.plot.made) == len(MEASURES))
    pane.show(epochs(7), SOUND)
    drawn: list[tuple[int, int]] = []
    pane.plot.canvas.mpl_connect("draw_event", lambda event: drawn.append(pane.plot.size))
    window.app.show_tab(pane)
    window.pump(lambda: bool(drawn) and not pane.plot.stale)
    later = time.monotonic() + 0.6
    window.pump(lambda: time.monotonic() > later)
    assert drawn == [(pane.plot.widget.winfo_width(), pane.plot.widget.winfo_height())]


def test_all_that_can_be_measured_is_shown_in_a_table(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    app.show_tab(app.quality)
    window.pump(lambda: app.checkpoints.resumable)
    seen: list[list[str]] = []

    def look() -> None:
        (table,) = [w for w in widgets(app.root) if isinstance(w, ttk.Treeview) and shown(w)]
        seen.extend([[str(v) for v in table.item(i, "values")] for i in table.get_children()])
        table.winfo_toplevel().destroy()

    def shown(widget: ttk.Treeview) -> bool:
        return widget.winfo_toplevel() is not app.root

    monkeypatch.setattr(dialogs, "wait", lambda root, top: (root.update(), look()))
    window.click(app.quality.evaluate)
    window.pump(lambda: bool(seen))
    measured = {row[0] for row in seen}
    assert {"PSNR", "IWAE bound, k=50", "KL of a latent"} <= measured
    path = Path(config.output_dir) / EVALUATION_NAME
    assert app.state == "idle" and str(path) in window.bar()
    lines = dict(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert {"psnr", "iwae_bound", "kl_0001", "kl_0004", "nearest_by_pixels_median"} <= set(lines)
    assert float(lines["psnr"]) > 5


def test_without_a_checkpoint_there_is_nothing_to_measure(open_window: Open) -> None:
    window = open_window()
    window.app.actions.evaluate()
    assert "Train first" in window.bar()
