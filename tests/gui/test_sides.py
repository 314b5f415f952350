"""Form and results: beside each other, in turn where it is narrow, scrolled where it is low."""

from __future__ import annotations

import sys
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from typing import Any

import pytest

from tests.gui.test_access import assert_no_text_is_cut_off, settle, widgets
from vae import language
from vae.config import PARAMETERS, TrainConfig
from vae.gui.app import RESULTS_HEIGHT
from vae.gui.scrolled import touched
from vae.gui.sides import LEAST_WIDTH
from vae.gui.theme import pixels
from vae.language import _

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]

only_x11 = pytest.mark.skipif(sys.platform != "linux", reason="xdotool drives X11 only")
WIDE, NARROW = (1024, 660), (LEAST_WIDTH - 120, 660)


def sized(window: Any, width: int, height: int) -> Any:
    """The window's App, in a size that its smallest one may not allow."""
    app = window.app
    app.root.minsize(1, 1)
    app.fit(width, height)
    wanted = pixels(app.root, width)[0]
    window.pump(lambda: app.sides.winfo_width() == wanted)
    settle(window)
    return app


def press(app: Any, key: str) -> None:
    """Press a key while the window has the focus."""
    app.root.focus_force()
    app.root.update()
    app.root.event_generate(key)


def seen(app: Any) -> tuple[bool, bool]:
    """Whether the form can be seen, and whether the tabs can."""
    return bool(app.form.winfo_viewable()), bool(app.tabs.winfo_viewable())


def test_form_and_results_take_turns_where_it_is_narrow(open_window: Open) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    assert seen(app) == (True, True) and not app.header.sides["text"]
    sized(window, *NARROW)
    assert seen(app) == (True, False) and app.header.sides["text"] == "Results"
    assert app.form.winfo_width() == app.sides.winfo_width()
    app.header.sides.invoke()
    settle(window)
    assert seen(app) == (False, True) and app.header.sides["text"] == "Form"
    press(app, "<F9>")
    settle(window)
    assert seen(app) == (True, False)
    app.form.fields["img_size"].focus_force()
    settle(window)
    app.form.fields["img_size"].event_generate("<Control-Key-2>")
    settle(window)
    assert seen(app) == (False, True) and app.tabs.index("current") == 1
    assert app.root.focus_get() is app.tabs  # no key changes a field that is out of sight
    app.toggle_language()
    settle(window)
    assert seen(app) == (False, True) and app.header.sides["text"] == "Formulár"
    sized(window, *WIDE)
    assert seen(app) == (True, True)  # nobody hid the form
    press(app, "<F9>")
    settle(window)
    assert seen(app) == (False, True)
    sized(window, *NARROW)
    app.header.sides.invoke()
    sized(window, *WIDE)
    assert seen(app) == (False, True)  # as it was left


