from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from tests.faults import unreachable
from vae.events import Trouble
from vae.gui import worker
from vae.gui.worker import Worker


def test_a_drive_that_fails_is_asked_again_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    drives = {tmp_path: errno.ESTALE}
    with unreachable(drives):
        connected = threading.Timer(0.2, drives.clear)
        connected.start()
        trouble = Trouble("Stale file handle.", tmp_path, movable=True)
        assert Worker().decide(trouble) == tmp_path
        connected.join()
