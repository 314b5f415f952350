"""What the beginning of an image file says, told without decoding a pixel.

No image decoder is called, so that no file can make the program crash: Pillow parses the headers
of JPEG, PNG, BMP and TIFF in Python, and for WebP, of which it does not, this module does.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from vae import reasons
from vae.images import (
    FORMATS,
    MAX_BYTES,
    SIXTEEN_BIT_MODES,
    TOO_LARGE,
    ImageError,
    ImageFile,
    refuse,
    refuse_bomb,
)

NOT_WEBP = tuple(name for name in FORMATS if name != "WEBP")
NAMES = {"MPO": "JPEG", "DIB": "BMP"}  # variants, told by the name that people know
GREY_MODES = ("1", "L", "LA", *SIXTEEN_BIT_MODES)
ORIENTATION = 0x0112  # in EXIF; from 5 on, width and height change places
WEBP_BYTES = 30


class Header(NamedTuple):
    """Format, upright size in pixels, and whether the pixels are saved as grey."""

    format: str
    width: int
    height: int
    grey: bool


def read_header(folder: Path, file: ImageFile) -> Header:
    """Look at the beginning of a file. Raises ImageError if it cannot be used, and OSError."""
    if not file.size:
        raise ImageError(reasons.EMPTY)
    if file.size > MAX_BYTES:
        raise ImageError(TOO_LARGE)
    with (folder / file.name).open("rb") as opened:
        beginning = opened.read(WEBP_BYTES)
        if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
            size = _webp_size(beginning)
            refuse_bomb(*size)
            return Header("WEBP", *size, grey=False)
        opened.seek(0)
        try:
            with Image.open(opened, formats=NOT_WEBP) as image:
                refuse(image)
                return _header(image)
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            raise ImageError(reasons.UNKNOWN_FORMAT) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's, not the parser's
            # Parsers answer a damaged file with every kind of exception.
            why = str(error) or type(error).__name__
            raise ImageError(reasons.DAMAGED.format(why=why)) from error


def _header(image: Image.Image) -> Header:
    width, height = image.size
    # Pillow decodes a PNG to find its EXIF data at the end.
    if image.format in ("JPEG", "MPO") and image.getexif().get(ORIENTATION, 1) >= 5:
        width, height = height, width
    name = NAMES.get(str(image.format), str(image.format))
    return Header(name, width, height, image.mode in GREY_MODES)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first bytes of a WebP file (RFC 9649)."""

    def bits(first: int, count: int, mask: int) -> int:
        return int.from_bytes(data[first : first + count], "little") & mask

    kind = data[12:16]
    if len(data) < WEBP_BYTES:
        raise ImageError(reasons.DAMAGED.format(why="its header is not complete"))
    if kind == b"VP8X":
        return bits(24, 3, 0xFFFFFF) + 1, bits(27, 3, 0xFFFFFF) + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        both = bits(21, 4, 0xFFFFFFF)
        return (both & 0x3FFF) + 1, (both >> 14) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return bits(26, 2, 0x3FFF), bits(28, 2, 0x3FFF)
    raise ImageError(reasons.DAMAGED.format(why="its header is no WebP header"))
