from __future__ import annotations

import base64
import dataclasses
import errno
import io
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.conftest import make_images
from vae import language, report
from vae.checkpoint import checkpoint_files
from vae.cli import main
from vae.config import TrainConfig
from vae.events import EpochDone
from vae.files import REPORT_NAME
from vae.report import write_report
from vae.samples import write_png
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def places(config: TrainConfig) -> tuple[Path, Path]:
    return Path(config.model_save_dir), Path(config.output_dir)


def test_a_report_holds_everything_and_needs_nothing_else(tiny: Make) -> None:
    config = tiny(num_epochs=4, val_fraction=0.3, kl_balance="auto", group_pattern="image_0[0-4]")
    run_vae_training(config)
    path = write_report(*places(config))
    assert path == Path(config.output_dir) / REPORT_NAME
    page = path.read_text(encoding="utf-8")
    for heading in ("Findings", "Measures", "Curves", "Images", "Parameters", "Environment"):
        assert f"<h2>{heading}</h2>" in page
    assert "Few images." in page and "held-out images" in page
    assert "IWAE bound" in page and "copies of training images" in page
    assert "<th>kl_balance</th>" in page and "for validation" in page
    # Nothing is loaded from anywhere: each picture is in the file, and can be read.
    assert not re.findall(r'(?:src|href)="(?!data:)', page) and "http" not in page
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(pictures) == 4
    for data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            picture.load()
    curves = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    assert len(curves) == 2 and all(b"<svg" in base64.b64decode(data) for data in curves)


def test_samples_that_are_no_copies_and_images_of_the_next_epoch_are_told(tiny: Make) -> None:
    make_images(Path(tiny().file_path) / "more", 90)
    config = tiny(num_epochs=3, val_fraction=0.5)
    heard: list[object] = []

    def after_some_batches() -> bool:
        heard.extend(["a batch"] * bool(heard))
        return len(heard) > 3

    def hear(event: object) -> None:
        heard.extend([event] * isinstance(event, EpochDone))

    run_vae_training(config, hear, after_some_batches)
    page = write_report(*places(config)).read_text(encoding="utf-8")
    assert "No sign of copied training images" in page
    assert re.search(r"Epoch 1 and \d+ images of the next, \d+ held-out images", page)


def test_no_name_of_a_file_or_folder_is_told_unless_it_is_asked_for(
    tiny: Make, images: Path
) -> None:
    (images / "Jane_Doe.png").write_bytes(b"no image")
    config = tiny(num_epochs=1, group_pattern="Doe|image")
    run_vae_training(config)
    plain = write_report(*places(config)).read_text(encoding="utf-8")
    told = write_report(*places(config), names=True).read_text(encoding="utf-8")
    for name in ("Jane_Doe", "Doe|image", str(images), config.model_save_dir):
        assert name not in plain and name in told
    # A warning names paths too.
    newest = checkpoint_files(places(config)[0])[0][1]
    run_vae_training(dataclasses.replace(config, num_epochs=2))
    last = checkpoint_files(places(config)[0])[0][1]
    assert last != newest
    last.write_bytes(last.read_bytes()[:-1])
    damaged = write_report(*places(config)).read_text(encoding="utf-8")
    assert "Not all could be read" in damaged and config.model_save_dir not in damaged
    shutil.rmtree(images)
    gone = write_report(*places(config)).read_text(encoding="utf-8")
    assert "Not all could be read" in gone and str(images) not in gone
    assert "<h2>Parameters</h2>" in gone and "data:image/png" in gone


