"""Figures for papers are real files that say what they show and betray no path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from vae.checkpoint import CheckpointError
from vae.cli import DONE, FAILED, main
from vae.comparison import Compared, Comparison
from vae.config import TrainConfig, text_of
from vae.events import EpochRecord
from vae.figures import (
    FIGURES,
    Picture,
    Subject,
    caption_of,
    loss_figure,
    read_run,
    with_changes,
    write_figures,
)
from vae.history import run_mark
from vae.samples import write_png
from vae.training import run_vae_training

HISTORY = tuple(EpochRecord(i, 1 / i, 0.1, 0.2, 0.3, 1e-4, 12, 1.0, 12.0) for i in range(1, 5))


@pytest.fixture
def run(tmp_path: Path, tiny: Callable[..., TrainConfig]) -> Subject:
    rng = np.random.default_rng(1)
    write_png(tmp_path / "out" / "samples_epoch_0003.png", rng.integers(0, 255, (40, 50), np.uint8))
    write_png(tmp_path / "out" / "reconstructions_epoch_0002.png", np.zeros((9, 9, 3), np.uint8))
    # Of epochs that the history does not have: another run's, perhaps.
    write_png(tmp_path / "out" / "samples_epoch_0009.png", np.zeros((4, 4), np.uint8))
    return Subject(HISTORY, tiny().to_dict(), tmp_path / "out")


def test_the_pictures_of_a_run_are_found_from_any_folder(
    tiny: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tiny(num_epochs=1, output_dir="./pictures")
    run_vae_training(config)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = read_run(Path(config.model_save_dir))
    paths, missing = write_figures(run, ["samples"], tmp_path / "to", "png", True)
    assert len(paths) == 1 and not missing


def test_a_png_has_300_dpi_and_is_light(run: Subject, tmp_path: Path) -> None:
    paths, missing = write_figures(run, list(FIGURES), tmp_path / "to", "png", True)
    names = [
        "figure_loss_curve.png",
        "figure_samples_epoch_0003.png",
        "figure_reconstructions_epoch_0002.png",
    ]
    assert [path.name for path in paths] == names and not missing
    for path in paths:
        with Image.open(path) as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_each_dot_of_the_grid_becomes_a_square_of_one_colour(run: Subject, tmp_path: Path) -> None:
    paths, _ = write_figures(run, ["samples"], tmp_path, "png", True)
    with Image.open(run.output_dir / "samples_epoch_0003.png") as image:
        grid = np.asarray(image)
    large = grid.repeat(36, axis=0).repeat(36, axis=1)  # 50 dots are 1800
    with Image.open(paths[0]) as image:
        pixels = np.asarray(image.convert("L"))
    places = [
        (y, x)
        for y in range(pixels.shape[0] - large.shape[0] + 1)
        for x in range(20, 40)
        if pixels[y, x] == large[0, 0]
        and np.array_equal(pixels[y : y + large.shape[0], x : x + large.shape[1]], large)
    ]
    assert len(places) == 1


def test_an_svg_holds_its_caption_as_text(run: Subject, tmp_path: Path) -> None:
    paths, _ = write_figures(run, list(FIGURES), tmp_path, "svg", True)
    for path in paths:
        texts = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8")))
        assert all(part in texts for part in ("latent_dim=4", "alpha=5.0", "seed=0"))


def test_a_pdf_is_one_and_embeds_its_fonts(run: Subject, tmp_path: Path) -> None:
    paths, _ = write_figures(run, list(FIGURES), tmp_path, "pdf", True)
    for path in paths:
        content = path.read_bytes()
        assert content.startswith(b"%PDF-") and b"/FontFile2" in content


def test_the_same_figure_gives_the_same_file(run: Subject, tmp_path: Path) -> None:
    for form in ("png", "svg", "pdf"):
        first, _ = write_figures(run, list(FIGURES), tmp_path / "a", form, True)
        again, _ = write_figures(run, list(FIGURES), tmp_path / "b", form, True)
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_no_path_is_told(run: Subject, tmp_path: Path) -> None:
    caption = caption_of(run.values)
    for part in (str(tmp_path), tmp_path.name, "file_path", "log_file", "_dir", "/", "\\", "csv"):
        assert part not in caption
    paths, _ = write_figures(run, list(FIGURES), tmp_path / "to", "svg", True)
    for path in paths:
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


def texts_of(path: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


def test_the_picture_that_is_looked_at_is_drawn(run: Subject, tmp_path: Path) -> None:
    seen = tmp_path / "out" / "sample_gmm_seed_7_epoch_0002.png"
    moment, values = "epoch 2, seed 7, sampler gmm", {"sampler": "gmm", "seed": 7}
    picture = Picture(np.zeros((9, 9), np.uint8), seen.stem, moment, values)
    run = replace(run, pictures={"samples": picture})
    paths, _ = write_figures(run, ["samples", "reconstructions"], tmp_path, "svg", True)
    assert [path.stem for path in paths] == [
        "figure_sample_gmm_seed_7_epoch_0002", "figure_reconstructions_epoch_0002",
    ]  # fmt: skip
    assert "Generated images, epoch 2, seed 7, sampler gmm" in texts_of(paths[0])
    captions = [" ".join(texts_of(path)) for path in paths]
    assert "sampler=gmm" in captions[0] and "seed=7" in captions[0]  # not the run's own
    assert "sampler=prior" in captions[1] and "seed=0" in captions[1]


def test_the_losses_of_other_runs_are_laid_over_the_own(run: Subject, tmp_path: Path) -> None:
    alone, _ = write_figures(run, ["loss_curve"], tmp_path / "a", "svg", False)
    assert not any("other" in text for text in texts_of(alone[0]))
    others = [(f"KL weight β {i}, Latent dimension 10{i}, Depth 4", HISTORY[:3]) for i in range(8)]
    compared = tuple(Compared(*other) for other in others)
    run = replace(run, comparison=Comparison(compared))
    both, _ = write_figures(run, ["loss_curve"], tmp_path / "b", "svg", False)
    assert {"This run, training", *(name for name, _history in others)} <= set(texts_of(both[0]))
    assert both[0].read_text(encoding="utf-8").count("stroke-dasharray") > 0
    drawn = loss_figure(run, with_caption=True)
    assert drawn
    FigureCanvasAgg(drawn[1]).draw()
    (axes,) = drawn[1].axes
    names, plot = axes.get_legend().get_window_extent(), axes.get_window_extent()
    captions = [text.get_window_extent() for text in drawn[1].texts]
    assert names.y1 < plot.y0 and names.x1 < drawn[1].bbox.x1  # below the plot, on the page
    assert names.y0 > max(box.y1 for box in captions)


def test_the_caption_is_of_what_is_drawn(run: Subject, tmp_path: Path) -> None:
    assert "num_epochs=25" in caption_of({**run.values, "num_epochs": 25}, 25)
    assert "num_epochs=3 of 25" in caption_of({**run.values, "num_epochs": 25}, 3)
    values = [
        {**run.values, "model_save_dir": f"/{beta}", "alpha": 7.0, "beta": beta}
        for beta in (1.0, 2.0)
    ]
    a, b = Compared("a", HISTORY, values[0]), Compared("b", HISTORY, values[1])
    others = replace(run, comparison=Comparison((a, b), alone=True))
    paths, _ = write_figures(others, ["loss_curve"], tmp_path, "svg", True)
    texts = texts_of(paths[0])
    assert "alpha=7.0" in " ".join(texts) and "beta=" not in " ".join(texts)
    assert {"a", "b"} <= set(texts)
    assert not any("This run" in text for text in texts) and not any(
        "Best" in text for text in texts
    )
    run = replace(run, values={**run.values, "model_save_dir": "/here"})
    mine = Compared("a", HISTORY, run.values)
    named = replace(run, comparison=Comparison((mine, b), alone=True))
    paths, _ = write_figures(named, ["loss_curve"], tmp_path, "svg", True)
    texts = texts_of(paths[0])  # each of them is one line, and none stands above the others
    assert {"a", "b"} <= set(texts) and not any("Best" in text for text in texts)
    errors = replace(run, column="reconstruction_loss")  # as the window shows them
    paths, _ = write_figures(errors, ["loss_curve"], tmp_path, "svg", False)
    texts = texts_of(paths[0])
    assert paths[0].name == "figure_reconstruction_loss.svg"
    assert "Reconstruction error (mean squared)" in texts and "Loss" not in texts
    assert not any("Best" in text for text in texts)


def test_the_caption_can_be_left_out(run: Subject, tmp_path: Path) -> None:
    paths, _ = write_figures(run, ["loss_curve"], tmp_path, "svg", False)
    assert "latent_dim" not in paths[0].read_text(encoding="utf-8")


def test_what_cannot_be_drawn_yet_is_named(tmp_path: Path) -> None:
    paths, missing = write_figures(Subject((), {}, tmp_path), list(FIGURES), tmp_path, "png", True)
    assert not paths and missing == list(FIGURES)


def test_a_picture_of_another_run_is_not_drawn(run: Subject, tmp_path: Path) -> None:
    for name in ("samples_epoch_0004.png", "reconstructions_epoch_0002.png"):
        write_png(run.output_dir / name, np.zeros((9, 9), np.uint8), "another run's mark")
    paths, missing = write_figures(run, ["samples", "reconstructions"], tmp_path, "png", True)
    assert [path.stem for path in paths] == ["figure_samples_epoch_0003"]
    assert missing == ["reconstructions"]
    write_png(
        run.output_dir / "samples_epoch_0004.png", np.zeros((9, 9), np.uint8), run_mark(HISTORY)
    )
    paths, _ = write_figures(run, ["samples"], tmp_path, "png", True)
    assert [path.stem for path in paths] == ["figure_samples_epoch_0004"]


def test_a_grid_larger_than_a_page_is_reduced(tmp_path: Path) -> None:
    write_png(tmp_path / "samples_epoch_0001.png", np.full((5000, 5000, 3), 90, np.uint8))
    run = Subject(HISTORY, {}, tmp_path)
    paths, _ = write_figures(run, ["samples"], tmp_path, "png", False)
    with Image.open(paths[0]) as image:
        assert 2500 < image.width < 2700
        assert image.convert("RGB").getpixel((image.width // 2, image.height // 2)) == (90, 90, 90)


def test_the_terminal_draws_a_trained_run(
    tiny: Callable[..., TrainConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    folders = ["--model_save_dir", config.model_save_dir, "--output_dir", config.output_dir]
    target = tmp_path / "paper"
    assert main(["figures", *folders, "--to", str(target), "--format", "svg"]) == DONE
    names = [
        "figure_loss_curve.svg",
        "figure_samples_epoch_0002.svg",
        "figure_reconstructions_epoch_0002.svg",
    ]
    assert {path.name for path in target.iterdir()} == set(names)
    assert capsys.readouterr().out.split() == [str(target / name) for name in names]
    curve = (target / names[0]).read_text(encoding="utf-8")
    assert f"lr={text_of(config.lr)}" in curve


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No checkpoint in"):
        read_run(tmp_path, tmp_path)
    folders = ["--model_save_dir", str(tmp_path), "--to", str(tmp_path / "paper")]
    assert main(["figures", *folders]) == FAILED
    assert not (tmp_path / "paper").exists()


def test_the_caption_tells_what_was_changed_on_the_way(
    tiny: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    changed = replace(config, num_epochs=2, lr=0.5 * config.lr, batch_size=2)
    run_vae_training(changed)
    run = read_run(Path(config.model_save_dir))
    changes = [
        f"From epoch 2: lr {config.lr} became {changed.lr}",
        f"From epoch 2: batch_size {config.batch_size} became 2",
    ]
    for name in ("loss_curve", "samples"):
        paths, _ = write_figures(run, [name], tmp_path, "svg", True)
        caption = " ".join(reversed(texts_of(paths[0])))  # its lines are drawn from below
        assert all(change in caption for change in changes)
    # The window knows the epochs, and not what was changed before it was opened.
    known = replace(run, changes=())
    assert with_changes(known) == run
    assert with_changes(replace(known, history=HISTORY)).changes == ()  # another run's by now
    assert with_changes(replace(known, values={})).changes == ()
    folder = tmp_path / "a file"
    folder.write_bytes(b"")  # which cannot be listed: the curves are there all the same
    assert with_changes(replace(known, values={**run.values, "model_save_dir": folder})) != run
