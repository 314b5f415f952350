"""The pictures that a run's epochs left: found, read, and put together to a GIF or a strip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vae.files import (
    RECONSTRUCTIONS_NAME,
    RUN_KEY,
    SAMPLES_NAME,
    atomic_write,
    reconstructions_name,
    samples_name,
)
from vae.images import evenly_spread  # and its pixel limit, not Pillow's smaller one

FRAME_MS = 200
LAST_FRAME_MS = 1500
MAX_FRAMES = 200
MAX_STRIP = 6
# Of a picture, in pixels: wider ones are made smaller by a whole factor.
WIDEST_FRAME, WIDEST_IN_STRIP = 1200, 4200
TEXT_SIZE, LINE, GAP = 20, 30, 8


@dataclass(frozen=True)
class Shelf:
    """One kind of pictures: how their files are named."""

    pattern: re.Pattern[str]
    name: Callable[..., str]  # of an epoch, and of images of the next

    def epochs(self, folder: Path, up_to: int) -> tuple[int, ...]:
        """The epochs up to one whose picture is in a folder, ascending. Raises OSError."""
        if not folder.is_dir():
            return ()
        matches = (self.pattern.fullmatch(path.name) for path in folder.iterdir())
        found = sorted(int(match[1]) for match in matches if match)
        return tuple(epoch for epoch in found if epoch <= up_to)

    def places(self, folder: Path, up_to: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The epochs, and images of the next, up to such a place of which there are pictures.

        Raises OSError.
        """
        found = []
        for path in folder.iterdir() if folder.is_dir() else ():
            numbers = [int(digits) for digits in re.findall(r"\d+", path.name)]
            if numbers and path.name in (self.name(numbers[0]), self.name(*numbers[:2])):
                found.append((numbers[0], sum(numbers[1:])))
        return tuple(sorted(place for place in found if place <= up_to))

    def newest(self, folder: Path, up_to: int, run: str) -> int | None:
        """The newest of these epochs whose picture has the mark of a run, or none.

        Opens pictures until one is found. Raises OSError.
        """
        epochs = reversed(self.epochs(folder, up_to))
        own = (epoch for epoch in epochs if run_of(folder / self.name(epoch)) in ("", run))
        return next(own, None)


SAMPLES = Shelf(SAMPLES_NAME, samples_name)
RECONSTRUCTIONS = Shelf(RECONSTRUCTIONS_NAME, reconstructions_name)


def read_picture(path: Path) -> np.ndarray:
    """A picture as uint8 (h, w) or (h, w, 3). Raises OSError."""
    with Image.open(path) as image:
        return np.asarray(image)


def run_of(path: Path) -> str:
    """The mark of the run that wrote a picture, or nothing if it is not known."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return str(image.info.get(RUN_KEY, ""))
    except (OSError, ValueError, SyntaxError):  # of a file that is not whole
        return ""


def evenly(epochs: tuple[int, ...], most: int) -> list[int]:
    """At most so many of some epochs, the first and the last among them."""
    return [epochs[place] for place in evenly_spread(len(epochs), most)]


def write_gif(shelf: Shelf, folder: Path, epochs: tuple[int, ...], to: Path) -> int:
    """Write the pictures of some epochs as an animation, each with its epoch below.

    Returns the number of frames, at most MAX_FRAMES. Raises OSError.
    """
    chosen = evenly(epochs, MAX_FRAMES)
    # Only one of them is in memory, beside what Pillow makes of them.
    frames = _with_epochs(shelf, folder, chosen, WIDEST_FRAME)
    times = [FRAME_MS] * (len(chosen) - 1) + [LAST_FRAME_MS]
    with atomic_write(to) as file:
        next(frames).save(
            file, format="GIF", save_all=True, append_images=frames, duration=times, loop=0
        )
    return len(chosen)


def write_strip(shelf: Shelf, folder: Path, epochs: tuple[int, ...], to: Path) -> int:
    """Write the pictures of some epochs beside each other as a PNG, each with its epoch below.

    Returns the number of pictures, at most MAX_STRIP. Raises OSError.
    """
    frames = list(_with_epochs(shelf, folder, evenly(epochs, MAX_STRIP), WIDEST_IN_STRIP))
    width = sum(frame.width for frame in frames) + GAP * (len(frames) - 1)
    strip = Image.new("RGB", (width, max(frame.height for frame in frames)))
    left = 0
    for frame in frames:
        strip.paste(frame, (left, 0))
        left += frame.width + GAP
    with atomic_write(to) as file:
        strip.save(file, format="PNG")
    return len(frames)


def _with_epochs(
    shelf: Shelf, folder: Path, epochs: Iterable[int], widest: int
) -> Iterator[Image.Image]:
    font = ImageFont.load_default(TEXT_SIZE)
    for epoch in epochs:
        picture = Image.fromarray(read_picture(folder / shelf.name(epoch)))
        picture = picture.reduce(-(-picture.width // widest))
        frame = Image.new("RGB", (picture.width, picture.height + LINE))
        frame.paste(picture, (0, 0))
        where = (picture.width // 2, picture.height + 3)
        ImageDraw.Draw(frame).text(where, f"epoch {epoch}", (255, 255, 255), font, anchor="ma")
        yield frame
