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


@pytest.mark.parametrize("pattern", ["-(\\d+)", "--fresh"])
def test_a_value_may_begin_with_a_hyphen(pattern: str) -> None:
    for windows in (False, True):
        words = shlex.split(train_command(form(group_pattern=pattern), windows))
        given = given_parameters(build_parser().parse_args(words[3:]))
        assert given["group_pattern"] == pattern


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        (r"^([^/\d]*\d[^/]*)/", r'"--group_pattern=^([^/\d]*\d[^/]*)/"'),
        (r"(?:^|[/_-])([Pp][_-]?\d{3,})", r'"--group_pattern=(?:^|[/_-])([Pp][_-]?\d{3,})"'),
        (r"patient\d+", r"--group_pattern=patient\d+"),
        (r"(\d)\\", r'"--group_pattern=(\d)\\\\"'),
        ("(`a)$", '"--group_pattern=(``a)`$"'),
        (r'"(\d)\"“', r'"--group_pattern=\`"(\d)\\\`"`“"'),
    ],
)
def test_windows_quotes_what_powershell_would_read_as_its_own(pattern: str, word: str) -> None:
    assert train_command(form(group_pattern=pattern), windows=True).endswith(f" {word}")


def test_windows_quotes_a_path_that_shells_would_cut() -> None:
    path = r"C:\R&D\chest(1)\O'Brien"
    command = train_command(form(file_path=path), windows=True)
    assert f'"--file_path={Path(path).absolute()}" --log_file=' in command


def test_windows_runs_the_python_of_the_program_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", str(FOLDER / ".venv" / "python.exe"))
    assert train_command(form(), windows=True).startswith(str(Path(".venv", "python.exe -m vae")))
    python = FOLDER.parent / "a folder" / "python.exe"
    monkeypatch.setattr("sys.executable", str(python))
    assert train_command(form(), windows=True).startswith(f'& "{python}" -m vae train')


def test_the_flags_that_mend_a_run_start_over_where_a_checkpoint_cannot_go_on() -> None:
    assert (
        remedy_flags({"kl_balance": "auto", "beta": 1.0}, fresh=False)
        == "--kl_balance auto --beta 1.0"
    )
    assert remedy_flags({"lr": 0.00003}, fresh=False) == "--lr 0.00003"
    assert remedy_flags({"decoder": "upsample"}, fresh=True) == "--decoder upsample --fresh"
