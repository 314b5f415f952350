from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.test_recorder import only, train
from vae.checkpoint import checkpoint_files
from vae.config import TrainConfig
from vae.files import SAMPLER_NAMES, safe_name
from vae.lock import BusyError, only_run
from vae.run_files import TRASH, free_places, own_files, trash
from vae.runs import load_runs, write_run

Make = Callable[..., TrainConfig]


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_trash_takes_our_files_alone_and_can_be_undone_by_hand(
    tiny: Make, tmp_path: Path, images: Path
) -> None:
    config = tiny(num_epochs=2, sampler="gaussian")
    train(config)
    out, checkpoints = Path(config.output_dir), Path(config.model_save_dir)
    foreign = [
        out / "samples_epoch_0001.png.txt", out / "my samples_epoch_0001.png", out / "figure.png",
        checkpoints / "model.safetensors", checkpoints / "notes.txt", tmp_path / "run" / "x.csv",
    ]  # fmt: skip
    for path in foreign:
        path.write_text("mine")
    before, kept = listed(tmp_path / "run"), listed(images)
    assert str(Path("checkpoints", SAMPLER_NAMES["gaussian"])) in before
    folders = trash(only(), load_runs()[0])

    assert load_runs() == ([], [])
    assert listed(images) == kept
    left = {name for name in listed(tmp_path / "run") if TRASH not in name and ".vae" not in name}
    assert left == {str(path.relative_to(tmp_path / "run")) for path in foreign}
    assert {folder.parent.name for folder in folders} == {TRASH}
    assert {folder.name.endswith("_images") for folder in folders} == {True}

    for folder in folders:  # by hand
        for path in folder.iterdir():
            path.rename(folder.parent.parent / path.name)
    again = {name for name in listed(tmp_path / "run") if ".vae" not in name}
    assert again == {name for name in before if ".vae" not in name}
    assert train(config).epoch == 2  # its checkpoint is found again
    assert only().state == "finished"


def test_two_runs_of_one_name_do_not_meet_in_the_trash(tiny: Make) -> None:
    for _ in range(2):
        train(tiny(num_epochs=1))
        run = only()
        trash(replace(run, began=1.7e9), [])
    folders = list(Path(tiny().output_dir, TRASH).iterdir())
    assert len(folders) == 2


def test_what_a_later_run_has_taken_over_stays(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    for _, path in checkpoint_files(Path(tiny().model_save_dir)):
        path.unlink()
    for name in ("output_dir", "log_file"):
        place = only().place(name)
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    train(tiny(num_epochs=1, seed=1))
    new, old = load_runs()[0]
    assert own_files(old, [new, old]) == []
    assert trash(old, [new, old]) == []
    assert only().id == new.id
    assert len(own_files(new, [new])) == 6


def test_pictures_of_another_run_in_the_same_folder_stay(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    other = tiny("other", output_dir=tiny().output_dir, num_epochs=1, ema=0.5)
    train(other)
    train(tiny(num_epochs=2))  # which moves the other's out of its way
    later = next(run for run in load_runs()[0] if run.config["ema"])
    before = sorted(path.name for path in Path(tiny().output_dir).glob("*.png"))
    assert before
    trash(replace(later, config={**later.config, "output_dir": tiny().output_dir}), [later])
    assert sorted(path.name for path in Path(tiny().output_dir).glob("*.png")) == before


def test_a_run_that_never_trained_owns_nothing(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    # As one that was killed before its first batch.
    write_run(replace(only(), id="killed", began=only().began + 1, trained=False, history=()))
    refused, owner = load_runs()[0]
    assert trash(refused, [refused, owner]) == []
    assert only().id == owner.id and len(own_files(owner, [owner])) == 6


def test_a_folder_in_which_a_run_works_is_left_alone(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    with only_run(Path(tiny().model_save_dir)), pytest.raises(BusyError):
        trash(only(), load_runs()[0])
    assert len(own_files(only(), [])) == 6


def test_a_run_whose_folders_are_gone_can_be_forgotten(tiny: Make, tmp_path: Path) -> None:
    train(tiny(num_epochs=1))
    shutil.rmtree(tmp_path / "run")
    assert trash(only(), load_runs()[0]) == []
    assert load_runs() == ([], [])
    assert not (tmp_path / "run").exists()


def test_a_log_that_is_not_ours_stays(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    log = Path(tiny().log_file)
    log.write_text("patient,age\n")
    trash(only(), load_runs()[0])
    assert log.read_text() == "patient,age\n"


def test_free_places_stand_beside_the_old_ones(tiny: Make, tmp_path: Path) -> None:
    train(tiny(num_epochs=1))
    run = only()
    place = tmp_path / "run"
    assert free_places(run.config) == {
        "model_save_dir": str(place / "checkpoints_2"),
        "output_dir": str(place / "output_2"),
        "log_file": str(place / "log_2.csv"),
    }
    (place / "log_2.csv").touch()
    assert free_places(run.config)["output_dir"] == str(place / "output_3")
    again = {**run.config, "output_dir": str(place / "output_2")}
    assert free_places(again)["output_dir"] == str(place / "output_3")


def test_what_has_no_name_has_a_free_place_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, root = tmp_path / "here", Path(tmp_path.anchor)
    here.mkdir()
    monkeypatch.chdir(here)
    paths = {"model_save_dir": ".", "output_dir": str(root), "log_file": "log.csv"}
    assert free_places(paths) == {
        "model_save_dir": str(tmp_path / "here_2"),
        "output_dir": str(root / "run_2"),
        "log_file": "log_2.csv",
    }
    above = free_places({**paths, "output_dir": ".."})["output_dir"]
    assert above == str(tmp_path.with_name(f"{tmp_path.name}_2"))


@pytest.mark.parametrize(
    "text, name",
    [("a/b:c", "a_b_c"), ("..", "unnamed"), ("Pľúca-1", "Pľúca-1"), ("x" * 99, "x" * 40)],
)
def test_a_safe_name_can_stand_in_any_file_system(text: str, name: str) -> None:
    assert safe_name(text) == name