@pytest.mark.parametrize("names", [False, True])
def test_a_folder_that_cannot_be_listed_leaves_the_rest_of_the_report(
    tiny: Make, images: Path, monkeypatch: pytest.MonkeyPatch, names: bool
) -> None:
    config, scandir = tiny(num_epochs=1), os.scandir
    run_vae_training(config)

    def refuse(folder: Any) -> Any:
        if Path(folder).is_relative_to(images):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    page = write_report(*places(config), names=names).read_text(encoding="utf-8")
    assert page.count(f"<p>{images} could not be used (Permission denied).</p>") == names
    assert page.count("Not all could be read") == 1 - names
    assert "<h2>Parameters</h2>" in page and "data:image/png" in page


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_folder_whose_name_is_no_text_is_named_readably(tiny: Make, images: Path) -> None:
    moved = images.with_name("r\udcf6ntgen")
    try:
        images.rename(moved)
    except OSError:
        pytest.skip("this file system has no such names")
    config = tiny(num_epochs=1, file_path=str(moved))
    run_vae_training(config)
    page = write_report(*places(config), names=True).read_text(encoding="utf-8")
    assert str(images.with_name(r"r\udcf6ntgen")) in page


def test_it_counts_what_was_damaged_inside_too(tiny: Make, images: Path) -> None:
    whole = (images / "image_000.png").read_bytes()
    (images / "cut.png").write_bytes(whole[: len(whole) * 2 // 3])  # its header is sound
    (images / "empty.png").write_bytes(b"")
    config = tiny(num_epochs=1)
    run_vae_training(config)
    page = write_report(*places(config)).read_text(encoding="utf-8")
    assert '<th>not used</th><td class="number">2</td>' in page
    assert '<th>used</th><td class="number">12</td>' in page


def test_pictures_of_another_run_are_not_shown(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    folder = Path(config.output_dir)
    for name in ("samples_epoch_0001.png", "reconstructions_epoch_0001.png"):
        write_png(folder / name, np.zeros((9, 9), np.uint8), "another run's mark")
    page = write_report(Path(config.model_save_dir)).read_text(encoding="utf-8")
    assert "Generated images, epoch" not in page and "absolute differences, epoch" not in page


def test_what_was_measured_once_is_seen(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    config, figures = tiny(num_epochs=1), []
    run_vae_training(config)

    def encode(figure: Figure, kind: str) -> bytes:
        figures.append(figure)
        return b""

    monkeypatch.setattr(report, "encode", encode)
    write_report(*places(config))
    markers = [line.get_marker() for axes in figures[-1].axes for line in axes.lines]
    assert len(markers) > 4 and set(markers) == {"."}


def test_it_speaks_the_language_in_use(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))
    config = tiny(num_epochs=4)
    run_vae_training(config)
    language.use("sk")
    try:
        page = write_report(*places(config)).read_text(encoding="utf-8")
    finally:
        language.use("en")
    assert '<html lang="sk">' in page
    for heading in ("Nálezy", "Merania", "Krivky", "Snímky", "Parametre", "Prostredie"):
        assert f"<h2>{heading}</h2>" in page
    assert "<p>Od 2. epochy: num_epochs sa mení z 1 na 4.</p>" in page
    numbers = re.findall(r'<td class="number">(-?[\d.,]+) dB</td>', page)
    assert numbers and all("," in number for number in numbers)
    told = re.sub(r'src="[^"]*"', "", page)
    for english in ("epoch ", "images", "samples", "better", "share of", "Closest"):
        assert english not in told
    curves = [
        base64.b64decode(data).decode() for data in re.findall(r"svg\+xml;base64,([^\"]+)", page)
    ]
    ticks = re.findall(r">(-?\d+[.,]\d+)</text>", "".join(curves))
    assert ticks and not [tick for tick in ticks if "." in tick]


def test_the_terminal_writes_it_where_it_is_told(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1)
    model_save_dir, output_dir = places(config)
    where = [f"--model_save_dir={model_save_dir}", f"--output_dir={output_dir}"]
    assert main(["report", *where]) == 1
    assert "Train first" in capsys.readouterr().err
    run_vae_training(config)
    assert main(["report", *where, "--to", str(tmp_path / "mine.html")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine.html")
    assert (tmp_path / "mine.html").exists() and not (output_dir / REPORT_NAME).exists()
