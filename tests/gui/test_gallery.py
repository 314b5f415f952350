"""The tabs with pictures: looking at epochs, one image, another draw."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gui.test_access import assert_reading_order, settle, tab_order
from tests.test_requests import at_batch
from vae.config import TrainConfig
from vae.drawing import Drawn
from vae.events import ReconstructionsReady, SamplesReady
from vae.gui import kit
from vae.gui.answers import SeedDrawn
from vae.gui.gallery_pane import PLAY_MS
from vae.gui.loss_jobs import Export
from vae.gui.viewer import Viewer
from vae.requests import Request
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


@pytest.fixture
def trained(open_window: Open, tiny: Make) -> Any:
    """A window on a run of three epochs."""
    config = tiny()
    run_vae_training(config)
    window = open_window(config)
    window.pump(lambda: window.app.samples.pixels is not None)
    window.pump(lambda: window.app.reconstructions.pixels is not None)
    return window


def test_the_slider_goes_to_the_pictures_of_earlier_epochs(trained: Any) -> None:
    samples = trained.app.samples
    trained.app.show_tab(samples)
    newest = samples.pixels
    assert samples.position["text"] == "Epoch 3 of 3"
    trained.pump(samples.slider.winfo_viewable)
    samples.slider.focus_force()
    trained.app.root.update()
    trained.key("Left")
    trained.pump(lambda: "epoch 2" in samples.caption["text"])
    assert samples.position["text"] == "Epoch 2 of 3"
    assert (samples.pixels != newest).any()


def test_a_picture_is_sized_only_once_it_is_seen(trained: Any) -> None:
    samples = trained.app.samples
    for _turn in range(20):
        trained.app.root.update()
    assert not samples.plot.figure.images
    trained.app.show_tab(samples)
    trained.pump(lambda: bool(samples.plot.figure.images))
    left, top, width, height = samples.plot.box
    assert width == height >= 8 * 16 and left >= 0 <= top


def test_a_click_beside_the_knob_goes_there_at_once(trained: Any) -> None:
    samples = trained.app.samples
    trained.app.show_tab(samples)
    trained.pump(samples.slider.winfo_viewable)
    for _ in range(20):
        trained.app.root.update()
    trained.click_at(samples.slider, 12, samples.slider.winfo_height() // 2)
    trained.pump(lambda: "epoch 1" in samples.caption["text"])


def test_playing_shows_all_epochs_and_stops_at_the_last(trained: Any) -> None:
    pane = trained.app.reconstructions
    trained.app.show_tab(pane)
    seen: list[str] = []
    show = pane.show
    pane.show = lambda shown: (seen.append(shown.moment), show(shown))
    pane.play.invoke()
    trained.pump(lambda: not pane.playing)
    assert seen == ["epoch 1", "epoch 2", "epoch 3"]


@pytest.mark.parametrize("opens", ["one", "file", "draw", "figures"])
def test_playing_ends_when_a_dialog_opens_or_others_are_drawn(
    trained: Any, monkeypatch: pytest.MonkeyPatch, opens: str
) -> None:
    app, samples = trained.app, trained.app.samples
    app.show_tab(samples)
    monkeypatch.setattr(kit, "choose_file", lambda *_: "")
    monkeypatch.setattr("vae.gui.loss_actions.ask_export", lambda *_: None)
    samples.draw = lambda *_: None
    samples.play.invoke()
    assert samples.playing
    {
        "one": samples.view, "file": lambda: samples.export(".gif"),
        "draw": samples.drawer.invoke, "figures": app.loss.export.invoke,
    }[opens]()  # fmt: skip
    assert not samples.playing
    at, until = samples.at, time.monotonic() + 3 * PLAY_MS / 1000
    trained.pump(lambda: time.monotonic() > until)
    assert samples.at == at
    for viewer in [w for w in samples.winfo_children() if isinstance(w, Viewer)]:
        viewer.destroy()
        settle(trained)
    assert not samples.playing  # it goes on when the person wants


def test_pictures_asked_for_in_the_midst_of_an_epoch_keep_their_places(
    open_window: Open, tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    run_vae_training(tiny(), events.append, requested=at_batch(5, Request.SAMPLE))
    window = open_window()
    app = window.app
    for event in events:
        if isinstance(event, SamplesReady | ReconstructionsReady):
            app.view.show(event)
    between = "epoch 2, after 10 images of it"
    for pane in (app.samples, app.reconstructions):
        assert pane.places == [(1, 0), (1, 10), (2, 0), (3, 0)]
        app.show_tab(pane)
        seen: list[str] = []
        show = pane.show
        pane.show = lambda shown, s=seen, show=show: (s.append(shown.moment), show(shown))
        pane.play.invoke()
        window.pump(lambda pane=pane: not pane.playing)
        assert seen == ["epoch 1", between, "epoch 2", "epoch 3"]
        pane.index.set(1)
        pane._slid()
        window.pump(lambda pane=pane: between in pane.caption["text"])
        assert pane.position["text"] == "Epoch 2, image 10"
        # The folder is looked at again, as after each run: nothing moves.
        pane.take_found(pane.folder, pane.places)
        assert (pane.at, len(pane.places)) == ((1, 10), 4)
    path = tmp_path / "run.gif"
    monkeypatch.setattr(kit, "choose_file", lambda *_: str(path))
    app.samples.export(".gif")
    window.pump(lambda: "was written, with 3 epochs" in window.bar())
    app.toggle_language()
    assert app.samples.at == (1, 10) and "po 10 jej snímkach" in app.samples.caption["text"]
    app.toggle_language()
    window.end()
    app = (window := open_window(tiny())).app  # and are there when the run is reopened
    window.pump(lambda: app.samples.pixels is not None and app.reconstructions.pixels is not None)
    for pane in (app.samples, app.reconstructions):
        assert pane.places == [(1, 0), (1, 10), (2, 0), (3, 0)]
        pane.index.set(1)
        pane._slid()
        window.pump(lambda pane=pane: between in pane.caption["text"])


def test_a_picture_looked_at_stays_while_training_goes_on(trained: Any) -> None:
    app = trained.app
    samples = app.samples
    samples.index.set(0)
    samples._slid()
    trained.pump(lambda: "epoch 1" in samples.caption["text"])
    app.form.fill({"num_epochs": "5"})
    app.bar.train.invoke()
    trained.pump_to("finished")
    assert "epoch 1" in samples.caption["text"]
    assert samples.epochs == [1, 2, 3, 4, 5]
    assert "epoch 5" in app.reconstructions.caption["text"]  # that one followed


def test_a_click_shows_one_image_large_and_saves_it(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = trained.app
    samples = app.samples
    app.show_tab(samples)
    trained.pump(lambda: samples.plot.box[2] > 100)
    trained.pump(samples.plot.widget.winfo_viewable)
    for _ in range(20):  # until the canvas has taken its size
        app.root.update()
    left, top, width, height = samples.plot.box
    x, y = left + width * 3 // 16, top + height * 5 // 16  # second column, third row
    trained.click_at(samples.plot.widget, x, y)
    trained.pump(lambda: any(isinstance(w, Viewer) for w in samples.winfo_children()))
    viewer = next(w for w in samples.winfo_children() if isinstance(w, Viewer))
    assert viewer.caption["text"].startswith("Image and latent vector 18 of 64")
    viewer.show(18)
    path = tmp_path / "one.png"
    monkeypatch.setattr(kit, "choose_file", lambda *_: str(path))
    viewer.save()
    trained.pump(path.exists)
    with Image.open(path) as image:
        assert image.size == (16, 16)
    viewer.destroy()


def test_one_image_fits_the_screen_with_larger_text_too(trained: Any) -> None:
    app = trained.app
    trained.larger(99)
    app.show_tab(app.samples)
    trained.pump(lambda: app.samples.pixels is not None)
    app.samples.view()
    viewer = next(w for w in app.samples.winfo_children() if isinstance(w, Viewer))
    trained.pump(viewer.winfo_viewable)
    settle(trained)
    assert_reading_order(order := tab_order(viewer))
    assert len(order) == 4
    assert viewer.image.height() >= 256
    assert viewer.winfo_reqheight() + 60 < viewer.winfo_screenheight()  # and its title
    assert viewer.winfo_reqwidth() < viewer.winfo_screenwidth()
    viewer.destroy()


def choose(button: Any, label: str) -> None:
    """Take an entry of a button's menu."""
    menu = button.nametowidget(button["menu"])
    menu.tk.call(*menu.tk.splitlist(menu["postcommand"]))
    menu.invoke(menu.index(label))


