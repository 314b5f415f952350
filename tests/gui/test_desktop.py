"""Folders that the system's file manager is to show."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]


def test_a_drive_that_does_not_answer_holds_nothing_up(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(output_dir=str(tmp_path / "away"))
    answers, real = threading.Event(), Path.stat

    def stat(self: Path, **options: Any) -> Any:
        if self.name == "away":
            answers.wait(10)
        return real(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    returned = threading.Timer(5, answers.set)  # for one that waits for it
    returned.start()
    window.app.actions.open_output()
    assert not answers.is_set()
    answers.set()
    returned.cancel()
    window.pump(lambda: "is not there. Train makes" in window.bar())


@pytest.mark.parametrize(
    "problem, told",
    [
        (PermissionError(13, "Permission denied", "private"), "private could not be used"),
        (OSError(116, "Stale file handle", "share"), "(Stale file handle)"),
    ],
)
def test_a_folder_that_cannot_be_looked_at_says_why(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: OSError, told: str
) -> None:
    window = open_window()

    def stat(self: Path, **options: Any) -> Any:
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", stat)
        window.app.actions.open(tmp_path)
        window.pump(lambda: told in window.bar())


def test_a_system_without_a_file_manager_names_the_folder(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()

    def popen(*_: Any, **__: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory", "xdg-open")

    monkeypatch.setattr(subprocess, "Popen", popen)
    window.app.actions.open(tmp_path)
    window.pump(lambda: f"No program to open it was found. It is {tmp_path}" in window.bar())
