"""Find image files and decode one."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError

from vae import reasons
from vae.errors import StopRequested
from vae.files import identity
from vae.language import _, joined

# Formats of this field that are not read, by suffix.
MEDICAL = {".dcm": "DICOM", ".nii": "NIfTI"}
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP")
# Read from the header, before a pixel is decoded: a small file can unpack to gigabytes.
MAX_PIXELS = 100_000_000
MAX_BYTES = 1_000_000_000
TOO_LARGE = reasons.TOO_LARGE.format(megabytes=MAX_BYTES // 10**6)
STOP_EVERY = 256  # entries of the scan
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")

Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS takes its place
Image.init()  # registers all formats at once; done on demand it is not safe among threads


def _opencv_version() -> str:
    """As `cv2.__version__`, without the import: most processes know images only as pixels."""
    try:
        return ".".join(version("opencv-python").split(".")[:3])
    except PackageNotFoundError:  # it came by another name: headless, or from a distribution
        import cv2

        return str(cv2.__version__)


# Names what decode_image makes of a file: raise its first number whenever that changes.
DECODER = f"1 Pillow {PIL.__version__} OpenCV {_opencv_version()}"


class ImageError(Exception):
    """An image file that cannot be used; the text is the reason, in English."""


class ImageFile(NamedTuple):
    """A file found. A folder may hold a million: 200 bytes each.

    name is its path from the chosen folder (POSIX form), size in bytes, mtime in nanoseconds.
    """

    name: str
    size: int
    mtime: int


def find_images(
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[ImageFile], list[tuple[Path, str]]]:
    """All files below a folder that are named like images, sorted by their path from it.

    Only regular files count. Symbolic links are followed, each folder once, so that a loop ends.
    Also returns what could not be read, with the reasons. Raises OSError when the folder itself
    cannot be read, also from some moment on, and StopRequested when asked to stop.
    """
    must_answer(folder)
    found: list[ImageFile] = []
    unreadable: list[tuple[Path, str]] = []
    for number, entry in enumerate(_walk(folder, unreadable)):
        if number % STOP_EVERY == 0:
            progress(len(found))
            if should_stop():
                raise StopRequested
        if entry is not None:
            found.append(entry)
    if should_stop():
        raise StopRequested
    return sorted(found, key=lambda file: file.name), unreadable


def evenly_spread(count: int, most: int) -> np.ndarray:
    """At most so many of `count` places, the first and the last among them: int64 indices."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


def none_found(folder: Path, should_stop: Callable[[], bool]) -> str:
    """What to say of a folder without images. Raises StopRequested."""
    text = _(
        "No images in {folder}. Looked for {suffixes}, subfolders included. "
        "Choose the folder that holds your images."
    )
    text = text.format(folder=folder, suffixes=", ".join(SUFFIXES))
    for _place, _folders, files in os.walk(folder):
        if should_stop():
            raise StopRequested
        for suffix, name in MEDICAL.items():
            if any(file.lower().endswith((suffix, f"{suffix}.gz")) for file in files):
                more = _("{name} files ({suffix}) are not read: export them as PNG first.")
                return joined(text, more.format(name=name, suffix=suffix))
    return text


def must_answer(folder: Path) -> None:
    """Raise OSError if a folder cannot be listed, as when its drive or network has gone.

    Then it is no fault of a file in it that this cannot be read.
    """
    with os.scandir(folder) as listing:
        next(listing, None)


def _walk(folder: Path, unreadable: list[tuple[Path, str]]) -> Iterator[ImageFile | None]:
    """Yields once for each entry: an image file, or None for anything else."""

    def leave_out(path: str, error: OSError) -> None:
        must_answer(folder)
        unreadable.append((Path(path), reasons.UNREADABLE.format(why=error.strerror or error)))

    pending = [(str(folder), "")]
    seen: set[tuple[int, int] | str] = set()
    while pending:
        path, prefix = pending.pop()
        folders: list[tuple[str, str]] = []
        try:
            if (place := identity(path)) in seen:
                continue
            seen.add(place)
            with os.scandir(path) as listing:
                for entry in listing:
                    yield _look_at(entry, prefix, folders, leave_out)
        except OSError as error:
            if not prefix:  # the chosen folder itself
                raise
            leave_out(path, error)
            continue
        # Sorted, so that of two links to one folder the same one is taken each time.
        pending += sorted(folders)


