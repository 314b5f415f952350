from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

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
