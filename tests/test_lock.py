from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vae.lock import HOLDER_NAME, BusyError, only_run

ROOT = Path(__file__).parent.parent
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
