"""A look at a folder of images: what is in it, as far as can be told without decoding them all."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from vae import reasons
from vae.errors import StopRequested, StudioError
from vae.events import Progress
from vae.files import readable
from vae.groups import Grouping, suggest
from vae.image_header import Header, read_header
from vae.images import ImageError, ImageFile, evenly_spread, find_images, none_found
from vae.paths import cannot_read

# Files that a contact sheet may be made of, and at most so many that are looked at for colour.
SAMPLE = 96
COLOUR_SAMPLE = 24
# Width to height as people say it, of images wider than high; and how far off is still said so.
RATIOS = ((1, 1), (5, 4), (4, 3), (3, 2), (16, 10), (5, 3), (16, 9), (2, 1))
NEAR = 0.005
# What a list can show; the numbers beside it count all.
LISTED = 1000
# More threads wait for a network in parallel, but take turns with the window.
THREADS = 4
CHUNK = 64
PROGRESS_SECONDS = 0.25
BLOCK = 16_384

Emit = Callable[[Progress], None]
Stop = Callable[[], bool]
Ratio = tuple[float, float]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Found(NamedTuple):
    """The image files of a folder, and what in it cannot be read, with the reasons."""

    folder: Path
    files: list[ImageFile]
    unreadable: list[tuple[str, str]]

    @property
    def sample(self) -> tuple[ImageFile, ...]:
        """At most 96 files, spread evenly over all."""
        return _spread(self.files, SAMPLE)


@dataclass(frozen=True)
class Survey:
    """What the headers of all files say, and which files are copies of others.

    formats are the most frequent first. sizes are the smallest, the median and the largest (width,
    height) by area, none if no header can be read. ratios are width to height with the number of
    images, the most frequent first: (4, 3), or (1.27, 1) where people have no name for it; whatever
    is further from 1:1 than half a per cent is not square. colour_sample are at most 24 of the
    files whose pixels are saved as colour, spread evenly; decoded and coloured say how many of them
    were decoded since, and have it. Of files that cannot be used and of groups of copies at most
    1,000 are named; refused and copies count all. grouping is what the names of those that can be
    used tell of patients.
    """

    folder: Path
    files: int
    formats: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[int, int], ...]
    ratios: tuple[tuple[Ratio, int], ...]
    saved_grey: int
    refused: int
    unreadable: tuple[tuple[str, str], ...]
    copies: int
    duplicates: tuple[tuple[str, ...], ...]
    sample: tuple[ImageFile, ...]
    colour_sample: tuple[ImageFile, ...]
    grouping: Grouping | None
    decoded: int = 0
    coloured: int = 0

    @property
    def whole(self) -> int:
        """How many files can be used, as far as their headers tell."""
        return sum(count for _name, count in self.formats)

    @property
    def not_square(self) -> int:
        """How many of them are stretched."""
        return self.whole - dict(self.ratios).get((1, 1), 0)

    @property
    def saved_colour(self) -> int:
        """How many of them are saved as colour, which may be grey all the same."""
        return self.whole - self.saved_grey


def find(folder: Path, emit: Emit, should_stop: Stop) -> Found:
    """Find the image files. Raises StudioError with what to do, OSError and StopRequested."""
    if problem := cannot_read(folder):
        raise StudioError(f"{readable(folder)} {problem}.")
    report = _seldom(emit)
    files, unreadable = find_images(
        folder, should_stop, lambda count: report(Progress("scan", count, 0))
    )
    if not files:
        raise StudioError(none_found(folder, should_stop))
    names = [(readable(path.relative_to(folder)), reason) for path, reason in unreadable]
    return Found(folder, files, names)


def survey(found: Found, emit: Emit, should_stop: Stop) -> Survey:
    """Look at the headers of all files and compare their content. Raises StopRequested."""
    formats: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    bad, refused = list(found.unreadable), len(found.unreadable)
    in_colour: list[ImageFile] = []
    names: list[str] = []  # of those that can be used
    report = _seldom(emit)

    def look(file: ImageFile) -> Header | str:
        try:
            return read_header(found.folder, file)
        except ImageError as error:
            return str(error)
        except OSError as error:
            return reasons.UNREADABLE.format(why=error.strerror or error)

    for file, header in _each(look, found.files, "look", report, should_stop):
        if isinstance(header, str):
            refused += 1
            if len(bad) < LISTED:
                bad.append((readable(Path(file.name)), header))
            continue
        names.append(file.name)
        formats[header.format] += 1
        sizes[header.width, header.height] += 1
        if not header.grey:
            in_colour.append(file)
    groups = _copies(found, report, should_stop)
    return Survey(
        found.folder,
        len(found.files),
        tuple(formats.most_common()),
        _smallest_median_largest(sizes),
        _ratios(sizes),
        formats.total() - len(in_colour),
        refused,
        tuple(bad),
        sum(len(group) - 1 for group in groups),
        tuple(groups[:LISTED]),
        found.sample,
        _spread(in_colour, COLOUR_SAMPLE),
        suggest(names, should_stop),
    )


def _spread(files: Sequence[ImageFile], most: int) -> tuple[ImageFile, ...]:
    return tuple(files[place] for place in evenly_spread(len(files), most))


def _ratios(sizes: Counter[tuple[int, int]]) -> tuple[tuple[Ratio, int], ...]:
    ratios: Counter[Ratio] = Counter()
    for size, count in sizes.items():
        ratios[_ratio(*size)] += count
    return tuple(ratios.most_common())


def _ratio(width: int, height: int) -> Ratio:
    shorter, longer = sorted((width, height))
    exact = longer / max(shorter, 1)  # a header may say 0
    named = (ratio for ratio in RATIOS if abs(exact * ratio[1] / ratio[0] - 1) <= NEAR)
    long, short = next(named, (round(exact, 2), 1))
    return (long, short) if width > height else (short, long)


def _smallest_median_largest(sizes: Counter[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    if not ordered:
        return ()
    before, half = 0, (sizes.total() - 1) // 2
    for median in ordered:
        before += sizes[median]
        if before > half:
            break
    return ordered[0], median, ordered[-1]


def _copies(found: Found, emit: Emit, should_stop: Stop) -> list[tuple[str, ...]]:
    """Groups of files with the same content.

    Only files of equal size are opened, and only those are read whole of which three blocks are
    the same.
    """

    def divide(groups: list[list[ImageFile]], whole: bool) -> list[list[ImageFile]]:
        files = [file for group in groups for file in group]
        digest = partial(_digest, found.folder, whole, should_stop)
        digests = dict(_each(digest, files, "compare", emit, should_stop))
        return _groups(files, lambda file: (file.size, digests[file]))

    alike = _groups([file for file in found.files if file.size], lambda file: file.size)
    alike = divide(divide(alike, whole=False), whole=True)
    return [tuple(readable(Path(file.name)) for file in group) for group in alike]


def _groups(
    files: Sequence[ImageFile], key: Callable[[ImageFile], object]
) -> list[list[ImageFile]]:
    """Files with the same key, where there are at least two."""
    found: defaultdict[object, list[ImageFile]] = defaultdict(list)
    for file in files:
        found[key(file)].append(file)
    return [group for group in found.values() if len(group) > 1]


def _digest(folder: Path, whole: bool, should_stop: Stop, file: ImageFile) -> bytes:
    """SHA-256 of a file, or of three blocks of it; what cannot be read is like no other."""
    digest = hashlib.sha256()
    try:
        with (folder / file.name).open("rb") as opened:
            if whole:
                while data := opened.read(64 * BLOCK):
                    digest.update(data)
                    if should_stop():
                        raise StopRequested
            else:
                for place in (0, file.size // 2, max(file.size - BLOCK, 0)):
                    opened.seek(place)
                    digest.update(opened.read(BLOCK))
    except OSError:
        return file.name.encode(errors="surrogatepass")
    return digest.digest()


def _each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    phase: str,
    emit: Emit,
    should_stop: Stop,
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, by threads, a chunk at a time. Raises StopRequested."""
    with ThreadPoolExecutor(THREADS, "look") as pool:
        for first in range(0, len(items), CHUNK):
            if should_stop():
                raise StopRequested
            emit(Progress(phase, first, len(items)))
            chunk = items[first : first + CHUNK]
            yield from zip(chunk, pool.map(function, chunk), strict=True)


def _seldom(emit: Emit) -> Emit:
    """Passes on at most four facts a second."""
    last = 0.0

    def report(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            emit(progress)

    return report
