from __future__ import annotations

import itertools
import os
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.conftest import number_no_file
from vae.demo import make_demo_data
from vae.errors import StopRequested
from vae.images import (
    MAX_PIXELS,
    ImageError,
    ImageFile,
    decode_image,
    find_images,
    none_found,
    read_file,
)

GRADIENT = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))


def decode(path: Path, size: int, channels: int) -> np.ndarray:
    data = read_file(path.parent, ImageFile(path.name, path.stat().st_size, 0))
    return decode_image(data, size, channels)


def found(folder: Path) -> list[str]:
    return [file.name for file in find_images(folder)[0]]


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_formats_decode_to_the_asked_shape(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"ä b.{suffix}"
    Image.fromarray(GRADIENT).convert(mode).save(path)
    for channels in (1, 3):
        pixels = decode(path, 16, channels)
        assert (pixels.shape, pixels.dtype) == ((16, 16, channels), np.uint8)
        expected = GRADIENT.reshape(16, 4, 16, 4).mean((1, 3))[:, :, None]
        assert np.abs(pixels - expected).max() < 4


def test_shrinking_averages_areas(tmp_path: Path) -> None:
    path = tmp_path / "stripes.png"
    Image.fromarray(np.tile(np.array([0, 200], np.uint8), (32, 16))).save(path)
    assert (decode(path, 8, 1) == 100).all()


def test_sixteen_bits_are_scaled_from_their_full_range(tmp_path: Path) -> None:
    for suffix in ("png", "tif"):
        path = tmp_path / f"deep.{suffix}"
        Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(path)
        assert (decode(path, 8, 1) == 156).all()
        assert (decode(path, 8, 3) == 156).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((32, 32), np.uint8)
    upright[:16, :16] = 250  # bright top left
    inverse = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turns = dict(zip(range(2, 9), (
        "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270",
        "TRANSVERSE", "ROTATE_90"), strict=True))  # fmt: skip
    image = Image.fromarray(upright)
    if orientation > 1:
        image = image.transpose(Image.Transpose[turns[inverse]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    image.save(path, exif=exif, quality=95)
    pixels = decode(path, 32, 1)[:, :, 0].astype(int)
    assert np.abs(pixels - upright).mean() < 3


def test_cmyk_and_palette_become_colours(tmp_path: Path) -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    for name, image in (("a.tif", red.convert("CMYK")), ("b.png", red.convert("P"))):
        image.save(tmp_path / name)
        assert decode(tmp_path / name, 8, 3)[0, 0].tolist() == [255, 0, 0]


def damaged(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_unusable_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("not an image")
    Image.new("F", (8, 8)).save(tmp_path / "float.tif")
    Image.new("L", (8, 8)).save(
        tmp_path / "pages.tif", save_all=True, append_images=[Image.new("L", (8, 8))]
    )
    cases = {
        "empty.png": "is empty",
        "text.jpg": "is not a JPEG",
        "float.tif": "32-bit",
        "pages.tif": "several pages",
        damaged(tmp_path / "half.png").name: "damaged",
        damaged(tmp_path / "half.jpg").name: "damaged",
    }
    for name, reason in cases.items():
        with pytest.raises(ImageError, match=reason):
            decode(tmp_path / name, 16, 3)


def test_a_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, MAX_PIXELS // 20_000 + 1)).save(path)
    with pytest.raises(ImageError, match="more than 100 million"):
        decode(path, 16, 1)


def test_files_are_found_in_subfolders_sorted_and_by_name_alone(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "a/1.jpeg", "a/notes.txt", "z.tiff", "._z.tiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path) == ["a/1.jpeg", "b/2.PNG", "z.tiff"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither FIFOs nor free symlinks")
def test_loops_dangling_links_and_pipes_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "1.png").touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    assert found(tmp_path) == ["sub/1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no free symlinks")
def test_folders_of_a_drive_that_numbers_none_are_all_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.png", "a/2.png", "b/c/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    number_no_file(monkeypatch)
    assert found(tmp_path) == ["1.png", "a/2.png", "b/c/3.png"]


def test_a_drive_that_goes_while_it_is_searched_is_no_smaller_folder(
    tmp_path: Path, drive: threading.Event
) -> None:
    for name in ("1.png", "a/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def gone(count: int) -> None:
        drive.set()  # once the chosen folder has begun to be listed

    with pytest.raises(OSError, match="Input/output error"):
        find_images(tmp_path, progress=gone)


def test_an_entry_that_cannot_be_looked_at_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        name, path = "2.png", str(tmp_path / "2.png")

        def is_dir(self) -> bool:
            raise PermissionError(13, "Permission denied", self.path)

    class Listing(list[Any]):
        def __enter__(self) -> Any:
            return iter(self)

        def __exit__(self, *error: object) -> None: ...

    (tmp_path / "1.png").touch()
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Listing([*real(path), Entry()]))
    files, unreadable = find_images(tmp_path)
    assert [file.name for file in files] == ["1.png"]
    assert unreadable == [(tmp_path / "2.png", "cannot be read (Permission denied)")]


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(GRADIENT, 8 * i, axis=1)).convert("RGB") for i in range(3)]
    for name in ("a.png", "a.webp", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        with pytest.raises(ImageError, match="several pages or frames"):
            decode(tmp_path / name, 16, 3)


def test_names_of_any_kind_are_found_and_read(tmp_path: Path) -> None:
    names = [f"{'n' * 251}.png", "-dash.png", "quote'\"$HOME;.png", "é.png", "e\u0301.png", " .png"]
    if sys.platform != "win32":
        names += ["line\nbreak.png", "\udcff.png"]
    for name in names:
        Image.fromarray(GRADIENT).save(tmp_path / "x.bmp", format="PNG")
        (tmp_path / "x.bmp").rename(tmp_path / name)
    assert sorted(found(tmp_path)) == sorted(names)
    for name in names:
        assert decode(tmp_path / name, 16, 1).shape == (16, 16, 1)


def test_a_file_that_grew_beyond_the_bound_since_the_scan_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(GRADIENT).save(path)
    scanned = find_images(tmp_path)[0][0]
    monkeypatch.setattr("vae.images.MAX_BYTES", scanned.size)
    assert read_file(tmp_path, scanned)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ImageError, match="is larger than"):
        read_file(tmp_path, scanned)


def test_to_read_a_file_takes_no_more_memory_than_it_has_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 10**6)
    (scanned,) = find_images(tmp_path)[0]
    tracemalloc.start()
    try:
        assert len(read_file(tmp_path, scanned)) == 10**6
        assert tracemalloc.get_traced_memory()[1] < 2 * 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("height", [1024, 700])
