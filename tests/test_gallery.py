"""The pictures of a run's epochs: found, and put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae.files import reconstructions_name, samples_name
from vae.gallery import (
    MAX_STRIP,
    RECONSTRUCTIONS,
    SAMPLES,
    evenly,
    read_picture,
    write_gif,
    write_strip,
)
from vae.samples import write_png


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for epoch in range(1, 10):
        write_png(tmp_path / samples_name(epoch), np.full((40, 60), 20 * epoch, np.uint8))
    write_png(tmp_path / samples_name(3, 120), np.zeros((40, 60), np.uint8))
    write_png(tmp_path / reconstructions_name(4), np.zeros((40, 60, 3), np.uint8))
    return tmp_path


def test_the_epochs_of_a_kind_are_found(pictures: Path) -> None:
    assert SAMPLES.epochs(pictures, 7) == (1, 2, 3, 4, 5, 6, 7)
    assert RECONSTRUCTIONS.epochs(pictures, 7) == (4,)
    assert SAMPLES.epochs(pictures / "gone", 7) == ()


def test_places_between_epochs_are_found_in_their_order(pictures: Path) -> None:
    write_png(pictures / samples_name(10, 20), np.zeros((4, 4), np.uint8))
    for other in ("samples_epoch_3.png", "samples_epoch_0003_image_120_2.png", "samples_5.png"):
        (pictures / other).touch()
    assert SAMPLES.places(pictures, (4, 0)) == ((1, 0), (2, 0), (3, 0), (3, 120), (4, 0))
    assert SAMPLES.places(pictures, (3, 100))[-1] == (3, 0)
    assert SAMPLES.places(pictures, (10, 20))[-1] == (10, 20)
    assert RECONSTRUCTIONS.places(pictures, (9, 0)) == ((4, 0),)
    assert SAMPLES.places(pictures / "gone", (9, 0)) == ()


def test_the_newest_is_of_the_run_or_of_no_run_that_is_known(pictures: Path) -> None:
    assert SAMPLES.newest(pictures, 7, "mine") == 7
    for epoch, run in ((5, "mine"), (6, "other"), (7, "other")):
        write_png(pictures / samples_name(epoch), np.zeros((4, 4), np.uint8), run)
    assert SAMPLES.newest(pictures, 7, "mine") == 5
    assert SAMPLES.newest(pictures, 7, "other") == 7
    assert SAMPLES.newest(pictures, 7, "") == 4
    assert RECONSTRUCTIONS.newest(pictures, 3, "mine") is None


def test_some_epochs_are_chosen_evenly_with_both_ends() -> None:
    assert evenly(tuple(range(1, 101)), 4) == [1, 34, 67, 100]
    assert evenly((2, 5), 4) == [2, 5]


def test_an_animation_has_a_frame_for_each_epoch(pictures: Path, tmp_path: Path) -> None:
    to = tmp_path / "out" / "samples.gif"
    assert write_gif(SAMPLES, pictures, tuple(range(1, 10)), to) == 9
    with Image.open(to) as animation:
        assert animation.n_frames == 9  # type: ignore[attr-defined]
        levels = []
        for frame in range(9):
            animation.seek(frame)
            levels.append(animation.convert("L").getpixel((5, 5)))
    assert levels == pytest.approx([20 * epoch for epoch in range(1, 10)], abs=4)


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    for epoch in (1, 2):
        write_png(tmp_path / samples_name(epoch), np.zeros((30, 9000), np.uint8))
    write_gif(SAMPLES, tmp_path, (1, 2), tmp_path / "a.gif")
    write_strip(SAMPLES, tmp_path, (1, 2), tmp_path / "a.png")
    with Image.open(tmp_path / "a.gif") as animation, Image.open(tmp_path / "a.png") as strip:
        assert animation.size == (9000 // 8, 4 + 30)
        assert strip.size == (2 * 9000 // 3 + 8, 10 + 30)


def test_a_strip_shows_epochs_side_by_side(pictures: Path, tmp_path: Path) -> None:
    to = tmp_path / "strip.png"
    assert write_strip(SAMPLES, pictures, tuple(range(1, 10)), to) == MAX_STRIP
    strip = read_picture(to)
    assert strip.shape[1] == MAX_STRIP * 60 + (MAX_STRIP - 1) * 8
    assert strip[0, 0, 0] == 20 and strip[0, -1, 0] == 180
    assert strip[41:].any()  # the epochs, written below