def test_others_are_drawn_from_a_seed_and_saved(trained: Any) -> None:
    app = trained.app
    samples = app.samples
    before = samples.pixels
    samples.seed.set("x")
    samples.drawer.invoke()
    assert "whole number" in trained.bar()
    samples.seed.set("7")
    samples.drawer.invoke()
    trained.pump(lambda: "seed 7" in samples.caption["text"])
    assert (samples.pixels != before).any()
    output = Path(app.form.texts()["output_dir"])
    assert (output / "sample_prior_seed_7_epoch_0003.png").exists()
    samples.drawer.invoke()  # others, not the same again
    trained.pump(lambda: "seed 8" in samples.caption["text"])
    assert samples.seed.get() == "8"


def test_the_menu_of_samplers_shows_what_is_chosen(trained: Any) -> None:
    samples = trained.app.samples
    menu = samples.way.nametowidget(samples.way["menu"])
    samples._fill_ways(menu)
    for label in ("The run's sampler", "The run's temperature", "The newest checkpoint"):
        assert trained.app.root.getvar(menu.entrycget(label, "variable")) == menu.entrycget(
            label, "value"
        ), label
    assert samples._values() == {}


def test_others_are_drawn_by_another_sampler_which_the_bar_names(trained: Any) -> None:
    app, asked = trained.app, []
    samples = app.samples
    choose(samples.way, "gaussian")
    choose(samples.way, "temperature 0.7")
    samples.seed.set("8")
    samples.drawer.invoke()
    output = Path(app.form.texts()["output_dir"])
    path = output / "sample_gaussian_temperature_0.7_seed_8_epoch_0003.png"
    assert "Drawing samples: seed 8, gaussian, temperature 0.7..." in trained.bar()
    way = "epoch 3, seed 8, sampler gaussian, temperature 0.7"
    trained.pump(lambda: way in samples.caption["text"])
    assert path.exists()
    app.toggle_language()
    assert "epocha 3, semienko 8, sampler gaussian, teplota 0,7" in app.samples.caption["text"]
    app.toggle_language()
    samples = app.samples
    choose(samples.way, "The best epoch's checkpoint")
    samples.draw = lambda *wanted: asked.append(wanted)
    samples.drawer.invoke()
    assert asked == [(8, {"sampler": "gaussian", "temperature": 0.7}, True)]