def test_a_training_is_seen_where_it_is_narrow_and_so_is_what_is_wrong(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = sized(window, *NARROW)
    app.form.fill({"lr": "fast"})
    app.bar.train.invoke()
    window.pump(lambda: app.form.marked() == ["lr"])
    settle(window)
    assert seen(app) == (True, False)
    app.sides.toggle()
    app.bar.train.invoke()
    window.pump(lambda: app.state == "idle")
    settle(window)
    assert seen(app) == (True, False)
    assert app.root.focus_get() is app.form.fields["lr"]
    app.form.fill({"lr": "0.002"})
    app.bar.train.invoke()
    window.pump_to("running")
    settle(window)
    assert seen(app) == (False, True)
    app.sides.toggle()
    app.toggle_language()
    settle(window)
    assert app.state == "running" and seen(app) == (True, False)


def test_the_form_stays_in_sight_when_a_run_that_waited_goes_on(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = sized(window, *NARROW)
    app.bar.train.invoke()
    window.pump_to("running")
    app.bar.pause.invoke()
    window.pump_to("paused")
    app.sides.toggle()
    app.bar.pause.invoke()
    window.pump_to("running")
    settle(window)
    assert seen(app) == (True, False)


def test_a_window_that_becomes_narrow_while_it_trains_shows_the_results(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny(num_epochs=5000, sample_every=5000))
    app = sized(window, *WIDE)
    app.bar.train.invoke()
    window.pump_to("running")
    sized(window, *NARROW)
    assert seen(app) == (False, True)


@only_x11
def test_the_tab_that_is_read_stays_when_the_window_becomes_narrow(open_window: Open) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    x, y = app.tabs.bbox(0)[0] + app.tabs.winfo_width() // 8, 20
    window.click_at(app.tabs, x, y)
    window.pump(lambda: not app.sides.form_in_turn)
    sized(window, *NARROW)
    assert seen(app) == (False, True)


@only_x11
def test_a_click_on_a_tab_gives_it_the_focus_and_explains_none_of_its_parts(
    open_window: Open,
) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    entered: list[str] = []
    app.root.bind_all("<<TraverseIn>>", lambda event: entered.append(str(event.widget)), add="+")
    for place, pane in enumerate(app.panes.values()):
        x = next(x for x in range(WIDE[0]) if app.tabs.index(f"@{x},20") == place)
        app.bar.fresh.focus_force()
        window.click_at(app.tabs, x + 5, 20)
        window.pump(lambda pane=pane: pane.winfo_viewable() and app.root.focus_get() == app.tabs)
    assert not entered


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_nothing_is_cut_off_just_before_and_after_form_and_results_take_turns(
    open_window: Open, code: str
) -> None:
    window = open_window()
    app = window.app
    if code != language.current():
        app.toggle_language()
    for width in (LEAST_WIDTH, LEAST_WIDTH - 1, 921):
        sized(window, width, 660)
        for pane in app.panes.values():
            app.show_tab(pane)
            settle(window)
            assert_no_text_is_cut_off(app)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_each_explanation_has_room(open_window: Open, code: str) -> None:
    window = open_window()
    app = window.app
    if code != language.current():
        app.toggle_language()
    settle(window)
    info = app.form.explanation
    assert info.winfo_viewable()
    for name in PARAMETERS:
        info.explain(name)
        app.root.update()
        assert info.text.bbox("end-1c") is not None, name
    sized(window, 700, 400)
    app.sides.show_form()
    settle(window)
    assert info.winfo_viewable()  # beside the form, where there is no room below it
    assert info.winfo_rootx() > app.form.canvas.winfo_rootx() + app.form.canvas.winfo_width() // 2
    info.explain(max(PARAMETERS, key=lambda name: len(name + _(PARAMETERS[name].label))))
    sized(window, WIDE[0], 500)
    assert app.form.winfo_width() < app.sides.winfo_width() // 2  # also once it is wide again
    app.use_scale(2.0)
    window.pump(lambda: app.form.explanation is not info)
    app.fit(*WIDE)
    app.sides.show_form()
    settle(window)
    info = app.form.explanation
    assert info.winfo_viewable()
    for name in PARAMETERS:
        info.explain(name)
        app.root.update()
        lines = info.title.winfo_height() // tkfont.nametofont("VaeBold", info).metrics("linespace")
        words = tkfont.nametofont("VaeBold", info).measure(info.title["text"])
        assert words <= lines * info.title.winfo_width(), name


@only_x11
@pytest.mark.parametrize("opens", ["click", "space", "Return"])
def test_a_menu_opens_above_its_button_where_there_is_no_room_below(
    open_window: Open, opens: str
) -> None:
    window = open_window()
    app = window.app
    app.root.minsize(1, 1)
    app.show_tab(app.samples)
    for bottom in (0, 400):  # room below the window
        app.root.geometry(f"1024x420+20+{app.root.winfo_screenheight() - bottom - 440}")
        settle(window)
        app.results.scroll(9999)
        settle(window)
        for button in (app.samples.way, app.samples.exports, app.presets.button):
            button.state(["!disabled"])
            button.focus_force()
            menu = button.nametowidget(button["menu"])
            if opens == "click":
                window.click(button)
            else:
                window.key(opens)
            window.pump(menu.winfo_ismapped)
            settle(window)
            top, end = menu.winfo_rooty(), menu.winfo_rooty() + menu.winfo_reqheight()
            edge = button.winfo_rooty() + button.winfo_height()
            fits = edge + menu.winfo_reqheight() <= app.root.winfo_screenheight()
            assert top >= edge if fits else end <= button.winfo_rooty(), (button, bottom)
            assert button is not app.samples.way or fits == (bottom > 0)
            assert top >= 0 and end <= app.root.winfo_screenheight()
            window.key("Escape")
            window.pump(lambda menu=menu: not menu.winfo_ismapped())


def test_the_form_stays_scrolled_when_the_focus_comes_back(open_window: Open) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    field = app.form.fields["img_size"]
    app.bar.train.focus_force()
    app.form.canvas.yview_moveto(1)
    before = app.form.canvas.yview()
    assert before[0] > 0
    field.focus_force()  # as it does when a menu closes
    settle(window)
    assert app.form.canvas.yview() == before
    field.event_generate("<<TraverseIn>>")  # as the Tab key does
    settle(window)
    assert app.form.canvas.yview() != before


def test_the_head_says_as_much_as_there_is_room_for(open_window: Open) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    app.header.show("A folder of images with a long name", "1,234 images", "CPU, 2 threads")
    settle(window)
    assert app.header.subject["text"].endswith("CPU, 2 threads")
    sized(window, 600, 600)
    text = app.header.subject["text"]
    assert text.startswith("A folder") and text.endswith("…")
    assert app.header.subject.winfo_reqwidth() <= app.header.subject.winfo_width()
    for room in range(2, 40):  # there may be none even for the mark of what is left out
        app.header._fit(room)
        assert len(app.header.subject["text"]) < 8
    sized(window, *WIDE)
    assert app.header.subject["text"].endswith("CPU, 2 threads")


def test_a_hidden_form_comes_back_with_what_is_wrong(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(), lr="fast")
    app = sized(window, *WIDE)
    app.sides.toggle()
    settle(window)
    assert seen(app) == (False, True)
    app.bar.train.invoke()
    window.pump(lambda: app.form.marked() == ["lr"] and app.form.winfo_viewable())


def test_the_tab_key_scrolls_the_form_to_buttons_too(open_window: Open) -> None:
    window = open_window()
    app = sized(window, *WIDE)
    form = app.form
    top, end = form.canvas.winfo_rooty(), form.canvas.winfo_rooty() + form.canvas.winfo_height()
    for button, away in ((app.presets.button, 1), (form.browsers[0], 1), (form.fold, 0)):
        form.canvas.yview_moveto(away)
        settle(window)
        assert not top <= button.winfo_rooty() < end
        button.event_generate("<<TraverseIn>>")
        settle(window)
        assert top <= button.winfo_rooty() < end


def wheel(widget: Any) -> None:
    widget.event_generate("<Button-5>")


def touchpad(widget: Any) -> None:
    """20 pixels down, as Tk 9 tells of it; an earlier one has neither its event nor its words."""
    if tk.TkVersion < 9:
        widget.tk.eval("proc ::tk::PreciseScrollDeltas both {list 0 [expr {$both - 0x10000}]}")
    event: Any = tk.Event()
    event.widget, event.delta = widget, 0x10000 - 20
    touched(event)


@pytest.mark.parametrize("device", [wheel, touchpad])
def test_what_is_below_the_pointer_scrolls(
    open_window: Open, device: Callable[[Any], None]
) -> None:
    window = open_window()
    app = sized(window, WIDE[0], 400)
    app.show_tab(app.log)
    app.log.write("\n".join(map(str, range(200))))
    app.log.refresh()
    settle(window)
    inside = tk.Toplevel(app.tabs)  # a window of its own is no part of this one
    label = next(w for w in widgets(app.form.body) if w.winfo_class() == "TLabel")
    for widget, moved in (
        (label, [True, False]), (app.form.fields["latent_dim"], [True, False]),
        (app.tabs, [False, True]), (app.log.text, [False, False]),
        (inside, [False, False]), (app.bar, [False, False]),
    ):  # fmt: skip
        app.form.canvas.yview_moveto(0)
        app.results.to_top()
        device(widget)
        settle(window)
        distances = [app.form.canvas.canvasy(0), app.results.offset]
        assert [distance > 0 for distance in distances] == moved, widget
        assert device is wheel or max(distances) in (0, 20)


@pytest.mark.parametrize("sequence", ["<Button-5>", "bar", "<<TraverseIn>>"])
def test_results_scroll_where_it_is_low(open_window: Open, sequence: str) -> None:
    window = open_window()
    app = sized(window, WIDE[0], 400)
    results = app.results
    app.show_tab(app.loss)
    settle(window)
    assert results.bar.winfo_viewable()
    assert results.content.winfo_height() == pixels(app.root, RESULTS_HEIGHT)[0]
    end = results.view.winfo_rooty() + results.view.winfo_height()

    def below() -> bool:
        lowest = max(w.winfo_rooty() + w.winfo_height() for w in app.loss.winfo_children())
        return bool(lowest > end)

    assert below()
    if sequence == "bar":
        app.root.tk.call(results.bar["command"], "moveto", "1.0")
    elif sequence == "<<TraverseIn>>":
        buttons = [w for w in widgets(app.loss) if w.winfo_class() == "TButton"]
        button = max(buttons, key=lambda w: w.winfo_rooty())
        button.focus_force()
        settle(window)
        assert below()  # a click gives the focus too, and must not move what it meets
        button.event_generate(sequence)
    else:
        for _ in range(9):
            app.loss.event_generate(sequence)
    settle(window)
    assert not below()
    app.tabs.event_generate("<<TraverseIn>>")  # taller than the room: its top is what counts
    settle(window)
    assert app.tabs.winfo_rooty() >= results.view.winfo_rooty()
    app.results.scroll(9999)
    settle(window)
    lowest = results.content.winfo_y()
    app.loss.event_generate("<Button-4>")
    settle(window)
    assert lowest < results.content.winfo_y() <= 0
    app.show_tab(app.samples)
    settle(window)
    assert results.content.winfo_y() == 0  # another tab is seen from its beginning
    sized(window, *WIDE)
    assert not results.bar.winfo_manager()
    assert results.content.winfo_height() == results.winfo_height()