def _look_at(
    entry: os.DirEntry[str],
    prefix: str,
    folders: list[tuple[str, str]],
    leave_out: Callable[[str, OSError], None],
) -> ImageFile | None:
    """The image file that an entry is, if it is one; a folder is added to `folders`."""
    try:
        if entry.is_dir():
            folders.append((entry.path, f"{prefix}{entry.name}/"))
        elif _is_image_name(entry.name) and entry.is_file():
            facts = entry.stat()
            return ImageFile(prefix + entry.name, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        # A dangling link, or a link to itself, is no file that could be an image.
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            leave_out(entry.path, error)
    return None


def _is_image_name(name: str) -> bool:
    # macOS leaves "._name.jpg" beside a file on foreign disks: metadata, never an image.
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def read_file(folder: Path, file: ImageFile) -> bytes:
    """The bytes of a file in the chosen folder, read once: what is decoded is what was hashed.

    Raises ImageError if it is empty or too large, and OSError.
    """
    with (folder / file.name).open("rb") as opened:
        if os.fstat(opened.fileno()).st_size > MAX_BYTES:
            raise ImageError(TOO_LARGE)
        data = opened.read()  # to ask for MAX_BYTES would take the memory for them
    if not data:
        raise ImageError(reasons.EMPTY)
    return data


def decode_image(data: bytes, size: int, channels: int) -> np.ndarray:
    """Decode a file to uint8 (size, size, channels), EXIF orientation applied, stretched to fit.

    Shrinks by averaging areas; 16-bit grey is scaled from its full range (65535 becomes 255).
    Raises ImageError with the reason if the file cannot be used, MemoryError if memory ran out.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _resize(_pixels(image, size, channels), size, channels)
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(reasons.UNKNOWN_FORMAT) from error
    except Exception as error:
        # Decoders answer a damaged file with every kind of exception: each means the same here.
        why = str(error) or type(error).__name__
        raise ImageError(reasons.DAMAGED.format(why=why)) from error


def refuse_bomb(width: int, height: int) -> None:
    """Raise ImageError if an image has too many pixels to be decoded."""
    if width * height > MAX_PIXELS:
        text = reasons.TOO_MANY_PIXELS
        raise ImageError(text.format(width=width, height=height, millions=MAX_PIXELS // 10**6))


def refuse(image: Image.Image) -> None:
    """Raise ImageError if the header of an opened file says that it cannot be used."""
    refuse_bomb(*image.size)
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise ImageError(reasons.SEVERAL_FRAMES)
    if image.mode in ("F", "I"):
        raise ImageError(reasons.DEEP_PIXELS)


def _pixels(image: Image.Image, size: int, channels: int) -> np.ndarray:
    """The upright pixels of an opened file, uint8 or uint16, (H, W) or (H, W, channels)."""
    refuse(image)
    mode = "L" if channels == 1 else "RGB"
    if image.format == "JPEG":
        # Decodes at 1/2, 1/4 or 1/8 where that is still at least twice the target.
        image.draft(mode, (2 * size, 2 * size))
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in SIXTEEN_BIT_MODES:
        return np.asarray(upright).astype(np.uint16)
    return np.asarray(upright.convert("RGB").convert(mode))


def _resize(pixels: np.ndarray, size: int, channels: int) -> np.ndarray:
    import cv2  # 26 MB, for the processes alone that decode

    height, width = pixels.shape[:2]
    # Two steps, since area averaging is for shrinking only and a strip may shrink one way.
    smaller = (min(width, size), min(height, size))
    if smaller != (width, height):
        pixels = cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA)
    if smaller != (size, size):
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR)
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], channels, axis=2)
    return pixels
