from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import number_no_file
from tests.faults import unreachable
from vae import files
from vae.files import atomic_write, move_into, readable, remove_leftovers, same_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX systems")


def test_after_an_error_the_old_content_stands_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with atomic_write(path) as file:
        file.write(b"old")
    with pytest.raises(ValueError), atomic_write(path) as file:
        file.write(b"half")
        raise ValueError
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_two_folders_of_a_drive_that_numbers_none_are_not_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    for _numbered in (True, False):
        assert same_folder(one, other / ".." / "one")
        assert not same_folder(one, other)
        number_no_file(monkeypatch)


@posix
def test_private_files_are_the_owners_alone(tmp_path: Path) -> None:
    for private, mode in ((True, 0o600), (False, 0o644)):
        with atomic_write(tmp_path / "file", private=private) as file:
            file.write(b"")
        assert (tmp_path / "file").stat().st_mode & 0o777 == mode & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@posix
def test_on_macos_the_drives_own_memory_is_flushed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    knows = iter([True, False])
    calls: list[str] = []

    def control(descriptor: int, command: int) -> None:
        calls.append("full")
        if not next(knows):
            raise OSError(errno.ENOTSUP, "no")

    monkeypatch.setattr(files.sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: calls.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        files.sync(file.fileno())
        files.sync(file.fileno())  # on a file system that cannot
    assert calls == ["full", "full", "fsync"]


@posix
def test_a_folder_that_cannot_be_synced_is_no_error_but_a_failing_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, codes = os.fsync, iter([errno.EINVAL, errno.EIO])

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(next(codes), "no")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    if not Path("/proc/self/fd").exists():
        return
    with atomic_write(tmp_path / "a") as file:
        file.write(b"a")
    with pytest.raises(OSError), atomic_write(tmp_path / "b") as file:
        file.write(b"b")


def test_a_sharing_violation_of_windows_is_tried_again_and_a_lasting_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_text("new")
    real, left = os.replace, [3]
    waited: list[float] = []

    def held(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "The process cannot access the file", str(target))
        real(source, target)

    monkeypatch.setattr(files.sys, "platform", "win32")
    monkeypatch.setattr(files.time, "sleep", waited.append)
    monkeypatch.setattr(files.os, "replace", held)
    files.replace(tmp_path / "new", tmp_path / "name")
    assert (tmp_path / "name").read_text() == "new" and len(waited) == 3
    left[0] = 100
    with pytest.raises(PermissionError):
        files.replace(tmp_path / "name", tmp_path / "other")
    assert len(waited) == 3 + files.WINDOWS_RETRIES - 1


def test_a_file_is_moved_into_a_folder_that_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    move_into(tmp_path / "kept", tmp_path / "file")
    assert (tmp_path / "kept" / "file").read_text() == "x"
    assert not (tmp_path / "file").exists()


def test_leftovers_of_a_killed_process_go(tmp_path: Path) -> None:
    (tmp_path / ".vae-0123.tmp").touch()
    (tmp_path / "other.tmp").touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.tmp"]


def test_leftovers_on_a_drive_that_fails_are_left_without_a_word(tmp_path: Path) -> None:
    (tmp_path / ".vae-0123.tmp").touch()
    with unreachable({tmp_path: errno.ESTALE}):
        remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_to_be_written_over_that_another_program_holds_is_left_and_a_new_one_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, spare, real = tmp_path / "file", tmp_path / "spare", os.replace
    spare.write_bytes(b"of an earlier file")

    def held(source: Path, target: Path) -> None:
        if source == spare:
            raise PermissionError(13, "The process cannot access the file", str(source))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", held)
    with atomic_write(path, over=spare) as file:
        file.write(b"new")
        file.truncate()
    assert path.read_bytes() == b"new"
    assert spare.read_bytes() == b"of an earlier file"


def test_odd_names_are_readable() -> None:
    assert readable(Path("röntgen\n\udcff.png")) == "röntgen\\n\\udcff.png"
