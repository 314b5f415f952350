from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import unreachable
from vae.lock import STEM, BusyError, only_run, only_writer

ROOT = Path(__file__).parent.parent
HOLDER_NAME = f"{STEM}.json"
HOLD = (
    "import sys, pathlib; from vae.lock import only_run\n"
    "with only_run(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_another_process_is_named_and_lets_go_even_when_it_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(BusyError, match=f"process {process.pid} on"), only_run(tmp_path):
        pass
    process.kill()
    process.communicate()
    with only_run(tmp_path):
        assert str(os.getpid()) in (tmp_path / HOLDER_NAME).read_text()
    assert not (tmp_path / HOLDER_NAME).exists()


def test_a_holder_that_left_no_readable_word_is_refused_all_the_same(tmp_path: Path) -> None:
    with only_run(tmp_path):
        (tmp_path / HOLDER_NAME).write_text("{")
        with pytest.raises(BusyError, match="not known"), only_run(tmp_path):
            pass


def test_a_folder_that_is_lost_at_the_end_is_let_go_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch, only_run(tmp_path):
        patch.setattr(Path, "unlink", fail)
    with only_run(tmp_path):  # it is held no more
        pass


def test_one_log_is_written_by_one_run_but_others_may_lie_beside_it(tmp_path: Path) -> None:
    log, other = tmp_path / "log.csv", tmp_path / "log_2.csv"
    words = rf"is writing .*log\.csv \(process {os.getpid()} .* another log_file"
    with (
        only_run(tmp_path),
        only_writer(log),
        only_writer(other),
        pytest.raises(BusyError, match=words),
        only_writer(log),
    ):
        pass
    with only_writer(log):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="of POSIX systems")
@pytest.mark.parametrize("name", ["ENOTSUP", "EOPNOTSUPP", "ENOLCK"])
def test_a_file_system_without_locks_lets_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import fcntl

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(getattr(errno, name), "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    with only_run(tmp_path) as is_held, only_run(tmp_path):
        assert is_held()


@pytest.mark.skipif(sys.platform == "win32", reason="of POSIX systems")
def test_a_lock_that_fails_for_another_reason_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="Input/output"), only_run(tmp_path):
        pass


def test_whether_a_folder_is_held_cannot_be_said_while_its_drive_fails(tmp_path: Path) -> None:
    with only_run(tmp_path) as is_held:
        assert is_held()
        with unreachable({tmp_path: errno.ESTALE}), pytest.raises(OSError, match="Stale"):
            is_held()
        assert is_held()
        (tmp_path / f"{STEM}.lock").unlink()
        assert not is_held()
