from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vae.curve import write_loss_curve
from vae.events import EpochRecord


def test_the_curve_is_drawn_from_high_to_low(tmp_path: Path) -> None:
    losses = [4.0, 2.0, 1.0, 0.5]
    history = [EpochRecord(i, x, 0, 0, 0, 0, 1, 1, 1) for i, x in enumerate(losses, start=1)]
    write_loss_curve(tmp_path / "curve.png", history)
    with Image.open(tmp_path / "curve.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0]) > 100
    columns = np.flatnonzero(blue.any(axis=0))
    first, last = (np.flatnonzero(blue[:, column]).mean() for column in columns[[0, -1]])
    assert last - first > image.height / 3  # rows count downwards
