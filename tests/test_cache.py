"""Decoded images are made once, are the owner's alone, and are never trusted when in doubt."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_images
from tests.faults import unreachable
from vae import cache, decoding
from vae.dataset import MedicalImageDataset
from vae.decoder import Decoders
from vae.decoding import DataError
from vae.errors import StopRequested
from vae.events import Event, Warned
from vae.images import ImageFile, decode_image

LIMIT = 10**9


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files decoded, as they are decoded."""
    calls: list[int] = []

    def counting(data: bytes, size: int, channels: int) -> np.ndarray:
        calls.append(len(data))
        return decode_image(data, size, channels)

    monkeypatch.setattr(Decoders, "decode", lambda self, *arguments: counting(*arguments))
    monkeypatch.setattr(decoding, "decode_image", counting)
    return calls


def load(
    folder: Path,
    limit: int = LIMIT,
    size: int = 16,
    emit: Callable[[Event], None] = lambda event: None,
) -> tuple[np.ndarray, MedicalImageDataset]:
    data = MedicalImageDataset(folder, size, 3, limit, emit)
    return data.batch(np.arange(len(data))), data


def only_file() -> Path:
    ((path, _),) = cache.cache_files()
    return path


def test_a_second_run_decodes_nothing(images: Path, decoded: list[int]) -> None:
    first, data = load(images)
    assert len(decoded) == 12
    second, again = load(images)
    assert len(decoded) == 12
    np.testing.assert_array_equal(first, second)
    assert data.fingerprint == again.fingerprint
    plain, uncached = load(images, limit=0)
    np.testing.assert_array_equal(first, plain)
    assert uncached.fingerprint == data.fingerprint


def test_without_room_for_it_nothing_is_kept(images: Path) -> None:
    load(images, limit=0)
    assert cache.cache_files() == []


def test_only_new_and_changed_images_are_decoded(images: Path, decoded: list[int]) -> None:
    load(images)
    decoded.clear()
    (images / "image_005.png").unlink()
    shutil.copy(images / "image_001.png", images / "image_002.png")  # changed
    shutil.copy(images / "image_001.png", images / "a_new_one.png")
    pixels, data = load(images)
    assert len(decoded) == 2
    plain, uncached = load(images, limit=0)
    np.testing.assert_array_equal(pixels, plain)
    assert data.fingerprint == uncached.fingerprint
    assert len(cache.cache_files()) == 1
    decoded.clear()
    (images / "image_007.png").unlink()
    assert len(load(images)[0]) == 11
    assert decoded == []


def test_an_unusable_file_is_named_each_time_and_looked_at_once(
    images: Path, decoded: list[int]
) -> None:
    good = (images / "image_003.png").read_bytes()
    (images / "image_003.png").write_bytes(b"broken")
    load(images)
    decoded.clear()
    _, data = load(images)
    assert decoded == []
    assert [(path.name, "is not a" in why) for path, why in data.skipped] == [
        ("image_003.png", True)
    ]
    (images / "image_003.png").write_bytes(good)
    _, data = load(images)
    assert (len(decoded), len(data), data.skipped) == (1, 12, ())


