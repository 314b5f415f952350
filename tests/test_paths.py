from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vae.paths import check_paths

FIELDS = ("file_path", "log_file", "model_save_dir", "output_dir")


def problems(folder: Path, **values: object) -> dict[str, str]:
    usable = {
        "file_path": folder,
        "log_file": folder.parent / "new" / "log.csv",
        "model_save_dir": folder.parent / "new" / "checkpoints",
        "output_dir": folder.parent / "output",
    }
    return check_paths({**usable, **values})


def test_folders_that_can_be_made_are_no_problem_and_are_not_made(images: Path) -> None:
    assert problems(images) == {}
    assert not (images.parent / "new").exists()


@pytest.mark.parametrize("name", FIELDS)
def test_a_path_that_is_too_long_names_its_field(images: Path, name: str) -> None:
    long = images.parent / ("x" * 300) / "log.csv"
    assert set(problems(images, **{name: long})) == {name}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no free symlinks")
@pytest.mark.parametrize("name", FIELDS)
def test_a_loop_of_links_names_its_field(images: Path, name: str) -> None:
    loop = images.parent / "loop"
    loop.symlink_to(loop)
    path = loop / "log.csv" if name == "log_file" else loop
    assert set(problems(images, **{name: path})) == {name}


def test_a_log_file_that_is_a_folder_is_refused(images: Path) -> None:
    folder = images.parent / "log.csv"
    folder.mkdir()
    assert "is a folder" in problems(images, log_file=folder)["log_file"]
