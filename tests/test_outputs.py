from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from vae.config import TrainConfig
from vae.events import EpochDone, Event, Warned
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
    (checkpoints / "sampler.npz").write_bytes(b"fitted")
    outputs.set_earlier_run_aside()
    assert (output / "earlier_run_0002" / "samples_epoch_0001.png").read_bytes() == b"old"
    assert (log.parent / "earlier_run_0002" / log.name).read_text() == "rows\n"
    assert (checkpoints / "earlier_run_0002" / "sampler.npz").read_bytes() == b"fitted"
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
