"""Whether all can be reached, read and seen: by keyboard, by contrast, in both languages."""

from __future__ import annotations

import os
import subprocess
import sys
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tkinter import ttk
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageGrab

from tests.gui.conftest import DENSE
from tests.test_findings import SOUND, epochs
from vae import language
from vae.config import TrainConfig
from vae.gui import kit
from vae.gui.app import RUNNING
from vae.gui.bar import ActionBar
from vae.measures import MEASURES
from vae.recorded_run import run_recorded
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Of normal text, by the Web Content Accessibility Guidelines 2.2, level AA.
CONTRAST = 4.5
SMALLEST = (1024, 660)
FAINT = 20  # of 255: a change of colour that is hardly seen
# What nothing can be done with, or the pointer alone, as all of it can be scrolled by keys.
NO_CONTROLS = ("TFrame", "TLabel", "TProgressbar", "TScrollbar", "Menu")


def widgets(root: tk.Misc) -> Iterator[tk.Misc]:
    """All widgets below one."""
    for child in root.winfo_children():
        yield child
        yield from widgets(child)


def settle(window: Any) -> None:
    for _ in range(30):
        window.app.root.update()


@pytest.fixture
def trained(open_window: Open, tiny: Make) -> Any:
    """A window on a finished run, at its smallest size."""
    config = tiny()
    run_vae_training(config)
    window = open_window(config)
    window.app.fit(*SMALLEST)
    window.pump(lambda: window.app.reconstructions.pixels is not None)
    window.pump(lambda: window.app.data_view.complete)
    return window


def is_control(app: Any, widget: Any) -> bool:
    """Whether something can be done with a widget, now."""
    if not widget.winfo_viewable() or widget.winfo_class() in NO_CONTROLS:
        return False
    shown = [pane.plot.widget for pane in app.panes.values() if pane.plot and pane is not app.loss]
    if widget in [app.form.canvas, app.form.explanation.text, *shown]:
        return False  # the first holds the fields, the others only show something
    return bool(not isinstance(widget, ttk.Widget) or widget.instate(["!disabled"]))


