from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vae.checkpoint import CheckpointError, checkpoint_files
from vae.config import TrainConfig
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
