"""The model really learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset
from vae.demo import make_demo_data
from vae.training import run_vae_training


def test_on_the_demo_set_it_beats_the_mean_image_by_far(tmp_path: Path) -> None:
    make_demo_data(tmp_path / "images", count=128, size=64)
    config = TrainConfig(
        file_path=str(tmp_path / "images"), log_file=str(tmp_path / "log.csv"),
        model_save_dir=str(tmp_path / "checkpoints"), output_dir=str(tmp_path / "output"),
        img_size=32, in_channels=1, depth=3, latent_dim=16, base_channels=16, num_epochs=40,
        lr=0.002, beta=0.01, checkpoint_every=40, sample_every=40, threads=2,
    )  # fmt: skip
    data = MedicalImageDataset(Path(config.file_path), 32, 1)
    pixels = data.batch(np.arange(len(data))) / 127.5 - 1
    mean_image = float(((pixels - pixels.mean(0)) ** 2).mean())
    last = run_vae_training(config).history[-1]
    assert last.reconstruction_loss < 0.5 * mean_image
    assert np.isfinite(last.loss)