def test_a_large_jpeg_decoded_at_a_fraction_looks_like_the_whole(
    tmp_path: Path, mode: str, height: int
) -> None:
    (phantom,) = make_demo_data(tmp_path / "demo", count=1, size=1024)
    with Image.open(phantom) as image:
        clean = np.asarray(image.convert("RGB"))[:height].astype(float)
    grain = np.random.default_rng(3).normal(0, 6, clean.shape[:2])[:, :, None]
    pixels = (clean + grain).clip(0, 255).astype(np.uint8)
    path = tmp_path / "large.jpg"
    Image.fromarray(pixels).convert(mode).save(path, quality=92)
    for size, channels in itertools.product((64, 96, 128), (1, 3)):
        with Image.open(path) as image:
            whole = np.asarray(image.convert("RGB" if channels == 3 else "L"))
        full = cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA)
        decoded = decode(path, size, channels).reshape(full.shape)
        assert np.abs(decoded.astype(int) - full).mean() < 0.5


def test_the_scan_stops_when_asked_among_files_of_any_kind(tmp_path: Path) -> None:
    for i in range(600):
        (tmp_path / f"{i}.dcm").touch()
    asked = []
    find_images(tmp_path, should_stop=lambda: bool(asked.append(None)))
    assert len(asked) > 2
    with pytest.raises(StopRequested):
        find_images(tmp_path, should_stop=lambda: True)
    assert "DICOM files (.dcm) are not read" in none_found(tmp_path, lambda: False)
    with pytest.raises(StopRequested):
        none_found(tmp_path, lambda: True)


def test_a_subfolder_or_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "1.png").touch()
    real = os.scandir

    def scandir(path: str | Path) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files, unreadable = find_images(tmp_path)
    assert [file.name for file in files] == ["1.png"]
    assert unreadable == [(tmp_path / "locked", "cannot be read (Permission denied)")]
    (tmp_path / "1.png").unlink()
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path, files[0])
    with pytest.raises(FileNotFoundError):
        find_images(tmp_path / "gone")