def test_one_grid_is_drawn_at_a_time_whatever_comes_of_it(trained: Any) -> None:
    app, asked = trained.app, []
    app.samples.draw = lambda *wanted: asked.append(wanted)
    drawn = Drawn(app.samples.pixels, 3, Path(app.form.texts()["output_dir"], "x"), "prior", 1.0)
    for count, answer in enumerate(
        (SeedDrawn(1, None, "no room"), SeedDrawn(1, drawn, ""), SeedDrawn(2, None, "")), start=1
    ):
        app.samples.drawer.invoke()
        app.show_buttons()
        app.samples.drawer.invoke()
        app.samples._draw()  # by Return in the field for the seed
        assert len(asked) == count and str(app.samples.drawer["state"]) == "disabled"
        app.view.show(answer)
        assert str(app.samples.drawer["state"]) == "normal"
    assert [seed for seed, *_rest in asked] == [1, 1, 2]  # another once that one is there


def test_a_grid_that_ends_in_another_language_is_not_drawn_again(trained: Any) -> None:
    app, asked = trained.app, []
    app.samples.draw = lambda *wanted: asked.append(wanted)
    app.samples.drawer.invoke()
    pixels, path = app.samples.pixels, Path(app.form.texts()["output_dir"], "x")
    app.toggle_language()
    app.samples.draw = lambda *wanted: asked.append(wanted)
    app.view.show(SeedDrawn(1, Drawn(pixels, 3, path, "prior", 1.0), ""))
    app.samples.drawer.invoke()
    assert [seed for seed, *_rest in asked] == [1, 2]


