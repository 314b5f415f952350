"""What the window remembers: a small JSON file in the user's configuration folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs

from vae import language
from vae.config import DEFAULTS, PATHS
from vae.files import APP, atomic_write
from vae.sweep import VARIABLE, Sweep

# Of the text and all that goes with it.
SCALES = (1.0, 1.25, 1.5, 1.75, 2.0)


def settings_path() -> Path:
    """Where the settings are."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "settings.json"


def demo_folder() -> Path:
    """Where the demo data set is."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False)) / "demo_images"


def load_settings() -> dict[str, Any]:
    """The last form's texts, the mode, the language, the size of the text, and the last sweep.

    An unreadable file counts as none. Relative paths are made absolute if the program now runs in
    another folder.
    """
    try:
        found = json.loads(settings_path().read_text(encoding="utf-8"))
        form = {n: t for n, t in found["form"].items() if n in DEFAULTS and isinstance(t, str)}
        mode = "dark" if found["mode"] == "dark" else "light"
        folder = Path(found["folder"])
        spoken = str(found.get("language", language.of_system()))
        wanted = float(found.get("scale", 1))
        scale = min(SCALES, key=lambda one: abs(one - wanted))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {
            "form": {}, "mode": "light", "language": language.of_system(), "scale": 1.0,
            "sweep": None,
        }  # fmt: skip
    if folder != Path.cwd():
        form = {n: str(folder / t) if t and n in PATHS else t for n, t in form.items()}
    sweep = _sweep(found.get("sweep"))
    return {"form": form, "mode": mode, "language": spoken, "scale": scale, "sweep": sweep}


def _sweep(found: object) -> Sweep | None:
    """Several runs in a row that were asked for last; None without any that can be read."""
    match found:
        case {"axes": dict(axes), "folder": str(folder), "unfinished": bool(unfinished)}:
            known = all(name in VARIABLE and _are_texts(axes[name]) for name in axes)
            return Sweep(axes, Path(folder), unfinished) if known else None
    return None


def _are_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(text, str) for text in found)


def save_settings(form: dict[str, str], mode: str, scale: float, sweep: Sweep | None) -> None:
    """Remember for the next start. Raises OSError."""
    facts: dict[str, Any] = {
        "form": form, "mode": mode, "language": language.current(), "scale": scale,
        "folder": str(Path.cwd()),
    }  # fmt: skip
    if sweep:
        facts["sweep"] = {**sweep._asdict(), "folder": str(sweep.folder)}
    with atomic_write(settings_path()) as file:
        file.write(json.dumps(facts, indent=1).encode())
