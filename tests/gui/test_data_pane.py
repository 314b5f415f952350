"""The Data tab as its user sees it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import make_images
from vae import estimate, survey
from vae.config import TrainConfig
from vae.estimate import Estimate
from vae.events import Progress
from vae.gui import data_words, data_worker
from vae.survey import Survey

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for a second click, and no steps that are timed."""
    monkeypatch.setattr(data_worker, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(estimate, "_seconds_an_image", lambda *arguments: 1.0)


def leave(window: Any, **texts: str) -> None:
    """Fill fields and leave them."""
    for name, text in texts.items():
        window.app.form.fill({name: text})
        window.app.form.fields[name].event_generate("<FocusOut>")


def wait(window: Any) -> dict[str, str]:
    """Until the look has ended; what the tab says then."""
    view = window.app.data_view
    window.pump(lambda: view.complete)
    return {name: label["text"] for name, label in window.app.data.values.items()}


def test_an_empty_form_says_what_will_appear(open_window: Open) -> None:
    pane = open_window().app.data
    pane.update()
    assert "shows what is in it" in pane.empty["text"]
    assert pane.empty.winfo_viewable() and not pane.top.winfo_viewable()


def test_the_first_tab_tells_what_is_in_the_folder(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny())
    pane, texts = window.app.data, wait(window)
    assert next(iter(window.app.panes.values())) is pane
    assert texts == {
        "images": "12  ·  PNG 12",
        "sizes": "all 20 x 20",
        "shape": "all square",
        "colour": "colour, in all 12 images",
        "patients": "",
        "memory": texts["memory"],
        "time": "about 12 s on this computer (CPU)",
    }
    assert texts["memory"].startswith("about 7")
    assert pane.status["text"] == "Checked: the headers of 12 files, 12 images in full."
    window.pump(lambda: bool(pane.plot.figure.images))
    assert "16 x 16, colour" in pane.caption["text"]
    assert not pane.below.winfo_viewable()


def test_a_button_puts_the_fitting_channels_into_the_form(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(in_channels=1))
    pane = window.app.data
    wait(window)
    window.app.root.update()
    assert pane.suggest["text"] == "Set Colour channels to 3"
    pane.suggest.invoke()
    assert window.app.form.texts()["in_channels"] == "3"
    assert "16 x 16, colour" not in pane.caption["text"]
    wait(window)
    window.app.root.update()
    assert "16 x 16, colour" in pane.caption["text"]
    assert not pane.suggest.winfo_viewable()


def test_files_that_need_attention_are_listed_and_can_be_copied(
    open_window: Open, tiny: Make, images: Path
) -> None:
    (images / "a text.png").write_text("no image")
    (images / "z copy.png").write_bytes((images / "image_003.png").read_bytes())
    window = open_window(tiny())
    assert wait(window)["images"] == "13  ·  PNG 13"
    app, pane = window.app, window.app.data
    app.root.update()
    assert pane.headline["text"] == "1 file cannot be used  ·  1 is a copy"
    expected = (
        "a text.png is not a JPEG, PNG, BMP, TIFF or WebP image, or is damaged\n"
        "same content: image_003.png, z copy.png"
    )
    for copy in (pane.copy.invoke, lambda: pane.list.event_generate("<<Copy>>")):
        app.root.clipboard_clear()
        copy()
        assert app.root.clipboard_get() == expected
    pane.list.tag_add("sel", "1.0", "1.6")
    pane.list.event_generate("<<Copy>>")
    assert app.root.clipboard_get() == "a text"


def test_the_list_is_reached_by_keyboard(open_window: Open, tiny: Make, images: Path) -> None:
    (images / "a.png").touch()
    window = open_window(tiny())
    wait(window)
    pane = window.app.data
    window.app.root.update()
    assert pane.copy.tk_focusNext() is pane.list


def test_another_size_decodes_the_images_again_and_reads_no_header(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(tiny())
    wait(window)
    found = window.app.data_view.survey
    monkeypatch.setattr(survey, "survey", lambda *arguments: pytest.fail("looked at all again"))
    leave(window, img_size="32")
    wait(window)
    assert "32 x 32" in window.app.data.caption["text"]
    sheet = window.app.data_view.sheet
    leave(window, batch_size="7")
    wait(window)
    assert window.app.data_view.sheet is sheet
    leave(window, img_size="33")
    assert "take 32 or 36" in wait(window)["time"]
    assert window.app.data_view.survey is found


def test_leaving_a_field_unchanged_looks_at_nothing(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny())
    wait(window)
    number = window.app.worker.data.number
    leave(window, lr="0.5", file_path=window.app.form.texts()["file_path"])
    assert window.app.worker.data.number == number
    window.app.data.again.invoke()
    assert window.app.worker.data.number > number
    wait(window)


def test_a_second_folder_wins_over_the_one_that_is_looked_at(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()
    real = survey.survey

    def slow(found: Any, emit: Any, should_stop: Any) -> Survey:
        if found.folder.name == "images":
            emit(Progress("look", 1200, 5000))
            begun.set()
            assert release.wait(30)
            ended.set()
        return real(found, emit, lambda: False)

    monkeypatch.setattr(survey, "survey", slow)
    window = open_window(tiny())
    window.pump(begun.is_set)
    window.pump(lambda: "1,200 of 5,000" in window.app.data.status["text"])
    leave(window, file_path=str(make_images(tmp_path / "second", 3)))
    assert wait(window)["images"] == "3  ·  PNG 3"
    release.set()
    window.pump(ended.is_set)
    for _ in range(20):
        window.app.root.update()
        threading.Event().wait(0.02)
    assert wait(window)["images"] == "3  ·  PNG 3"


def test_a_folder_that_cannot_be_used_is_told(open_window: Open, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    window = open_window(file_path=str(tmp_path / "empty"))
    wait(window)
    pane = window.app.data
    assert "No images in" in pane.empty["text"]
    assert "No images in" in window.bar()  # nothing else would happen at a click on Train
    leave(window, file_path=str(tmp_path / "gone"))
    wait(window)
    assert "gone does not exist" in pane.empty["text"]
    leave(window, file_path="")
    assert "shows what is in it" in pane.empty["text"]


def test_a_run_ends_the_look_which_begins_anew_after_it(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = threading.Event(), threading.Event()
    real = survey.survey

    def slow(found: Any, emit: Any, should_stop: Any) -> Survey:
        if not begun.is_set():
            begun.set()
            while not should_stop():
                threading.Event().wait(0.01)
            stopped.set()
        return real(found, emit, should_stop)

    monkeypatch.setattr(survey, "survey", slow)
    window = open_window(tiny(num_epochs=2))
    window.pump(begun.is_set)
    window.app.control.train()
    assert "once the run has ended" in window.app.data.status["text"]
    assert str(window.app.data.again["state"]) == "disabled"
    window.pump_to("finished")
    assert stopped.is_set()
    assert wait(window)["images"] == "12  ·  PNG 12"


def test_a_run_waits_until_a_timed_network_is_out_of_memory(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing, release = threading.Event(), threading.Event()

    def slow(*arguments: object) -> Estimate:
        timing.set()
        assert release.wait(30)
        return Estimate(1, 1, "CPU")

    monkeypatch.setattr(estimate, "estimate", slow)
    window = open_window(tiny(num_epochs=1))
    window.pump(timing.is_set)
    window.app.control.train()
    for _ in range(30):
        window.app.root.update()
        threading.Event().wait(0.02)
    assert window.app.state == "checking"
    release.set()
    window.pump_to("finished")


def test_a_look_writes_nothing_into_the_folder(open_window: Open, tiny: Make, images: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (images, *images.iterdir())}
    wait(open_window(tiny()))
    assert before == {path: path.stat().st_mtime_ns for path in (images, *images.iterdir())}


class Dropping:
    """Stands for tkinterdnd2: a Tcl command that takes any registration."""

    class TkinterDnD:
        @staticmethod
        def _require(root: Any) -> None:
            root.tk.eval("namespace eval tkdnd {proc drop_target args {}}")


def test_a_folder_that_is_dropped_on_the_window_is_chosen(
    open_window: Open, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tkinterdnd2", Dropping)
    window = open_window()
    form, root = window.app.form, window.app.root
    folder = images.rename(images.with_name("my images"))
    for dropped in (folder, folder / "image_000.png"):
        form.fill({"file_path": ""})
        root.tk.call("set", "dropped", root.tk.call("list", str(dropped)))
        script = root.tk.call("bind", root, "<<Drop>>").replace("%D", "$dropped")
        assert root.tk.eval(script) == "copy"
        assert form.texts()["file_path"] == str(folder)
        assert wait(window)["images"] == "12  ·  PNG 12"
    assert "Click Train." in window.bar()


def test_the_window_needs_no_package_for_dropping(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    root = open_window().app.root
    assert not root.tk.call("bind", root, "<<Drop>>")


def test_a_tab_that_is_made_again_shows_the_same(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny())
    texts = wait(window)
    from vae.gui.data_pane import DataPane

    again = DataPane(window.app.tabs, lambda: None, lambda: None)
    again.create()
    again.show(window.app.data_view)
    assert {name: label["text"] for name, label in again.values.items()} == texts
    assert again.plot.pixels is not None


def test_damage_may_hide_in_files_that_were_not_decoded(
    open_window: Open, tiny: Make, images: Path
) -> None:
    make_images(images / "more", 14)
    (images / "a.png").touch()
    window = open_window(tiny())
    wait(window)
    pane = window.app.data
    assert pane.status["text"] == "Checked: the headers of 27 files, 25 images in full."
    assert pane.headline["text"].startswith("At least 1 file cannot be used")


def test_words_tell_what_differs(tmp_path: Path) -> None:
    from vae.survey import find

    for i, size in enumerate([(8, 8), (20, 10), (30, 30)]):
        Image.new("L", size).save(tmp_path / f"{i}.png")
    found = survey.survey(find(tmp_path, print, lambda: False), print, lambda: False)
    assert data_words.sizes(found) == "smallest 8 x 8, median 20 x 10, largest 30 x 30"
    stretched = "1 of 3 is not square: it is stretched to a square"
    assert data_words.shape(found) == f"1:1 (2), 2:1 (1)  ·  {stretched}"
    assert data_words.looking(Progress("scan", 1500, 0)) == "Looking for images... 1,500"
    assert data_words.looking(Progress("compare", 1, 2)) == "Looking for copies... 1 of 2"
    assert data_words.epoch_time(Estimate(0, 0.2, "CPU")) == "less than 1 s on this computer (CPU)"


def test_odd_ratios_are_told_and_rare_ones_counted(tmp_path: Path) -> None:
    from vae.survey import find

    for i, size in enumerate([(127, 100)] * 3 + [(40, 30)] * 2 + [(30, 40)] * 2 + [(9, 1), (8, 1)]):
        Image.new("L", size).save(tmp_path / f"{i}.png")
    found = survey.survey(find(tmp_path, print, lambda: False), print, lambda: False)
    assert data_words.shape(found).startswith("1.27:1 (3), 4:3 (2), 3:4 (2), 2 others  ·  9 of 9")


def grey_images(folder: Path, count: int, mode: str = "L") -> Path:
    """Grey images that differ, saved in a mode."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("L", (20, 20), 5 * i).convert(mode).save(folder / f"grey_{i:03d}.png")
    return folder


def test_one_colour_image_among_many_grey_ones_is_found(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    folder = grey_images(tmp_path / "grey", 47)
    Image.new("RGB", (20, 20), (200, 0, 0)).save(folder / "grey_000a.png")  # on no sheet
    window = open_window(tiny(file_path=str(folder), in_channels=1))
    pane = window.app.data
    told, lost = wait(window)["colour"].split("\n")
    assert not window.app.data_view.sheet.coloured
    assert told == "1 of 48 images has colour, the others are grey"
    assert lost == "Colour will be lost: the network sees all images in grey."
    window.app.root.update()
    assert pane.suggest["text"] == "Set Colour channels to 3"
    pane.suggest.invoke()
    assert wait(window)["colour"] == told


def test_grey_images_saved_as_colour_are_no_colour(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    folder = grey_images(tmp_path / "grey", 40, "RGB")
    window = open_window(tiny(file_path=str(folder), in_channels=1))
    saved = "all 40 images are saved as colour"
    assert wait(window)["colour"] == f"{saved}; the 24 that were decoded are grey"
    assert not window.app.data_view.suggestions()
    grey_images(folder / "more", 2)
    make_images(folder / "z", 20)
    window.app.data.again.invoke()
    told = wait(window)["colour"].split("\n")[0]
    assert told == "60 of 62 images are saved as colour; 8 of the 24 that were decoded have it"


def test_all_grey_images_suggest_one_channel(open_window: Open, tiny: Make, tmp_path: Path) -> None:
    window = open_window(tiny(file_path=str(grey_images(tmp_path / "grey", 30)), in_channels=3))
    assert wait(window)["colour"] == "grey, in all 30 images"
    assert window.app.data.suggest["text"] == "Set Colour channels to 1"


def patients(folder: Path) -> Path:
    """Three images of each of six patients."""
    make_images(folder, 18)
    for i, path in enumerate(sorted(folder.iterdir())):
        path.rename(path.with_name(f"patient{i // 3}_{i}.png"))
    return folder


def test_patients_in_the_names_are_told_until_a_pattern_keeps_them_together(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    window = open_window(tiny(file_path=str(patients(tmp_path / "patients")), val_fraction=0.1))
    pane, form = window.app.data, window.app.form
    told = wait(window)["patients"]
    assert "of 6 patients, or other groups, with 18 images." in told
    assert "Group by name (?i)patient[ _-]?\\d+ keeps" in told
    window.app.root.update()
    assert pane.suggest_pattern.winfo_viewable() and form.folded
    number = window.app.worker.data.number
    pane.suggest_pattern.invoke()
    window.app.root.update()
    assert form.texts()["group_pattern"] == r"(?i)patient[ _-]?\d+"
    assert form.fields["group_pattern"].winfo_viewable()  # a person sees what was changed
    assert not pane.suggest_pattern.winfo_viewable()
    assert wait(window)["patients"] == "" and not pane.values["patients"].winfo_viewable()
    assert window.app.worker.data.number == number  # nothing had to be looked at


def test_patients_matter_only_where_images_are_held_back(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    window = open_window(tiny(file_path=str(patients(tmp_path / "patients"))))
    assert wait(window)["patients"] == ""
    for fraction, told in (("0.2", True), ("0", False), ("?", False), ("0,1", True)):
        leave(window, val_fraction=fraction)
        window.app.root.update()
        assert window.app.data.suggest_pattern.winfo_viewable() == told
        assert bool(window.app.data.values["patients"]["text"]) == told


def test_in_a_small_window_the_tab_scrolls_and_nothing_is_cut(
    open_window: Open, tiny: Make, tmp_path: Path
) -> None:
    folder = patients(tmp_path / "patients")
    for i in range(4):
        (folder / f"empty {i}.png").touch()
    window = open_window(tiny(file_path=str(folder), val_fraction=0.1, in_channels=1))
    app, pane = window.app, window.app.data
    app.fit(1024, 660)
    wait(window)
    window.pump(lambda: bool(app.results.bar.winfo_manager()))
    app.refresh()
    app.root.update()
    assert pane.plot.widget.winfo_height() >= 120
    for part in (*pane.values.values(), pane.caption, pane.list):
        assert part.winfo_height() >= part.winfo_reqheight()
    assert pane.below.winfo_y() + pane.below.winfo_height() <= pane.winfo_height()


def test_the_sheet_asks_for_no_room_of_its_own_at_another_density(
    open_window: Open, tiny: Make
) -> None:
    window = open_window(tiny())
    window.larger(1)
    wait(window)
    pane = window.app.data
    window.pump(lambda: bool(pane.plot.figure.images))
    assert pane.plot.canvas.device_pixel_ratio != 1
    assert pane.plot.widget.winfo_reqheight() == 1


def test_the_sheet_has_no_black_cell(open_window: Open, tiny: Make, images: Path) -> None:
    window = open_window(tiny())
    wait(window)
    pane = window.app.data
    window.pump(lambda: bool(pane.plot.figure.images))
    left, top, width, height = pane.plot.box
    window.pump(lambda: window.pixel(pane.plot.widget, left + 1, top + 1) != (255, 255, 255))
    corner = window.pixel(pane.plot.widget, left + width - 1, top + height - 1)
    assert corner == (255, 255, 255)  # 12 images in rows of 8


def test_a_run_that_leaves_no_time_for_the_estimate_tells_it_itself(
    open_window: Open, tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    real = survey.survey

    def slow(found: Any, emit: Any, should_stop: Any) -> Survey:
        begun.set()
        while not should_stop():
            threading.Event().wait(0.01)
        return real(found, emit, should_stop)

    monkeypatch.setattr(survey, "survey", slow)
    window = open_window(tiny(num_epochs=500))
    window.pump(begun.is_set)
    window.app.control.train()
    values = window.app.data.values
    assert (values["memory"]["text"], values["time"]["text"]) == ("...", "...")
    window.pump(lambda: window.app.view.history != [])
    assert window.app.busy
    assert values["memory"]["text"].startswith("about 7")
    assert values["time"]["text"] == "less than 1 s on this computer (CPU)"


def test_before_the_first_batches_a_run_says_when_the_time_is_known() -> None:
    assert data_words.epoch_time(Estimate(1, 0, "CPU")) == "measured in the first epoch"


def test_an_estimate_that_is_known_stays_while_a_run_goes_on(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=500))
    before = wait(window)
    window.app.control.train()
    window.pump(lambda: window.app.view.history != [])
    now = {name: label["text"] for name, label in window.app.data.values.items()}
    assert now == before and "about 12 s" in now["time"]


def test_after_a_run_the_time_is_what_its_epochs_took(open_window: Open, tiny: Make) -> None:
    window = open_window(tiny(num_epochs=2))
    assert "about 12 s on this computer" in wait(window)["time"]
    window.app.bar.train.invoke()
    window.pump_to("finished")
    window.pump(lambda: "less than 1 s, as in the run of 20" in wait(window)["time"])