def test_the_tab_key_reaches_all_that_can_be_done_and_the_focus_is_seen(trained: Any) -> None:
    app = trained.app
    app.root.focus_force()
    app.form.toggle_advanced()
    entered: list[str] = []
    app.root.bind_all("<<TraverseIn>>", lambda event: entered.append(str(event.widget)), add="+")
    for pane in app.panes.values():
        app.show_tab(pane)
        settle(trained)
        wanted = {str(widget) for widget in widgets(app.root) if is_control(app, widget)}
        entered.clear()
        app.root.focus_force()
        keys = ["Tab"] * (len(wanted) + 20)
        subprocess.run(["xdotool", "key", "--delay", "5", *keys], check=True)
        trained.pump(lambda: entered.count(entered[0]) > 1 if entered else False)  # once around
        assert not wanted - set(entered), pane
    # A real Tab moves the focus, and what has it looks different.
    field = app.form.fields["img_size"]
    app.form.show_field("img_size")
    app.form.fields["batch_size"].focus_force()  # a field in its sight
    settle(trained)
    before = trained.pixel(field, 0, field.winfo_height() // 2)
    field.focus_force()
    assert trained.pixel(field, 0, field.winfo_height() // 2) != before
    app.form.canvas.yview_moveto(1)
    trained.key("Tab")
    reached = app.form.fields["in_channels"]
    trained.pump(lambda: app.root.focus_get() is reached)
    settle(trained)
    assert reached.winfo_rooty() >= app.form.canvas.winfo_rooty()  # and is scrolled into sight


def tab_order(top: Any) -> list[Any]:
    """All that the Tab key comes to in a window, in its order."""
    found: list[Any] = []
    widget = top.tk_focusNext()
    while widget not in found:
        found.append(widget)
        widget = widget.tk_focusNext()
    return found


def assert_reading_order(order: Sequence[Any]) -> None:
    """Each stands to the right of the one before it, or below: both, or what holds but one."""
    for pair in pairwise(order):
        first, second = (holders(widget) for widget in pair)
        common = sum(1 for one, other in zip(first, second, strict=False) if one is other)
        if common in (len(first), len(second)):
            assert common == len(first), f"{pair[1]} holds {pair[0]}, and comes after it"
            continue
        one, other = first[common], second[common]
        top = max(one.winfo_rooty(), other.winfo_rooty())
        bottom = min(w.winfo_rooty() + w.winfo_height() for w in (one, other))
        row = bottom - top > min(one.winfo_height(), other.winfo_height()) / 2
        place = (lambda w: w.winfo_rootx()) if row else (lambda w: w.winfo_rooty())
        assert place(one) < place(other), f"{pair[1]} comes after {pair[0]}"


def holders(widget: Any) -> list[Any]:
    """From the window to the widget itself."""
    return [*(holders(widget.master) if widget.master else []), widget]


@pytest.mark.parametrize("size", [(1280, 820), (700, 600), (480, 700)])
def test_the_tab_key_goes_as_one_reads(trained: Any, size: tuple[int, int]) -> None:
    app = trained.app
    app.root.minsize(1, 1)
    app.fit(*size)
    app.form.toggle_advanced()
    app.banner.say("a note")
    app.bar.offer("Open folder", lambda: None)
    app.root.focus_force()
    checked = 0
    for show in (app.sides.show_form, *(lambda p=p: app.show_tab(p) for p in app.panes.values())):
        show()
        settle(trained)
        for widget in widgets(app.root):
            if isinstance(widget, ttk.Button | ttk.Menubutton):
                widget.state(["!disabled"])
        order = tab_order(app.root)
        assert_reading_order(order)
        assert app.root not in order  # where no focus would be seen
        checked += len(order)
    assert checked > 180


def test_the_focus_is_seen_wherever_the_tab_key_comes(trained: Any) -> None:
    app = trained.app
    app.form.toggle_advanced()
    app.root.focus_force()
    for mode in ("light", "dark"):
        assert kit.mode(app.root) == mode
        checked = set()
        for pane in app.panes.values():
            app.show_tab(pane)
            settle(trained)
            for widget in tab_order(app.root):
                if widget in checked:
                    continue
                checked.add(widget)
                widget.event_generate("<<TraverseIn>>")  # which scrolls it into sight
                widget.focus_set()
                settle(trained)
                with_focus = grab(widget)
                app.sides.focus_set()
                settle(trained)
                change = ImageChops.difference(with_focus, grab(widget)).convert("L")
                assert sum(change.histogram()[FAINT:]) > 40, (mode, widget)
        assert len(checked) > 70
        app.toggle_mode()


@pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
def test_the_tab_key_goes_on_in_the_tab_that_a_key_has_chosen(trained: Any) -> None:
    app = trained.app
    app.form.fields["alpha"].focus_force()
    for number, pane in reversed(list(enumerate(app.panes.values(), start=1))):
        trained.key(f"ctrl+{number}")
        trained.pump(lambda pane=pane: app.tabs.select() == str(pane))
        trained.pump(lambda: app.root.focus_get() is app.tabs)
        settle(trained)
        titles = (0, 0, app.tabs.winfo_width(), pane.winfo_y())
        focused = grab(app.tabs).crop(titles).tobytes()
        trained.key("Tab")
        inside = f"{pane}."
        trained.pump(lambda inside=inside: str(app.root.focus_get()).startswith(inside))
        settle(trained)
        assert grab(app.tabs).crop(titles).tobytes() != focused
        has_it = app.root.focus_get()
        trained.key(f"ctrl+{number}")
        settle(trained)
        assert app.root.focus_get() is has_it  # it is there already
    mode = kit.mode(app.root)
    trained.key("ctrl+1")
    trained.key("ctrl+l")
    trained.pump(lambda: kit.mode(app.root) != mode)


@pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
def test_the_log_is_read_and_copied_by_keys(open_window: Open) -> None:
    window = open_window()
    app = window.app
    text = app.log.text
    for number in range(200):
        app.log.write(f"line {number}")
    app.show_tab(app.log)
    app.log.refresh()
    for mode in ("light", "dark"):
        app.tabs.focus_force()
        before = window.pixel(text, 0, text.winfo_height() // 2)
        window.key("Tab")
        window.pump(lambda: app.root.focus_get() is text)
        assert window.pixel(text, 0, text.winfo_height() // 2) != before, mode
        app.toggle_mode()
    assert text.dlineinfo("end-1c")
    for key, seen in (
        ("Up", False), ("Down", True), ("Prior", False), ("Next", True), ("Home", False),
        ("End", True),
    ):  # fmt: skip
        window.key(key)
        window.pump(lambda seen=seen: bool(text.dlineinfo("end-1c")) == seen)
        assert key != "Home" or text.dlineinfo("1.0")
    window.key("shift+Up")
    window.pump(lambda: bool(text.tag_ranges("sel")))
    window.key("ctrl+a")
    window.pump(lambda: text.get("sel.first", "sel.last").count("line") == 200)
    window.key("ctrl+c")
    window.pump(lambda: app.root.clipboard_get().startswith(text.get("1.0", "3.0")))
    window.key("Tab")
    window.pump(lambda: app.root.focus_get() is not text)


@pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
def test_a_key_of_the_menu_changes_no_field(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny())
    app = window.app
    app.root.clipboard_clear()
    app.root.clipboard_append("25")
    field = app.form.fields["alpha"]
    field.focus_force()
    field.selection_range(0, "end")
    before, mode = app.form.texts(), kit.mode(app.root)
    for key in ("ctrl+k", "ctrl+l"):  # the first empties a field in Tk
        window.key(key)
    window.pump(lambda: kit.mode(app.root) != mode)
    assert app.form.texts() == before
    assert "train" in app.root.clipboard_get()
    app.form.fill({"alpha": ""})
    field.focus_force()
    window.key("ctrl+k")
    window.pump(lambda: "alpha" in app.form.marked())  # no command of what cannot run


@pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
@pytest.mark.parametrize("place", ["run", "button", "field"])
def test_the_key_that_trains_does_nothing_else_wherever_the_focus_is(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    run_recorded(tiny("earlier", num_epochs=1), lambda e: None, lambda: False, lambda t: None)
    window = open_window(tiny(num_epochs=2))
    app = window.app
    monkeypatch.setattr(kit, "choose_folder", lambda *arguments: pytest.fail("a folder dialog"))
    monkeypatch.setattr(app.samples, "_draw", lambda: pytest.fail("samples were drawn"))
    tree, before = app.runs.table.tree, app.form.texts()
    app.show_tab(app.runs)
    window.pump(lambda: len(app.runs.table.runs) == 1)
    app.show_tab(app.samples if place == "field" else app.runs)
    settle(window)
    tree.selection_set(tree.get_children()[0])
    focused = {"run": tree, "button": app.form.browsers[0], "field": app.samples.seed_entry}[place]
    focused.focus_force()
    settle(window)
    window.key("ctrl+Return")
    window.pump_to("finished")
    assert app.form.texts() == before
    assert len(app.view.history) == 2


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [c / 255 for c in colour[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(picture: Image.Image) -> float:
    """Of the strongest colour that is not the most frequent one, to that one."""
    colours = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    back = luminance(colours[0][1])
    ratios = [(max(back, lum) + 0.05) / (min(back, lum) + 0.05) for lum in
              (luminance(colour) for _count, colour in colours[1:])]  # fmt: skip
    return max(ratios, default=0)


def grab(widget: Any) -> Image.Image:
    x, y = widget.winfo_rootx(), widget.winfo_rooty()
    box = (x, y, x + widget.winfo_width(), y + widget.winfo_height())
    with ImageGrab.grab(box) as picture:
        return picture.convert("RGB")


def test_each_text_has_enough_contrast_on_the_screen(trained: Any) -> None:
    app = trained.app
    checked = 0
    for _mode in range(2):
        app.root.focus_force()
        for pane in app.panes.values():
            app.show_tab(pane)
            settle(trained)
            if pane is app.runs:  # what says that there is none is lifted once they are listed
                trained.pump(lambda: not (app.runs.stale or app.runs.loading))
            for widget in widgets(app.root):
                named = isinstance(widget, ttk.Label | ttk.Button)
                if not (named and widget.winfo_viewable() and str(widget["text"]).strip()):
                    continue
                if isinstance(widget, ttk.Button) and widget.instate(["disabled"]):
                    continue  # not required, and read by their neighbours
                if widget.winfo_rooty() + widget.winfo_height() > visible_bottom(app, widget):
                    continue  # scrolled out
                assert contrast(grab(widget)) >= CONTRAST, (widget, widget["text"])
                checked += 1
        app.toggle_mode()
    assert checked > 150


@pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
def test_tooltips_have_enough_contrast(open_window: Open) -> None:
    window = open_window()
    app = window.app
    button = app.loss.add
    app.show_tab(app.loss)
    settle(window)

    def tips() -> list[Any]:
        tops = [w for w in widgets(app.root) if isinstance(w, tk.Toplevel) and w.winfo_viewable()]
        return [w for top in tops for w in widgets(top) if w.winfo_class() == "TLabel"]

    for _mode in range(2):
        subprocess.run(["xdotool", "mousemove", "1439", "899"], check=True)
        window.pump(lambda: not tips())
        place = [str(button.winfo_rootx() + 5), str(button.winfo_rooty() + 5)]
        subprocess.run(["xdotool", "mousemove", *place], check=True)
        window.pump(lambda: bool(tips()))
        settle(window)
        assert contrast(grab(tips()[0])) >= CONTRAST
        app.toggle_mode()
    subprocess.run(["xdotool", "mousemove", "1439", "899"], check=True)


def visible_bottom(app: Any, widget: tk.Misc) -> int:
    """Where what can be seen of a widget's surroundings ends."""
    canvas = app.form.canvas
    inside = str(widget).startswith(str(canvas))
    holder = canvas if inside else app.root
    return int(holder.winfo_rooty() + holder.winfo_height())


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_text_is_cut_off_at_the_smallest_size(trained: Any, code: str) -> None:
    app = trained.app
    if code != language.current():
        app.toggle_language()
    assert language.current() == code
    for pane in app.panes.values():
        app.show_tab(pane)
        settle(trained)
        assert_no_text_is_cut_off(app)
    assert_tabs_fit(app)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_text_is_cut_off_in_any_state_or_mode_at_the_smallest_size(
    trained: Any, code: str
) -> None:
    app = trained.app
    if code != language.current():
        app.toggle_language()
    words = {
        "idle": "Ready", "checking": "Checking", "running": "Training", "paused": "Paused",
        "evaluating": "Evaluating", "blocked": "Paused", "stopping": "Stopping",
        "finished": "Done", "failed": "Failed",
    }  # fmt: skip
    assert words.keys() > set(RUNNING)
    text = language._("Looking into the checkpoint folder...")
    for _mode in range(2):
        for state, word in words.items():
            app.set_state(state, language._(word), f"{text} " * 6, "23 min")
            settle(trained)
            assert_no_text_is_cut_off(app)
        app.set_state("idle", "", "")
        app.form.fill({"lr": "x", "depth": "y", "model_save_dir": ""})
        app.bar.train.invoke()
        settle(trained)
        assert len(app.form.marked()) == 3
        assert_no_text_is_cut_off(app)
        app.toggle_mode()


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_text_is_cut_off_with_larger_text_of_twice_the_size(trained: Any, code: str) -> None:
    app = trained.app
    if code != language.current():
        app.toggle_language()
    trained.larger(99)
    assert app.scale == 2
    settle(trained)
    app.sides.show_form()
    settle(trained)
    assert app.form.winfo_viewable()
    assert_no_text_is_cut_off(app)
    for pane in app.panes.values():
        app.show_tab(pane)
        settle(trained)
        assert pane.winfo_viewable()
        assert_no_text_is_cut_off(app)
    assert_tabs_fit(app)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_number_above_a_plot_is_cut(open_window: Open, code: str) -> None:
    window = open_window()
    app = window.app
    if code != language.current():
        app.toggle_language()
    for steps, scale in ((0, 1.0), (2, 1.5), (99, 2.0)):
        window.larger(steps)
        assert app.scale == scale
        app.root.geometry("x".join(map(str, SMALLEST)))
        pane = app.quality
        pane.show(epochs(7, active_units=128.0), {**SOUND, "latent_dim": 128})
        app.show_tab(pane)
        window.pump(lambda pane=pane: bool(pane.plot.cells and pane.plot.size[0]))
        settle(window)
        window.pump(lambda pane=pane: not pane.plot.resizing and not pane.plot.stale)
        column = pane.plot.figure.bbox.width / 3
        for place, cell in enumerate(pane.plot.cells):
            title, box = cell.title.get_text(), cell.title.get_window_extent()
            assert box.x1 <= (place % 3 + 1) * column, (scale, title)
        titles = [cell.title.get_text() for cell in pane.plot.cells]
        assert any("128 of 128" in title or "128 z 128" in title for title in titles)


def test_what_is_never_below_zero_has_no_numbers_below_it() -> None:
    from matplotlib.figure import Figure

    from vae.gui.quality_plot import Cell

    cell = Cell(MEASURES[-1], Figure().add_subplot())
    for share in (0.0, 0.001):
        cell.show(epochs(7, dead_channels=share), SOUND)
        low, high = cell.axes.get_ylim()
        seen = [tick for tick in cell.axes.get_yticks() if low <= tick <= high]
        assert min(seen) >= 0 and len(seen) > 1


def assert_no_text_is_cut_off(app: Any) -> None:
    """Each has the room it asks for, within the window."""
    for widget in widgets(app.root):
        texts = isinstance(widget, ttk.Label | ttk.Button | ttk.Menubutton)
        if not (texts and widget.master.winfo_viewable() and str(widget["text"]).strip()):
            continue
        where = (str(widget), widget["text"])
        if not widget.winfo_viewable():
            assert not widget.winfo_manager(), where  # else there was no room at all
            continue
        assert widget.winfo_width() >= widget.winfo_reqwidth(), where
        right = widget.winfo_rootx() + widget.winfo_width()
        assert right <= app.root.winfo_rootx() + app.root.winfo_width(), where
        if not str(widget).startswith(str(app.form.canvas)):
            assert widget.winfo_height() >= widget.winfo_reqheight(), where


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_tab_is_cut_off_where_larger_text_leaves_little_room(trained: Any, code: str) -> None:
    app = trained.app
    if code != language.current():
        app.toggle_language()
    usual = tab_widths(app)
    app.root.minsize(1, 1)
    trained.larger(2)
    app.fit(520, 530)
    app.sides.show_tabs()
    settle(trained)
    assert_tabs_fit(app)
    trained.larger(-2)
    app.fit(*SMALLEST)
    settle(trained)
    assert tab_widths(app) == usual


def tab_widths(app: Any) -> list[int]:
    """Of each tab on the screen, in pixels."""
    found = [0] * len(app.panes)
    for x in range(app.tabs.winfo_width()):
        tab = app.tabs.tk.call(app.tabs, "identify", "tab", x, 5)
        if tab != "":
            found[int(tab)] += 1
    return found


def assert_tabs_fit(app: Any) -> None:
    """All titles stand whole beside each other."""
    font = tkfont.nametofont("VaeBold", app.root)
    padding = app.root.tk.splitlist(app.root.style.lookup("Vae.TNotebook.Tab", "padding"))
    inset = 2 * int(str(padding[0]))
    for width, tab in zip(tab_widths(app), app.tabs.tabs(), strict=True):
        title = app.tabs.tab(tab, "text")
        assert width >= font.measure(title) + inset, title


@pytest.mark.skipif(DENSE, reason="it is what this test starts")
@pytest.mark.parametrize(
    ("name", "chosen", "count"),
    [
        ("access", "smallest_size or contrast", 6),
        ("access", "larger_text", 4),
        ("runs_pane", "smallest_size", 2),
        ("quality_pane", "smallest_size", 2),
    ],
)
def test_the_same_at_192_dpi(name: str, chosen: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", HERE / f"test_{name}.py", "-k", chosen],
        env={**os.environ, "VAE_TEST_DENSE": "1"}, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{count} passed" in done.stdout


def test_where_it_is_narrow_the_words_stand_above_the_buttons(open_window: Open) -> None:
    window = open_window()
    bar: ActionBar = window.app.bar
    window.app.root.minsize(1, 1)
    window.app.fit(700, 600)
    window.pump(lambda: bar.narrow)
    settle(window)
    assert bar.train.winfo_rooty() > bar.text.winfo_rooty() + bar.text.winfo_height()
    at = bar.train.winfo_rooty()
    bar.say("idle", "Note", "a sentence that needs more than one line, even of the whole bar " * 3)
    settle(window)
    assert bar.train.winfo_rooty() == at
    window.app.fit(1280, 820)
    window.pump(lambda: not bar.narrow)
