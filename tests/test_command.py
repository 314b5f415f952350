"""The terminal command that equals a form."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from vae.cli import build_parser, given_parameters
from vae.command import FOLDER, remedy_flags, train_command
from vae.config import DEFAULTS, text_of


def form(**texts: str) -> dict[str, str]:
    return {**{name: text_of(value) for name, value in DEFAULTS.items()}, **texts}


def test_the_terminal_reads_from_the_command_what_the_form_says() -> None:
    texts = form(file_path="/data/it's ours", lr="0,001", log_file="a b.csv")
    command = train_command(texts, windows=False)
    words = shlex.split(command)
    assert words[:4] == [sys.executable, "-m", "vae", "train"]
    given = given_parameters(build_parser().parse_args(words[3:]))
    assert given["file_path"] == "/data/it's ours" and given["lr"] == "0,001"
    assert given["log_file"] == str(Path("a b.csv").absolute())
    assert "img_size" not in given  # the default says it


def test_windows_has_quotes_of_its_own() -> None:
    command = train_command(form(log_file="/a b.csv"), windows=True)
    assert '"' in command and "'" not in command


def test_windows_names_the_python_of_the_program_without_quotes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    python = FOLDER / "a folder" / "python.exe"
    monkeypatch.setattr("sys.executable", str(FOLDER / ".venv" / "python.exe"))
    assert train_command(form(), windows=True).startswith(str(Path(".venv", "python.exe -m vae")))
    monkeypatch.setattr("sys.executable", str(python.parent.parent.parent / "python.exe"))
    assert str(FOLDER.parent / "python.exe") in train_command(form(), windows=True)


def test_the_flags_that_mend_a_run_start_over_where_a_checkpoint_cannot_go_on() -> None:
    assert (
        remedy_flags({"kl_balance": "auto", "beta": 1.0}, fresh=False)
        == "--kl_balance auto --beta 1.0"
    )
    assert remedy_flags({"lr": 0.00003}, fresh=False) == "--lr 0.00003"
    assert remedy_flags({"decoder": "upsample"}, fresh=True) == "--decoder upsample --fresh"
