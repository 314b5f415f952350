"""From image files to pixels: out of the cache, or decoded by threads."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from vae import cache, reasons
from vae.decoder import Decoders
from vae.errors import StopRequested, StudioError
from vae.events import Event, Progress, Warned
from vae.files import readable
from vae.images import DECODER, ImageError, ImageFile, decode_image, must_answer, read_file
from vae.language import _
from vae.limits import cores

PROGRESS_SECONDS = 0.25
THREADS = min(8, cores())
# Decoded but not yet written, at most: bounds the memory.
AHEAD = 4 * THREADS
# Without a cache, up to this size all pixels are held in memory; beyond, each batch is decoded.
MEMORY_BYTES = 10**9


class DataError(StudioError):
    """The images cannot be trained on; the text says what to do. `problems` marks the field."""

    def __init__(self, text: str, problems: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.problems = dict(problems or {})


class Pixels(Protocol):
    """Rows of pixels: an array (M, H, W, C) of uint8, or what decodes them when asked."""

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Rows (B,) to uint8 (B, H, W, C)."""


class Decoded(NamedTuple):
    """What became of N files: pixels, and for each file its row in them or -1, with the reason.

    hashes (N, 32) are the SHA-256 of the files' content.
    """

    pixels: Pixels
    rows: np.ndarray
    hashes: np.ndarray
    reasons: dict[int, str]


