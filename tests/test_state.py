from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vae import state
from vae.checkpoint import CheckpointError, checkpoint_files
from vae.config import TrainConfig
from vae.events import Event, Warned
from vae.files import checkpoint_name
from vae.state import load_model
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def test_the_newest_intact_network_is_loaded_and_damage_is_named(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    folder = Path(config.model_save_dir)
    newest = checkpoint_files(folder)[0][1]
    newest.write_bytes(newest.read_bytes()[:-1])
    told: list[str] = []
    loaded = load_model(folder, told.append)
    model, found, epoch = loaded.model, loaded.config, loaded.epoch
    assert epoch == 1
    assert (found.img_size, found.latent_dim) == (config.img_size, config.latent_dim)
    assert newest.name in told[0]
    assert model.decode(torch.zeros(1, config.latent_dim)).shape == (1, 3, 16, 16)


def test_a_folder_without_checkpoints_has_no_network(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Train first"):
        load_model(tmp_path, print)


def test_the_best_epoch_is_not_taken_from_the_midst_of_the_next(tiny: Make) -> None:
    config = tiny(num_epochs=2, val_fraction=0.3)
    run_vae_training(tiny(num_epochs=1, val_fraction=0.3))
    folder = Path(config.model_save_dir)
    (whole,) = [path for _number, path in checkpoint_files(folder)]
    batches: list[None] = []

    def begun() -> None:
        batches.append(None)

    result = run_vae_training(config, should_stop=lambda: bool(batches), requested=begun)
    assert result.stopped and (result.epoch, result.images_done) == (1, 5)
    whole.unlink()
    assert [path.name for _number, path in checkpoint_files(folder)] == [checkpoint_name(2, 1)]
    with pytest.raises(CheckpointError, match="no longer in"):
        load_model(folder, print, best=True)


def test_other_image_decoders_make_a_resume_inexact(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_vae_training(tiny(num_epochs=1))
    told: list[Event] = []
    run_vae_training(tiny(num_epochs=2), told.append)
    assert not [event for event in told if isinstance(event, Warned)]
    monkeypatch.setattr(state, "DECODER", "another")
    run_vae_training(tiny(num_epochs=3), told.append)
    (note,) = [event.message for event in told if isinstance(event, Warned)]
    assert "not bit for bit" in note
