from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import make_images
from vae import survey as module
from vae.errors import StopRequested, StudioError
from vae.events import Progress
from vae.groups import Grouping
from vae.survey import Survey, find, survey


def ignore(progress: Progress) -> None:
    pass


def never() -> bool:
    return False


def look(folder: Path) -> Survey:
    return survey(find(folder, ignore, never), ignore, never)


def test_formats_sizes_and_shapes_are_counted(images: Path) -> None:
    Image.new("RGB", (10, 8)).save(images / "small.jpg")
    Image.new("L", (50, 40)).save(images / "sub.png")
    found = look(images)
    assert found.files == 14
    assert found.formats == (("PNG", 13), ("JPEG", 1))
    assert found.sizes == ((10, 8), (20, 20), (50, 40))
    assert (found.not_square, found.saved_grey, found.refused, found.copies) == (2, 1, 0, 0)


def test_the_sample_is_spread_evenly_over_the_sorted_files(tmp_path: Path) -> None:
    for i in range(286):
        (tmp_path / f"{i:03d}.png").touch()
    names = [file.name for file in find(tmp_path, ignore, never).sample]
    assert len(set(names)) == 96
    assert names == sorted(names)
    assert (names[0], names[-1]) == ("000.png", "285.png")
    assert {int(b[:3]) - int(a[:3]) for a, b in itertools.pairwise(names)} == {3}


def test_ratios_are_told_as_people_say_them(tmp_path: Path) -> None:
    sizes = [(400, 300)] * 3 + [(341, 256), (300, 400), (50, 50), (201, 200), (127, 100), (30, 90)]
    for i, size in enumerate(sizes):
        Image.new("L", size).save(tmp_path / f"{i}.png")
    found = look(tmp_path)
    assert found.ratios == (
        ((4, 3), 4), ((1, 1), 2), ((3, 4), 1), ((1.27, 1), 1), ((1, 3), 1),
    )  # fmt: skip
    assert found.not_square == 7


def test_a_header_without_a_width_has_a_ratio(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a\0\0\5\0")
    assert look(tmp_path).ratios == (((1, 5), 1),)


def test_files_that_are_saved_as_colour_are_found_among_all(images: Path) -> None:
    for i in range(60):
        Image.new("L", (20, 20), i).save(images / f"grey {i}.png")
    found = look(images)
    assert (found.saved_grey, found.saved_colour) == (60, 12)
    assert {file.name for file in found.colour_sample} == {f"image_{i:03d}.png" for i in range(12)}


def test_files_that_cannot_be_used_are_named_with_the_reason(images: Path) -> None:
    (images / "sub").mkdir()
    (images / "sub" / "no\nimage.png").write_text("text")
    (images / "empty.png").touch()
    found = look(images)
    assert found.refused == 2
    names = dict(found.unreadable)
    assert names["empty.png"] == "is empty"
    assert "is not a JPEG" in names["sub/no\\nimage.png".replace("/", os.sep)]


def test_a_file_that_is_gone_meanwhile_is_named(images: Path) -> None:
    found = find(images, ignore, never)
    (images / "image_000.png").unlink()
    gone = survey(found, ignore, never)
    assert gone.unreadable == (("image_000.png", "cannot be read (No such file or directory)"),)


def test_copies_are_found_by_content_alone(images: Path) -> None:
    (images / "z").mkdir()
    content = (images / "image_003.png").read_bytes()
    (images / "z" / "other name.png").write_bytes(content)
    (images / "z" / "same size.png").write_bytes(content[:-1] + b"x")
    (images / "empty 1.png").touch()
    (images / "empty 2.png").touch()
    found = look(images)
    assert found.copies == 1
    assert found.duplicates == (("image_003.png", str(Path("z/other name.png"))),)


def test_large_files_that_differ_between_the_blocks_are_no_copies(tmp_path: Path) -> None:
    pixels = np.zeros((300, 400), np.uint8)
    for i in range(3):
        pixels[80, 200] = i % 2  # in none of the three blocks that are read first
        Image.fromarray(pixels).save(tmp_path / f"{i}.bmp")
    assert look(tmp_path).duplicates == (("0.bmp", "2.bmp"),)


def test_only_files_of_equal_size_are_opened_for_comparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side in (10, 20, 30):
        Image.new("L", (side, side)).save(tmp_path / f"{side}.bmp")
    monkeypatch.setattr(module, "_digest", lambda *arguments: pytest.fail("opened"))
    assert look(tmp_path).copies == 0


def test_long_lists_are_cut_and_their_numbers_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTED", 3)
    for i in range(5):
        (tmp_path / f"{i}.png").write_text("no image")
    found = look(tmp_path)
    assert (found.refused, len(found.unreadable), found.copies) == (5, 3, 4)


def test_names_of_files_that_can_be_used_tell_of_patients(tmp_path: Path) -> None:
    for i in range(12):
        Image.new("L", (9, 9), i).save(tmp_path / f"case_{i // 2}_{i}.png")
    (tmp_path / "case_6_12.png").write_text("no image")
    assert look(tmp_path).grouping == Grouping(r"(?i)case[ _-]?\d+", 6, 12)


def test_a_look_stops_when_asked_and_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "PROGRESS_SECONDS", 0)
    found = find(make_images(tmp_path, 12), ignore, never)
    told: list[Progress] = []
    with pytest.raises(StopRequested):
        survey(found, told.append, lambda: len(told) == 2)
    assert told == [Progress("look", 0, 12), Progress("look", 4, 12)]
    with pytest.raises(StopRequested):
        find(tmp_path, ignore, lambda: True)


def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"No images in .* Choose the folder"):
        find(tmp_path, ignore, never)
    with pytest.raises(StudioError, match="does not exist"):
        find(tmp_path / "gone", ignore, never)


def test_a_look_writes_nothing_into_the_folder(images: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (images, *images.iterdir()))
    look(images)
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (images, *images.iterdir()))