def decode_files(
    folder: Path,
    files: Sequence[ImageFile],
    shape: tuple[int, int, int],
    cache_bytes: int,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> Decoded:
    """Pixels of files in a folder; shape is that of one image, (size, size, channels).

    With 0 cache_bytes nothing is kept on disk. Raises StopRequested, and DataError if the folder
    is lost meanwhile; what was decoded up to there stays in the cache.
    """
    work = _Work(folder, files, shape, emit, should_stop)
    if cache_bytes:
        try:
            return _through_cache(work, cache_bytes)
        except cache.CacheRefused as refused:
            text = _("Decoded images are not kept for later runs: {reason}.")
            emit(Warned(text.format(reason=refused)))
            work = _Work(folder, files, shape, emit, should_stop)
    if work.needed <= MEMORY_BYTES:
        memory = io.BytesIO()
        work.fill(memory.write, None)
        pixels = np.frombuffer(memory.getbuffer(), np.uint8).reshape(-1, *shape)
        return Decoded(pixels, work.rows, work.hashes, work.reasons)
    emit(Warned(_("The decoded images are too many for memory: each epoch decodes them again.")))
    work.fill(lambda pixels: 0, None)
    return Decoded(_Anew(work), work.rows, work.hashes, work.reasons)


def _through_cache(work: _Work, limit: int) -> Decoded:
    stem = cache.stem_of(work.folder, work.shape, DECODER)
    entry = cache.open_newest(stem, work.shape)
    if entry:
        work.take_over(entry.index)
    if not work.is_complete():
        broken_off: StopRequested | DataError | None = None
        with cache.new_file(stem, work.needed, limit) as (file, path):
            try:
                work.fill(file.write, entry)
            except (StopRequested, DataError) as error:
                if entry and len(entry.index.keys) > work.settled.sum():
                    raise  # the file that is there knows more
                broken_off = error
            cache.write_index(file, work.index(), int(work.rows.max()) + 1)
        if broken_off:
            raise broken_off
        entry = cache.open_file(path, work.shape)
    if entry is None:
        raise cache.CacheRefused(_("another program took them away"))
    return Decoded(entry.pixels, work.rows, work.hashes, work.reasons)


class _Work:
    """Files on their way to pixels."""

    def __init__(
        self,
        folder: Path,
        files: Sequence[ImageFile],
        shape: tuple[int, int, int],
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.folder, self.files, self.shape = folder, files, shape
        self.emit, self.should_stop = emit, should_stop
        count = len(files)
        self.keys = np.frombuffer(b"".join(cache.image_key(*file) for file in files), np.uint8)
        self.keys = self.keys.reshape(count, cache.KEY_SIZE)
        self.rows = np.full(count, -1, np.int64)
        self.hashes = np.zeros((count, cache.HASH_SIZE), np.uint8)
        self.reasons: dict[int, str] = {}
        # Decoded, or refused for good: not to be looked at again as long as the file is the same.
        self.settled = np.zeros(count, bool)

    @property
    def needed(self) -> int:
        """Bytes of the pixels of all files."""
        return len(self.files) * int(np.prod(self.shape))

    def is_complete(self) -> bool:
        """Whether nothing is left to decode. Files that may not be read are not waited for."""
        for i in np.flatnonzero(~self.settled).tolist():
            if os.access(self.folder / self.files[i].name, os.R_OK):
                return False
            self._refuse_if_lost()
            self.reasons[i] = reasons.UNREADABLE.format(why="Permission denied")
        return True

    def take_over(self, index: cache.Index) -> None:
        """Take what a cache file knows of these files."""
        known_reasons = dict(zip(np.flatnonzero(index.rows < 0), index.reasons, strict=True))
        if np.array_equal(index.keys, self.keys):
            places = np.arange(len(self.files))
        else:
            known = {key.tobytes(): place for place, key in enumerate(index.keys)}
            places = np.array([known.get(key.tobytes(), -1) for key in self.keys])
        mine = np.flatnonzero(places >= 0)
        theirs = places[mine]
        self.settled[mine] = True
        self.rows[mine], self.hashes[mine] = index.rows[theirs], index.hashes[theirs]
        for i, place in zip(mine, theirs, strict=True) if known_reasons else ():
            if place in known_reasons:
                self.reasons[int(i)] = known_reasons[place]

    def index(self) -> cache.Index:
        """What a cache file will know."""
        kept = self.settled
        refused = tuple(self.reasons[int(i)] for i in np.flatnonzero(kept & (self.rows < 0)))
        return cache.Index(self.keys[kept], self.hashes[kept], self.rows[kept], refused)

    def fill(self, write: Callable[[bytes | memoryview], object], old: cache.Entry | None) -> None:
        """Write the pixels of all files that can be used, in order: old ones, and those decoded.

        Raises StopRequested or DataError; `rows` then holds what was written.
        """
        old_rows, settled = self.rows.copy(), self.settled.copy()
        self.rows[:], self.settled[:] = -1, False
        self.settled[settled & (old_rows < 0)] = True
        reported, row = 0.0, 0
        missing = np.flatnonzero(~settled)
        decoders = Decoders(self.should_stop)
        decoded = _in_order(partial(self._decode, decoders), missing.tolist())
        with decoders, contextlib.closing(decoded):
            for i in range(len(self.files)):
                if self.should_stop():
                    raise StopRequested
                if not settled[i]:
                    pixels = next(decoded)
                elif old is not None and old_rows[i] >= 0:
                    pixels = old.pixels[old_rows[i]]
                else:
                    continue
                if pixels is not None:
                    write(pixels.data)
                    self.rows[i], self.settled[i] = row, True
                    row += 1
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    self.emit(Progress("decode", i + 1, len(self.files)))

    def _decode(self, decoders: Decoders, i: int) -> np.ndarray | None:
        """The pixels of a file, or None; then the reason is noted."""
        try:
            data = _read(self.folder, self.files[i])
            self.hashes[i] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
            return decoders.decode(data, self.shape[0], self.shape[2])
        except ImageError as error:
            self.reasons[i], self.settled[i] = str(error), True
        except OSError as error:
            self._refuse_if_lost()
            self.reasons[i] = reasons.UNREADABLE.format(why=error.strerror or error)
        except MemoryError:
            self.reasons[i] = reasons.NO_MEMORY
        return None

    def _refuse_if_lost(self) -> None:
        """Raise DataError if the folder itself is lost: a part of the images is no data set."""
        try:
            must_answer(self.folder)
        except OSError as error:
            text = _(
                "{folder} can no longer be read ({reason}). Nothing was changed: connect its drive "
                "or network, then start again."
            )
            text = text.format(folder=readable(self.folder), reason=error.strerror or error)
            raise DataError(text, {"file_path": text}) from error


def _read(folder: Path, file: ImageFile) -> bytes:
    """Like read_file, but tried again: a network may have failed for a moment."""
    try:
        return read_file(folder, file)
    except OSError:
        return read_file(folder, file)


def _in_order(
    function: Callable[[int], np.ndarray | None], items: Sequence[int]
) -> Generator[np.ndarray | None, None, None]:
    """Like map, by threads, never more than AHEAD results before they are asked for."""
    pending: deque[Future[np.ndarray | None]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) == AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


class _Anew:
    """Decodes rows each time that they are asked for.

    In this process: a helper process has decoded each once already, and their content is the same.
    """

    def __init__(self, work: _Work) -> None:
        self.work = work
        self.files = np.flatnonzero(work.rows >= 0)

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Decode; raises DataError if a file is no longer what it was when the run began."""
        return np.stack(list(_in_order(self._decode, self.files[rows].tolist())))  # type: ignore[arg-type]

    def _decode(self, i: int) -> np.ndarray:
        reason: object = ""
        try:
            data = _read(self.work.folder, self.work.files[i])
            if hashlib.sha256(data).digest() == self.work.hashes[i].tobytes():
                return decode_image(data, self.work.shape[0], self.work.shape[2])
            text = _(
                "{path} has changed since the run began. Put it back and go on, or start "
                "fresh with the images as they are now."
            )
        except (OSError, ImageError) as error:
            text = _(
                "{path} can no longer be read ({reason}) since the run began. Put it back and "
                "go on, or start fresh with the images as they are now."
            )
            reason = getattr(error, "strerror", None) or reasons.reason_words(str(error))
        path = readable(self.work.folder / self.work.files[i].name)
        raise DataError(text.format(path=path, reason=reason))
