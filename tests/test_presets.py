from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vae import presets
from vae.config import DEFAULTS, PARAMETERS, TrainConfig, check, parse
from vae.errors import StudioError
from vae.presets import Preset, built_in, delete_preset, load_presets, preset_path, save_preset

Make = Callable[..., TrainConfig]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(presets, "presets_folder", lambda: tmp_path / "presets")
    return tmp_path / "presets"


@pytest.mark.parametrize("preset", built_in(), ids=lambda preset: preset.name)
def test_the_programs_own_presets_can_be_trained(preset: Preset, images: Path) -> None:
    values, problems = parse(preset.texts())
    assert not problems
    assert not check({**DEFAULTS, **values, "file_path": str(images)})


def test_the_published_defaults_are_the_tables_defaults() -> None:
    values, _ = parse(built_in()[0].texts())
    assert values == {name: DEFAULTS[name] for name in values}


def test_a_preset_names_no_path_no_seed_and_nothing_of_the_computer() -> None:
    untouched = PARAMETERS.keys() - built_in()[1].texts().keys()
    assert untouched == {
        "file_path", "log_file", "model_save_dir", "output_dir",
        "seed", "device", "threads", "cache_gb", "in_channels", "group_pattern",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Brain", "a/b\\c: *?", "..", "CON", "Pľúca α", "x" * 60, ".json"])
def test_what_was_saved_comes_back_under_any_name(name: str, folder: Path) -> None:
    save_preset(Preset(name, {"lr": 0.5, "img_size": 64}))
    assert load_presets() == ([Preset(name, {"lr": 0.5, "img_size": 64})], [])
    assert [path.parent for path in folder.rglob("*.json")] == [folder]
    delete_preset(name)
    delete_preset(name)
    assert load_presets() == ([], [])


def test_names_that_look_alike_to_a_file_system_are_kept_apart() -> None:
    for name in ("a/b", "a_b", "A_b"):
        save_preset(Preset(name, {}))
    assert {preset.name for preset in load_presets()[0]} == {"a/b", "a_b", "A_b"}


def test_the_same_name_replaces() -> None:
    save_preset(Preset("mine", {"lr": 0.5}))
    save_preset(Preset("mine", {"lr": 0.25}))
    assert load_presets()[0] == [Preset("mine", {"lr": 0.25})]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb", "Quick look"])
def test_a_name_that_cannot_be_a_presets_is_refused(name: str) -> None:
    with pytest.raises(StudioError):
        save_preset(Preset(name, {}))
    assert load_presets() == ([], [])


def test_a_field_that_a_preset_lacks_takes_its_default() -> None:
    save_preset(Preset("old", {"lr": 0.5}))
    assert load_presets()[0][0].texts()["img_size"] == "128"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\0\xff", b"[" * 50_000, b'{"name": "x"}', b" " * 100_000,
        b'{"name": "x", "values": []}', b'{"name": 1, "values": {}}',
        b'{"name": "x", "values": {"lr": "0.1"}}', b'{"name": "x", "values": {"lr": NaN}}',
        b'{"name": "x", "values": {"lr": -1}}', b'{"name": "x", "values": {"img_size": 100}}',
        b'{"name": "x", "values": {"file_path": "/"}}', b'{"name": "x", "values": {"seed": 1}}',
        b'{"name": "x", "values": {"unknown": 1}}', b'{"name": "x", "values": {"depth": 1e999}}',
        b'{"name": "other", "values": {}}',
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)  # fmt: skip
def test_a_foreign_file_is_skipped_and_named(content: bytes, folder: Path) -> None:
    save_preset(Preset("good", {}))
    path = preset_path("x")
    path.write_bytes(content)
    assert load_presets() == ([Preset("good", {})], [path.name])


def test_groups_of_other_images_are_left_out_of_a_file(folder: Path) -> None:
    save_preset(Preset("x", {"lr": 0.5, "group_pattern": "p[0-9]+"}))
    assert load_presets() == ([Preset("x", {"lr": 0.5})], [])


def test_what_cannot_be_read_is_skipped_and_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "folder.json").mkdir()
    os.symlink(folder / "nowhere", folder / "link.json")
    assert load_presets() == ([], ["folder.json", "link.json"])


def test_the_file_can_be_read_by_a_person() -> None:
    save_preset(Preset("Pľúca", {"lr": 0.5}))
    text = preset_path("Pľúca").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Pľúca", "values": {"lr": 0.5}}
    assert preset_path("Pľúca").name.startswith("Pľúca-")
