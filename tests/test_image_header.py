from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae.image_header import Header, read_header
from vae.images import ImageError, ImageFile

WIDE = Image.fromarray(np.arange(30 * 20, dtype=np.uint16).astype(np.uint8).reshape(20, 30))


def header_of(path: Path) -> Header:
    return read_header(path.parent, ImageFile(path.name, path.stat().st_size, 0))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    ("suffix", "format"), [("jpg", "JPEG"), ("png", "PNG"), ("bmp", "BMP"), ("tif", "TIFF")]
)
def test_the_header_tells_format_size_and_grey(
    tmp_path: Path, suffix: str, format: str, mode: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    WIDE.convert(mode).save(path)
    assert header_of(path) == (format, 30, 20, mode == "L")


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGB", {"exif": b"Exif\0\0"})],
)
def test_each_kind_of_webp_tells_its_size(
    tmp_path: Path, mode: str, options: dict[str, object]
) -> None:
    path = tmp_path / "a.webp"
    picture = WIDE.convert(mode)
    if mode == "RGBA":
        picture.putpixel((0, 0), (1, 2, 3, 4))
    picture.save(path, **options)  # type: ignore[arg-type]
    assert header_of(path)[:3] == ("WEBP", 30, 20)


def test_a_turned_photograph_has_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    WIDE.save(tmp_path / "a.jpg", exif=exif)
    assert header_of(tmp_path / "a.jpg")[1:3] == (20, 30)


def test_pixels_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:100])
    assert header_of(path)[1:3] == (64, 64)


def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8 ")
    large = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff\xff\0\xff\xff\0"
    (tmp_path / "bomb.webp").write_bytes(large)
    (tmp_path / "odd.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP9 " + bytes(20))
    WIDE.save(tmp_path / "pages.tif", save_all=True, append_images=[WIDE])
    WIDE.convert("F").save(tmp_path / "deep.tif")
    Image.new("1", (20_000, 6000)).save(tmp_path / "bomb.png")
    reasons = {
        "empty.png": "is empty",
        "text.png": "is not a JPEG",
        "cut.webp": "is damaged",
        "odd.webp": "is damaged",
        "pages.tif": "several pages",
        "deep.tif": "32-bit",
        "bomb.webp": "has 65536 x 65536 pixels",
        "bomb.png": "more than 100 million",
    }
    for name, reason in reasons.items():
        with pytest.raises(ImageError, match=reason):
            header_of(tmp_path / name)
