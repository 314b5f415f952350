from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import make_images
from vae import cache
from vae.dataset import MedicalImageDataset
from vae.errors import StopRequested
from vae.grid import GRID_GAP
from vae.gui.data_words import trouble
from vae.images import find_images
from vae.sheet import CELL, Sheet, contact_sheet


def sheet_of(folder: Path, size: int, channels: int) -> Sheet:
    return contact_sheet(folder, find_images(folder)[0], size, channels, lambda: False)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_sheet_shows_the_pixels_that_training_sees(images: Path, channels: int) -> None:
    sheet = sheet_of(images, 16, channels)
    data = MedicalImageDataset(images, 16, channels)
    assert sheet.grid is not None
    for i, pixels in enumerate(data.batch(np.arange(12))):
        y, x = i // 8 * (16 + GRID_GAP), i % 8 * (16 + GRID_GAP)
        cell = sheet.grid[y : y + 16, x : x + 16]
        assert (cell[..., :3] == pixels).all() and (cell[..., 3] == 255).all()
    assert (sheet.shown, sheet.size, sheet.channels) == (12, 16, channels)


@pytest.mark.usefixtures("helpers")
def test_helper_processes_decode_and_nothing_is_kept(images: Path) -> None:
    (images / "cut.png").write_bytes((images / "image_000.png").read_bytes()[:-30])
    sheet = sheet_of(images, 16, 3)
    assert sheet.shown == 12
    assert [name for name, reason in sheet.refused] == ["cut.png"]
    assert not cache.cache_files()


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_saved_as_colour_is_told_from_colour(tmp_path: Path, channels: int) -> None:
    noise = Image.effect_noise((40, 40), 60)
    noise.save(tmp_path / "a grey.png")
    noise.convert("RGB").save(tmp_path / "b grey as RGB.jpg")
    marked = noise.convert("RGB")
    marked.paste((255, 0, 0), (0, 0, 6, 6))
    marked.save(tmp_path / "c with a red mark.jpg")
    assert sheet_of(tmp_path, 32, channels).coloured == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_large_images_are_reduced_on_the_sheet(tmp_path: Path, channels: int) -> None:
    Image.new("L", (30, 30), 77).save(tmp_path / "a.png")
    sheet = sheet_of(tmp_path, 2 * CELL + 16, channels)
    assert sheet.grid is not None
    assert sheet.grid.shape[0] == CELL + 8
    assert (sheet.grid == (77, 77, 77, 255)).all()


def test_a_file_that_cannot_be_used_is_replaced_by_the_nearest_other(tmp_path: Path) -> None:
    make_images(tmp_path, 47)  # of which every second is chosen
    for i in (10, 11, 12):
        (tmp_path / f"image_{i:03d}.png").write_text("no image")
    sheet = sheet_of(tmp_path, 16, 3)
    assert sheet.shown == 24
    assert [name for name, reason in sheet.refused][:2] == ["image_010.png", "image_011.png"]
    assert sheet.grid is not None and (sheet.grid[..., 3] == 255).all()


def test_where_the_images_are_too_few_the_sheet_ends_with_the_last(tmp_path: Path) -> None:
    make_images(tmp_path, 25)
    for i in (3, 8, 9):
        (tmp_path / f"image_{i:03d}.png").write_text("no image")
    sheet = sheet_of(tmp_path, 16, 1)
    assert (sheet.shown, len(sheet.refused)) == (22, 3)
    assert sheet.grid is not None
    alpha = sheet.grid[..., 3]
    cell = 16 + GRID_GAP
    assert (alpha[: 2 * 16 + GRID_GAP] == 255).all()
    assert (alpha[2 * cell :, : 6 * cell - GRID_GAP] == 255).all()
    assert not alpha[2 * cell :, 6 * cell - GRID_GAP :].any()


def test_a_few_images_take_no_more_columns_than_they_are(tmp_path: Path) -> None:
    grid = sheet_of(make_images(tmp_path, 3), 16, 1).grid
    assert grid is not None
    assert grid.shape == (16, 3 * 16 + 2 * GRID_GAP, 4) and (grid[..., 3] == 255).all()


def test_without_an_image_that_can_be_decoded_there_is_no_grid(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    sheet = sheet_of(tmp_path, 16, 3)
    assert sheet.grid is None
    assert (sheet.shown, len(sheet.refused)) == (0, 1)


def test_a_sheet_stops_when_asked(images: Path) -> None:
    with pytest.raises(StopRequested):
        contact_sheet(images, find_images(images)[0], 16, 3, lambda: True)


def test_images_that_are_nearly_black_are_told(tmp_path: Path) -> None:
    values = np.linspace(0, 4095, 900, dtype=np.uint16).reshape(30, 30)
    Image.fromarray(values).save(tmp_path / "12 bits.png")
    dark = sheet_of(tmp_path, 16, 1)
    assert dark.brightest <= 16
    head, lines = trouble(None, dark)
    assert head == f"no value above {dark.brightest} of 255" and "12 bits" in lines[0]
    Image.new("L", (30, 30), 200).save(tmp_path / "b.png")
    assert trouble(None, sheet_of(tmp_path, 16, 1)) == ("", [])
