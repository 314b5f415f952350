"""A look at the computer and at a run's folders, for those who help. Names no path of the user's.

Changes nothing, reads what it can, and says of the rest why not.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from vae import __version__, cache
from vae.checkpoint import CheckpointError, bytes_a_weight, checkpoint_files, verify
from vae.config import (
    DEFAULTS,
    PARAMETERS,
    PATHS,
    SHAPE,
    ConfigError,
    check,
    parameter_count,
    parse,
)
from vae.files import DAMAGED_SUFFIX, size_words
from vae.header import DamagedError
from vae.language import in_english
from vae.limits import cores, free_memory
from vae.paths import cannot_read, cannot_write

PACKAGES = ("torch", "numpy", "pillow", "opencv-python", "matplotlib", "ttkbootstrap", "psutil")
PRIVATE = tuple(name for name, facts in PARAMETERS.items() if facts.private)

Facts = dict[str, Any]


@in_english()
def examine(texts: Mapping[str, str]) -> Facts:
    """Facts of the computer and of the folders of a form; `problems` is what keeps a run away.

    Plain values, so that they can be printed as JSON. Imports PyTorch, which takes seconds.
    """
    values, unreadable = parse(texts)
    values = {**DEFAULTS, **values}
    paths = {name: str(values[name]) for name in PATHS}
    plain = {name: value for name, value in values.items() if name not in PATHS}
    wrong = {**unreadable, **check(plain)}
    hidden = {name: f"{name} cannot be used as it is." for name in PRIVATE if name in wrong}
    problems = list({**wrong, **hidden}.values())
    # The default stands in for what cannot be, which is told of already.
    possible = {**values, **{name: DEFAULTS[name] for name in wrong}}
    facts: Facts = {
        "program": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "tk": _tk(),
        "cores": os.cpu_count(),
        "usable_cores": cores(),
        "memory": {
            "total": psutil.virtual_memory().total,
            "free": free_memory().size,
        },
        "device": _device(possible, problems),
        "folders": {name: _folder(name, path, problems) for name, path in paths.items()},
        "checkpoints": _checkpoints(Path(paths["model_save_dir"]), problems),
        "image_cache": {"bytes": sum(size for _, size in cache.cache_files())},
        "problems": problems,
    }
    _check_room(facts, values, problems)
    return facts


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _tk() -> str:
    try:
        import _tkinter  # draws nothing yet
    except ImportError:
        return "missing: no window can be opened"
    return str(_tkinter.TK_VERSION)


def _device(values: Mapping[str, Any], problems: list[str]) -> Facts:
    try:
        from vae.devices import choose_device, choose_threads, describe

        device, dtype = choose_device(str(values["device"]), str(values["precision"]))
        found = describe(device, choose_threads(int(values["threads"])), dtype)
        return dict(zip(("name", "detail", "precision"), found, strict=True))
    except ConfigError as error:
        problems.append(str(error))
        return {"name": str(values["device"]), "detail": "not available", "precision": ""}
    except Exception as error:
        # Whatever keeps PyTorch from working is what the report is for.
        problems.append(f"PyTorch cannot be used ({type(error).__name__}): install it again.")
        return {"name": "none", "detail": type(error).__name__, "precision": ""}


def _folder(name: str, text: str, problems: list[str]) -> Facts:
    """Whether the folder of a path parameter can be used as it must, and its disk's free room."""
    if not text:
        return {"problem": "not chosen", "free": None}
    folder = Path(text).parent if name == "log_file" else Path(text)
    problem = cannot_read(folder) if name == "file_path" else cannot_write(folder)
    # The path is the beginning of the sentence, if it is in it.
    for known in (folder, folder.absolute(), *folder.absolute().parents):
        problem = problem.removeprefix(f"{known} ")
    if problem:
        problems.append(f"{name}: {problem}.")
    existing = next(filter(os.path.isdir, (folder, *folder.absolute().parents)), None)
    free = shutil.disk_usage(existing).free if existing else None
    return {"problem": problem, "free": free}


def _checkpoints(folder: Path, problems: list[str]) -> Facts:
    found: Facts = {"newest": None, "epoch": None, "state": "none", "damaged": 0}
    try:
        files = checkpoint_files(folder)
        everything = checkpoint_files(folder, damaged=True)
        found["damaged"] = sum(path.name.endswith(DAMAGED_SUFFIX) for _, path in everything)
        if not files:
            return found
        found["newest"] = files[0][1].name
        found["epoch"] = len(verify(files[0][1]).history)
        found["state"] = "intact"
    except DamagedError as error:
        found["state"] = f"damaged: {error}"
        problems.append(
            f"{found['newest']} is damaged: {error}. The next run sets it aside and goes on from "
            "the one before, if there is one."
        )
    except CheckpointError:
        found["state"] = "of another version"
        problems.append(f"{found['newest']} was written by another version of VAE Studio.")
    except OSError as error:
        found["state"] = f"cannot be read ({error.strerror})"
        problems.append(f"model_save_dir: a checkpoint cannot be read ({error.strerror}).")
    return found


def _check_room(facts: Facts, values: Mapping[str, Any], problems: list[str]) -> None:
    shape = {name: values[name] for name in SHAPE}
    if check(shape):
        return
    needed = 2 * bytes_a_weight(bool(values["ema"])) * parameter_count(**shape)
    facts["two_checkpoints"] = needed
    free = facts["folders"]["model_save_dir"]["free"]
    if free is not None and free < needed:
        problems.append(
            f"model_save_dir has {size_words(free)} free, but two checkpoints of this network take "
            f"{size_words(needed)}: make room, or choose another folder."
        )


@in_english()
def report(facts: Facts) -> str:
    """The facts for a person."""
    memory, device, found = facts["memory"], facts["device"], facts["checkpoints"]
    lines = [
        f"VAE Studio {facts['program']}, Python {facts['python']}, {facts['system']}",
        ", ".join(f"{name} {version}" for name, version in facts["packages"].items()),
        f"Tk {facts['tk']}",
        f"{facts['usable_cores']} of {facts['cores']} cores can be used, "
        f"{size_words(memory['free'])} of {size_words(memory['total'])} memory free",
        f"Device: {', '.join(filter(None, device.values()))}",
    ]
    for name, folder in facts["folders"].items():
        can = "can be read" if name == "file_path" else "can be written"
        if not folder["problem"] and folder["free"] is not None:
            can += f", {size_words(folder['free'])} free"
        lines.append(f"{name}: {folder['problem'] or can}")
    newest = f"{found['newest']}, {found['state']}" if found["newest"] else "none"
    if found["epoch"] is not None:
        newest += f", after epoch {found['epoch']}"
    lines.append(f"Newest checkpoint: {newest}; {found['damaged']} set aside as damaged")
    lines.append(f"Image cache: {size_words(facts['image_cache']['bytes'])}")
    lines += [f"Problem: {problem}" for problem in facts["problems"]] or ["No problem found."]
    return "\n".join(lines)