def test_a_grid_of_another_run_is_told_but_not_shown(trained: Any, tmp_path: Path) -> None:
    app = trained.app
    before, path = app.samples.shown, tmp_path / "of another run" / "x.png"
    app.view.show(SeedDrawn(1, Drawn(app.samples.pixels, 1, path, "prior", 1.0), ""))
    assert app.samples.shown == before and str(path) in trained.bar()


def test_the_grid_that_is_seen_becomes_a_figure(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, titles = trained.app, []

    def ask(root: Any, of: dict[str, str], *_: Any) -> Export:
        titles.append(of)
        return Export(("samples", "reconstructions"), "png", tmp_path / "paper", True)

    monkeypatch.setattr("vae.gui.loss_actions.ask_export", ask)
    app.samples.seed.set("7")
    app.samples.drawer.invoke()
    trained.pump(lambda: "seed 7" in app.samples.caption["text"])
    app.reconstructions.index.set(0)
    app.reconstructions._slid()
    trained.pump(lambda: "epoch 1" in app.reconstructions.caption["text"])
    app.loss.export.invoke()
    trained.pump(lambda: "Written" in trained.bar())
    names = ["figure_reconstructions_epoch_0001.png", "figure_sample_prior_seed_7_epoch_0003.png"]
    assert sorted(path.name for path in (tmp_path / "paper").iterdir()) == names
    assert titles[0]["samples"] == "Sample grid (epoch 3, seed 7, sampler prior)"
    assert titles[0]["reconstructions"] == "Reconstructions (epoch 1)"


@pytest.mark.parametrize("val_fraction", (0.0, 0.5))
def test_the_reconstructions_say_of_which_images_they_are(
    open_window: Open, tiny: Make, val_fraction: float
) -> None:
    config = tiny(num_epochs=1, val_fraction=val_fraction)
    run_vae_training(config)
    app = (window := open_window(config)).app
    window.pump(lambda: app.reconstructions.pixels is not None)
    told = {0.0: "Images that the network learns from", 0.5: "Validation images"}
    assert told[val_fraction] in app.reconstructions.caption["text"]
    app.toggle_language()
    told = {0.0: "z ktorých sa sieť učí", 0.5: "Validačné snímky"}
    assert told[val_fraction] in app.reconstructions.caption["text"]


def test_an_animation_is_written_where_the_person_says(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.gif"
    monkeypatch.setattr(kit, "choose_file", lambda *_: str(path))
    trained.app.samples.export(".gif")
    trained.pump(lambda: "was written, with 3 epochs" in trained.bar())
    assert path.exists()


def test_pause_go_on_save_and_sample(open_window: Open, tiny: Make) -> None:
    config = tiny(num_epochs=2000, sample_every=2000, checkpoint_every=2000)
    window = open_window(config)
    app = window.app
    assert str(app.bar.pause["state"]) == "disabled"
    app.bar.train.invoke()
    window.pump(lambda: len(app.view.history) >= 2)
    app.bar.pause.invoke()
    window.pump_to("paused")
    assert app.bar.pause["text"] == "Go on"
    assert list(Path(config.model_save_dir).glob("*.safetensors"))
    app.bar.sample.invoke()  # also in a pause
    window.pump(lambda: app.samples.pixels is not None)
    window.pump(lambda: "All is saved." in window.bar())
    assert re.match(r"epoch \d+ of 2000, batch \d of 3", app.bar.right["text"])
    app.bar.save.invoke()
    assert "All is saved." in window.bar()  # and nothing else is to come
    app.toggle_language()
    assert "Pozastavené Všetko je uložené" in window.bar()
    app.toggle_language()
    app.bar.pause.invoke()
    window.pump_to("running")
    done = len(app.view.history)
    window.pump(lambda: len(app.view.history) > done)
    app.root.focus_force()
    app.root.event_generate("<Control-b>")
    window.pump_to("paused")
    app.bar.stop.invoke()  # a paused run can be stopped
    window.pump_to("idle")
