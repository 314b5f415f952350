from __future__ import annotations

import json
from pathlib import Path

import pytest

from vae import language
from vae.gui.settings import load_settings, save_settings, settings_path
from vae.sweep import Sweep


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae.gui.settings.platformdirs.user_config_dir", lambda *a, **k: tmp_path)


def test_what_was_saved_comes_back() -> None:
    language.use("sk")
    sweep = Sweep({"beta": ["0,5", "2"], "depth": ["3"]}, Path("/all").absolute(), unfinished=True)
    save_settings({"lr": "0,1", "output_dir": "./images"}, "dark", 1.5, sweep)
    language.use("en")
    form = {"lr": "0,1", "output_dir": "./images"}
    assert load_settings() == {
        "form": form, "mode": "dark", "language": "sk", "scale": 1.5, "sweep": sweep
    }  # fmt: skip


def test_relative_folders_keep_their_place_when_the_program_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    save_settings({"lr": "1", "output_dir": "images", "file_path": ""}, "light", 1.0, None)
    monkeypatch.chdir(tmp_path / "b")
    expected = {"lr": "1", "output_dir": str(tmp_path / "a" / "images"), "file_path": ""}
    assert load_settings()["form"] == expected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 1, "mode": "dark"}', "\0"])
def test_damaged_settings_count_as_none(text: str) -> None:
    settings_path().write_text(text)
    assert load_settings() == {
        "form": {}, "mode": "light", "language": "en", "scale": 1.0, "sweep": None
    }  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [
        {"axes": {"gone": ["1"]}}, {"axes": {"beta": "12"}}, {"axes": {"beta": [1]}}, {"axes": []},
        {"axes": {"output_dir": ["a"]}}, {"folder": 3}, {"unfinished": "yes"},
    ],
)  # fmt: skip
def test_a_damaged_sweep_is_left_out_and_the_rest_stays(damage: dict[str, object]) -> None:
    save_settings({"lr": "1"}, "dark", 1.0, Sweep({"beta": ["1"]}, Path("/all")))
    facts = json.loads(settings_path().read_text())
    assert facts["sweep"] == {"axes": {"beta": ["1"]}, "folder": "/all", "unfinished": False}
    settings_path().write_text(json.dumps({**facts, "sweep": facts["sweep"] | damage}))
    found = load_settings()
    assert (found["sweep"], found["form"], found["mode"]) == (None, {"lr": "1"}, "dark")


def test_unknown_fields_and_wrong_types_are_left_out() -> None:
    save_settings({"lr": "1", "gone": "2", "seed": 3}, "other", 9.0, None)  # type: ignore[dict-item]
    found = load_settings()
    assert (found["form"], found["mode"], found["scale"]) == ({"lr": "1"}, "light", 2.0)