def test_another_size_decoder_or_number_of_channels_is_another_cache(
    images: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(images)
    assert load(images, size=8)[0].shape[1] == 8
    assert len(decoded) == 24
    monkeypatch.setattr(decoding, "DECODER", "2")
    load(images)
    assert len(decoded) == 36
    MedicalImageDataset(images, 16, 1, LIMIT)
    assert len(decoded) == 48


def test_an_image_of_another_time_is_decoded_again(images: Path, decoded: list[int]) -> None:
    load(images)
    decoded.clear()
    os.utime(images / "image_004.png", (1, 1))
    load(images)
    assert len(decoded) == 1


def test_what_was_decoded_before_a_stop_is_kept(images: Path, decoded: list[int]) -> None:
    calls = 0

    def stop_in_the_middle() -> bool:
        nonlocal calls
        calls += 1
        return calls > 10

    with pytest.raises(StopRequested):
        MedicalImageDataset(images, 16, 3, LIMIT, should_stop=stop_in_the_middle)
    decoded.clear()
    pixels, _ = load(images)
    assert 0 < len(decoded) < 12
    np.testing.assert_array_equal(pixels, load(images, limit=0)[0])


def test_a_stop_loses_nothing_of_what_was_kept(images: Path, decoded: list[int]) -> None:
    load(images)
    shutil.copy(images / "image_001.png", images / "a_new_one.png")
    calls = iter(range(3))
    with pytest.raises(StopRequested):
        MedicalImageDataset(images, 16, 3, LIMIT, should_stop=lambda: next(calls, None) is None)
    decoded.clear()
    load(images)
    assert len(decoded) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_made_again(images: Path, decoded: list[int], damage: str) -> None:
    pixels, _ = load(images)
    content = bytearray(only_file().read_bytes())
    if damage == "cut":
        del content[-1]
    elif damage == "flip":
        content[12 * 16 * 16 * 3 + 40] ^= 1  # in the index
    else:
        content.clear()
    only_file().write_bytes(content)
    np.testing.assert_array_equal(load(images)[0], pixels)
    assert len(decoded) == 24
    only_file()


def test_no_room_is_no_failure(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    pixels, data = load(images, limit=10, emit=told.append)
    usage = shutil.disk_usage(".")._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(cache.shutil, "disk_usage", lambda path: usage)
        np.testing.assert_array_equal(load(images, emit=told.append)[0], pixels)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_index", full)
        np.testing.assert_array_equal(load(images, emit=told.append)[0], pixels)
    reasons = [event.message for event in told if isinstance(event, Warned)]
    for reason, word in zip(reasons, ("cache_gb", " free, of which", "No space left"), strict=True):
        assert word in reason
    assert list(cache.cache_folder().iterdir()) == []
    assert len(data) == 12


def test_too_many_for_memory_are_decoded_each_time_and_a_change_is_noticed(
    images: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "image_000.png").write_bytes(b"broken")
    pixels, _ = load(images, limit=0)
    decoded.clear()
    monkeypatch.setattr(decoding, "MEMORY_BYTES", 0)
    again, data = load(images, limit=0)
    np.testing.assert_array_equal(again, pixels)
    assert len(decoded) == 12 + 11
    shutil.copy(images / "image_001.png", images / "image_004.png")
    with pytest.raises(DataError, match=r"image_004\.png has changed"):
        data.batch(np.array([3]))
    (images / "image_004.png").unlink()
    with pytest.raises(DataError, match="can no longer be read"):
        data.batch(np.array([3]))


def fail_to_read(monkeypatch: pytest.MonkeyPatch, fails: Callable[[ImageFile], bool]) -> None:
    """Let the disk not give the files of which `fails` says so."""
    real = decoding.read_file

    def read(folder: Path, file: ImageFile) -> bytes:
        if fails(file):
            raise OSError(5, "Input/output error", file.name)
        return real(folder, file)

    monkeypatch.setattr(decoding, "read_file", read)


def test_one_file_that_cannot_be_read_is_left_out(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_to_read(monkeypatch, lambda file: file.name == "image_003.png")
    pixels, data = load(images)
    assert len(pixels) == 11
    assert data.skipped == ((images / "image_003.png", "cannot be read (Input/output error)"),)


@pytest.mark.parametrize("limit", [LIMIT, 0])
def test_a_drive_that_goes_while_images_are_read_leaves_no_smaller_data_set(
    images: Path, drive: threading.Event, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    def fails(file: ImageFile) -> bool:
        if file.name == "image_006.png":
            drive.set()
        return drive.is_set()

    fail_to_read(monkeypatch, fails)
    told: list[Event] = []
    with pytest.raises(DataError, match=r"can no longer be read \(Input/output error\)") as caught:
        load(images, limit, emit=told.append)
    assert list(caught.value.problems) == ["file_path"]
    assert not any(isinstance(event, Warned) for event in told)


def test_what_was_decoded_before_a_drive_went_is_kept(
    images: Path, decoded: list[int], drive: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(file: ImageFile) -> bool:
        if file.name == "image_006.png":
            drive.set()
        return drive.is_set()

    with monkeypatch.context() as patch:
        fail_to_read(patch, fails)
        patch.setattr(decoding, "THREADS", 1)
        with pytest.raises(DataError):
            load(images)
    drive.clear()
    assert len(load(images)[0]) == 12
    assert len(decoded) == 12


def test_images_that_came_since_are_not_left_out_where_the_drive_has_gone(
    images: Path, drive: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(images)
    shutil.copy(images / "image_001.png", images / "a_new_one.png")

    def gone(path: Path, mode: int) -> bool:
        drive.set()
        return False

    monkeypatch.setattr(os, "access", gone)
    with pytest.raises(DataError, match="can no longer be read"):
        load(images)


def test_a_read_that_fails_for_a_moment_is_tried_again(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_BYTES", 0)
    pixels, data = load(images, limit=0)
    failures = iter([True])
    fail_to_read(monkeypatch, lambda file: next(failures, False))
    np.testing.assert_array_equal(data.batch(np.arange(12)), pixels)
    failures = iter([True])
    np.testing.assert_array_equal(load(images)[0], pixels)  # none is left out


def test_a_cache_folder_that_may_not_be_looked_into_is_told_and_done_without(images: Path) -> None:
    pixels, told = load(images)[0], list[Event]()
    with unreachable({cache.cache_folder(): errno.EACCES}):
        np.testing.assert_array_equal(load(images, emit=told.append)[0], pixels)
    (note,) = [event.message for event in told if isinstance(event, Warned)]
    assert "are not kept for later runs" in note and "cannot be used (Permission denied)" in note


def test_a_cache_folder_that_is_there_but_cannot_be_listed_is_done_without(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, told = load(images)[0], list[Event]()

    def failing() -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cache, "cache_files", failing)
    np.testing.assert_array_equal(load(images, emit=told.append)[0], pixels)
    (note,) = [event.message for event in told if isinstance(event, Warned)]
    assert "cannot be used (Input/output error)" in note


def test_those_used_longest_ago_make_room(tmp_path: Path, decoded: list[int]) -> None:
    folders = [make_images(tmp_path / name, 12) for name in "abc"]
    load(folders[0])
    size = only_file().stat().st_size
    load(folders[1])
    load(folders[0])  # so that the second is the oldest
    load(folders[2], limit=2 * size + size // 2)
    decoded.clear()
    load(folders[0])
    load(folders[2])
    assert decoded == []
    load(folders[1])
    assert len(decoded) == 12


def test_pixels_are_the_owners_alone_and_names_are_not_kept(images: Path) -> None:
    load(images)
    assert b"image_0" not in only_file().read_bytes()
    if sys.platform != "win32":
        assert only_file().stat().st_mode & 0o777 == 0o600
        assert cache.cache_folder().stat().st_mode & 0o777 == 0o700


def test_what_a_killed_run_left_goes_but_not_what_another_makes(images: Path) -> None:
    folder = cache.cache_folder()
    folder.mkdir()
    for name, age in (("old.tmp", cache.ABANDONED_SECONDS + 9), ("young.tmp", 5)):
        (folder / name).touch()
        then = (folder / name).stat().st_mtime - age
        cache.os.utime(folder / name, (then, then))
    load(images)
    assert [path.name for path in folder.glob("*.tmp")] == ["young.tmp"]


def test_clearing_deletes_all(images: Path, decoded: list[int]) -> None:
    load(images)
    (cache.cache_folder() / ".vae-0123.tmp").write_bytes(b"pixels of a killed run")
    assert cache.clear() == []
    assert list(cache.cache_folder().iterdir()) == []
    load(images)
    assert len(decoded) == 24
