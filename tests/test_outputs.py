from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import read_log
from tests.faults import unreachable
from vae import outputs
from vae.config import TrainConfig
from vae.events import EarlierRunKept, EpochDone, Event, Warned
from vae.lock import BusyError
from vae.outputs import Outputs
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def test_samples_are_due_every_so_many_epochs_and_after_the_last(tiny: Make) -> None:
    outputs = Outputs(tiny(num_epochs=7, sample_every=3), print)
    assert [epoch for epoch in range(8) if outputs.pictures_due(epoch)] == [3, 6, 7]


def test_an_earlier_run_goes_into_the_next_number_that_is_free_everywhere(tiny: Make) -> None:
    config = tiny()
    output, log = Path(config.output_dir), Path(config.log_file)
    told: list[Event] = []
    outputs = Outputs(config, told.append)
    outputs.set_earlier_run_aside()
    assert told == []  # there was none
    output.mkdir(parents=True)
    (output / "earlier_run_0001").mkdir()
    (output / "samples_epoch_0001.png").write_bytes(b"old")
    (output / "my_own.png").write_bytes(b"mine")
    log.write_text("rows\n")
    checkpoints = Path(config.model_save_dir)
    checkpoints.mkdir()
    (checkpoints / "sampler_gmm.npz").write_bytes(b"fitted")
    outputs.set_earlier_run_aside()
    assert (output / "earlier_run_0002" / "samples_epoch_0001.png").read_bytes() == b"old"
    assert (log.parent / "earlier_run_0002" / log.name).read_text() == "rows\n"
    assert (checkpoints / "earlier_run_0002" / "sampler_gmm.npz").read_bytes() == b"fitted"
    assert (output / "my_own.png").exists()
    assert len(told) == 1


def test_a_folder_that_is_gone_is_made_again_and_told(tiny: Make) -> None:
    config, told = tiny(num_epochs=3), list[Event]()
    output = Path(config.output_dir)

    def heard(event: Event) -> None:
        told.append(event)
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            shutil.rmtree(output)

    run_vae_training(config, heard)
    notes = [event.message for event in told if isinstance(event, Warned)]
    assert notes == [f"The folder {output} is gone, with what was in it. It is made again."]
    assert (output / "samples_epoch_0003.png").exists()


def test_pictures_on_a_drive_that_fails_are_told_of_and_training_goes_on(tiny: Make) -> None:
    config, told = tiny(num_epochs=3, sampler="gaussian"), list[Event]()
    output, drives = Path(config.output_dir), dict[Path, int]()

    def heard(event: Event) -> None:
        told.append(event)
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            drives[output] = errno.ESTALE

    with unreachable(drives):
        assert run_vae_training(config, heard).epoch == 3
    notes = [event.message for event in told if isinstance(event, Warned)]
    samples = output / "samples_epoch_0003.png"
    assert f"{samples} was not written (Stale file handle). Training goes on." in notes
    assert not any("is made again" in note for note in notes)
    assert run_vae_training(config).epoch == 3  # which makes good for what is missing
    assert samples.exists()


def test_one_folder_may_serve_for_everything(tiny: Make) -> None:
    folder = Path(tiny().output_dir)
    config = tiny(output_dir=str(folder), model_save_dir=str(folder), log_file=f"{folder}/log.csv")
    folder.mkdir(parents=True)
    names = {"loss_curve.png", "samples_epoch_0001.png"}
    for name in names:
        (folder / name).write_bytes(b"old")
    Outputs(config, lambda event: None).set_earlier_run_aside()
    assert {path.name for path in (folder / "earlier_run_0001").iterdir()} == names


def test_two_runs_never_write_pictures_into_one_folder_at_once(tiny: Make) -> None:
    other = tiny("other", output_dir=tiny().output_dir)

    def heard(event: Event) -> None:
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            with pytest.raises(BusyError, match="choose another output_dir"):
                run_vae_training(other)

    run_vae_training(tiny(num_epochs=2), heard)
    assert run_vae_training(other).epoch == other.num_epochs


def test_two_runs_never_write_one_log_at_once(tiny: Make) -> None:
    other = tiny("other", log_file=tiny().log_file)

    def heard(event: Event) -> None:
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            with pytest.raises(BusyError, match="choose another log_file"):
                run_vae_training(other)

    run_vae_training(tiny(num_epochs=2), heard)
    assert len(read_log(other.log_file)) == 2
    assert run_vae_training(other).epoch == other.num_epochs


def test_a_run_that_goes_on_overwrites_no_picture_of_one_that_took_its_folder(tiny: Make) -> None:
    output = Path(tiny().output_dir)
    run_vae_training(tiny(num_epochs=1))
    # Of the same losses in the first epoch.
    run_vae_training(tiny("other", output_dir=str(output), num_epochs=2, ema=0.5))
    names = ["loss_curve.png", *(f"{kind}_epoch_000{epoch}.png" for epoch in (1, 2)
             for kind in ("reconstructions", "samples"))]  # fmt: skip
    others = {name: (output / name).read_bytes() for name in names}
    told: list[Event] = []
    run_vae_training(tiny(num_epochs=2), told.append)
    kept = output / "earlier_run_0002"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == others
    assert [e.places for e in told if isinstance(e, EarlierRunKept)] == [("output_dir",)]
    told.clear()
    run_vae_training(tiny(num_epochs=3), told.append)  # all in it is its own
    assert not [event for event in told if isinstance(event, Warned)]


def test_the_curve_takes_a_hundredth_of_the_time(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, drawn = 100.0, list[float]()

    def write(*arguments: object) -> None:
        nonlocal now
        drawn.append(now)
        now += 0.5 if len(drawn) == 1 else 0.1  # the first one imports matplotlib

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(outputs, "write_loss_curve", write)
    kept = Outputs(tiny(), lambda event: None)
    state: Any = SimpleNamespace(history=[1])
    for _epoch in range(300):
        kept.write_curve(state)
        now += 0.25
    assert 0.005 < 0.1 * len(drawn[1:]) / (now - 100) < 0.012
    assert drawn[1] - drawn[0] < 2
    kept.write_curve(state, last=True)
    assert drawn[-1] > now - 0.2
