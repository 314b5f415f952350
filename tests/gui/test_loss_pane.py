"""The Loss tab as its user sees it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tkinter import ttk
from typing import Any

import pytest
from matplotlib.text import Text
from PIL import Image

from tests.gui.test_access import widgets
from vae.comparison import NO_OTHERS, Compared, Comparison
from vae.config import DEFAULTS, TrainConfig
from vae.curve import Weights
from vae.events import EpochRecord
from vae.gui import kit
from vae.gui.answers import Told
from vae.gui.export_dialog import ExportDialog
from vae.gui.loss_jobs import Export
from vae.gui.loss_pane import PARTS, RECONSTRUCTION, TOTAL
from vae.gui.theme import DARK, LIGHT
from vae.history import log_text, write_log
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

only_x11 = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
WEIGHTS = Weights(5.0, 1.0, 10.0)


def history(epochs: int, factor: float = 1.0, noise: float = 0.0) -> list[EpochRecord]:
    """A loss that falls, with parts that add up to it."""
    rows = []
    for epoch in range(1, epochs + 1):
        part = factor / epoch + 0.05 + noise * (epoch % 2)
        rows.append(EpochRecord(epoch, 16 * part, part, part, part, 1e-4, 12, 1.0, 12.0))
    return rows


def show(window: Any, rows: list[EpochRecord], points: Any = ()) -> Any:
    """Show a history and wait until it is drawn; returns the plot."""
    loss = window.app.loss
    window.app.show_tab(loss)
    window.app.root.update()
    loss.show(rows, points, DEFAULTS)
    drawn(window)
    return loss.plot


def drawn(window: Any) -> None:
    """Wait until all is drawn."""
    window.app.loss.refresh()
    window.app.root.update()
    window.app.root.update()
    # A canvas takes its size a moment later; until then, places on it are not what they will be.
    window.pump(lambda: not window.app.loss.plot.resizing)


def choose(window: Any, box: Any, index: int) -> None:
    """Choose in a list."""
    box.current(index)
    box.event_generate("<<ComboboxSelected>>")
    drawn(window)


def labels(plot: Any) -> list[str]:
    """The labels that can be seen."""
    return [drawn.label.get_text() for drawn in plot.drawn if drawn.label.get_visible()]


def test_while_a_run_goes_on_the_plot_is_drawn_now_and_then(open_window: Open) -> None:
    window = open_window()
    loss, rows = window.app.loss, history(5)
    plot = show(window, rows[:2])
    loss.follow(True)  # which draws it
    loss.show(rows[:3], (), DEFAULTS)
    loss.refresh()
    assert len(plot.line.get_xdata()) == 2
    choose(window, loss.smoothing, 1)  # what a person asks for is seen at once
    assert len(plot.line.get_xdata()) == 3
    loss.show(rows, (), DEFAULTS)
    loss.refresh()
    assert len(plot.line.get_xdata()) == 3
    loss.follow(False)
    assert len(plot.line.get_xdata()) == 5


def real(*arguments: object) -> None:
    """Move the real pointer or press its button."""
    subprocess.run(["xdotool", *map(str, arguments)], check=True)


def on_screen(plot: Any, epoch: float, loss: float) -> tuple[int, int]:
    """Where a value of the plot is on the screen."""
    x, y = plot.axes.transData.transform((epoch, loss))
    top = plot.widget.winfo_rooty() + plot.figure.bbox.height
    return round(plot.widget.winfo_rootx() + x), round(top - y)


def drag(window: Any, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag with the real pointer."""
    real("mousemove", *start)
    window.app.root.update()
    real("mousedown", 1)
    window.app.root.update()
    middle = [(a + b) // 2 for a, b in zip(start, end, strict=True)]
    for place in (middle, end):
        real("mousemove", *place)
        window.app.root.update()
    real("mouseup", 1)


def test_the_weighted_parts_stand_beside_the_total(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(5))
    assert labels(plot) == ["Training (best)"]
    choose(window, window.app.loss.lines, PARTS)
    assert labels(plot) == ["Total (best)", "α · reconstruction", "β · KL", "γ · blur"]
    for drawn_line, weight in zip(plot.drawn, (16, *WEIGHTS[:3]), strict=True):
        assert drawn_line.line.get_ydata()[0] == pytest.approx(weight * 1.05)
    styles = {str(drawn_line.line._unscaled_dash_pattern) for drawn_line in plot.drawn}
    assert len(styles) == 4
    choose(window, window.app.loss.lines, TOTAL)
    assert labels(plot) == ["Training (best)"]


def test_the_parts_take_the_weights_of_the_run_that_is_found(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=2, alpha=3.0)
    run_vae_training(config)
    window = open_window(config)
    window.pump(lambda: len(window.app.loss.history) == 2)
    assert window.app.loss.weights == Weights(3.0, config.beta, config.gamma)
    window.app.loss.choices.lines = PARTS
    total, *parts = window.app.loss.shown_lines()
    for values in zip(total.values, *(part.values for part in parts), strict=True):
        assert values[0] == pytest.approx(sum(values[1:]), rel=1e-4)


def test_smoothing_calms_the_line_and_leaves_the_raw_one_behind(open_window: Open) -> None:
    window = open_window()
    rows = history(40, noise=0.3)
    plot = show(window, rows)
    assert list(plot.line.get_ydata()) == [row.loss for row in rows]
    choose(window, window.app.loss.smoothing, 2)
    smooth = plot.line.get_ydata()
    jumps = [abs(b - a) for a, b in itertools.pairwise(smooth[20:])]
    assert max(jumps) < 1 < abs(rows[-1].loss - rows[-2].loss)
    assert list(plot.drawn[0].raw.get_ydata()) == [row.loss for row in rows]
    assert plot.drawn[0].raw.get_alpha() < 0.5


@only_x11
def test_a_zoom_survives_an_update_and_home_shows_all(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(20))
    before = plot.axes.get_xlim()
    tools = window.app.loss.tools
    window.click(tools["zoom"])
    window.pump(lambda: tools["zoom"].instate(["selected"]))
    drag(window, on_screen(plot, 5, 6), on_screen(plot, 10, 1))
    window.pump(lambda: plot.zoomed)
    left, right = plot.axes.get_xlim()
    assert left == pytest.approx(5, abs=0.2) and right == pytest.approx(10, abs=0.2)
    assert plot.best.get_clip_on()  # out of view, it is not drawn beside the axes
    show(window, history(21), [(21.5, 1.0)])
    assert plot.axes.get_xlim() == (left, right)
    assert len(plot.line.get_xdata()) == 21  # and yet the curve went on
    window.click(tools["home"])
    window.pump(lambda: not plot.zoomed)
    assert not plot.best.get_clip_on()  # on the edge, it is drawn whole
    assert plot.axes.get_xlim()[0] == before[0]
    assert plot.axes.get_xlim()[1] == pytest.approx(21.5)


@only_x11
def test_the_view_is_moved_by_dragging(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(20))
    tools = window.app.loss.tools
    tools["zoom"].invoke()
    tools["pan"].invoke()
    assert tools["pan"].instate(["selected"]) and not tools["zoom"].instate(["selected"])
    drag(window, on_screen(plot, 10, 8), on_screen(plot, 5, 8))
    window.pump(lambda: plot.axes.get_xlim()[0] > 4)
    tools["pan"].invoke()
    assert not tools["pan"].instate(["selected"])


@only_x11
def test_the_pointer_reads_the_values_off(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(10))
    choose(window, window.app.loss.lines, PARTS)
    real("mousemove", *on_screen(plot, 4.2, 3))
    window.pump(lambda: plot.hover.epoch == 4)
    text = plot.hover.text.get_text()
    assert text.split("\n")[0] == "Epoch 4" and "γ · blur  3" in text
    drawn(window)
    x, y = on_screen(plot, 4, 0.1)
    place = x - plot.widget.winfo_rootx(), y - plot.widget.winfo_rooty()
    assert _dark(window.pixel(plot.widget, *place))  # the vertical line
    real("mousemove", plot.widget.winfo_rootx() + 5, plot.widget.winfo_rooty() - 60)
    window.pump(lambda: plot.hover.epoch == 0)
    assert not _dark(window.pixel(plot.widget, *place))


def _dark(colour: tuple[int, ...]) -> bool:
    return sum(colour) < 3 * 170


def test_the_arrow_keys_read_the_values_off(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(10))
    plot.widget.focus_force()
    window.app.root.update()
    for key, epoch in (("Left", 10), ("Left", 9), ("Right", 10), ("Right", 10)):
        plot.widget.event_generate(f"<{key}>")
        assert plot.hover.epoch == epoch


def test_what_the_lines_were_of_comes_back_after_a_comparison(open_window: Open) -> None:
    window = open_window()
    show(window, history(5))
    loss = window.app.loss
    other = Comparison((Compared("b", tuple(history(4)), DEFAULTS),))
    loss.compare(other)
    loss.show_reconstruction()
    loss.show_reconstruction()
    assert loss.choices.lines == loss.lines.current() == RECONSTRUCTION
    loss.clear.invoke()
    assert loss.choices.lines == loss.lines.current() == TOTAL
    loss.compare(other)
    loss.show_reconstruction()
    choose(window, loss.lines, RECONSTRUCTION)  # which is the person's own wish then
    loss.clear.invoke()
    assert loss.choices.lines == RECONSTRUCTION


@only_x11
def test_keys_zoom_and_move_the_view(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(40))
    plot.widget.focus_force()

    def view() -> tuple[float, float]:
        left, right = plot.axes.get_xlim()
        return left, right

    for key, shown in (
        ("plus", (20, 40)), ("KP_Add", (30, 40)), ("minus", (20, 40)), ("minus", (0, 40)),
        ("minus", (0, 40)), ("plus", (20, 40)), ("Home", (0, 40)),
    ):  # fmt: skip
        window.key(key)
        window.pump(lambda shown=shown: view() == shown)
    assert not plot.zoomed
    # Around the epoch whose values are read off, and following it.
    for _time in range(11):
        window.key("Left")
    window.pump(lambda: plot.hover.epoch == 30)
    window.key("plus")
    window.key("plus")
    window.pump(lambda: view() == (25, 35))
    low, high = plot.axes.get_ylim()
    assert 1.2 < low < 16 / 35 + 0.8 and 16 / 25 + 0.8 < high < 1.5  # losses are fitted in
    for _time in range(6):
        window.key("Left")
    window.pump(lambda: plot.hover.epoch == 24)
    assert view() == (19, 29) and plot.hover.text.get_visible()
    for _time in range(9):
        window.key("plus")
    window.pump(lambda: view()[1] - view()[0] == 2)


def test_an_epoch_without_a_validation_loss_reads_no_other_one(open_window: Open) -> None:
    window = open_window()
    losses = {1: 0.11, 3: 0.33, 4: 0.44}
    plot = show(window, [replace(r, val_loss=losses.get(r.epoch)) for r in history(4)])
    plot.widget.focus_force()
    window.app.root.update()
    told = {}
    for _ in range(3):
        plot.widget.event_generate("<Left>")
        told[plot.hover.epoch] = plot.hover.text.get_text()
    assert "Validation  0.44" in told[4] and "Validation  0.33" in told[3]
    assert "Training" in told[2] and "Validation" not in told[2]


def test_labels_of_runs_do_not_overlap_and_lines_differ(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(20))
    others = [Compared(f"experiment_{i}/log", history(20 - i, 1 + i / 100)) for i in range(7)]
    window.app.loss.compare(Comparison(tuple(others)))
    drawn(window)
    assert len(labels(plot)) == 8
    boxes = [Text.get_window_extent(drawn.label) for drawn in plot.drawn]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    width, height = plot.figure.bbox.size
    assert all(box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    looks = {(d.line.get_color(), str(d.line._unscaled_dash_pattern)) for d in plot.drawn}
    assert len(looks) == 8
    window.app.loss.clear.invoke()
    drawn(window)
    assert labels(plot) == ["Training (best)"]
    assert str(window.app.loss.clear["state"]) == "disabled"


def measured(epochs: int, factor: float = 1.0) -> list[EpochRecord]:
    """With validation images, on which the loss is twice as high."""
    rows = history(epochs, factor)
    return [
        replace(r, val_loss=2 * r.loss, val_reconstruction_loss=2 * r.reconstruction_loss)
        for r in rows
    ]


def test_runs_are_compared_on_the_same_kind_of_images(open_window: Open) -> None:
    loss = (window := open_window()).app.loss
    plot = show(window, measured(5))
    loss.compare(NO_OTHERS.beside(Compared("with", measured(5, 3))))
    drawn(window)
    assert labels(plot) == ["This run, training", "This run, validation", "with"]
    assert list(plot.drawn[2].line.get_ydata()) == [r.val_loss for r in measured(5, 3)]
    assert plot.title.get_text() == "Loss, others: on validation images."
    looks = {str(drawn.line._unscaled_dash_pattern) for drawn in plot.drawn}
    assert len(looks) == 3  # in print, too
    before = plot.drawn[2].line.get_color()
    loss.compare(loss.choices.comparison.beside(Compared("without", history(5, 4))))
    drawn(window)
    assert list(plot.drawn[2].line.get_ydata()) == [r.loss for r in measured(5, 3)]
    assert plot.title.get_text() == "Loss, others: on training images."
    show(window, history(5))
    # Its look stays when another line goes.
    assert labels(plot)[1] == "with" and plot.drawn[1].line.get_color() == before


def test_a_run_that_is_not_compared_is_left_out_while_none_goes_on(open_window: Open) -> None:
    app = (window := open_window()).app
    loss = app.loss
    plot = show(window, measured(5, 50.0), [(5.5, 800.0)])
    runs = tuple(
        Compared(f"beta {beta}", measured(4, beta), {**DEFAULTS, "beta": beta, "alpha": 5.0})
        for beta in (1.0, 4.0)
    )
    loss.compare(Comparison(runs, alone=True))
    drawn(window)
    assert labels(plot) == ["KL weight β 1.0", "KL weight β 4.0"]
    assert not plot.best.get_visible() and not len(plot.trace.get_xdata())
    assert plot.axes.get_ylim()[1] < 200 and [label["text"] for label in loss.values] == ["–"] * 5
    assert "weigh the parts of the loss differently" in plot.words
    assert str(loss.tools["copy"]["state"]) == "disabled" and str(loss.export["state"]) == "normal"
    choose(window, loss.lines, RECONSTRUCTION)
    assert list(plot.line.get_ydata()) == [r.val_reconstruction_loss for r in measured(4)]
    words = "Reconstruction error (mean squared), on validation images."
    assert plot.words == f"{words} The form's run is not among them: Clear brings it back."
    choose(window, loss.lines, TOTAL)
    app.set_state("paused", "", "")  # a run that goes on is never hidden
    drawn(window)
    assert (
        labels(plot)[:2] == ["This run, training", "This run, validation"] and len(plot.drawn) == 4
    )
    assert list(plot.trace.get_ydata())[-1] == 800.0
    app.set_state("idle", "", "")
    drawn(window)
    assert len(plot.drawn) == 2
    app.view.forget()  # another run is looked at
    show(window, measured(5, 50.0))
    assert labels(plot)[0] == "This run, training"


def test_a_run_that_is_compared_has_one_line_with_all_its_epochs(open_window: Open) -> None:
    loss = (window := open_window()).app.loss
    values = {**DEFAULTS, "model_save_dir": "/here"}
    recorded = Compared("beta 1.0", measured(4), values)
    other = Compared("beta 4.0", measured(4, 2), {**values, "model_save_dir": "/there"})
    plot = show(window, measured(6))
    loss.show(measured(6), (), values)
    loss.compare(Comparison((other, recorded), alone=True))
    drawn(window)
    assert labels(plot) == ["KL weight β 4.0", "KL weight β 1.0"]
    assert len(plot.drawn[1].line.get_xdata()) == 6 and loss.shown_lines()[1].style == 0
    loss.show(history(6), (), {**values, "model_save_dir": "/else"})  # another run
    drawn(window)
    assert labels(plot) == ["KL weight β 4.0", "KL weight β 1.0"]
    assert loss.left_out


def test_what_cannot_be_ranked_is_told_and_no_title_is_cut(open_window: Open) -> None:
    app = (window := open_window()).app
    plot = show(window, measured(5))
    other = {**DEFAULTS, "beta": 9.0, "model_save_dir": "/there"}
    app.loss.compare(NO_OTHERS.beside(Compared("beta 9.0", measured(5), other)))
    drawn(window)
    assert "weigh the parts of the loss differently" in plot.words  # than this run does
    app.loss.compare(app.loss.choices.comparison.beside(Compared("a log", measured(5))))
    drawn(window)
    assert "weigh the parts of the loss differently" in plot.words  # of a log nothing is known
    app.root.geometry("x".join(map(str, kit.MIN_SIZE)))
    window.pump(lambda: app.root.winfo_width() == kit.MIN_SIZE[0])
    drawn(window)
    box = plot.title.get_window_extent()
    assert box.x1 <= plot.figure.bbox.width and box.y1 <= plot.figure.bbox.height
    assert plot.title.get_text().replace("\n", " ") == plot.words
    app.loss.compare(NO_OTHERS.beside(Compared("x", measured(5), {**other, "img_size": 64})))
    choose(window, app.loss.lines, RECONSTRUCTION)
    assert "different images" in plot.words


def test_parts_are_of_this_run_alone_and_give_way_to_a_comparison(open_window: Open) -> None:
    loss = (window := open_window()).app.loss
    plot = show(window, measured(5))
    choose(window, loss.lines, PARTS)
    assert labels(plot)[0] == "Total" and "Validation (best)" in labels(plot)
    loss.compare(NO_OTHERS.beside(Compared("other", measured(5, 2))))
    drawn(window)
    assert loss.lines.current() == TOTAL and labels(plot)[-1] == "other"
    assert len(loss.lines["values"]) == 2  # the parts cannot be chosen now
    loss.clear.invoke()
    assert len(loss.lines["values"]) == 3


def test_the_lines_can_be_read_in_both_modes() -> None:
    for palette in (LIGHT, DARK):
        assert len(set(palette.lines)) == 8
        for colour in palette.lines:
            assert contrast(colour, palette.background) >= 4.5


def contrast(a: str, b: str) -> float:
    """The contrast of two colours by WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_a_log_of_another_run_is_laid_over(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    app = window.app
    write_log(tmp_path / "earlier" / "log.csv", history(30, 2.0))
    monkeypatch.setattr(kit, "choose_log", lambda *_: str(tmp_path / "earlier" / "log.csv"))
    app.show_tab(app.loss)
    app.loss.add.invoke()
    window.pump(lambda: bool(app.loss.choices.comparison.runs))
    drawn(window)
    assert labels(app.loss.plot) == ["log"]
    assert app.loss.plot.widget.winfo_viewable()  # with no curve of its own
    app.loss.add.invoke()
    window.pump(lambda: len(app.loss.choices.comparison.runs) == 2)
    assert app.loss.choices.comparison.runs[1].name.endswith("(2)")
    app.view.forget()  # another run is looked at
    assert len(app.loss.choices.comparison.runs) == 2


def test_a_foreign_file_is_refused_in_a_sentence(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr(kit, "choose_log", lambda *_: str(tmp_path / "other.csv"))
    window.app.loss.add.invoke()
    window.pump(lambda: "is no log of VAE Studio" in window.bar())
    assert not window.app.loss.choices.comparison.runs


def test_the_data_is_copied_as_csv(open_window: Open) -> None:
    window = open_window()
    rows = history(3)
    show(window, rows)
    window.app.loss.tools["copy"].invoke()
    assert window.app.root.clipboard_get() == log_text(rows)
    assert "3 epochs were copied" in window.bar()


def test_the_plot_is_saved_as_it_is_shown(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    kit.toggle_mode(window.app.root)
    plot = show(window, history(5))
    for name, beginning in (("a.png", b"\x89PNG"), ("b.svg", b"<?xml"), ("c.pdf", b"%PDF")):
        monkeypatch.setattr(kit, "choose_picture", lambda *_, name=name: str(tmp_path / name))
        window.app.loss.tools["save"].invoke()
        window.pump(lambda name=name: name in window.bar())
        assert (tmp_path / name).read_bytes().startswith(beginning)
    window.app.root.update()
    size = (plot.widget.winfo_width(), plot.widget.winfo_height())
    assert tuple(plot.figure.bbox.size) == size
    with Image.open(tmp_path / "a.png") as image:  # light, although the window is dark
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert plot.palette is DARK
    window.app.root.update()
    assert window.app.bar.link.winfo_ismapped()


def test_nothing_is_cut_off_at_the_smallest_size(open_window: Open) -> None:
    window = open_window()
    app, loss = window.app, window.app.loss
    show(window, history(25))
    app.root.geometry("x".join(map(str, kit.MIN_SIZE)))
    window.pump(lambda: app.root.winfo_width() == kit.MIN_SIZE[0])
    drawn(window)
    rows = (loss.tools["home"].master, loss.lines.master)
    for widget in [child for row in rows for child in row.winfo_children()]:
        assert widget.winfo_width() >= widget.winfo_reqwidth(), widget
        assert (
            widget.winfo_rootx() + widget.winfo_width() <= loss.winfo_rootx() + loss.winfo_width()
        )
    assert loss.plot.widget.winfo_height() > 200


def test_a_log_axis_over_decades_has_labels_that_do_not_overlap(open_window: Open) -> None:
    window = open_window()
    plot = show(window, history(5))
    for lowest in (1e-1, 1e-2, 1e-6):
        plot.set_log_scale(True)
        plot.axes.set_ylim(lowest, 1)
        window.app.loss.plot.canvas.draw()
        ticks = [*plot.axes.yaxis.get_major_ticks(), *plot.axes.yaxis.get_minor_ticks()]
        boxes = [
            tick.label1.get_window_extent()
            for tick in ticks
            if tick.label1.get_text() and lowest <= tick.get_loc() <= 1
        ]
        assert len(boxes) >= 4
        for a, b in itertools.combinations(boxes, 2):
            assert not a.overlaps(b)


def test_what_was_chosen_is_kept_when_the_tab_is_made_anew(open_window: Open) -> None:
    from vae.gui.loss_pane import LossPane

    window = open_window()
    app = window.app
    choose(window, app.loss.lines, RECONSTRUCTION)
    choose(window, app.loss.smoothing, 1)
    app.loss.log_switch.invoke()
    app.loss.compare(NO_OTHERS.beside(Compared("other", history(4))))
    again = LossPane(app.tabs, app.loss_actions)
    again.take_over(app.loss)
    again.create()
    assert (again.lines.current(), again.smoothing.current()) == (RECONSTRUCTION, 1)
    assert again.plot.axes.get_yscale() == "log"
    assert [line.label for line in again.shown_lines()][-1] == "other"
    again.destroy()


def test_figures_are_exported_where_the_dialog_says(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    window = open_window(config)
    app = window.app
    window.pump(lambda: len(app.loss.history) == 2)
    wanted = Export(("loss_curve", "samples"), "png", tmp_path / "paper", True)
    monkeypatch.setattr("vae.gui.loss_actions.ask_export", lambda *_: wanted)
    app.loss.export.invoke()
    window.pump(lambda: "Written" in window.bar())
    names = ["figure_loss_curve.png", "figure_samples_epoch_0002.png"]
    assert sorted(path.name for path in (tmp_path / "paper").iterdir()) == names
    assert all(name in window.bar() for name in names)
    app.root.update()
    assert app.bar.link["text"] == "Open folder" and app.bar.link.winfo_ismapped()
    with Image.open(tmp_path / "paper" / names[0]) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_the_dialog_gives_what_was_chosen_and_asks_for_something(open_window: Open) -> None:
    root = open_window().app.root
    last = Export(("a", "b"), "pdf", Path("somewhere"), True)
    dialog = ExportDialog(root, {"a": "A", "b": "B"}, ("png", "svg", "pdf"), last)
    dialog.wanted["a"].set(False)
    dialog.caption.set(False)
    dialog._check()
    dialog.export.invoke()
    assert dialog.answer == Export(("b",), "pdf", Path("somewhere").absolute(), False)
    last = Export(("a",), "png", Path("x"), True)
    dialog = ExportDialog(root, {"a": "A"}, ("png",), last, "why there are no more")
    texts = [w["text"] for w in widgets(dialog.top) if isinstance(w, ttk.Label)]
    assert "why there are no more" in texts
    dialog.field.text.set("  ")
    assert str(dialog.export["state"]) == "disabled"
    dialog.top.destroy()
    assert dialog.answer is None


def test_during_a_run_a_note_above_the_tabs_offers_the_folder(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    app = window.app
    opened: list[Path] = []
    monkeypatch.setattr(app.actions, "open", opened.append)
    app.state = "running"
    app.view.show(Told("figure.png was written.", tmp_path))
    app.state = "idle"
    assert "figure.png" in app.banner.text["text"]
    app.banner.more.invoke()
    assert opened == [tmp_path]


def test_the_dialog_is_asked_for_with_a_key(open_window: Open, monkeypatch: Any) -> None:
    window = open_window()
    window.app.view.history = history(2)
    asked: list[object] = []
    monkeypatch.setattr("vae.gui.loss_actions.ask_export", lambda *a: asked.append(a))
    window.app.root.focus_force()
    window.app.root.event_generate("<Control-e>")
    window.app.root.update()
    assert len(asked) == 1
