"""What real runs leave in the history."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import make_images, wait_for_rows
from vae import recorder
from vae.checkpoint import checkpoint_files
from vae.cli import main
from vae.config import TrainConfig, text_of
from vae.events import (
    BatchDone,
    DataReady,
    DeviceChosen,
    EarlierRunKept,
    EpochDone,
    Event,
    Resumed,
    TrainingResult,
)
from vae.recorder import recorded
from vae.runs import Change, Run, differing, load_runs, run_path, write_run
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def flags(config: TrainConfig) -> list[str]:
    return [f"--{name}={text_of(value)}" for name, value in config.to_dict().items()]


def train(config: TrainConfig, stop_after: int = 0, fresh: bool = False) -> TrainingResult:
    """Train and record; with `stop_after`, stop once so many epochs are done."""
    done: list[Event] = []

    def heard(event: Event) -> None:
        done.extend([event] * isinstance(event, EpochDone))

    with recorded(config, heard) as kept:
        result = run_vae_training(config, kept, lambda: 0 < stop_after <= len(done), fresh=fresh)
        kept.ended(result)
    return result


def only() -> Run:
    runs, skipped = load_runs()
    assert len(runs) == 1 and not skipped
    return runs[0]


def test_a_finished_run_is_told_whole(tiny: Make) -> None:
    config = tiny()
    result = train(config)
    run = only()
    assert (run.state, run.images, run.history) == ("finished", 12, result.history)
    assert run.config == config.to_dict()
    assert 0 < run.began <= run.ended
    assert run.best == result.best


def test_paths_are_kept_absolute(
    tiny: Make, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(tiny(file_path="images", output_dir="./out"))
    assert only().config["file_path"] == str(images)
    assert only().config["output_dir"] == str(tmp_path / "out")


def test_a_stopped_run_goes_on_in_its_entry(tiny: Make) -> None:
    train(tiny(), stop_after=1)
    stopped = only()
    assert (stopped.state, len(stopped.history)) == ("stopped", 1)
    train(tiny())
    run = only()
    assert (run.id, run.began, run.state) == (stopped.id, stopped.began, "finished")
    assert [record.epoch for record in run.history] == [1, 2, 3]


def test_values_that_were_changed_on_the_way_are_told(tiny: Make) -> None:
    train(tiny(lr=0.003), stop_after=1)
    train(tiny(lr=0.0005, num_epochs=4))
    changed = only()
    assert changed.changes == (Change(2, "lr", 0.003),)
    assert changed.words("lr") == "0.003→0.0005" and changed.words("num_epochs") == "4"
    train(tiny(lr=0.1, num_epochs=4))  # nothing was left to do
    assert (only().changes, only().words("lr")) == (changed.changes, "0.003→0.0005")
    with pytest.raises(ValueError), recorded(tiny(lr=0.7), print) as kept:  # before it trains
        kept(Resumed(Path("checkpoint"), 4, 0, changed.history, ()))
        raise ValueError
    assert (only().changes, only().words("lr")) == (changed.changes, "0.003→0.0005")
    path = run_path(changed.id)
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert differing([changed, replace(changed, changes=())]) == ["lr"]
    path.write_text(json.dumps({**facts, "changes": [[2, "lr", "fast"]]}), encoding="utf-8")
    assert load_runs() == ([], [path.name])
    del facts["changes"]
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert only().changes == ()


def test_going_on_where_all_epochs_are_done_changes_no_entry(tiny: Make) -> None:
    train(tiny(num_epochs=2))
    before = only()
    result = train(tiny(num_epochs=1))
    assert not result.trained
    after = only()
    assert (after.config, after.history, after.state) == (before.config, before.history, "finished")
    assert after.config["num_epochs"] == 2


def test_an_entry_that_lacks_epochs_is_mended_where_nothing_is_left_to_do(tiny: Make) -> None:
    train(tiny(num_epochs=3))
    whole = only()
    write_run(replace(whole, history=whole.history[:1], state="running", process=2**22 + 1))
    train(tiny(num_epochs=2))
    assert (only().history, only().state) == (whole.history, "finished")


def test_another_run_in_the_same_folder_is_another_entry(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    config = tiny(num_epochs=1, seed=5)
    for _, path in checkpoint_files(Path(config.model_save_dir)):
        path.unlink()
    train(config)
    assert len(load_runs()[0]) == 2


def test_entries_follow_files_that_a_fresh_run_set_aside(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    train(config)
    train(config, fresh=True)
    new, old = load_runs()[0]
    assert new.config == config.to_dict()
    assert old.place("model_save_dir") == Path(config.model_save_dir, "earlier_run_0001")
    assert len(checkpoint_files(old.place("model_save_dir"))) == 1
    assert (old.place("output_dir") / "samples_epoch_0001.png").is_file()
    assert old.place("log_file").is_file()
    # Each goes on in its own entry.
    train(TrainConfig(**{**old.config, "num_epochs": 2}))  # type: ignore[arg-type]
    assert {run.id: len(run.history) for run in load_runs()[0]} == {new.id: 1, old.id: 2}


def test_a_run_without_images_leaves_no_entry(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="No images"):
        train(tiny(file_path=str(make_images(tmp_path / "empty", 0))))
    assert load_runs() == ([], [])  # nothing had begun


def test_a_run_that_was_refused_a_folder_leaves_no_entry(tiny: Make) -> None:
    train(tiny(num_epochs=1))
    with pytest.raises(Exception, match="latent_dim"):
        train(tiny(latent_dim=7))
    assert [run.state for run in load_runs()[0]] == ["finished"]


def test_a_run_that_fails_after_it_began_says_why(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    with pytest.raises(OSError, match="gone"), recorded(config, lambda event: None) as kept:
        kept(DataReady(12, ()))
        kept(BatchDone(1, 1, 1, 3, 0.5, 10.0))
        raise OSError("gone")
    run = only()
    assert run.state == "failed" and run.message == "gone" and run.trained


def test_a_run_stopped_before_it_began_leaves_no_entry(tiny: Make) -> None:
    with recorded(tiny(), lambda event: None) as kept:
        kept.ended(run_vae_training(tiny(), kept, lambda: True))
    assert load_runs() == ([], [])


def stop_at(config: TrainConfig, kind: type[Event]) -> list[Event]:
    """Start fresh, and stop when an event of a kind comes."""
    events: list[Event] = []

    def stopped() -> bool:
        return any(isinstance(event, kind) for event in events)

    with recorded(config, events.append) as kept:
        kept.ended(run_vae_training(config, kept, stopped, fresh=True))
    return events


def test_a_fresh_start_that_is_stopped_in_time_moves_nothing(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    train(config)
    events = stop_at(config, DeviceChosen)
    assert not any(isinstance(event, EarlierRunKept) for event in events)
    assert len(checkpoint_files(Path(config.model_save_dir))) == 1
    assert [run.state for run in load_runs()[0]] == ["finished"]


def test_a_fresh_start_that_moved_an_earlier_run_leaves_an_entry(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    train(config)
    stop_at(config, EarlierRunKept)
    assert not checkpoint_files(Path(config.model_save_dir))
    assert [run.state for run in load_runs()[0]] == ["stopped", "finished"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_run_is_interrupted_and_goes_on_in_its_entry(tiny: Make, tmp_path: Path) -> None:
    config = tiny(num_epochs=2000, sample_every=5000)
    process = subprocess.Popen(
        [sys.executable, "-m", "vae", "train", *flags(config)], text=True,
        cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for_rows(config, process)
    assert only().state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed = only()
    assert killed.state == "interrupted"
    assert killed.ended == killed.written
    train(config, stop_after=1)
    assert only().id == killed.id and only().state == "stopped"


def test_the_terminal_records_its_runs(tiny: Make) -> None:
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    assert only().state == "finished"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("odd")])
def test_a_history_that_cannot_be_written_does_not_disturb_training(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(recorder, "write_run", fail)
    monkeypatch.setattr(recorder, "load_runs", fail)
    assert train(tiny(), stop_after=1).epoch == 1
    assert train(tiny()).epoch == 3
    assert load_runs() == ([], [])


def test_rows_are_written_seldom(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(recorder, "write_run", lambda run, *_: written.append(len(run.history)))
    train(tiny(num_epochs=30, sample_every=30))
    assert written[-1] == 30
    assert len(written) < 10
