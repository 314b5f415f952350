from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vae.demo import make_demo_data, phantom
from vae.errors import StudioError


def test_two_calls_make_the_same_images(tmp_path: Path) -> None:
    a, b = make_demo_data(tmp_path / "a", 3, 64), make_demo_data(tmp_path / "b", 3, 64)
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]


def test_phantoms_vary_in_anatomy_and_exposure() -> None:
    images = np.stack([phantom(np.random.default_rng([0, i]), 64) for i in range(24)]).astype(float)
    assert images.mean((1, 2)).std() > 5  # exposure
    normal = (images - images.mean((1, 2), keepdims=True)) / images.std((1, 2), keepdims=True)
    assert normal.std(0).mean() > 0.25  # anatomy, exposure taken out
    assert ((images == 0) | (images == 255)).mean() < 0.1  # neither clipped dark nor bright


def test_lungs_are_darker_than_the_spine() -> None:
    image = np.mean([phantom(np.random.default_rng([0, i]), 64) for i in range(8)], axis=0)
    assert image[32, 16:22].mean() + 40 < image[32, 30:34].mean()


def test_existing_files_are_kept_and_missing_ones_made(tmp_path: Path) -> None:
    paths = make_demo_data(tmp_path, 3, 64)
    paths[0].write_bytes(b"mine")
    paths[1].unlink()
    assert make_demo_data(tmp_path, 3, 64) == paths
    assert paths[0].read_bytes() == b"mine"
    assert cv2.imread(str(paths[1])).shape == (64, 64, 3)


def test_it_stops_when_asked(tmp_path: Path) -> None:
    assert make_demo_data(tmp_path, 3, 64, should_stop=lambda: True) == []


def test_phantoms_are_never_mixed_with_other_files(tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db"):  # systems leave these by themselves
        (tmp_path / name).touch()
    assert len(make_demo_data(tmp_path, 2, 16)) == 2
    assert len(make_demo_data(tmp_path, 2, 16)) == 2
    (tmp_path / "patient.png").touch()
    with pytest.raises(StudioError, match=r"patient\.png.*new or an empty folder"):
        make_demo_data(tmp_path, 3, 16)
    assert not (tmp_path / "phantom_0002.jpg").exists()
