"""Presets: named sets of hyperparameters, those of the program and the person's own.

A preset never holds a path, a seed, what belongs to the names of images, or to the computer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vae.config import DEFAULTS, PARAMETERS, PATHS, Value, check, text_of
from vae.errors import StudioError
from vae.files import APP, atomic_write, safe_name
from vae.language import _

UNTOUCHED = ("group_pattern", "seed", "device", "threads", "cache_gb")
FIELDS = tuple(name for name in PARAMETERS if name not in (*PATHS, *UNTOUCHED))
KNOWN = (*FIELDS, "group_pattern")  # which earlier files hold
MAX_BYTES = 64_000
MAX_NAME = 60


@dataclass(frozen=True)
class Preset:
    """Values by field; a field that is not named takes its default. `note` says what to expect.

    But the colour channels, which belong to the images, stay as they are unless they are named.
    """

    name: str
    values: Mapping[str, Value]
    note: str = ""

    def texts(self) -> dict[str, str]:
        """What the form's fields say with this preset."""
        values = {**DEFAULTS, **self.values}
        names = (name for name in FIELDS if name != "in_channels" or name in self.values)
        return {name: text_of(values[name]) for name in names}


def built_in() -> tuple[Preset, ...]:
    """The program's own presets, in the language in use."""
    balanced: dict[str, Value] = {
        "val_fraction": 0.1, "kl_balance": "auto", "gamma": 0.0, "sampler": "gmm",
    }  # fmt: skip
    recommended: dict[str, Value] = {
        **balanced, "latent_dim": 128, "num_epochs": 50, "lr": 0.001, "lr_schedule": "cosine",
        "beta": 0.3, "augment": "light",
    }  # fmt: skip
    quick: dict[str, Value] = {
        **balanced, "img_size": 64, "latent_dim": 64, "depth": 3, "num_epochs": 10, "lr": 0.001,
        "base_channels": 16,
    }  # fmt: skip
    fine: dict[str, Value] = {**balanced, "img_size": 256, "depth": 5, "num_epochs": 50}
    low: dict[str, Value] = {"batch_size": 2, "latent_dim": 256, "base_channels": 16}
    return (
        Preset(_("Published defaults"), {"in_channels": 3}, _("128 pixels, 25 epochs")),
        Preset(
            _("Recommended"),
            recommended,
            _("128 pixels, 50 epochs: balanced KL, validation, samples from a mixture"),
        ),
        Preset(_("Quick look"), quick, _("64 pixels, 10 epochs: a first impression")),
        Preset(_("Fine detail"), fine, _("256 pixels, 50 epochs: about 6 times as long")),
        Preset(_("Low memory"), low, _("128 pixels, a small network and small batches")),
    )


def presets_folder() -> Path:
    """Where the person's own presets are."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "presets"


def preset_path(name: str) -> Path:
    """A file's name begins with the preset's; the rest keeps names apart that begin alike."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return presets_folder() / f"{safe_name(name)}-{digest}.json"


def save_preset(preset: Preset) -> None:
    """Keep a preset of the person's, in place of one with the same name.

    Raises StudioError if the name is empty, too long, or one of the program's; OSError.
    """
    name = preset.name
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise StudioError(_("A name has 1 to {most} characters.").format(most=MAX_NAME))
    if name in [own.name for own in built_in()]:
        raise StudioError(_("{name} is a preset of the program.").format(name=name))
    facts = {"name": name, "values": {field: preset.values[field] for field in preset.values}}
    with atomic_write(preset_path(name)) as file:
        file.write(json.dumps(facts, indent=1, ensure_ascii=False).encode())


def delete_preset(name: str) -> None:
    """Delete a preset of the person's; one that is gone is no error. Raises OSError."""
    preset_path(name).unlink(missing_ok=True)


def load_presets() -> tuple[list[Preset], list[str]]:
    """The person's own presets by name, and the names of the files that are none.

    Raises OSError if the folder cannot be read.
    """
    found: list[Preset] = []
    skipped: list[str] = []
    folder = presets_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            found.append(_read(path))
        except (OSError, ValueError, RecursionError):
            skipped.append(path.name)
    return sorted(found, key=lambda preset: preset.name.casefold()), skipped


def _read(path: Path) -> Preset:
    """A preset from a file. Raises ValueError if it is none that the form could take, OSError."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise ValueError("it is no preset")
    facts = json.loads(path.read_text(encoding="utf-8"))
    if not (isinstance(facts, dict) and isinstance(facts.get("values"), dict)):
        raise ValueError("it is no preset")
    name, values = facts.get("name"), facts["values"]
    if not isinstance(name, str) or preset_path(name) != path or values.keys() - set(KNOWN):
        raise ValueError("it is not a file of ours")
    values = {field: value for field, value in values.items() if field in FIELDS}
    if problems := check({name: {**DEFAULTS, **values}[name] for name in FIELDS}):
        raise ValueError("\n".join(problems.values()))
    return Preset(name, values)
