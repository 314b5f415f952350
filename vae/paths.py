"""Whether the paths of a form can be used, as the file system stands now. Writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vae.language import _


def check_paths(values: Mapping[str, object]) -> dict[str, str]:
    """How to mend the paths that cannot be used, by field. Looks at the file system.

    `values` holds file_path, log_file, model_save_dir and output_dir; empty ones are not judged.
    """
    images, log, checkpoints, output = (
        str(values[name]) for name in ("file_path", "log_file", "model_save_dir", "output_dir")
    )
    problems: dict[str, str] = {}
    if images and (problem := cannot_read(Path(images))):
        # The problem is the predicate of the sentence.
        problems["file_path"] = f"file_path {images} {problem}."
    for name, text in (("model_save_dir", checkpoints), ("output_dir", output), ("log_file", log)):
        folder = Path(text).parent if name == "log_file" else Path(text)
        if text and (problem := cannot_write(folder)):
            problems[name] = _("{name}: {problem}: choose another.").format(
                name=name, problem=problem
            )
    if log and "log_file" not in problems and os.path.isdir(log):
        problem = _("log_file {path} is a folder: choose a file name.")
        problems["log_file"] = problem.format(path=log)
    # realpath, unlike Path.resolve, does not fail on a loop of links.
    inside = Path(os.path.realpath(output)).is_relative_to(os.path.realpath(images))
    if images and output and inside and not problems.keys() & {"file_path", "output_dir"}:
        problem = _(
            "output_dir {path} lies in the image folder, so that generated images would be "
            "trained on: choose a folder outside file_path."
        )
        problems["output_dir"] = problem.format(path=output)
    return problems


def cannot_read(folder: Path) -> str:
    """Why a folder of images cannot be read and what to do, or an empty string."""
    # os.path, unlike Path, answers False for a path that is too long or may not be looked at.
    if not os.path.exists(folder):
        return _("does not exist or cannot be opened: choose the folder of your images")
    if not os.path.isdir(folder):
        return _("is a file, not a folder: choose the folder that holds it")
    if not os.access(folder, os.R_OK | os.X_OK):
        return _("may not be read: ask for permission to it")
    return ""


def cannot_write(folder: Path) -> str:
    """Why a folder cannot be made or written in, or an empty string."""
    existing = folder.absolute()
    try:
        os.stat(folder)
    except FileNotFoundError:
        pass  # it will be made
    except OSError as error:
        problem = _("{folder} cannot be used ({reason})")
        return problem.format(folder=folder, reason=error.strerror)
    while not os.path.exists(existing) and existing != existing.parent:
        existing = existing.parent
    if not os.path.isdir(existing):
        return _("{folder} is a file, not a folder").format(folder=existing)
    if not os.access(existing, os.W_OK | os.X_OK):
        return _("{folder} may not be written in").format(folder=existing)
    return ""
